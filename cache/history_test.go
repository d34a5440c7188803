package cache_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fourtwelve/fourtwelve/cache"
)

// A version of the page of a shop in one language: its content tells which it is at every byte.
type version struct {
	number int
	// until is when it was replaced; zero is not yet.
	until time.Time
}

// shop is an origin whose page has versions, each in two languages, with a lifetime of a minute.
type shop struct {
	mu       sync.Mutex
	now      func() time.Time
	versions []version
	// behave says what is wrong with the next answer: "", "cut", "503" or "no tag".
	behave string
	length int
}

func (s *shop) replace() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[len(s.versions)-1].until = s.now()
	s.versions = append(s.versions, version{number: len(s.versions)})
}

func (s *shop) content(number int, language string) string {
	return strings.Repeat(fmt.Sprintf("%s%04d.", language, number), s.length)
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PUT" {
		s.replace()
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.mu.Lock()
	number := s.versions[len(s.versions)-1].number
	behave := ""
	if r.Method != "HEAD" { // to which the client has all before it is cut
		behave, s.behave = s.behave, ""
	}
	s.mu.Unlock()
	language := "en"
	if r.Header.Get("Accept-Language") == "de" {
		language = "de"
	}
	content := s.content(number, language)
	header := w.Header()
	header.Set("Cache-Control", "max-age=60")
	header.Set("Vary", "Accept-Language")
	header.Set("Content-Type", "text/plain")
	if behave != "no tag" {
		header.Set("ETag", fmt.Sprintf(`"%s-%d"`, language, number))
	}
	switch behave {
	case "503":
		header.Del("Cache-Control")
		header.Del("ETag")
		w.WriteHeader(http.StatusServiceUnavailable)
	case "cut":
		header.Set("Content-Length", strconv.Itoa(len(content)))
		io.WriteString(w, content[:len(content)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	default:
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}
}

// TestHistories plays random histories of reads, writes through the cache, changes behind its back and failures. What is served is
// one version, in the language asked for, the part asked for, not older than its lifetime, and never older than what a write
// through the cache has left.
func TestHistories(t *testing.T) { inEach(t, testHistories) }

func testHistories(t *testing.T, storage func() cache.Storage) {
	rapid.Check(t, func(rt *rapid.T) {
		origin := &shop{versions: []version{{}}, length: rapid.IntRange(1, 3000).Draw(rt, "length")}
		s := newSite(t, cache.Options{Policy: &cache.Policy{}, Storage: storage()}, origin.ServeHTTP)
		origin.now = s.time
		written := 0
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"read", "read", "read", "range", "known", "write", "behind", "wait", "behave",
				"purge", "expire", "head"}).Draw(rt, "step") {
			case "write":
				s.put("next")
				written = len(origin.versions) - 1
			case "behind":
				origin.replace()
			case "wait":
				s.sleep(time.Duration(rapid.IntRange(1, 50).Draw(rt, "seconds")) * time.Second)
			case "behave":
				origin.behave = rapid.SampledFrom([]string{"cut", "503", "no tag"}).Draw(rt, "fault")
			case "purge":
				s.cache.Purge(cache.Selection{All: true})
			case "expire":
				s.cache.Expire(cache.Selection{All: true})
			case "head":
				s.head(rapid.SampledFrom([]string{"en", "de"}).Draw(rt, "language"))
			case "known":
				s.check(rt, origin, written, `If-None-Match: "en-0", "de-1"`)
			case "range":
				from := rapid.IntRange(0, origin.length*7-1).Draw(rt, "from")
				s.check(rt, origin, written, fmt.Sprintf("Range: bytes=%d-%d", from, from+rapid.IntRange(0, 1000).Draw(rt, "length of the range")))
			default:
				s.check(rt, origin, written)
			}
		}
		s.server.Close()
	})
}

// head asks for the header alone, by which the cache may renew what it has, or give it up.
func (s *site) head(language string) {
	r, _ := http.NewRequest("HEAD", s.server.URL+"/a", nil)
	r.Header.Set("Accept-Language", language)
	if resp, err := s.cache.RoundTrip(r); err == nil {
		resp.Body.Close()
	}
	s.cache.Wait()
}

// check reads, and judges what comes.
func (s *site) check(rt *rapid.T, origin *shop, written int, fields ...string) {
	language := rapid.SampledFrom([]string{"en", "de"}).Draw(rt, "language")
	r, _ := http.NewRequest("GET", s.server.URL+"/a", nil)
	r.Header.Set("Accept-Language", language)
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Set(name, value)
	}
	resp, err := s.cache.RoundTrip(r)
	if err != nil {
		return // the origin has cut it before its header
	}
	content, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	s.cache.Wait()
	if err != nil || resp.StatusCode == 503 || resp.StatusCode == 304 || resp.StatusCode == 416 {
		return
	}
	origin.judge(rt, resp, string(content), language, s.time(), written)
}

// judge holds what was served at now against what there was.
func (o *shop) judge(rt *rapid.T, resp *http.Response, content, language string, now time.Time, written int) {
	start, size := 0, o.length*7
	if resp.StatusCode == http.StatusPartialContent {
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &start, new(int), &size); err != nil {
			rt.Fatalf("Content-Range %q: %v", resp.Header.Get("Content-Range"), err)
		}
	} else if len(content) != size {
		rt.Fatalf("%d: got %d bytes of %d", resp.StatusCode, len(content), size)
	}
	tag := resp.Header.Get("ETag")
	for number, v := range o.versions {
		whole := o.content(number, language)
		same := whole[start:start+len(content)] == content && (tag == "" || tag == fmt.Sprintf(`"%s-%d"`, language, number))
		if same && number >= written && (v.until.IsZero() || now.Sub(v.until) < time.Minute) {
			return
		}
	}
	rt.Fatalf("%d %s at %v is no version in %s that may be served: %q; version %d was written through the cache", resp.StatusCode, tag,
		now, language, short(content), written)
}

// TestReadsAreNotOlderThanWrites has readers and writers at the same time. A read that begins after a write was answered gets that
// version or a later one.
func TestReadsAreNotOlderThanWrites(t *testing.T) { inEach(t, testReadsBesideWrites) }

func testReadsBesideWrites(t *testing.T, storage func() cache.Storage) {
	origin := &shop{versions: []version{{}}, length: 100}
	s := newSite(t, cache.Options{Policy: &cache.Policy{}, Storage: storage()}, func(w http.ResponseWriter, r *http.Request) {
		if rand.IntN(4) == 0 {
			time.Sleep(time.Millisecond)
		}
		origin.ServeHTTP(w, r)
	})
	origin.now = s.time
	var written atomic.Int64 // the version that the last answered write has left
	var all sync.WaitGroup
	all.Go(func() {
		for range 200 {
			s.put("next")
			written.Add(1)
		}
	})
	s.readBeside(&all, &written)
	all.Wait()
}

// readBeside reads from many sides at once, and wants no version older than what was written before.
func (s *site) readBeside(all *sync.WaitGroup, written *atomic.Int64) {
	for range 8 {
		all.Go(func() {
			for range 200 {
				least := int(written.Load())
				_, content := s.do("GET", "/a")
				var got int
				if _, err := fmt.Sscanf(content[2:6], "%d", &got); err != nil || got < least {
					s.t.Errorf("got version %d (%v) after version %d was written", got, err, least)
					return
				}
			}
		})
	}
}
