package cache_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
)

// site is an origin and a cache before it, with a clock that stands still.
type site struct {
	t       *testing.T
	server  *httptest.Server
	cache   *cache.Transport
	now     atomic.Int64
	asked   atomic.Int64
	handler http.HandlerFunc
	last    atomic.Pointer[http.Request]
	status  cache.Status
	mu      sync.Mutex
}

func newSite(t *testing.T, o cache.Options, handler http.HandlerFunc) *site {
	s := &site{t: t, handler: handler}
	s.now.Store(start.UnixNano())
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.last.Store(r)
		w.Header().Set("Date", s.time().Format(http.TimeFormat))
		s.handler(w, r)
	}))
	t.Cleanup(s.server.Close)
	o.Now, o.Base = s.time, s.server.Client().Transport
	o.Observe = func(_ *http.Request, status cache.Status) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.status = status
	}
	s.cache = cache.NewTransport(o)
	return s
}

func (s *site) time() time.Time { return time.Unix(0, s.now.Load()).UTC() }

func (s *site) sleep(d time.Duration) { s.now.Add(int64(d)) }

// do sends a request for path with fields, and returns the response and its content.
func (s *site) do(method, path string, fields ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.server.URL+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	resp, err := s.cache.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	content, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		s.t.Fatalf("%s %s: %v after %d bytes", method, path, err, len(content))
	}
	return resp, string(content)
}

// want sends a GET and wants that answer, after so many requests to the origin in all.
func (s *site) want(status int, content string, asked int64, fields ...string) *http.Response {
	s.t.Helper()
	resp, got := s.do("GET", "/a", fields...)
	if resp.StatusCode != status || got != content || s.settled(asked) != asked {
		s.t.Fatalf("got %d %q after %d requests, want %d %q after %d; the last was %v", resp.StatusCode, short(got), s.asked.Load(), status,
			short(content), asked, s.lastFields())
	}
	return resp
}

// settled waits until what is stored in the background is.
func (s *site) settled(int64) int64 {
	s.cache.Wait()
	return s.asked.Load()
}

func (s *site) lastFields() http.Header {
	if r := s.last.Load(); r != nil {
		return r.Header
	}
	return nil
}

func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// page is an origin with one page of one version, told by its tag.
type page struct {
	mu      sync.Mutex
	content string
	version int
	control string
	ranges  bool
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("ETag", `"`+strconv.Itoa(p.version)+`"`)
	if p.control != "" {
		w.Header().Set("Cache-Control", p.control)
	}
	if r.Method == "PUT" {
		content, _ := io.ReadAll(r.Body)
		p.content, p.version = string(content), p.version+1
		w.Header().Set("ETag", `"`+strconv.Itoa(p.version)+`"`)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if p.ranges {
		http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader(p.content))
		return
	}
	if r.Header.Get("If-None-Match") != "" && strings.Contains(r.Header.Get("If-None-Match"), w.Header().Get("ETag")) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	fmt.Fprint(w, p.content)
}

func TestTransportServesWhatIsFresh(t *testing.T) {
	p := &page{content: "one", version: 1, control: "max-age=60"}
	s := newSite(t, cache.Options{Name: "test"}, p.ServeHTTP)
	s.want(200, "one", 1)
	s.sleep(30 * time.Second)
	resp := s.want(200, "one", 1)
	if age := resp.Header.Get("Age"); age != "30" {
		t.Errorf("got Age %q, want 30", age)
	}
	if got := resp.Header.Get("Cache-Status"); got != `"test";hit;ttl=30` {
		t.Errorf("got Cache-Status %s", got)
	}
	s.want(304, "", 1, `If-None-Match: "1"`)
	s.want(200, "one", 1, `If-None-Match: "2"`)
	s.want(206, "n", 1, "Range: bytes=1-1")
	s.want(206, "ne", 1, "Range: bytes=1-", `If-Range: "1"`)
	s.want(200, "one", 1, "Range: bytes=1-", `If-Range: "2"`)
	s.want(416, "", 1, "Range: bytes=9-")
	if resp, content := s.do("HEAD", "/a"); resp.StatusCode != 200 || content != "" || resp.ContentLength != 3 {
		t.Errorf("HEAD: got %d, %q, length %d", resp.StatusCode, content, resp.ContentLength)
	}
	s.sleep(40 * time.Second)
	s.want(200, "one", 2)
	if got := s.lastFields().Get("If-None-Match"); got != `"1"` {
		t.Errorf("validated with %q", got)
	}
	s.want(200, "one", 2)
	p.content, p.version = "two", 2
	s.sleep(70 * time.Second)
	s.want(200, "two", 3)
	s.want(200, "two", 3)
	s.want(504, "Nothing is stored that may answer this request, and it says only-if-cached.\n", 3, "Cache-Control: only-if-cached, no-cache")
}

// TestTransportForgetsBeforeAWriteIsAnswered also has a read on its way while the write happens.
func TestTransportForgetsBeforeAWriteIsAnswered(t *testing.T) {
	p := &page{content: "one", version: 1, control: "max-age=600"}
	hold, held := make(chan struct{}), make(chan struct{})
	var holding atomic.Bool
	s := newSite(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" && holding.CompareAndSwap(true, false) {
			defer func() {
				close(held)
				<-hold
			}()
		}
		p.ServeHTTP(w, r)
	})
	s.want(200, "one", 1)
	s.put("two")
	s.want(200, "two", 3)
	s.want(200, "two", 3)

	holding.Store(true)
	s.sleep(time.Hour)
	late := make(chan string)
	go func() {
		_, content := s.do("GET", "/a")
		late <- content
	}()
	<-held
	s.put("three")
	close(hold)
	<-late
	s.want(200, "three", 6)
}

func (s *site) put(content string) {
	s.t.Helper()
	r, err := http.NewRequest("PUT", s.server.URL+"/a", strings.NewReader(content))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.cache.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
}

// inEach runs a test with each kind of storage.
func inEach(t *testing.T, test func(t *testing.T, storage func() cache.Storage)) {
	t.Run("memory", func(t *testing.T) { test(t, func() cache.Storage { return cache.NewMemory(4 << 20) }) })
	t.Run("disk", func(t *testing.T) {
		test(t, func() cache.Storage {
			d, err := cache.NewDisk(t.TempDir(), 4<<20)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			return d
		})
	})
}

// TestTransportCollapses sends a thousand requests for what is not stored.
func TestTransportCollapses(t *testing.T) { inEach(t, testCollapses) }

func testCollapses(t *testing.T, storage func() cache.Storage) {
	for name, length := range map[string]bool{"known length": true, "unknown length": false} {
		t.Run(name, func(t *testing.T) {
			content := strings.Repeat("0123456789", 1000)
			begun, release := make(chan struct{}), make(chan struct{})
			s := newSite(t, cache.Options{Wait: time.Minute, Storage: storage()}, func(w http.ResponseWriter, r *http.Request) {
				close(begun)
				w.Header().Set("Cache-Control", "max-age=60")
				if length {
					w.Header().Set("Content-Length", strconv.Itoa(len(content)))
				}
				io.WriteString(w, content[:5000])
				w.(http.Flusher).Flush()
				<-release
				io.WriteString(w, content[5000:])
			})
			var all sync.WaitGroup
			first := make(chan struct{})
			get := func(i int) {
				if _, got := s.do("GET", "/a"); got != content {
					t.Errorf("%d: got %d bytes", i, len(got))
				}
			}
			all.Go(func() { close(first); get(0) })
			<-first
			<-begun
			for i := range 999 {
				all.Go(func() { get(i + 1) })
			}
			close(release)
			all.Wait()
			if s.asked.Load() != 1 {
				t.Errorf("the origin was asked %d times", s.asked.Load())
			}
		})
	}
}

// TestTransportDoesNotWaitForWhatCannotBeShared has many ask for what is not stored: one waits for nobody.
func TestTransportDoesNotWaitForWhatCannotBeShared(t *testing.T) {
	s := newSite(t, cache.Options{Wait: time.Hour}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprint(w, "mine")
	})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, got := s.do("GET", "/a"); got != "mine" {
				t.Errorf("got %q", got)
			}
		})
	}
	all.Wait()
	if s.asked.Load() != 50 {
		t.Errorf("the origin was asked %d times", s.asked.Load())
	}
}

// TestTransportCompletesWhatWasCut cuts a download, by the origin and by the client, and asks again.
func TestTransportCompletesWhatWasCut(t *testing.T) { inEach(t, testCompletes) }

func testCompletes(t *testing.T, storage func() cache.Storage) {
	content := strings.Repeat("abcdefghij", 10_000)
	for name, by := range map[string]string{"by the origin": "origin", "by the client": "client"} {
		t.Run(name, func(t *testing.T) {
			p := &page{content: content, version: 1, control: "max-age=60", ranges: true}
			var cut atomic.Bool
			cut.Store(true)
			gone := make(chan struct{})
			s := newSite(t, cache.Options{Storage: storage()}, func(w http.ResponseWriter, r *http.Request) {
				if !cut.CompareAndSwap(true, false) {
					p.ServeHTTP(w, r)
					return
				}
				w.Header().Set("ETag", `"1"`)
				w.Header().Set("Cache-Control", "max-age=60")
				w.Header().Set("Content-Length", strconv.Itoa(len(content)))
				io.WriteString(w, content[:50_000])
				w.(http.Flusher).Flush()
				if by == "client" {
					<-r.Context().Done()
					close(gone)
				}
				panic(http.ErrAbortHandler)
			})
			r, _ := http.NewRequest("GET", s.server.URL+"/a", nil)
			resp, err := s.cache.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 50_000)
			if _, err := io.ReadFull(resp.Body, got); err != nil {
				t.Fatal(err)
			}
			if by == "origin" {
				if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("the cut was told as %v", err)
				}
			}
			resp.Body.Close()
			if by == "client" {
				<-gone
			}
			s.waitFor(func() bool { _, ok := s.stored(); return ok })
			s.want(206, content[100:200], 1, "Range: bytes=100-199")
			s.want(200, content, 2)
			if got := s.lastFields(); got.Get("Range") != "bytes=50000-" || got.Get("If-Range") != `"1"` {
				t.Errorf("asked for the rest with %v", got)
			}
			s.waitFor(func() bool { e, ok := s.stored(); return ok && e.Parts == nil })
			s.want(200, content, 2)
		})
	}
}

// stored is the only entry of the site.
func (s *site) stored() (*cache.Entry, bool) {
	for _, entries := range s.storage().All() {
		return entries[0], true
	}
	return nil, false
}

func (s *site) storage() cache.Storage { return s.cache.Storage() }

// waitFor waits until what happens in the background has happened.
func (s *site) waitFor(happened func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("it did not happen")
		}
	}
}

// TestTransportNeverSplices completes what was cut of a version that is not current any more.
func TestTransportNeverSplices(t *testing.T) {
	one, two := strings.Repeat("1", 100_000), strings.Repeat("2", 100_000)
	p := &page{content: one, version: 1, control: "max-age=60", ranges: true}
	s := newSite(t, cache.Options{}, p.ServeHTTP)
	s.want(206, one[:50_000], 1, "Range: bytes=0-49999")
	p.content, p.version = two, 2
	s.want(200, two, 2)
	s.want(200, two, 2)

}

// TestTransportNeverSplicesWhatIgnoresIfRange has an origin that sends the rest of whatever is current.
func TestTransportNeverSplicesWhatIgnoresIfRange(t *testing.T) {
	one, two := strings.Repeat("1", 100_000), strings.Repeat("2", 100_000)
	p := &page{content: one, version: 1, control: "max-age=60", ranges: true}
	s := newSite(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-Range")
		p.ServeHTTP(w, r)
	})
	s.want(206, one[:50_000], 1, "Range: bytes=0-49999")
	p.content, p.version = two, 2
	s.want(200, two, 3)
	s.want(200, two, 3)
}

func TestTransportJoinsParts(t *testing.T) { inEach(t, testJoins) }

func testJoins(t *testing.T, storage func() cache.Storage) {
	content := strings.Repeat("0123456789", 100)
	p := &page{content: content, version: 1, control: "max-age=60", ranges: true}
	s := newSite(t, cache.Options{Storage: storage()}, p.ServeHTTP)
	s.want(206, content[:400], 1, "Range: bytes=0-399")
	s.want(206, content[400:800], 2, "Range: bytes=400-799")
	s.want(206, content[300:500], 2, "Range: bytes=300-499")
	s.want(200, content, 3)
	if got := s.lastFields().Get("Range"); got != "bytes=800-" {
		t.Errorf("asked for %q", got)
	}
	s.waitFor(func() bool { e, ok := s.stored(); return ok && e.Parts == nil })
	s.want(200, content, 3)
	s.want(206, content[399:401]+"", 3, "Range: bytes=399-400")
	resp, body := s.do("GET", "/a", "Range: bytes=0-1, 900-901")
	if resp.StatusCode != 206 || !strings.Contains(body, "bytes 900-901/1000") {
		t.Errorf("several ranges: got %d %q", resp.StatusCode, body)
	}
}

func TestTransportServesStaleOnError(t *testing.T) {
	var down atomic.Bool
	p := &page{content: "one", version: 1, control: "max-age=60, stale-if-error=60"}
	s := newSite(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
		p.ServeHTTP(w, r)
	})
	s.want(200, "one", 1)
	s.sleep(90 * time.Second)
	down.Store(true)
	if _, got := s.do("GET", "/a"); got != "one" {
		t.Errorf("got %q", got)
	}
	s.sleep(time.Minute)
	r, _ := http.NewRequest("GET", s.server.URL+"/a", nil)
	if _, err := s.cache.RoundTrip(r); err == nil {
		t.Error("what is too old was served")
	}
}

func TestTransportRevalidatesInTheBackground(t *testing.T) {
	p := &page{content: "one", version: 1, control: "max-age=60, stale-while-revalidate=60"}
	s := newSite(t, cache.Options{}, p.ServeHTTP)
	s.want(200, "one", 1)
	s.sleep(90 * time.Second)
	p.mu.Lock()
	p.content, p.version = "two", 2
	p.mu.Unlock()
	if _, got := s.do("GET", "/a"); got != "one" {
		t.Errorf("got %q", got)
	}
	s.waitFor(func() bool { e, ok := s.stored(); return ok && e.Header["Etag"][0] == `"2"` })
	s.want(200, "two", 2)
}

// TestTransportSelectsByTag has the origin say that what is stored for another language is right for this request, too.
func TestTransportSelectsByTag(t *testing.T) {
	s := newSite(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept-Language")
		tag := `"en"`
		if r.Header.Get("Accept-Language") == "de" {
			tag = `"de"`
		}
		w.Header().Set("ETag", tag)
		if strings.Contains(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(304)
			return
		}
		fmt.Fprint(w, tag)
	})
	s.want(200, `"de"`, 1, "Accept-Language: de")
	s.want(200, `"en"`, 2, "Accept-Language: en")
	s.want(200, `"en"`, 3, "Accept-Language: fr")
	if got := s.lastFields().Get("If-None-Match"); got != `"de", "en"` {
		t.Errorf("asked with %s", got)
	}
	s.want(200, `"en"`, 3, "Accept-Language: fr")
	s.want(200, `"de"`, 3, "Accept-Language: de")
}

// TestTransportPassesAClientsOwn304 on: it is about a copy that the cache does not have.
func TestTransportPassesAClientsOwn304(t *testing.T) {
	p := &page{content: "two", version: 2, control: "no-cache"}
	s := newSite(t, cache.Options{}, p.ServeHTTP)
	s.want(304, "", 1, `If-None-Match: "2"`)
	s.want(200, "two", 2)
	p.content, p.version = "three", 3
	s.want(304, "", 3, `If-None-Match: "3"`)
	s.want(200, "three", 4)
}

// TestTransportAsksAgain when a 304 is about nothing that anybody has.
func TestTransportAsksAgain(t *testing.T) {
	var wrong atomic.Bool
	s := newSite(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		if wrong.Load() && r.Header.Get("If-None-Match") != "" {
			w.Header().Set("ETag", `"strange"`)
			w.WriteHeader(304)
			return
		}
		w.Header().Set("ETag", `"1"`)
		fmt.Fprint(w, "one")
	})
	s.want(200, "one", 1)
	wrong.Store(true)
	s.want(200, "one", 3)
}

// TestTransportTellsNoClientTheOthersPage sends requests whose answers are theirs alone.
func TestTransportTellsNoClientTheOthersPage(t *testing.T) {
	policy := &cache.Policy{}
	for name, control := range map[string]string{"private": "private, max-age=60", "credentials": "max-age=60", "nothing said": ""} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, cache.Options{Policy: policy}, func(w http.ResponseWriter, r *http.Request) {
				if control != "" {
					w.Header().Set("Cache-Control", control)
				}
				w.Header().Set("Set-Cookie", "id="+r.Header.Get("Authorization"))
				w.Header().Set("Last-Modified", start.Add(-time.Hour).Format(http.TimeFormat))
				fmt.Fprint(w, r.Header.Get("Authorization"))
			})
			s.want(200, "ann", 1, "Authorization: ann")
			s.want(200, "bob", 2, "Authorization: bob")
			s.want(200, "", 3)
		})
	}
}

func TestTransportKeepsQueriesApart(t *testing.T) {
	s := newSite(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "%s as %s", content, r.Header.Get("Content-Type"))
	})
	query := func(content, kind string) string {
		r, _ := http.NewRequest("QUERY", s.server.URL+"/a", strings.NewReader(content))
		r.Header.Set("Content-Type", kind)
		resp, err := s.cache.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, _ := io.ReadAll(resp.Body)
		return string(got)
	}
	for range 2 {
		for _, c := range []string{"a", "b"} {
			for _, kind := range []string{"text/x", "text/y"} {
				if got := query(c, kind); got != c+" as "+kind {
					t.Errorf("got %q", got)
				}
			}
		}
		s.cache.Wait()
	}
	if s.asked.Load() != 4 {
		t.Errorf("the origin was asked %d times", s.asked.Load())
	}
	long := strings.Repeat("x", 100_000)
	if got := query(long, "text/x"); got != long+" as text/x" {
		t.Errorf("a long one: got %d bytes", len(got))
	}
	s.put("changes the target")
	before := s.asked.Load()
	if query("a", "text/x"); s.asked.Load() != before+1 {
		t.Error("a write has left what is stored for a QUERY")
	}
}

// TestTransportLeavesLongContentAlone has content for which there is no room, with and without a length.
func TestTransportLeavesLongContentAlone(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 1<<20)
	for name, length := range map[string]bool{"known": true, "unknown": false} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, cache.Options{Storage: cache.NewMemory(1 << 20)}, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				w.Header().Set("ETag", `"1"`)
				if length {
					w.Header().Set("Content-Length", strconv.Itoa(len(long)))
				}
				w.Write(long[:1000])
				w.(http.Flusher).Flush()
				w.Write(long[1000:])
			})
			s.want(200, string(long), 1)
			s.want(200, string(long), 2)
		})
	}
}
