package guard_test

import (
	"crypto/md5"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// shelf is a backend that does all of HTTP right, with a clock that tests set and tags that they make.
type shelf struct {
	tag func(path string, b book) string
	// instead, if set and true, has answered.
	instead func(w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	now    time.Time
	books  map[string]book
	passed map[string]int // requests by what they ask for: "" is the whole
}

// book is a file.
type book struct {
	content  string
	modified time.Time
}

var startOfShelf = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newShelf(tag func(string, book) string) *shelf {
	s := &shelf{tag: tag, now: startOfShelf, books: make(map[string]book), passed: make(map[string]int)}
	for i, path := range []string{"/lesson-1", "/lesson-2"} {
		s.put(path, fmt.Sprint("lesson ", i, strings.Repeat("+", i)), -time.Hour*time.Duration(i+1))
	}
	return s
}

// put writes around the guard, with the time of modification relative to now.
func (s *shelf) put(path, content string, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books[path] = book{content, s.now.Add(age)}
}

// wait lets time go by.
func (s *shelf) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// asked returns how many requests asked by this field, or for all of the content without any, and starts
// to count again.
func (s *shelf) asked(field string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.passed[field]
	s.passed[field] = 0
	return n
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	if r.Method == "PUT" {
		s.books[r.URL.Path] = book{string(content), s.now}
	}
	b, ok := s.books[r.URL.Path]
	now := s.now
	field := ""
	for _, name := range []string{"If-None-Match", "Range"} {
		if r.Header.Get(name) != "" {
			field = name
		}
	}
	s.passed[field]++
	s.mu.Unlock()
	w.Header().Set("Date", now.Format(http.TimeFormat))
	w.Header()["Etag"] = []string{s.tag(r.URL.Path, b)}
	switch {
	case s.instead != nil && s.instead(w, r):
	case !ok:
		w.Header().Del("Etag")
		w.WriteHeader(http.StatusNotFound)
	case r.Method == "PUT":
		w.WriteHeader(http.StatusNoContent)
	case r.Method == "DELETE":
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		w.Header().Set("Content-Type", "image/png") // which is not compressed
		http.ServeContent(w, r, "", b.modified, strings.NewReader(b.content))
	}
}

// readLessons reads until there is reason enough to trust tags that vouch for themselves.
func (g *guarded) readLessons() {
	g.t.Helper()
	for range 9 {
		for _, path := range []string{"/lesson-1", "/lesson-2"} {
			g.want(g.do("GET", path, ""), 200)
		}
	}
}

// What tags are made of.
var (
	timeAndSize = func(_ string, b book) string { // as nginx does
		return fmt.Sprintf(`"%x-%x"`, b.modified.Unix(), len(b.content))
	}
	ofContent = func(_ string, b book) string { return fmt.Sprintf(`"%x"`, md5.Sum([]byte(b.content))) }
	ofName    = func(path string, _ book) string { return fmt.Sprintf(`"%x"`, md5.Sum([]byte(path))) }
)

// TestTrustWithoutChanges: tags that tell what they are made of are trusted without having been seen to change,
// if what they tell is true, and others are not.
func TestTrustWithoutChanges(t *testing.T) {
	always304 := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("If-None-Match") == "" {
			return false
		}
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	for _, c := range []struct {
		name       string
		tag        func(string, book) string
		instead    func(http.ResponseWriter, *http.Request) bool
		trust, why string
	}{
		{"of time and size", timeAndSize, nil, "trusted", "nginx"},
		{"of time in µs and size", func(_ string, b book) string {
			return fmt.Sprintf(`"%x-%x"`, len(b.content), b.modified.UnixMicro())
		}, nil, "trusted", "apache24"},
		{"of the content", ofContent, nil, "trusted", "hash-32"},
		{"of the name", ofName, nil, "learning", ""},
		{"of nothing that shows", func(_ string, b book) string { return `"v` + b.content[7:8] + `"` }, nil, "learning", ""},
		{"of another time", func(_ string, b book) string {
			return fmt.Sprintf(`"%x-%x"`, b.modified.Unix()-9, len(b.content))
		}, nil, "learning", ""},
		{"of another size", func(_ string, b book) string {
			return fmt.Sprintf(`"%x-%x"`, b.modified.Unix(), len(b.content)+1)
		}, nil, "learning", ""},
		{"of the content, and 304 to every tag", ofContent, always304, "distrusted", "not-modified-whatever-is-asked"},
		{"of the content, and errors instead of conditions", ofContent, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(http.StatusInternalServerError)
				return true
			}
			return false
		}, "learning", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShelf(c.tag)
			s.instead = c.instead
			g := protect(t, s)
			for range 3 {
				g.readLessons()
			}
			if got := g.handler.Routes()[0]; got.Trust != c.trust || got.Why != c.why {
				t.Errorf("%s (%s), want %s (%s)", got.Trust, got.Why, c.trust, c.why)
			}
		})
	}
}

// TestTrustIsPerMaker: what is known of the tags of files says nothing about those of the application
// behind the same route.
func TestTrustIsPerMaker(t *testing.T) {
	s := newShelf(func(path string, b book) string {
		if strings.HasPrefix(path, "/api/") {
			return ofName(path, b)
		}
		return timeAndSize(path, b)
	})
	g := protect(t, s)
	g.readLessons()
	if got := g.do("GET", "/lesson-1", "").tag(); got != timeAndSize("", s.books["/lesson-1"]) {
		t.Errorf("the file has ETag %s", got)
	}
	s.put("/api/1", "first", -time.Hour)
	before := g.do("GET", "/api/1", "").tag()
	s.put("/api/1", "other", -time.Hour)
	g.want(g.do("GET", "/api/1", "", "If-None-Match: "+before), 200)
	g.want(g.do("PUT", "/api/1", "third", "If-Match: "+before), 412)
}

// TestYoungFiles: a tag of time and size is not taken before its second is well over, since two writes
// may share it. Until then tags are made of content.
func TestYoungFiles(t *testing.T) {
	s := newShelf(timeAndSize)
	g := protect(t, s)
	g.readLessons()
	first := g.want(g.do("PUT", "/a", "first"), 204).tag()
	second := g.want(g.do("PUT", "/a", "other", "If-Match: "+first), 204).tag() // in the same second, and of the same size
	if first == second || second == "" {
		t.Fatalf("%s, and then %s", first, second)
	}
	shared := timeAndSize("/a", s.books["/a"])
	for _, c := range []struct {
		wait time.Duration
		tag  string
	}{
		{0, second}, {time.Second, second}, {58 * time.Second, second}, {time.Second, shared}, {time.Hour, shared},
	} {
		s.wait(c.wait)
		for _, method := range []string{"GET", "HEAD"} {
			r := g.want(g.do(method, "/a", "", "If-None-Match: "+first), 200)
			if r.tag() != c.tag {
				t.Errorf("%s %v later: ETag %s, want %s", method, c.wait, r.tag(), c.tag)
			}
			if r = g.want(g.do(method, "/a", ""), 200); r.tag() != c.tag {
				t.Errorf("%s %v later: ETag %s, want %s", method, c.wait, r.tag(), c.tag)
			}
		}
		g.want(g.do("GET", "/a", "", "If-None-Match: "+second), 304)
		g.want(g.do("GET", "/a", "", "Range: bytes=1-2", "If-Range: "+first), 200)
		g.want(g.do("PUT", "/a", "third", "If-Match: "+first), 412)
	}
}

// TestNormalisedTimes: of files to which a build has given one time, two versions can have one tag.
func TestNormalisedTimes(t *testing.T) {
	s := newShelf(timeAndSize)
	g := protect(t, s)
	g.readLessons()
	epoch := time.Unix(1, 0).Sub(s.now)
	s.put("/a", "first", epoch)
	before := g.do("GET", "/a", "").tag()
	s.put("/a", "other", epoch)
	g.want(g.do("GET", "/a", "", "If-None-Match: "+before), 200)
}

// TestTrustedBackendIsAsked: with trust, content that is not needed is not asked for.
func TestTrustedBackendIsAsked(t *testing.T) {
	for name, tag := range map[string]func(string, book) string{"of time and size": timeAndSize, "of the content": ofContent} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(tag)
			g := protect(t, s)
			g.readLessons()
			b := s.books["/lesson-1"]
			s.asked("")
			s.asked("If-None-Match") // which it was tried with
			g.want(g.do("GET", "/lesson-1", "", "If-None-Match: "+tag("/lesson-1", b)), 304)
			if whole, asked := s.asked(""), s.asked("If-None-Match"); whole != 0 || asked != 1 {
				t.Errorf("all of the content was asked for %d times, and whether it is new %d times", whole, asked)
			}
			r := g.want(g.do("GET", "/lesson-1", "", "Range: bytes=2-4", "If-Range: "+tag("/lesson-1", b)), 206)
			if whole, part := s.asked(""), s.asked("Range"); r.body != b.content[2:5] || whole != 0 || part != 1 {
				t.Errorf("%q; all of the content was asked for %d times, and the part %d times", r.body, whole, part)
			}
		})
	}
}

// TestLiesAreFound: a backend that has earned trust and then keeps its tag while the content
// changes is found out, by whoever reads the content, or in a sample of those who have it.
func TestLiesAreFound(t *testing.T) {
	for _, c := range []struct {
		name        string
		method      string
		field, rest string        // of each read, around the tag that was given out
		beside      int           // reads of others after each
		later       time.Duration // how much later the file says that it was modified
		most        int           // reads until it is found
	}{
		{"by who reads", "GET", "X-Known: ", "", 0, 0, 1},
		{"by who asks", "GET", "If-None-Match: ", "", 0, 0, 64},
		{"by who asks among others", "GET", "If-None-Match: ", "", 63, 0, 64},
		{"by who resumes", "GET", "If-Range: ", "Range: bytes=1-", 0, 0, 64},
		{"by who asks for the header", "HEAD", "X-Known: ", "", 0, 0, 64},
		{"by the date of a part", "GET", "If-Range: ", "Range: bytes=1-", 0, time.Second, 1},
		{"by the date of a header", "HEAD", "X-Known: ", "", 0, time.Second, 1},
	} {
		for where, maxBuffer := range map[string]int64{"held in memory": 0, "longer than that": 20} {
			t.Run(c.name+", "+where, func(t *testing.T) {
				lie := ""
				s := newShelf(func(path string, b book) string {
					if path == "/a" && lie != "" {
						return lie
					}
					return ofContent(path, b)
				})
				g := protect(t, s, changed(func(r *guard.Route) { r.MaxBuffer = maxBuffer }))
				g.readLessons()
				first, other := strings.Repeat("first", 10), strings.Repeat("other", 10)
				s.put("/a", first, -time.Hour)
				known := g.want(g.do("GET", "/a", ""), 200).tag()
				lie = known
				s.put("/a", other, -time.Hour+c.later)
				reads := 1
				for ; trust(g) == "trusted" && reads <= c.most; reads++ {
					fields := []string{c.field + known}
					if c.rest != "" {
						fields = append(fields, c.rest)
					}
					g.want(g.do(c.method, "/a", "", fields...), 200, 206, 304)
					for range c.beside {
						g.want(g.do("GET", "/lesson-1", "", `If-None-Match: "x"`), 200)
					}
				}
				if got := g.handler.Routes()[0]; got.Trust != "distrusted" || got.Why != "same-tag-other-content" {
					t.Fatalf("after %d reads: %+v", reads, got)
				}
				if r := g.want(g.do("GET", "/a", "", "If-None-Match: "+known), 200); r.body != other || r.tag() == known {
					t.Errorf("got %q with ETag %s", r.body, r.tag())
				}
				g.want(g.do("PUT", "/a", "third", "If-Match: "+known), 412)
			})
		}
	}
}

// TestLiesAboutWrites: no trust lets anybody name a version which a write through the guard has replaced, even if
// the backend calls both by the same tag.
func TestLiesAboutWrites(t *testing.T) {
	for _, c := range []struct {
		method, field string
		want          int
	}{
		{"PUT", "If-Match: ", 412},
		{"DELETE", "If-Match: ", 412},
		{"GET", "If-None-Match: ", 200},
		{"HEAD", "If-None-Match: ", 200},
	} {
		t.Run(c.method, func(t *testing.T) {
			lie := ""
			s := newShelf(func(path string, b book) string {
				if path == "/a" && lie != "" {
					return lie
				}
				return ofContent(path, b)
			})
			g := protect(t, s)
			g.readLessons()
			s.put("/a", "first", -time.Hour)
			known := g.want(g.do("GET", "/a", ""), 200).tag()
			lie = known
			g.want(g.do("PUT", "/a", "other", "If-Match: "+known), 204)
			s.wait(time.Hour)
			g.want(g.do(c.method, "/a", "", c.field+known), c.want)
			if got := s.books["/a"].content; got != "other" {
				t.Errorf("%q is stored", got)
			}
		})
	}
}

// TestWriterIsNotRead: a backend that is trusted is only asked whether what a writer names is current, once the guard has
// seen that version.
func TestWriterIsNotRead(t *testing.T) {
	s := newShelf(ofContent)
	g := protect(t, s)
	g.readLessons()
	known := g.want(g.do("GET", "/lesson-1", ""), 200).tag()
	s.asked("")
	s.asked("If-None-Match")
	g.want(g.do("DELETE", "/lesson-1", "", "If-Match: "+known), 405)
	if whole, asked := s.asked(""), s.asked("If-None-Match"); whole != 1 || asked != 1 { // the DELETE itself, and the look
		t.Errorf("%d requests without a question, and %d with one", whole, asked)
	}
}

// TestDigestOfSomethingElse: one tag in the form of a digest that is none of its content ends the trust in that form.
func TestDigestOfSomethingElse(t *testing.T) {
	s := newShelf(func(path string, b book) string {
		if path == "/a" {
			return ofName(path, b)
		}
		return ofContent(path, b)
	})
	g := protect(t, s, changed(func(r *guard.Route) { r.NoCoding = true }))
	g.readLessons()
	if trust(g) != "trusted" {
		t.Fatalf("got %s", trust(g))
	}
	s.put("/a", "first", -time.Hour)
	g.want(g.do("GET", "/a", "", `If-None-Match: "another"`), 200) // which the content is held for
	if got := trust(g); got != "learning" {
		t.Errorf("got %s", got)
	}
	if got := g.do("GET", "/lesson-1", "").tag(); got == s.tag("/lesson-1", s.books["/lesson-1"]) {
		t.Error("the tag of the backend is still given out")
	}
}
