package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
)

// tearing is a backend that sends the beginning of one version with the end of another, if a write
// comes while it answers.
type tearing struct {
	mu      sync.Mutex
	content string
	// during is called in the middle of each GET of the reader, with its number.
	during func(get int)
	gets   int
	order  []string
}

func (b *tearing) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.order = append(b.order, fmt.Sprintf(format, args...))
}

func (b *tearing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		data, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.content = string(data)
		b.mu.Unlock()
		b.note("PUT %.1s", data)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	b.mu.Lock()
	before := b.content
	b.mu.Unlock()
	if r.Header.Get("Reader") != "" { // and not the guard's own look
		b.gets++
		b.during(b.gets)
		b.note("GET %d", b.gets)
	}
	b.mu.Lock()
	after := b.content
	b.mu.Unlock()
	w.Header().Set("Content-Length", fmt.Sprint(len(before)))
	_, _ = io.WriteString(w, before[:len(before)/2])
	if end := min(len(before), len(after)); end > len(before)/2 { // it may end too early
		_, _ = io.WriteString(w, after[len(before)/2:end])
	}
}

// TestReadsAreNotTorn: a read that a write through the guard has overtaken is done again, whether what came
// looks whole or is cut off. After three of them the write has to wait.
func TestReadsAreNotTorn(t *testing.T) {
	for name, length := range map[string]int{"of one length": 100, "getting shorter": 90, "getting longer": 130} {
		t.Run(name, func(t *testing.T) {
			version := func(i int) string { return strings.Repeat(fmt.Sprint(i), 100+(length-100)*i/5) }
			b := &tearing{content: version(0)}
			origin := httptest.NewServer(b)
			t.Cleanup(origin.Close)
			g := protectServer(t, origin)
			var late sync.WaitGroup
			b.during = func(get int) {
				if get <= 3 {
					g.want(g.do("PUT", "/a", version(get)), 204)
					return
				}
				late.Go(func() { g.want(g.do("PUT", "/a", version(get)), 204) }) // which does not get through before the end of this GET
			}
			if got := g.do("GET", "/a", "", "Reader: yes"); got.err != nil || got.body != version(3) {
				t.Errorf("got %d bytes, %.30q…, error %v; want all of version 3", len(got.body), got.body, got.err)
			}
			late.Wait()
			if got, want := strings.Join(b.order, ", "), "PUT 1, GET 1, PUT 2, GET 2, PUT 3, GET 3, GET 4, PUT 4"; got != want {
				t.Errorf("the backend was asked\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// slowWriter is a backend that empties a file, writes half of it, and then the rest, and stops in between.
type slowWriter struct {
	*likened
	// emptied is called when the file is empty.
	emptied func()
	reads   chan string // the content of each read
}

func (b *slowWriter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut {
		f, _, _ := b.stateOf(r.URL.Path)
		b.likened.ServeHTTP(w, r)
		b.reads <- string(f.content)
		return
	}
	content, _ := io.ReadAll(r.Body)
	b.store(r.URL.Path, nil)
	b.emptied()
	b.store(r.URL.Path, content)
	w.WriteHeader(http.StatusNoContent)
}

// TestReadsWaitForWrites: what is read while a write is under way is no version, even if it looks like one twice; but what
// was there before that write is.
func TestReadsWaitForWrites(t *testing.T) {
	for _, taught := range []bool{false, true} {
		for _, atomic := range []bool{false, true} {
			t.Run(fmt.Sprintf("taught %v, atomic %v", taught, atomic), func(t *testing.T) {
				b := &slowWriter{likened: likenesses[0].with(newBackend(goodTags)), reads: make(chan string, 1000)}
				b.emptied = func() {}
				g := protect(t, b)
				if taught {
					b.teach(g)
				}
				b.store("/a", []byte("first version"))
				tag := g.want(g.do("GET", "/a", ""), 200).tag()
				for len(b.reads) > 0 {
					<-b.reads
				}
				reads := [][]string{{"X: y"}, {"If-None-Match: " + tag}, {"Range: bytes=0-4"}}
				results := make(chan response, len(reads))
				b.emptied = func() {
					if atomic {
						b.store("/a", []byte("first version"))
					}
					for _, fields := range reads {
						go func() { results <- g.do("GET", "/a", "", fields...) }()
						<-b.reads // it has seen what there is
					}
					for range reads {
						if atomic { // nobody has to wait
							r := <-results
							if r.tag() != tag || r.body != map[int]string{200: "first version", 206: "first"}[r.status] {
								t.Errorf("got %d with ETag %s and %q", r.status, r.tag(), r.body)
							}
						}
					}
				}
				g.want(g.do("PUT", "/a", "second version", "If-Match: *"), 204)
				for range reads {
					if !atomic {
						r := <-results
						if r.tag() == tag || r.body != map[int]string{200: "second version", 206: "secon"}[r.status] {
							t.Errorf("got %d with ETag %s and %q", r.status, r.tag(), r.body)
						}
					}
				}
			})
		}
	}
}

// TestLongReadsAreCut: what has gone out already when a write begins is not complete to the client, unless it is known
// to be all of one version.
func TestLongReadsAreCut(t *testing.T) {
	first, second := strings.Repeat("1", 2<<20), strings.Repeat("2", 2<<20)
	for _, c := range []struct {
		name, field string
		torn, seen  bool // what the backend sends, and whether the guard has seen all of the first version
		complete    bool
	}{
		{"torn", "X: y", true, true, false},
		{"torn part", "Range: bytes=1000-1500000", true, true, false},
		{"all of what was never seen", "X: y", false, false, false},
		{"all of what was seen", "X: y", false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := likenesses[0].with(newBackend(goodTags))
			var during func()
			s.instead = func(s *likened, w http.ResponseWriter, r *http.Request) bool {
				f, tag, ok := s.stateOf(r.URL.Path)
				if !ok || !isRead(r) || r.Header.Get("X-Overtaken") == "" {
					return false
				}
				content := string(f.content)
				if c.torn {
					content = content[:1<<20] + second[1<<20:]
				}
				w.Header().Set("Etag", tag)
				w.Header().Set("Content-Type", "image/png")
				http.ServeContent(w, r, "", f.modified, &interrupted{strings.NewReader(content), during})
				return true
			}
			g := protect(t, s, changed(func(r *guard.Route) { r.NoCoding = true }))
			s.teach(g)
			s.store("/long", []byte(first))
			if c.seen {
				g.want(g.do("GET", "/long", ""), 200)
			}
			var once sync.Once
			during = func() { once.Do(func() { g.want(g.do("PUT", "/long", second), 204) }) }
			r := g.do("GET", "/long", "", "X-Overtaken: yes", c.field)
			if complete := r.err == nil; complete != c.complete || complete && r.body != first {
				t.Errorf("complete: %v, %d bytes", complete, len(r.body))
			}
		})
	}
}

// interrupted is content in the middle of which something happens.
type interrupted struct {
	*strings.Reader
	during func()
}

func (i *interrupted) Read(p []byte) (int, error) {
	if i.Len() < 1<<20 {
		i.during()
	}
	return i.Reader.Read(p)
}

// WriteTo is not that of the Reader, which knows no middle.
func (i *interrupted) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{i})
}

// TestEarlyRefusalsWait: an upload that waits to be welcome is not refused for what was seen while another write was under way.
func TestEarlyRefusalsWait(t *testing.T) {
	b := &slowWriter{likened: likenesses[0].with(newBackend(goodTags)), reads: make(chan string, 1000)}
	b.emptied = func() {}
	g := protect(t, b)
	b.store("/a", []byte("first version"))
	tag := g.want(g.do("GET", "/a", ""), 200).tag()
	<-b.reads
	c := g.dial()
	b.emptied = func() {
		b.emptied = func() {}
		fmt.Fprintf(c, "PUT /a HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 6\r\nIf-Match: %s\r\n\r\n", tag)
		if content := <-b.reads; content != "" {
			t.Errorf("the guard saw %q", content)
		}
	}
	g.want(g.do("PUT", "/a", "first version"), 204) // the same again
	if line, err := c.reader.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, %v, want 100", line, err)
	}
	c.reader.ReadString('\n')
	fmt.Fprint(c, "second")
	if r := c.mustRead(t, "PUT"); r.status != 204 {
		t.Errorf("got %d %s", r.status, r.body)
	}
}
