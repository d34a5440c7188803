package guard_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// BenchmarkGuard is what the handler adds to a request, with a backend in memory that has
// entity tags and answers If-None-Match. The client is none: what is measured are the
// handler, the connection to the backend, and the backend.
func BenchmarkGuard(b *testing.B) {
	content := strings.Repeat("four\n", 4096/5)
	large := make([]byte, 10<<20)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Type", "text/plain")
		switch {
		case r.URL.Path == "/large":
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(large))
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
			name, method, target, field, content string
			status                               int
		}{
			{"200", "GET", "/", "", "", 200},
			{"304", "GET", "/", "If-None-Match: " + tag, "", 304},
			{"PUT", "PUT", "/", "", content, 204},
			{"PUT-If-Match", "PUT", "/", "If-Match: " + tag, content, 204},
			{"200-10MiB", "GET", "/large", "", "", 200},
			{"206-of-10MiB", "GET", "/large", "Range: bytes=5000000-5004095", "", 206},
		} {
			b.Run(c.name+"/"+mode.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.content))
					if name, value, ok := strings.Cut(c.field, ": "); ok {
						r.Header.Set(name, value)
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

// BenchmarkTrusted is what the handler adds once it trusts a backend that does all of it right.
func BenchmarkTrusted(b *testing.B) {
	l := likenesses[0].with(newBackend(goodTags))
	g := protect(b, l, changed(func(r *guard.Route) { r.NoCoding = true }))
	l.teach(g)
	if trust(g) != "trusted" {
		b.Fatal(trust(g))
	}
	content := strings.Repeat("four\n", 4096/5)
	l.store("/small", []byte(content))
	l.store("/middle", bytes.Repeat([]byte("four\n"), 256<<10/5))
	l.store("/large", make([]byte, 10<<20))
	for _, path := range []string{"/small", "/middle", "/large"} {
		g.want(g.do("GET", path, ""), 200)
	}
	tag := func(path string) string { return g.do("HEAD", path, "").tag() }
	for _, c := range []struct{ name, method, target, field, content string }{
		{"200", "GET", "/small", "", ""},
		{"200-256KiB", "GET", "/middle", "", ""},
		{"200-10MiB", "GET", "/large", "", ""},
		{"304", "GET", "/small", "If-None-Match: " + tag("/small"), ""},
		{"304-of-10MiB", "GET", "/large", "If-None-Match: " + tag("/large"), ""},
		{"206-of-10MiB", "GET", "/large", "Range: bytes=5000000-5004095", ""},
		{"HEAD", "HEAD", "/small", "", ""},
		{"PUT", "PUT", "/written", "", content},
		{"PUT-If-Match", "PUT", "/written", "If-Match: *", content},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.content))
				if name, value, ok := strings.Cut(c.field, ": "); ok {
					r.Header.Set(name, value)
				}
				w := &discarder{header: make(http.Header)}
				g.handler.ServeHTTP(w, r)
				if w.status/100 > 3 {
					b.Fatalf("status %d", w.status)
				}
			}
		})
	}
}

// BenchmarkCacheHit: what is stored, of a backend with tags of its own and of one without, from memory and from a directory.
func BenchmarkCacheHit(b *testing.B) {
	content := strings.Repeat("0123456789abcdef", 256)
	for _, tag := range []string{`"one"`, ""} {
		for _, dir := range []bool{false, true} {
			name := map[bool]string{true: "no tag", false: "tag"}[tag == ""] + map[bool]string{true: ", disk", false: ", memory"}[dir]
			b.Run(name, func(b *testing.B) {
				origin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if w.Header().Set("Cache-Control", "max-age=86400"); tag != "" {
						w.Header().Set("Etag", tag)
					}
					w.Header().Set("Content-Type", "image/png")
					io.WriteString(w, content)
				})
				g := protect(b, origin, func(o *guard.Options) {
					if o.Routes[0].Cache = guard.CacheOn; dir {
						o.CacheDir = b.TempDir()
					}
				})
				r := httptest.NewRequest("GET", "http://example.com/a.png", nil)
				r.Header.Set("User-Agent", "bench")
				g.handler.ServeHTTP(&discardWriter{header: make(http.Header)}, r)
				guard.Settle(g.handler)
				b.ReportAllocs()
				for b.Loop() {
					g.handler.ServeHTTP(&discardWriter{header: make(http.Header)}, r)
				}
			})
		}
	}
}

// discardWriter takes an answer and keeps nothing.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(int)             {}
