package condhttp_test

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Preconditions for handlers that exist already. What the middleware lets through
// may be out of date when the handler writes, so the write itself compares with the
// state that was evaluated.
func ExamplePreconditions() {
	var counter atomic.Int64 // the resource: its value is its version
	current := func(n int64) precondition.Current {
		return precondition.Current{Exists: true, Tag: etag.MustParse(fmt.Sprintf(`"%d"`, n))}
	}
	state := func(*http.Request) (precondition.Current, error) { return current(counter.Load()), nil }

	handler := condhttp.Preconditions(state)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			fmt.Fprint(w, counter.Load())
			return
		}
		e, _ := condhttp.FromContext(r.Context())
		var seen int64
		fmt.Sscan(e.Current.Tag.Opaque(), &seen)
		if !counter.CompareAndSwap(seen, seen+1) { // the write carries the condition
			condhttp.WriteError(w, r, condhttp.NewProblem(http.StatusConflict, "conflict", "another client was faster", "try again"))
			return
		}
		fmt.Fprint(w, seen+1)
	}))

	send(handler, "GET /counter")
	send(handler, "POST /counter", `If-Match: "0"`)
	send(handler, "POST /counter", `If-Match: "0"`)
	send(handler, "GET /counter", `If-None-Match: "1"`)
	// Output:
	// GET /counter
	// → 200 "0" 0
	// POST /counter, If-Match: "0"
	// → 200 1
	// POST /counter, If-Match: "0"
	// → 412 "1" fetch the resource again, merge your change, and send it with If-Match: "1"
	// GET /counter, If-None-Match: "1"
	// → 304 "1"
}
