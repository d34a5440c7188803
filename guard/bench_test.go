package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
)

// BenchmarkGuard is what the handler adds to a request, with a backend in memory that has
// entity tags and answers If-None-Match. The client is none: what is measured are the
// handler, the connection to the backend, and the backend.
func BenchmarkGuard(b *testing.B) {
	content := strings.Repeat("four\n", 4096/5)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Type", "text/plain")
		switch {
		case r.Method == "PUT":
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusNoContent)
		case r.Header.Get("If-None-Match") == `"1"`:
			w.WriteHeader(http.StatusNotModified)
		default:
			io.WriteString(w, content)
		}
	}))
	defer origin.Close()
	for _, mode := range []struct {
		name       string
		validators guard.Validators
	}{{"content", guard.ValidatorsContent}, {"backend", guard.ValidatorsBackend}} {
		g := protectServer(b, origin, changed(func(r *guard.Route) { r.Validators = mode.validators }))
		tag := g.do("GET", "/", "").tag()
		for _, c := range []struct {
			name, method, field, content string
			status                       int
		}{
			{"200", "GET", "", "", 200},
			{"304", "GET", "If-None-Match", "", 304},
			{"PUT", "PUT", "", content, 204},
			{"PUT-If-Match", "PUT", "If-Match", content, 204},
		} {
			b.Run(fmt.Sprintf("%s/%s", c.name, mode.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(c.method, "/", nil)
					if c.content != "" {
						r = httptest.NewRequest(c.method, "/", strings.NewReader(c.content))
					}
					if c.field != "" {
						r.Header[c.field] = []string{tag}
					}
					w := &discarder{header: make(http.Header)}
					g.handler.ServeHTTP(w, r)
					if w.status != c.status {
						b.Fatalf("status %d, want %d", w.status, c.status)
					}
				}
			})
		}
	}
}

// discarder is a ResponseWriter that keeps the status.
type discarder struct {
	header http.Header
	status int
}

func (d *discarder) Header() http.Header         { return d.header }
func (d *discarder) WriteHeader(status int)      { d.status = status }
func (d *discarder) Write(p []byte) (int, error) { return len(p), nil }
