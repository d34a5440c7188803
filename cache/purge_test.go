package cache_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fourtwelve/fourtwelve/cache"
)

// shelf answers every path with the path, for an hour, and tags by what the path ends in.
func shelf(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Header().Set("Vary", "Accept-Language")
	switch {
	case strings.HasSuffix(r.URL.Path, ".css"):
		w.Header().Set("Surrogate-Key", "style  site")
	case strings.HasSuffix(r.URL.Path, ".html"):
		w.Header().Set("Cache-Tag", "page, the whole site,site")
	case strings.HasSuffix(r.URL.Path, ".json"):
		w.Header().Set("Cache-Groups", `"api", "site"`)
	}
	io.WriteString(w, r.URL.RequestURI())
}

// TestPurge removes what is named, whatever it varies by, and nothing else.
func TestPurge(t *testing.T) {
	paths := []string{"/a.html", "/a.html?q=1", "/b/a.css", "/b/c.json", "/bc"}
	for name, test := range map[string]struct {
		which cache.Selection // targets and prefixes without the origin
		gone  []string
	}{
		"nothing":         {cache.Selection{}, nil},
		"a target":        {cache.Selection{Targets: []string{"/a.html"}}, []string{"/a.html"}},
		"with its query":  {cache.Selection{Targets: []string{"/a.html?q=1"}}, []string{"/a.html?q=1"}},
		"any query":       {cache.Selection{Targets: []string{"/a.html?q=2"}, AnyQuery: true}, []string{"/a.html", "/a.html?q=1"}},
		"another target":  {cache.Selection{Targets: []string{"/a"}, AnyQuery: true}, nil},
		"two targets":     {cache.Selection{Targets: []string{"/bc", "/b/a.css"}}, []string{"/b/a.css", "/bc"}},
		"a beginning":     {cache.Selection{Prefixes: []string{"/b/"}}, []string{"/b/a.css", "/b/c.json"}},
		"a word's":        {cache.Selection{Prefixes: []string{"/b"}}, []string{"/b/a.css", "/b/c.json", "/bc"}},
		"Surrogate-Key":   {cache.Selection{Tags: []string{"style"}}, []string{"/b/a.css"}},
		"Cache-Tag":       {cache.Selection{Tags: []string{"the whole site"}}, []string{"/a.html", "/a.html?q=1"}},
		"Cache-Groups":    {cache.Selection{Tags: []string{"api"}}, []string{"/b/c.json"}},
		"a tag of all":    {cache.Selection{Tags: []string{"site"}}, []string{"/a.html", "/a.html?q=1", "/b/a.css", "/b/c.json"}},
		"no such tag":     {cache.Selection{Tags: []string{"sit", "Site"}}, nil},
		"tag and target":  {cache.Selection{Tags: []string{"api"}, Targets: []string{"/bc"}}, []string{"/b/c.json", "/bc"}},
		"everything":      {cache.Selection{All: true}, paths},
		"a longer target": {cache.Selection{Targets: []string{"/bc/"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inEach(t, func(t *testing.T, storage func() cache.Storage) {
				s := newSite(t, cache.Options{Policy: new(cache.Policy), Storage: storage()}, shelf)
				which := test.which
				which.Targets, which.Prefixes = s.below(which.Targets), s.below(which.Prefixes)
				languages := []string{"en", "de"}
				for _, path := range paths {
					for _, language := range languages {
						s.do("GET", path, "Accept-Language: "+language)
					}
				}
				s.cache.Wait()
				defer s.cache.Wait()
				done, err := s.cache.Purge(which)
				if want := len(test.gone); err != nil || done.Targets != want || done.Responses != 2*want || (done.Bytes > 0) != (want > 0) {
					t.Errorf("got %+v, %v; want %d targets with two responses each", done, err, want)
				}
				for _, path := range paths {
					for _, language := range languages {
						before := s.asked.Load()
						s.do("GET", path, "Accept-Language: "+language)
						if asked, gone := s.asked.Load() > before, slices.Contains(test.gone, path); asked != gone {
							t.Errorf("%s in %s: purged is %v, want %v", path, language, asked, gone)
						}
					}
				}
			})
		})
	}
}

// below are paths under the origin of s.
func (s *site) below(paths []string) (targets []string) {
	for _, path := range paths {
		targets = append(targets, s.server.URL+path)
	}
	return targets
}

// TestExpire makes stale what is named: it is validated, or served stale for as long as the origin allows that, from then on.
func TestExpire(t *testing.T) {
	long := strings.NewReplacer("swr", "stale-while-revalidate", "sie", "stale-if-error", "none", "not-cacheable")
	for name, test := range map[string]struct {
		control string
		fields  []string
		after   time.Duration
		fails   bool
		want    string
	}{
		"is validated":              {control: "", want: "304 fwd=stale detail=made-stale"},
		"max-stale":                 {control: "", fields: []string{"Cache-Control: max-stale"}, want: "304 fwd=stale detail=made-stale"},
		"stale while revalidated":   {control: ", swr=30", after: 30 * time.Second, want: "hit detail=swr"},
		"then not":                  {control: ", swr=30", after: 31 * time.Second, want: "304 fwd=stale detail=made-stale"},
		"stale if the origin fails": {control: ", sie=30", after: 30 * time.Second, fails: true, want: "503 fwd=stale detail=sie"},
		"not longer":                {control: ", sie=30", after: 31 * time.Second, fails: true, want: "fwd=stale detail=none"},
		"not if forbidden":          {control: ", sie=30, must-revalidate", fails: true, want: "fwd=stale detail=none"},
		"nor with that":             {control: ", swr=30, must-revalidate", want: "304 fwd=stale detail=made-stale"},
		"stale before":              {control: ", max-age=1, swr=30", after: 28 * time.Second, want: "hit detail=swr"},
	} {
		t.Run(name, func(t *testing.T) {
			inEach(t, func(t *testing.T, storage func() cache.Storage) {
				p := &page{content: "one", version: 1, control: long.Replace("max-age=600" + test.control)}
				var fails atomic.Bool
				s := newSite(t, cache.Options{Policy: new(cache.Policy), Storage: storage()}, func(w http.ResponseWriter, r *http.Request) {
					if fails.Load() {
						w.WriteHeader(http.StatusServiceUnavailable)
						return
					}
					p.ServeHTTP(w, r)
				})
				s.want(200, "one", 1)
				s.sleep(3 * time.Second)
				if done := s.cache.Expire(cache.Selection{All: true}); done.Targets != 1 {
					t.Errorf("got %+v", done)
				}
				s.sleep(test.after)
				fails.Store(test.fails)
				s.do("GET", "/a", test.fields...)
				if got, want := told(s.status), long.Replace(test.want); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				s.cache.Wait()
				if !test.fails { // by now it has been validated, and is as good as new
					s.do("GET", "/a")
					if !s.status.Hit || s.status.Detail != "" {
						t.Errorf("after the validation: %+v", s.status)
					}
				}
			})
		})
	}
}

// told is a status in words.
func told(s cache.Status) string {
	var words []string
	if s.Hit {
		words = append(words, "hit")
	}
	if s.ForwardStatus != 0 {
		words = append(words, fmt.Sprint(s.ForwardStatus))
	}
	if s.Forwarded != "" {
		words = append(words, "fwd="+s.Forwarded)
	}
	return strings.Join(append(words, "detail="+s.Detail), " ")
}

// TestCoherentCachesCanBePurged softly, too, though nothing there has a lifetime.
func TestCoherentCachesCanBePurged(t *testing.T) {
	p := &page{content: "one", version: 1}
	s := newSite(t, cache.Options{Policy: &cache.Policy{Coherent: true}}, p.ServeHTTP)
	s.want(200, "one", 1)
	s.want(200, "one", 1)
	s.cache.Expire(cache.Selection{All: true})
	s.want(200, "one", 2)
	s.want(200, "one", 2)
	if _, err := s.cache.Purge(cache.Selection{All: true}); err != nil {
		t.Error(err)
	}
	s.want(200, "one", 3)
}

// An held origin counts its answers, all under one entity tag. Each byte of the content says which one it is of, by itself, as
// an answer may be joined from parts of several. It keeps each request until it is released, after it has decided what to
// send, as a slow backend does.
type held struct {
	mu      sync.Mutex
	number  int
	waiting []chan struct{}
	arrived chan struct{}
	fails   bool
}

const (
	heldLength = 60
	// heldFirst is the byte that stands for no answer; that of the first follows.
	heldFirst = ' '
)

func (h *held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.number++
	content := strings.Repeat(string([]byte{byte(heldFirst + h.number)}), heldLength)
	fails := h.fails
	release := make(chan struct{})
	h.waiting = append(h.waiting, release)
	h.mu.Unlock()
	h.arrived <- struct{}{}
	<-release
	if fails {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("ETag", `"same"`)
	w.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=60, stale-if-error=600")
	w.Header().Set("Cache-Tag", "held")
	w.Header().Set("Vary", "Accept-Language")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
}

// TestNothingPurgedIsServed plays random histories of reads that the origin answers slowly and in any order, failures, time that goes by
// and purges. No read that begins after a purge gets content that the origin has made before it, or a part of such, though
// the entity tag is the same all the time, so that each validation says that all is well.
func TestNothingPurgedIsServed(t *testing.T) { inEach(t, testNothingPurgedIsServed) }

func testNothingPurgedIsServed(t *testing.T, storage func() cache.Storage) {
	rapid.Check(t, func(rt *rapid.T) {
		origin := &held{arrived: make(chan struct{}, 1000)}
		s := newSite(t, cache.Options{Policy: new(cache.Policy), Storage: storage(), Wait: time.Hour}, origin.ServeHTTP)
		h := &purging{site: s, rt: rt, origin: origin}
		defer h.end() // also when a draw ends the history: the site waits for its requests
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			h.step(rapid.SampledFrom(purgingSteps).Draw(rt, "step"))
		}
	})
}

// TestAPurgeOvertakesAValidation of what was stored before it: neither a 304 nor a failure makes that good again.
func TestAPurgeOvertakesAValidation(t *testing.T) {
	for name, test := range map[string]struct {
		fails bool
		asked int64
		want  string
	}{
		"a 304 is asked again":        {false, 3, "200 2"},
		"a failure is passed on then": {true, 2, "503 "},
	} {
		t.Run(name, func(t *testing.T) {
			hold, at := make(chan struct{}), make(chan struct{})
			s := newSite(t, cache.Options{Policy: new(cache.Policy)}, nil)
			s.handler = func(w http.ResponseWriter, r *http.Request) {
				if s.asked.Load() == 2 {
					at <- struct{}{}
					<-hold
					if test.fails {
						w.WriteHeader(503)
						return
					}
				}
				(&page{content: fmt.Sprint(min(2, s.asked.Load())), version: 1, control: "max-age=60, stale-if-error=60"}).ServeHTTP(w, r)
			}
			s.do("GET", "/a")
			s.cache.Wait()
			for range 5 { // so that there have been more marks than purges
				s.cache.Expire(cache.Selection{Targets: s.below([]string{"/other"})})
			}
			s.sleep(90 * time.Second)
			go func() {
				<-at
				if done, err := s.cache.Purge(cache.Selection{All: true}); err != nil || done.Targets != 1 {
					t.Errorf("got %+v, %v", done, err)
				}
				close(hold)
			}()
			resp, content := s.do("GET", "/a")
			if got := fmt.Sprint(resp.StatusCode, " ", content); got != test.want || s.settled(0) != test.asked {
				t.Errorf("got %q after %d requests, want %q after %d", got, s.asked.Load(), test.want, test.asked)
			}
		})
	}
}

// An intruded storage lets somebody in before it removes something.
type intruded struct {
	cache.Storage
	before func()
}

func (i *intruded) Store(key string, entries []*cache.Entry) {
	if before := i.before; before != nil && len(entries) == 0 {
		i.before = nil
		before()
	}
	i.Storage.Store(key, entries)
}

// TestWhatIsSeenDuringAPurgeIsOfBefore: a request that finds what is about to be removed asks the origin about it, and the 304 does
// not bring it back.
func TestWhatIsSeenDuringAPurgeIsOfBefore(t *testing.T) {
	hold, at := make(chan struct{}), make(chan struct{})
	storage := &intruded{Storage: cache.NewMemory(1 << 20)}
	s := newSite(t, cache.Options{Policy: new(cache.Policy), Storage: storage}, nil)
	s.handler = func(w http.ResponseWriter, r *http.Request) {
		p := &page{content: fmt.Sprint(s.asked.Load()), version: 1, control: "max-age=60"}
		w.Header().Set("Vary", "Accept-Language")
		if s.asked.Load() == 2 {
			at <- struct{}{}
			<-hold
		}
		p.ServeHTTP(w, r)
	}
	s.do("GET", "/a", "Accept-Language: en")
	s.cache.Wait()
	var others sync.WaitGroup
	storage.before = func() {
		others.Go(func() { s.do("GET", "/a", "Accept-Language: de") })
		<-at
	}
	if done, err := s.cache.Purge(cache.Selection{All: true}); err != nil || done.Targets != 1 {
		t.Fatalf("got %+v, %v", done, err)
	}
	close(hold)
	others.Wait()
	s.cache.Wait()
	for _, language := range []string{"de", "en"} {
		if _, content := s.do("GET", "/a", "Accept-Language: "+language); content == "1" {
			t.Errorf("%s: what was purged is served", language)
		}
	}
}

var purgingSteps = []string{"read", "read", "read", "range", "known", "release", "release", "purge", "expire", "wait", "fail"}

// purging is a history of [TestNothingPurgedIsServed].
type purging struct {
	*site
	rt     *rapid.T
	origin *held
	floor  int // answers up to this one have been purged
	all    sync.WaitGroup
	faults sync.Map
}

func (h *purging) step(step string) {
	switch step {
	case "read":
		h.read()
	case "known":
		h.read(`If-None-Match: "other"`)
	case "range":
		from := rapid.IntRange(0, heldLength-1).Draw(h.rt, "from")
		h.read(fmt.Sprintf("Range: bytes=%d-%d", from, from+rapid.IntRange(0, heldLength).Draw(h.rt, "more")))
	case "release":
		h.release(rapid.IntRange(0, 1<<20).Draw(h.rt, "which"))
	case "wait":
		h.sleep(time.Duration(rapid.IntRange(1, 90).Draw(h.rt, "seconds")) * time.Second)
	case "fail":
		h.origin.mu.Lock()
		h.origin.fails = !h.origin.fails
		h.origin.mu.Unlock()
	case "expire":
		h.cache.Expire(h.selection())
	case "purge":
		h.origin.mu.Lock()
		made := h.origin.number
		h.origin.mu.Unlock()
		if _, err := h.cache.Purge(h.selection()); err != nil {
			h.rt.Fatal(err)
		}
		h.floor = made
	}
}

// selection is one of those that mean the page.
func (h *purging) selection() cache.Selection {
	return rapid.SampledFrom([]cache.Selection{
		{All: true}, {Tags: []string{"held"}}, {Prefixes: h.below([]string{"/"})}, {Targets: h.below([]string{"/a"})},
		{Targets: h.below([]string{"/a?x"}), AnyQuery: true},
	}).Draw(h.rt, "selection")
}

// read begins to read, and goes on when the request is at the origin, waits for another one that is, or has been answered.
func (h *purging) read(fields ...string) {
	floor, language := h.floor, rapid.SampledFrom([]string{"en", "de"}).Draw(h.rt, "language")
	done := make(chan struct{})
	h.all.Go(func() {
		defer close(done)
		r, _ := http.NewRequest("GET", h.server.URL+"/a", nil)
		for _, field := range append(fields, "Accept-Language: "+language) {
			name, value, _ := strings.Cut(field, ": ")
			r.Header.Set(name, value)
		}
		resp, err := h.cache.RoundTrip(r)
		if err != nil {
			return
		}
		content, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 && resp.StatusCode != 206 {
			return
		}
		for _, b := range content {
			if number := int(b) - heldFirst; number <= floor {
				fault := "%d with a part of answer %d, though all up to %d had been purged before it was asked for"
				h.faults.Store(fmt.Sprintf(fault, resp.StatusCode, number, floor), true)
			}
		}
	})
	for {
		select {
		case <-done:
			return
		case <-h.origin.arrived:
			return
		case <-time.After(2 * time.Millisecond): // it waits for another one, or is slow: both are as good
			return
		}
	}
}

func (h *purging) release(which int) {
	h.origin.mu.Lock()
	defer h.origin.mu.Unlock()
	if n := len(h.origin.waiting); n > 0 {
		i := which % n
		close(h.origin.waiting[i])
		h.origin.waiting = slices.Delete(h.origin.waiting, i, i+1)
	}
}

// end lets everything come to its end.
func (h *purging) end() {
	over := make(chan struct{})
	go func() {
		h.all.Wait()
		h.cache.Wait()
		close(over)
	}()
	for {
		h.release(0)
		select {
		case <-over:
			h.server.Close()
			h.faults.Range(func(fault, _ any) bool {
				h.rt.Error(fault)
				return true
			})
			return
		case <-h.origin.arrived:
		case <-time.After(time.Millisecond):
		}
	}
}

// TestPurgedIsGoneAfterARestart whether the process ended well or was killed.
func TestPurgedIsGoneAfterARestart(t *testing.T) {
	dir := t.TempDir()
	d := openDisk(t, dir)
	s := newSite(t, cache.Options{Policy: new(cache.Policy), Storage: d}, shelf)
	for _, path := range []string{"/a.html", "/b.css", "/c.json", "/d"} {
		s.do("GET", path)
	}
	s.cache.Wait()
	if _, err := s.cache.Purge(cache.Selection{Tags: []string{"style"}}); err != nil {
		t.Fatal(err)
	}
	s.cache.Expire(cache.Selection{Targets: s.below([]string{"/d"})})
	killed := t.TempDir() // the directory as a process that is killed now leaves it
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	d.Close()
	for name, dir := range map[string]string{"ended": dir, "killed": killed} {
		again := openDisk(t, dir)
		s.cache = cache.NewTransport(cache.Options{Policy: new(cache.Policy), Storage: again, Base: http.DefaultTransport, Now: s.time})
		for path, want := range map[string]int64{"/a.html": 0, "/b.css": 1, "/c.json": 0, "/d": 1} {
			before := s.asked.Load()
			s.do("GET", path)
			if got := s.settled(0) - before; got != want {
				t.Errorf("%s: %s asked the origin %d times, want %d", name, path, got, want)
			}
		}
		if done, _ := s.cache.Purge(cache.Selection{Tags: []string{"site"}}); done.Targets != 3 {
			t.Errorf("%s: %d of the 3 with that tag were purged", name, done.Targets)
		}
		again.Close()
	}
}

// TestPurgeOnABrokenDisk that takes nothing any more: what it cannot write down makes all that is there worth nothing to the next
// process; if not even that can be had, the purge says so.
func TestPurgeOnABrokenDisk(t *testing.T) {
	for _, c := range []struct {
		what   string
		purge  func(*cache.Transport) error
		hinder bool
	}{
		{"hard", func(c *cache.Transport) error { _, err := c.Purge(cache.Selection{All: true}); return err }, false},
		{"soft", func(c *cache.Transport) error { c.Expire(cache.Selection{All: true}); return nil }, false},
		{"hindered", func(c *cache.Transport) error { _, err := c.Purge(cache.Selection{All: true}); return err }, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := t.TempDir()
			d := openDisk(t, dir)
			defer d.Close()
			fill(t, d, 2, 100)
			s := newSite(t, cache.Options{Policy: new(cache.Policy), Storage: d}, shelf)
			d.Break()
			state := filepath.Join(dir, "state")
			if c.hinder { // a directory that is not empty cannot be removed as a file is, whoever asks
				if err := errors.Join(os.Rename(state, state+".away"), os.MkdirAll(filepath.Join(state, "in the way"), 0o700)); err != nil {
					t.Fatal(err)
				}
			}
			err := c.purge(s.cache)
			if c.hinder != (err != nil) {
				t.Errorf("got %v", err)
			}
			if d.Usage().Keys != 0 {
				t.Errorf("%d are served as if nothing had been said", d.Usage().Keys)
			}
			if c.hinder {
				if err := os.RemoveAll(state); err != nil {
					t.Fatal(err)
				}
				if _, err := s.cache.Purge(cache.Selection{All: true}); err != nil {
					t.Errorf("after it was put right: %v", err)
				}
			}
			killed := t.TempDir()
			if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			next := openDisk(t, killed)
			defer next.Close()
			if next.Usage().Keys != 0 {
				t.Errorf("%d are there after a restart", next.Usage().Keys)
			}
		})
	}
}

// TestTagsAreBounded stores more tags than are remembered: they are found all the same.
func TestTagsAreBounded(t *testing.T) {
	many := make([]string, 256)
	for i := range many {
		many[i] = fmt.Sprint("t", i)
	}
	s := newSite(t, cache.Options{Policy: new(cache.Policy)}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Surrogate-Key", r.URL.Path[1:]+" "+strings.Join(many, " "))
	})
	for i := range 600 {
		s.do("GET", fmt.Sprint("/", i))
	}
	s.cache.Wait()
	for _, test := range []struct {
		tag  string
		want int
	}{{"7", 1}, {"t254", 599}, {"t255", 0}} {
		if done, _ := s.cache.Purge(cache.Selection{Tags: []string{test.tag}}); done.Targets != test.want {
			t.Errorf("%s: %d were purged, want %d", test.tag, done.Targets, test.want)
		}
	}
}

// TestForgetFindsEverything of more targets than the index takes without looking whether they are still there.
func TestForgetFindsEverything(t *testing.T) {
	s := newSite(t, cache.Options{Policy: new(cache.Policy)}, shelf)
	const n = 1500
	for i := range n {
		s.do("GET", fmt.Sprint("/", i))
	}
	s.cache.Wait()
	for i := range n {
		s.cache.Forget(s.below([]string{fmt.Sprint("/", i)}), false, time.Time{})
	}
	for i := range n {
		if s.do("GET", fmt.Sprint("/", i)); s.status.Hit {
			t.Errorf("/%d is served as if no write had touched it", i)
		}
	}
}

// TestPurgeKnowsNoVarySearch: what is served to several queries is purged by each of them.
func TestPurgeKnowsNoVarySearch(t *testing.T) {
	var s *site
	s = newSite(t, cache.Options{Policy: new(cache.Policy), NoVarySearch: true}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("No-Vary-Search", `params=("utm")`)
		fmt.Fprint(w, s.asked.Load())
	})
	for i, want := range []string{"1", "2", "2"} {
		if i == 1 {
			done, err := s.cache.Purge(cache.Selection{Targets: s.below([]string{"/a?utm=other&page=1"})})
			if err != nil || done.Targets != 1 {
				t.Errorf("got %+v, %v", done, err)
			}
		}
		if _, got := s.do("GET", fmt.Sprint("/a?page=1&utm=", i)); got != want {
			t.Errorf("%d: got %s, want %s", i, got, want)
		}
		s.cache.Wait()
	}
	if done, _ := s.cache.Purge(cache.Selection{Targets: s.below([]string{"/a?page=2"})}); done.Targets != 0 {
		t.Errorf("another page: %+v", done)
	}
}
