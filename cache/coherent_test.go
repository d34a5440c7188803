package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
)

// TestCoherent serves what is stored whatever its lifetime, until it is forgotten by any of its names.
func TestCoherent(t *testing.T) {
	inEach(t, func(t *testing.T, storage func() cache.Storage) {
		p := &page{content: "one", version: 1, control: "no-cache"}
		s := newSite(t, cache.Options{Policy: &cache.Policy{Coherent: true}, Storage: storage()}, p.ServeHTTP)
		alias := s.server.URL + "/a"
		s.want(200, "one", 1)
		s.sleep(24 * time.Hour)
		resp := s.want(200, "one", 1)
		if resp.Header.Get("Age") != "" || resp.Header.Get("Date") != s.time().Format(http.TimeFormat) {
			t.Errorf("got Age %q, Date %q: it is as good as validated just now", resp.Header.Get("Age"), resp.Header.Get("Date"))
		}
		for i, forget := range []func(){
			func() { s.cache.Forget([]string{alias}, false, time.Time{}) },
			func() { s.cache.Forget([]string{s.server.URL}, true, time.Time{}) },
			func() { s.put("next") },
			func() { s.cache.Purge(cache.Selection{Targets: []string{s.server.URL + "/a"}}) },
		} {
			before := s.asked.Load()
			forget()
			asked := s.asked.Load()
			s.do("GET", "/a")
			if s.settled(0) != asked+1 {
				t.Errorf("%d: not asked after it was forgotten (%d, %d, %d)", i, before, asked, s.asked.Load())
			}
			s.do("GET", "/a")
			if s.settled(0) != asked+1 {
				t.Errorf("%d: asked again", i)
			}
		}
		before := s.asked.Load()
		s.cache.Forget([]string{s.server.URL + "/ab", s.server.URL + "/a/b"}, true, time.Time{})
		if s.do("GET", "/a"); s.asked.Load() != before {
			t.Error("others have made it forget")
		}
		if s.do("GET", "/a", "Cache-Control: no-cache"); s.asked.Load() != before+1 {
			t.Error("a client that asks for a validation gets none")
		}
	})
}

// TestCoherentDoubt has a write whose outcome is not known: it may come about any time until then.
func TestCoherentDoubt(t *testing.T) {
	p := &page{content: "one", version: 1, control: "no-cache"}
	s := newSite(t, cache.Options{Policy: &cache.Policy{Coherent: true}}, p.ServeHTTP)
	s.want(200, "one", 1)
	s.cache.Forget([]string{s.server.URL + "/a"}, false, s.time().Add(time.Minute))
	s.want(200, "one", 2)
	p.content, p.version = "two", 2 // now it has happened
	s.want(200, "two", 3)
	s.want(200, "two", 4)
	s.sleep(2 * time.Minute)
	s.want(200, "two", 5)
	s.want(200, "two", 5)
}

// TestCoherentDoubtOfATree has a write of a collection whose outcome is not known: it may come about for any member. However many such
// writes there are, none is left out.
func TestCoherentDoubtOfATree(t *testing.T) {
	p := &page{content: "one", version: 1, control: "no-cache"}
	s := newSite(t, cache.Options{Policy: &cache.Policy{Coherent: true}}, p.ServeHTTP)
	for _, root := range []string{"/a", "/a/", "", "/"} {
		s.sleep(time.Hour)
		s.cache.Forget([]string{s.server.URL + root}, true, s.time().Add(time.Minute))
		before := s.asked.Load()
		for range 3 {
			s.do("GET", "/a/b")
			s.settled(0)
		}
		if asked := s.asked.Load() - before; asked != 3 {
			t.Errorf("%q: asked %d times of 3", root, asked)
		}
	}
	s.sleep(time.Hour)
	for i := range 10000 {
		s.cache.Forget([]string{fmt.Sprint(s.server.URL, "/a/", i)}, false, s.time().Add(time.Minute))
	}
	before := s.asked.Load()
	for range 3 {
		s.do("GET", "/a/0")
		s.settled(0)
	}
	if asked := s.asked.Load() - before; asked != 3 {
		t.Errorf("after many: asked %d times of 3", asked)
	}
	s.sleep(time.Hour)
	before = s.asked.Load()
	for range 3 {
		s.do("GET", "/a/0")
		s.settled(0)
	}
	if asked := s.asked.Load() - before; asked != 1 {
		t.Errorf("when it is over: asked %d times, want 1", asked)
	}
}

// TestCoherentSeesThatItIsNot has a write that does not pass through.
func TestCoherentSeesThatItIsNot(t *testing.T) {
	p := &page{content: "one", version: 1, control: "no-cache"}
	var changed atomic.Int64
	s := newSite(t, cache.Options{
		Policy: &cache.Policy{Coherent: true}, Sample: 10, Changed: func(*http.Request) { changed.Add(1) },
	}, p.ServeHTTP)
	for range 50 {
		s.do("GET", "/a")
	}
	s.put("through the cache")
	for range 50 {
		s.do("GET", "/a")
	}
	if changed.Load() != 0 || s.asked.Load() > 20 {
		t.Fatalf("%d changes seen in %d requests; there is none", changed.Load(), s.asked.Load())
	}
	p.mu.Lock()
	p.content, p.version = "behind its back", 9
	p.mu.Unlock()
	for range 50 {
		s.do("GET", "/a")
	}
	if changed.Load() != 1 {
		t.Errorf("%d changes seen, there was one", changed.Load())
	}
}

// TestCoherentAfterARestart does not take for current what an earlier process has left.
func TestCoherentAfterARestart(t *testing.T) {
	p := &page{content: "one", version: 1, control: "max-age=600"}
	dir := t.TempDir()
	first := openDisk(t, dir)
	s := newSite(t, cache.Options{Storage: first, Policy: &cache.Policy{Coherent: true}}, p.ServeHTTP)
	s.want(200, "one", 1)
	for first.Usage().Keys == 0 { // what is stored is stored when the answer has been read
		time.Sleep(time.Millisecond)
	}
	first.Close()
	p.content, p.version = "two", 2
	second := openDisk(t, dir)
	defer second.Close()
	s.cache = cache.NewTransport(cache.Options{
		Storage: second, Base: http.DefaultTransport, Now: s.time, Policy: &cache.Policy{Coherent: true},
	})
	s.want(200, "two", 2)
	s.want(200, "two", 2)
}

// TestCoherentReadsBesideWrites is TestReadsAreNotOlderThanWrites for writes that are told by Forget.
func TestCoherentReadsBesideWrites(t *testing.T) {
	inEach(t, func(t *testing.T, storage func() cache.Storage) {
		origin := &shop{versions: []version{{}}, length: 100}
		s := newSite(t, cache.Options{Policy: &cache.Policy{Coherent: true}, Storage: storage()}, origin.ServeHTTP)
		origin.now = s.time
		var written atomic.Int64
		var all sync.WaitGroup
		all.Go(func() {
			for i := range 200 {
				origin.replace()
				s.cache.Forget([]string{s.server.URL}, i%2 == 0, time.Time{})
				if i%2 == 1 {
					s.cache.Forget([]string{s.server.URL + "/a"}, false, time.Time{})
				}
				written.Add(1)
			}
		})
		s.readBeside(&all, &written)
		all.Wait()
	})
}

// TestStoredIsMarked lets a user of the transport tell what came from the origin.
func TestStoredIsMarked(t *testing.T) {
	p := &page{content: "one", version: 1, control: "max-age=60"}
	s := newSite(t, cache.Options{}, p.ServeHTTP)
	for i, want := range []bool{false, true, true} {
		if i == 2 {
			s.sleep(2 * time.Minute)
		}
		r, _ := http.NewRequest("GET", s.server.URL+"/a", nil)
		resp, err := s.cache.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, stored := resp.Body.(interface{ Stored() })
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		s.settled(0)
		if stored != want {
			t.Errorf("%d: stored is %v", i, stored)
		}
	}
}
