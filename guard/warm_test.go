package guard_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

// eachLikeness runs a test in front of the likeness of every server that went wrong, with a guard that has had
// its lessons.
func eachLikeness(t *testing.T, test func(t *testing.T, s *likened, g *guarded)) {
	for _, l := range likenesses {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			s := l.with(newBackend(goodTags))
			g := protect(t, s)
			s.teach(g)
			test(t, s, g)
		})
	}
}

// teach has clients of g read and write, as they do, for a while.
func (s *likened) teach(g *guarded) {
	if !s.still {
		teach(g.t, s.backend, g)
	}
	for range 3 {
		if !s.still {
			s.store("/lesson-3", []byte("of another one"))
		} else if len(s.files) == 0 {
			s.store("/lesson-1", []byte("first lesson"))
			s.store("/lesson-2", []byte("second lesson"))
		}
		for range 4 {
			g.want(g.do("GET", "/lesson-1", ""), 200)
			g.want(g.do("GET", "/lesson-2", ""), 200)
		}
	}
	if !s.still {
		putLessons(g, "text/plain")
		putLessons(g, "")
	}
}

// putLessons has g learn that the backend stores what it is sent.
func putLessons(g *guarded, mediaType string) {
	for i := range 20 {
		g.want(g.do("PUT", "/lesson-put", fmt.Sprint("lesson ", i), "Content-Type: "+mediaType), 201, 204)
	}
}

// TestLessons: what a guard thinks of the likenesses after them, without which the other tests show less than they
// seem to.
func TestLessons(t *testing.T) {
	eachLikeness(t, func(t *testing.T, s *likened, g *guarded) {
		if got := g.handler.Routes()[0]; got.Trust != s.trust {
			t.Errorf("got %s (%s), want %s", got.Trust, got.Why, s.trust)
		}
	})
}

// TestChecksOfWarmGuards asks a guard that has had its lessons all that fourtwelve check asks: nothing is wrong, and
// nothing is skipped that a guard does which knows nothing yet.
func TestChecksOfWarmGuards(t *testing.T) {
	if testing.Short() {
		t.Skip("asks thousands of requests")
	}
	eachLikeness(t, func(t *testing.T, s *likened, g *guarded) {
		for id, r := range outcomes(t, g, s) {
			if r.Outcome == probe.Failed {
				t.Errorf("%s: %s", id, r.Says)
			}
		}
	})
}

// outcomes asks everything of a page at g.
func outcomes(t *testing.T, g *guarded, s *likened) map[string]probe.Result {
	t.Helper()
	s.store("/page.txt", []byte(text("page")))
	target, err := url.Parse(g.url + "/page.txt")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g.do("GET", "/page.txt", "")
	}
	report, err := probe.Run(t.Context(), target, probe.Options{WriteTo: target.JoinPath("../scratch.txt")})
	if err != nil {
		t.Fatal(err)
	}
	if report.Stopped != "" || report.Left {
		t.Errorf("got stopped %q, left %v", report.Stopped, report.Left)
	}
	all := make(map[string]probe.Result)
	for _, r := range report.Results {
		all[r.Check.ID] = r
	}
	return all
}

// TestWarmGuards has those that had their lessons do all that those do which have not.
func TestWarmGuards(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *backend, *guarded)
	}{
		{"preconditions", lifeOfAResource}, {"resume", resumes}, {"gzip", gzipEditorSaves}, {"dates", dates},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachLikeness(t, func(t *testing.T, s *likened, g *guarded) { test.run(t, s.backend, g) })
		})
	}
}

// TestWarmRaces: of writers who saw the same state one wins, whatever the backend makes of preconditions.
func TestWarmRaces(t *testing.T) {
	eachLikeness(t, func(t *testing.T, s *likened, g *guarded) {
		const few = 8
		conns := make([]*connection, few)
		for i := range conns {
			conns[i] = g.dial()
		}
		tag := g.want(g.do("PUT", "/a", "first", "If-None-Match: *"), 201).tag()
		for round := range 4 {
			tag = race(t, s.backend, conns, round, round%2, "/a", "If-Match: "+tag)
			race(t, s.backend, conns, round, round%2, fmt.Sprintf("/new-%d", round), "If-None-Match: *")
		}
	})
}

// TestDateOfA304Tells: a backend that says "not modified" with another date than that of what was seen is asked for all of the
// content, and found out.
func TestDateOfA304Tells(t *testing.T) {
	for _, l := range likenesses {
		if !l.still {
			continue
		}
		s := l.with(newBackend(goodTags))
		g := protect(t, s)
		s.teach(g)
		s.store("/a", []byte(text("first")))
		known := g.want(g.do("GET", "/a", ""), 200).tag()
		g.want(g.do("GET", "/a", "", "If-None-Match: "+known), 304)
		s.store("/a", []byte(text("other")))
		if r := g.want(g.do("GET", "/a", "", "If-None-Match: "+known), 200); r.body != text("other") || r.tag() == known {
			t.Errorf("got %.20q with ETag %s", r.body, r.tag())
		}
		if got := g.handler.Routes()[0]; got.Why != "same-tag-other-content" {
			t.Errorf("got %+v", got)
		}
	}
}
