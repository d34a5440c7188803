package condhttp_test

import (
	"encoding/json"
	"net/http"
	"os"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// What a client is told, with a member of the application's own.
func ExampleFromDecision() {
	current := precondition.Current{Exists: true, Tag: etag.MustParse(`"v2"`)}
	fields := precondition.FieldsOf(http.Header{"If-Match": {`"v1"`}})
	decision := precondition.Evaluate(precondition.Origin, "PUT", fields, current)

	problem := condhttp.FromDecision("PUT", fields, decision, current)
	problem.More = map[string]any{"editor": "ann"}

	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	_ = out.Encode(problem)
	// Output:
	// {
	//   "type": "https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1",
	//   "title": "Precondition Failed",
	//   "status": 412,
	//   "detail": "the request has If-Match: \"v1\", but the current entity tag is \"v2\"",
	//   "rule": "if-match-none-matched",
	//   "precondition": "If-Match",
	//   "sent": "\"v1\"",
	//   "current": {
	//     "exists": true,
	//     "etag": "\"v2\""
	//   },
	//   "reason": "none-matched",
	//   "hint": "fetch the resource again, merge your change, and send it with If-Match: \"v2\"",
	//   "editor": "ann"
	// }
}
