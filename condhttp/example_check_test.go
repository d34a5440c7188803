package condhttp_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// A handler that reads. Fields for the 200 are set first: a 304 keeps those
// that it should have.
func ExampleCheck() {
	forecast := "sunny, later rain"
	changed := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)

	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if !condhttp.Check(w, r, precondition.Current{
			Exists: true, Tag: etag.Of([]byte(forecast)), LastModified: changed,
		}) {
			return // 304 or 412 has been written
		}
		fmt.Fprint(w, forecast)
	})

	send(handler, "GET /forecast")
	send(handler, "GET /forecast", `If-None-Match: "lI2Il3YxCmNp_E315Wbfzw"`)
	send(handler, "GET /forecast", `If-Modified-Since: Thu, 01 Jan 2026 10:00:00 GMT`)
	// Output:
	// GET /forecast
	// → 200 "lI2Il3YxCmNp_E315Wbfzw" sunny, later rain
	// GET /forecast, If-None-Match: "lI2Il3YxCmNp_E315Wbfzw"
	// → 304 "lI2Il3YxCmNp_E315Wbfzw"
	// GET /forecast, If-Modified-Since: Thu, 01 Jan 2026 10:00:00 GMT
	// → 304 "lI2Il3YxCmNp_E315Wbfzw"
}
