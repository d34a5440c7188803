package condhttp_test

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Requiring If-Match. A client that knows nothing of preconditions would
// overwrite what others have written; it is told how to go about it.
func ExampleChecker_require() {
	guard := condhttp.Checker{Require: condhttp.RequireOverwrite}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Under the lock that all writers take:
		current := precondition.Current{Exists: true, Tag: etag.MustParse(`"v1"`)}
		if guard.Check(w, r, current) {
			w.WriteHeader(http.StatusNoContent) // after writing
		}
	})

	send(handler, "PUT /notes/7 buy milk")
	send(handler, "PUT /notes/7 buy milk", `If-Match: "v1"`)
	// Output:
	// PUT /notes/7
	// → 428 fetch the resource, make your change, and send it with the ETag you got in If-Match
	// PUT /notes/7, If-Match: "v1"
	// → 204
}
