package condhttp_test

import (
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// A download that can be resumed. A client that has part of another version gets
// the whole of this one, and never a mixture.
func ExampleServe() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		current := precondition.Current{Exists: true, Tag: etag.MustParse(`"v2"`)}
		condhttp.Serve(w, r, current, strings.NewReader("0123456789"))
	})

	send(handler, "GET /digits")
	send(handler, "GET /digits", `Range: bytes=7-`, `If-Range: "v2"`)
	send(handler, "GET /digits", `Range: bytes=7-`, `If-Range: "v1"`)
	send(handler, "GET /digits", `Range: bytes=10-`)
	// Output:
	// GET /digits
	// → 200 "v2" 0123456789
	// GET /digits, Range: bytes=7-, If-Range: "v2"
	// → 206 "v2" 789
	// GET /digits, Range: bytes=7-, If-Range: "v1"
	// → 200 "v2" 0123456789
	// GET /digits, Range: bytes=10-
	// → 416 "v2" ask for bytes below 10; if you have as many already, you have them all
}
