package guard_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
)

// lookedAfter counts the reads that the guard makes after PUTs.
func lookedAfter(b *backend) (looks func() int) {
	n := 0
	b.seen = func(r *http.Request) {
		if r.Method == "GET" {
			n++
		}
	}
	return func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		was := n
		n = 0
		return was
	}
}

// putMany stores so many contents, each with its own tag in the answer, if there is to be one.
func (g *guarded) putMany(n int, mediaType string, wantTag bool) {
	g.t.Helper()
	for i := range n {
		content := fmt.Sprint("content ", i)
		want := ""
		if wantTag {
			want = etag.Of([]byte(content)).String()
		}
		r := g.want(g.do("PUT", fmt.Sprint("/", i%3), content, "Content-Type: "+mediaType), 201, 204)
		if r.tag() != want {
			g.t.Fatalf("PUT %d of %s: ETag %s, want %s", i, mediaType, r.tag(), want)
		}
	}
}

// TestStoresAsSent: what a backend has stored is read back, until it has been seen to store what it is sent, and
// then once in a while; and so for each media type.
func TestStoresAsSent(t *testing.T) {
	b := newBackend(noTag)
	looks := lookedAfter(b)
	g := protect(t, b)
	g.putMany(16, "text/plain", true)
	if n := looks(); n != 16 {
		t.Errorf("%d were read back, want all 16", n)
	}
	g.putMany(160, "Text/Plain; charset=utf-8", true)
	if n := looks(); n != 10 {
		t.Errorf("%d of 160 were read back, want one of 16", n)
	}
	g.putMany(96, "text/plain", true)
	looks()
	g.putMany(256, "text/plain", true)
	if n := looks(); n != 4 {
		t.Errorf("%d of 256 were read back after 32 had been, want one of 64", n)
	}
	g.putMany(16, "application/json", true)
	if n := looks(); n != 16 {
		t.Errorf("%d of another type were read back, want all 16", n)
	}
	for range 8 {
		g.want(g.do("PUT", "/a", "x", "Content-Type: text/plain", "Content-Encoding: identity"), 201, 204)
	}
	if n := looks(); n != 8 {
		t.Errorf("%d with a content coding were read back, want all 8", n)
	}
}

// TestBeginsToTransform: a backend that once does not store what it was sent is always read back from then on, and a
// tag that was given out too early names nothing: no write that names it gets through.
func TestBeginsToTransform(t *testing.T) {
	b := newBackend(noTag)
	transforms := false
	looks := lookedAfter(b)
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.ServeHTTP(w, r)
		if transforms && r.Method == "PUT" {
			b.store(r.URL.Path, []byte(strings.ToUpper(b.content(r.URL.Path))))
		}
	}))
	g.putMany(16, "text/plain", true)
	transforms = true
	early := g.want(g.do("PUT", "/0", "small", "Content-Type: text/plain"), 204).tag()
	if early == "" {
		t.Fatal("it was read back")
	}
	g.want(g.do("PUT", "/0", "second", "If-Match: "+early), 412)
	if r := g.want(g.do("GET", "/0", "", "If-None-Match: "+early), 200); r.body != "SMALL" {
		t.Errorf("got %q", r.body)
	}
	for range 16 {
		g.do("PUT", "/0", "small", "Content-Type: text/plain")
	}
	looks()
	g.putMany(40, "text/plain", false)
	if n := looks(); n != 40 {
		t.Errorf("%d of 40 were read back", n)
	}
}

// TestOvertakenPuts: that another write through the guard came between a PUT and the look after it says nothing about how
// the backend stores content.
func TestOvertakenPuts(t *testing.T) {
	b := newBackend(noTag)
	looks := lookedAfter(b)
	var g *guarded
	g = protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" && r.Header.Get("X-Overtaken") != "" {
			defer g.do("PUT", "/0", "of another", "Content-Type: text/plain")
		}
		b.ServeHTTP(w, r)
	}))
	if r := g.want(g.do("PUT", "/0", "mine", "Content-Type: text/plain", "X-Overtaken: yes"), 201); r.tag() != "" {
		t.Errorf("ETag %s for what is not there any more", r.tag())
	}
	g.putMany(16, "text/plain", true)
	looks()
	g.putMany(15, "text/plain", true)
	if n := looks(); n > 1 {
		t.Errorf("%d of 15 were read back, want one at most", n)
	}
}
