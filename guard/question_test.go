package guard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// TestBelievedBackendIsAskedForRange: a backend that is believed is asked for what the
// client wants, and not for all of it; what it answers is held against the question.
func TestBelievedBackendIsAskedForRange(t *testing.T) {
	const content = "0123456789"
	right := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}
	// wrongly answers a Range with 206 after these changes, and else as it should.
	wrongly := func(change func(http.Header)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				right(w, r)
				return
			}
			h := w.Header()
			h.Set("ETag", `"1"`)
			h.Set("Content-Range", "bytes 2-3/10")
			change(h)
			w.WriteHeader(http.StatusPartialContent)
			w.Write([]byte("xx"))
		}
	}
	for _, c := range []struct {
		name     string
		backend  http.HandlerFunc
		field    string
		status   int
		body     string
		requests int
	}{
		{"one range", right, "", 206, "23", 1},
		{"of this version", right, `If-Range: "1"`, 206, "23", 1},
		{"of another version", right, `If-Range: "2"`, 200, content, 2}, // as If-Range is not passed on
		{"not at all if true", right, `If-Match: "1"`, 206, "23", 1},
		{"not at all if false", right, `If-Match: "2"`, 412, "", 1},
		{"without a tag", wrongly(func(h http.Header) { h.Del("ETag") }), "", 206, "23", 2},
		{"with a weak tag", wrongly(func(h http.Header) { h.Set("ETag", `W/"1"`) }), "", 206, "23", 2},
		{"another range", wrongly(func(h http.Header) { h.Set("Content-Range", "bytes 3-4/10") }), "", 206, "23", 2},
		{"compressed", wrongly(func(h http.Header) { h.Set("Content-Encoding", "gzip") }), "", 206, "23", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			requests := make(chan string, 10)
			g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests <- r.Header.Get("Range")
				c.backend(w, r)
			}), changed(func(r *guard.Route) { r.Validators = guard.ValidatorsBackend }))
			fields := []string{"Range: bytes=2-3"}
			if c.field != "" {
				fields = append(fields, c.field)
			}
			r := g.want(g.do("GET", "/", "", fields...), c.status)
			if c.body != "" && r.body != c.body {
				t.Errorf("got content %q, want %q", r.body, c.body)
			}
			if r.tag() != `"1"` {
				t.Errorf("got ETag %s", r.tag())
			}
			if len(requests) != c.requests {
				t.Errorf("the backend was sent %d requests, want %d", len(requests), c.requests)
			}
		})
	}
}
