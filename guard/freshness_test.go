package guard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// TestFreshness: a browser that is told nothing guesses from Last-Modified how long a copy is good,
// and then writes with the tag of what has changed since. So what has a tag is to be asked for.
func TestFreshness(t *testing.T) {
	for _, c := range []struct {
		name    string
		route   string // the route's Cache-Control
		backend string // the field that the backend sends
		method  string
		field   string // of the request
		status  int
		want    string
	}{
		{"200", "", "", "GET", "", 200, "no-cache"},
		{"HEAD", "", "", "HEAD", "", 200, "no-cache"},
		{"304", "", "", "GET", "If-None-Match: *", 304, "no-cache"},
		{"206", "", "", "GET", "Range: bytes=1-2", 206, "no-cache"},
		{"412 explains itself once", "", "", "GET", `If-Match: "x"`, 412, "no-store"},
		{"a write", "", "", "PUT", "", 200, ""},
		{"another status", "", "status 404", "GET", "", 404, ""},
		{"the backend's own", "", "Cache-Control: max-age=60", "GET", "", 200, "max-age=60"},
		{"the backend's own, 304", "", "Cache-Control: max-age=60", "GET", "If-None-Match: *", 304, "max-age=60"},
		{"the backend's own, older", "", "Expires: Thu, 01 Jan 2026 10:00:00 GMT", "GET", "", 200, ""},
		{"no tag that could be used", "", "Content-Type: text/event-stream", "GET", "", 200, ""},
		{"the route's", "max-age=5", "", "GET", "", 200, "max-age=5"},
		{"the route's, without a tag", "max-age=5", "Content-Type: text/event-stream", "GET", "", 200, "max-age=5"},
		{"the backend's before the route's", "max-age=5", "Cache-Control: private", "GET", "", 200, "private"},
		{"off", guard.CacheControlOff, "", "GET", "", 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Last-Modified", time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC).Format(http.TimeFormat))
				if c.backend == "status 404" {
					w.WriteHeader(http.StatusNotFound)
				} else if c.backend != "" {
					name, value, _ := strings.Cut(c.backend, ": ")
					w.Header().Set(name, value)
				}
				_, _ = w.Write([]byte("content"))
			}), changed(func(r *guard.Route) { r.CacheControl = c.route }))
			var fields []string
			if c.field != "" {
				fields = append(fields, c.field)
			}
			r := g.do(c.method, "/a", "", fields...)
			if got := r.Header["Cache-Control"]; r.status != c.status || len(got) > 1 || r.Get("Cache-Control") != c.want {
				t.Errorf("got %d %q, want %d %q", r.status, got, c.status, c.want)
			}
		})
	}
}

// TestTrustedFreshness: the tags of a backend that is trusted are used as the guard's own are.
func TestTrustedFreshness(t *testing.T) {
	b := newBackend(goodTags)
	g := protect(t, b, changed(func(r *guard.Route) { r.Validators = guard.ValidatorsBackend }))
	b.store("/a", []byte("content"))
	r := g.do("GET", "/a", "")
	if r.tag() == "" || r.Get("Cache-Control") != "no-cache" {
		t.Errorf("got %v, want a tag and no-cache", r.Header)
	}
	r = g.do("GET", "/a", "", "If-None-Match: "+r.tag())
	if r.status != 304 || r.Get("Cache-Control") != "no-cache" {
		t.Errorf("got %d %v, want 304 and no-cache", r.status, r.Header)
	}
}
