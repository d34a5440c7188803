package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
)

// teach reads and writes until the guard trusts the backend of g.
func teach(t testing.TB, b *backend, g *guarded) {
	t.Helper()
	for round := range 3 {
		for _, path := range []string{"/lesson-1", "/lesson-2"} {
			b.store(path, []byte(fmt.Sprintf("%s in round %d", path, round)))
			for range 8 {
				g.want(g.do("GET", path, ""), 200)
			}
		}
	}
}

func trust(g *guarded) string { return g.handler.Routes()[0].Trust }

// sound is a backend that does it right: strong tags, conditional requests and ranges.
type sound struct {
	*backend
	statuses [600]atomic.Int64
}

func (s *sound) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f, ok := s.files[r.URL.Path]
	s.mu.Unlock()
	counted := &counter{ResponseWriter: w, counts: &s.statuses}
	tag := `"` + f.sum + `"`
	switch match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match"); {
	case r.Method == "PUT" && (match != "" && (!ok || match != tag) || none == "*" && ok):
		counted.WriteHeader(http.StatusPreconditionFailed)
	case r.Method == "GET" && ok:
		w.Header().Set("ETag", tag)
		http.ServeContent(counted, r, "a.txt", f.modified, strings.NewReader(string(f.content)))
	default:
		s.backend.ServeHTTP(counted, r)
	}
}

type counter struct {
	http.ResponseWriter
	counts *[600]atomic.Int64
}

func (c *counter) WriteHeader(status int) {
	c.counts[status].Add(1)
	c.ResponseWriter.WriteHeader(status)
}

// TestTrust: tags that behave are taken over, and those given out before still name the
// state they named.
func TestTrust(t *testing.T) {
	s := &sound{backend: newBackend(goodTags)}
	g := protect(t, s)
	s.store("/a", []byte(text("first")))
	before := g.do("GET", "/a", "").tag()
	if trust(g) != "learning" {
		t.Fatal("trusted at once")
	}
	teach(t, s.backend, g)
	if trust(g) != "trusted" {
		t.Fatalf("got %s", trust(g))
	}
	after := g.want(g.do("GET", "/a", ""), 200).tag()
	if after != `"`+s.files["/a"].sum+`"` || after == before {
		t.Fatalf("the ETag was %s and is %s", before, after)
	}
	for _, tag := range []string{before, after} {
		g.want(g.do("GET", "/a", "", "If-None-Match: "+tag), 304)
		g.want(g.do("HEAD", "/a", "", "If-None-Match: "+tag), 304)
	}
	if s.statuses[304].Load() == 0 {
		t.Error("the backend was not asked conditionally")
	}
	coded := g.want(g.do("GET", "/a", "", "Accept-Encoding: gzip"), 200).tag()
	if r := g.want(g.do("GET", "/a", "", "Accept-Encoding: gzip", "If-None-Match: "+coded), 304); r.tag() != coded {
		t.Errorf("the 304 has ETag %s, want %s", r.tag(), coded)
	}
	r := g.want(g.do("GET", "/a", "", "Range: bytes=20-29", "If-Range: "+after), 206)
	if r.body != text("first")[20:30] || s.statuses[206].Load() == 0 {
		t.Errorf("got %q, and %d answers of 206 by the backend", r.body, s.statuses[206].Load())
	}
	g.want(g.do("GET", "/a", "", "Range: bytes=20-29", "If-Range: "+before), 200)
	g.want(g.do("PUT", "/a", "second", "If-Match: "+coded), 204)
	g.want(g.do("PUT", "/a", "third", "If-Match: "+before), 412)
	g.want(g.do("PUT", "/a", "third", "If-Match: "+after), 412)
}

// TestNoTrust: no bad backend is ever trusted.
func TestNoTrust(t *testing.T) {
	eachFault(t, func(t *testing.T, b *backend, g *guarded) {
		teach(t, b, g)
		good := b.fault == goodTags || b.fault == slowWrites || b.fault == gzips || b.fault == gzipsUnasked ||
			b.fault == always200 || b.fault == chunked
		if got := trust(g); (got == "trusted") != good {
			t.Errorf("got %s (%s)", got, g.handler.Routes()[0].Why)
		}
	})
}

// TestTrustIsLostForGood: as soon as one tag stands for two contents.
func TestTrustIsLostForGood(t *testing.T) {
	b := newBackend(goodTags)
	g := protect(t, b)
	teach(t, b, g)
	b.store("/a", []byte("first"))
	old := g.want(g.do("GET", "/a", ""), 200).tag()
	b.mu.Lock()
	f := b.files["/a"]
	f.content = []byte("other")
	b.files["/a"] = f
	b.mu.Unlock()
	g.want(g.do("GET", "/a", ""), 200) // streamed, and looked at
	if s := g.handler.Routes()[0]; s.Trust != "distrusted" || s.Why != "same-tag-other-content" {
		t.Fatalf("got %+v", s)
	}
	g.want(g.do("PUT", "/a", "x", "If-Match: "+old), 412)
	teach(t, b, g)
	if trust(g) != "distrusted" {
		t.Error("trusted again")
	}
}

// TestWriteAroundTheGuard: a backend that evaluates what is passed on refuses what came
// between, and the guard explains it.
func TestWriteAroundTheGuard(t *testing.T) {
	s := &sound{backend: newBackend(goodTags)}
	var around atomic.Bool
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" && around.Swap(false) {
			s.store("/a", []byte("written around"))
		}
		s.ServeHTTP(w, r)
	}), changed(func(r *guard.Route) { r.Preconditions = guard.PreconditionsPass }))
	s.store("/a", []byte("first"))
	tag := g.do("GET", "/a", "").tag()
	around.Store(true)
	r := g.want(g.do("PUT", "/a", "mine", "If-Match: "+tag), 412)
	if s.content("/a") != "written around" || !strings.Contains(r.body, "if-match-none-matched") {
		t.Errorf("%q is stored; %s", s.content("/a"), r.body)
	}
	g.want(g.do("PUT", "/a", "mine", "If-Match: "+g.do("GET", "/a", "").tag()), 204)
}

// TestMisjudgingBackend: one that refuses preconditions which hold is not given any more, and the client gets what it
// would get from a guard that never gave one.
func TestMisjudgingBackend(t *testing.T) {
	b := newBackend(goodTags)
	var asked atomic.Int64
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Match") != "" {
			asked.Add(1)
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		b.ServeHTTP(w, r)
	}))
	teach(t, b, g)
	b.store("/a", []byte("first"))
	tag := g.do("GET", "/a", "").tag()
	g.want(g.do("PUT", "/a", "second", "If-Match: "+tag), 204)
	if asked.Load() != 1 || b.content("/a") != "second" {
		t.Errorf("it was given %d preconditions, and %q is stored", asked.Load(), b.content("/a"))
	}
	g.want(g.do("PUT", "/a", "third", "If-Match: "+g.do("GET", "/a", "").tag()), 204)
	if asked.Load() != 1 {
		t.Errorf("it was given %d preconditions", asked.Load())
	}
}

// TestWrongNotModified: a 304 about another tag than those asked for is not believed.
func TestWrongNotModified(t *testing.T) {
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"current"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, "content")
	}), changed(func(r *guard.Route) { r.Validators = guard.ValidatorsBackend }))
	if r := g.want(g.do("GET", "/a", "", `If-None-Match: "old"`), 200); r.body != "content" {
		t.Errorf("got %q", r.body)
	}
	g.want(g.do("GET", "/a", "", `If-None-Match: "current"`), 304)
}

// TestModes: where tags come from is the user's to say.
func TestModes(t *testing.T) {
	for mode, want := range map[guard.Validators]string{
		guard.ValidatorsAuto: "content", guard.ValidatorsContent: "content", guard.ValidatorsBackend: "backend", guard.ValidatorsNone: "none",
	} {
		b := newBackend(goodTags)
		b.store("/a", []byte("first"))
		records := make(chan observe.Record, 1)
		g := protect(t, b, observed(records), changed(func(r *guard.Route) { r.Validators = mode }))
		tag := g.do("GET", "/a", "").tag()
		if rec := <-records; rec.Validator.String() != want || rec.Current.String() != tag {
			t.Errorf("%v: got %v, ETag %s", mode, rec.Validator, tag)
		}
		if mode == guard.ValidatorsNone {
			g.want(g.do("PUT", "/a", "x", "If-Match: \"x\""), 412)
			<-records
			continue
		}
		written := g.want(g.do("PUT", "/a", "second", "If-Match: "+tag), 204)
		<-records
		if mode != guard.ValidatorsBackend { // which believes the backend, wrong as it is
			if read := g.do("GET", "/a", "").tag(); read != written.tag() {
				t.Errorf("%v: written as %s, read as %s", mode, written.tag(), read)
			}
			<-records
		}
	}
}

// TestLenientTags: without quotes, and marked weak on the way.
func TestLenientTags(t *testing.T) {
	b := newBackend(noTag)
	b.store("/a", []byte(text("first")))
	g := protect(t, b, changed(func(r *guard.Route) { r.LenientTags = true }))
	tag := g.do("GET", "/a", "").tag()
	g.want(g.do("PUT", "/a", text("x"), `If-Match: W/"other"`), 412)
	g.want(g.do("PUT", "/a", text("second"), "If-Match: W/"+tag), 204)
	tag = g.do("GET", "/a", "", "Accept-Encoding: gzip").tag()
	g.want(g.do("PUT", "/a", text("third"), "If-Match: W/"+tag), 204)
	tag = g.do("GET", "/a", "").tag()
	g.want(g.do("PUT", "/a", text("fourth"), "If-Match: "+strings.Trim(tag, `"`)), 204)
}
