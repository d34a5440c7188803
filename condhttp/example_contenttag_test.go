package condhttp_test

import (
	"fmt"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// Tags for a handler that knows nothing of them. The same content has the same
// tag on every machine and after every restart.
func ExampleContentTag() {
	handler := condhttp.ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello")
	}))

	send(handler, "GET /")
	send(handler, "GET /", `If-None-Match: "LPJNul-wow4m6Dsqxbning"`)
	send(handler, "GET /", `Range: bytes=1-3`, `If-Range: "LPJNul-wow4m6Dsqxbning"`)
	send(handler, "HEAD /")
	// Output:
	// GET /
	// → 200 "LPJNul-wow4m6Dsqxbning" hello
	// GET /, If-None-Match: "LPJNul-wow4m6Dsqxbning"
	// → 304 "LPJNul-wow4m6Dsqxbning"
	// GET /, Range: bytes=1-3, If-Range: "LPJNul-wow4m6Dsqxbning"
	// → 206 "LPJNul-wow4m6Dsqxbning" ell
	// HEAD /
	// → 200 "LPJNul-wow4m6Dsqxbning"
}
