package guard_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
)

// library is a backend that knows no preconditions and counts what it is asked. Names differ by case alone to nobody.
type library struct {
	mu      sync.Mutex
	files   map[string]string
	control string
	asked   map[string]int // by method
	vary    string
}

func newLibrary(control string) *library {
	return &library{files: map[string]string{"/a.txt": "one"}, control: control, asked: make(map[string]int)}
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[r.Method]++
	name := strings.ToLower(r.URL.Path)
	text, exists := l.files[name]
	switch {
	case r.Method == "PUT":
		l.files[name] = string(content)
		w.WriteHeader(map[bool]int{true: 204, false: 201}[exists])
	case r.Method == "DELETE":
		for other := range l.files {
			if strings.HasPrefix(other, name) {
				delete(l.files, other)
			}
		}
		w.WriteHeader(204)
	case r.Method == "MOVE":
		_, to, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Destination"), "http://"), "/")
		l.files["/"+to] = text
		delete(l.files, name)
		w.WriteHeader(201)
	case r.Method == "POST":
		l.files["/made.txt"] = string(content)
		w.Header().Set("Location", "/made.txt")
		w.WriteHeader(201)
	case !exists:
		w.WriteHeader(404)
	default:
		if l.control != "" {
			w.Header().Set("Cache-Control", l.control)
		}
		if l.vary != "" {
			w.Header().Set("Vary", l.vary)
			text += " for " + r.Header.Get(l.vary)
		}
		if r.URL.RawQuery != "" {
			text += "?" + r.URL.RawQuery
		}
		fmt.Fprint(w, text)
	}
}

func (l *library) reads() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked["GET"] + l.asked["HEAD"]
}

// cached puts a guard with a cache before a library.
func cached(t *testing.T, l *library, mode guard.CacheMode, change ...func(*guard.Options)) *guarded {
	return protect(t, l, append([]func(*guard.Options){func(o *guard.Options) { o.Routes[0].Cache = mode }}, change...)...)
}

// step is what a client does, and how often the backend has been read by then.
func (g *guarded) step(l *library, reads int, method, path, want string, fields ...string) response {
	g.t.Helper()
	r := g.do(method, path, "", fields...)
	guard.Settle(g.handler)
	if r.body != want || l.reads() != reads {
		g.t.Fatalf("%s %s %v: got %d %q, the backend was read %d times; want %q, %d", method, path, fields, r.status, r.body,
			l.reads(), want, reads)
	}
	return r
}

// TestCacheServes: reads that the backend has allowed to store are answered without it, with all that the guard makes of them.
func TestCacheServes(t *testing.T) {
	for _, c := range []struct {
		mode    guard.CacheMode
		control string
	}{{guard.CacheOn, "max-age=600"}, {guard.CacheCoherent, ""}, {guard.CacheCoherent, "no-cache"},
		{guard.CacheCoherent, "max-age=0, must-revalidate"}} {
		t.Run(c.mode.String()+" "+c.control, func(t *testing.T) {
			l := newLibrary(c.control)
			g := cached(t, l, c.mode)
			tag := g.step(l, 1, "GET", "/a.txt", "one").tag()
			if r := g.step(l, 1, "GET", "/a.txt", "one"); r.tag() != tag || !strings.HasPrefix(r.Get("Cache-Status"), `"fourtwelve";hit`) {
				t.Errorf("got tag %s and Cache-Status %s, want %s and a hit", r.tag(), r.Get("Cache-Status"), tag)
			}
			g.want(g.step(l, 1, "GET", "/a.txt", "", "If-None-Match: "+tag), 304)
			g.want(g.step(l, 1, "GET", "/a.txt", "n", "Range: bytes=1-1"), 206)
			g.want(g.step(l, 1, "GET", "/a.txt", "ne", "Range: bytes=1-", "If-Range: "+tag), 206)
			g.want(g.step(l, 1, "GET", "/a.txt", "one", "Range: bytes=1-", `If-Range: "other"`), 200)
			g.want(g.step(l, 1, "HEAD", "/a.txt", ""), 200)
			g.want(g.step(l, 2, "GET", "/a.txt", "one", "Cache-Control: no-cache"), 200)
		})
	}
}

// TestCacheForgets: whatever a write through the guard may have changed is asked for, under each spelling that a backend may take for
// the same.
func TestCacheForgets(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(g *guarded)
		path string
		want string
	}{
		{"PUT", func(g *guarded) { g.want(g.do("PUT", "/a.txt", "two"), 204) }, "/a.txt", "two"},
		{"PUT in another spelling", func(g *guarded) { g.want(g.do("PUT", "/A.TXT", "two"), 204) }, "/a.txt", "two"},
		{"PUT with a query", func(g *guarded) { g.want(g.do("PUT", "/a.txt?x=1", "two"), 204) }, "/a.txt", "two"},
		{"DELETE", func(g *guarded) { g.want(g.do("DELETE", "/a.txt", ""), 204) }, "/a.txt", ""},
		{"DELETE of what it is in", func(g *guarded) { g.want(g.do("DELETE", "/", ""), 204) }, "/a.txt", ""},
		{"MOVE away", func(g *guarded) { g.want(g.do("MOVE", "/a.txt", "", "Destination: "+g.url+"/c.txt"), 201) }, "/a.txt", ""},
		{"MOVE over it", func(g *guarded) {
			g.want(g.do("PUT", "/b.txt", "bee"), 201)
			g.want(g.do("MOVE", "/b.txt", "", "Destination: "+g.url+"/a.txt"), 201)
		}, "/a.txt", "bee"},
		{"POST that names it", func(g *guarded) {
			g.want(g.do("POST", "/form", "made"), 201)
		}, "/made.txt", "made"},
	} {
		for _, mode := range []guard.CacheMode{guard.CacheOn, guard.CacheCoherent} {
			t.Run(c.what+", "+mode.String(), func(t *testing.T) {
				l := newLibrary("max-age=600")
				l.files["/made.txt"] = "before"
				g := cached(t, l, mode)
				first := g.do("GET", c.path, "").body
				guard.Settle(g.handler)
				if reads := l.reads(); g.do("GET", c.path, "").body != first || l.reads() != reads {
					t.Fatal("it was not stored")
				}
				c.do(g)
				if got := g.do("GET", c.path, "").body; got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
	}
}

// TestCacheForgetsByAnotherRoute: a write by another route to the same backend is one, too.
func TestCacheForgetsByAnotherRoute(t *testing.T) {
	l := newLibrary("max-age=600")
	g := cached(t, l, guard.CacheCoherent, func(o *guard.Options) {
		writes := o.Routes[0]
		writes.Name, writes.Cache, writes.Methods = "writes", guard.CacheOff, []string{"PUT"}
		o.Routes[0].Name = "reads"
		o.Routes = append([]guard.Route{writes}, o.Routes...)
	})
	g.step(l, 1, "GET", "/a.txt", "one")
	g.step(l, 1, "GET", "/a.txt", "one")
	g.want(g.do("PUT", "/a.txt", "two"), 204)
	g.step(l, 3, "GET", "/a.txt", "two") // the write has looked, too
}

// TestCacheWritesSeeTheState: the precondition of a write is never decided from what is stored.
func TestCacheWritesSeeTheState(t *testing.T) {
	l := newLibrary("max-age=600")
	g := cached(t, l, guard.CacheOn)
	tag := g.step(l, 1, "GET", "/a.txt", "one").tag()
	l.mu.Lock()
	l.files["/a.txt"] = "changed around the guard"
	l.mu.Unlock()
	g.step(l, 1, "GET", "/a.txt", "one") // fresh by what the backend says
	g.want(g.do("PUT", "/a.txt", "two", "If-Match: "+tag), 412)
	g.want(g.do("GET", "/a.txt", "", "If-Match: "+tag), 200) // a read of what it is fresh of
}

// TestCacheKeepsApart what is not the same: queries, hosts, languages and users.
func TestCacheKeepsApart(t *testing.T) {
	t.Run("queries", func(t *testing.T) {
		l := newLibrary("max-age=600")
		g := cached(t, l, guard.CacheOn)
		g.step(l, 1, "GET", "/a.txt?x=1", "one?x=1")
		g.step(l, 2, "GET", "/a.txt?x=2", "one?x=2")
		g.step(l, 2, "GET", "/a.txt?x=1", "one?x=1")
	})
	t.Run("queries that count", func(t *testing.T) {
		l := newLibrary("max-age=600")
		g := cached(t, l, guard.CacheOn, func(o *guard.Options) { o.Routes[0].CacheQuery = []string{"page"} })
		g.step(l, 1, "GET", "/a.txt?page=1&utm=x", "one?page=1&utm=x")
		g.step(l, 1, "GET", "/a.txt?utm=y&p%61ge=1", "one?page=1&utm=x")
		g.step(l, 2, "GET", "/a.txt?page=2&utm=x", "one?page=2&utm=x")
		g.tellsKey(t, l)
	})
	t.Run("hosts", func(t *testing.T) {
		l := newLibrary("max-age=600")
		l.vary = "X-Forwarded-Host"
		g := cached(t, l, guard.CacheOn)
		l.vary = "" // the backend does not say what its answer depends on
		for i, host := range []string{"a.example", "b.example"} {
			req, _ := http.NewRequest("GET", g.url+"/a.txt", nil)
			req.Host = host
			res, err := g.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if l.reads() != i+1 {
				t.Errorf("%s: read %d times", host, l.reads())
			}
		}
	})
	t.Run("languages", func(t *testing.T) {
		l := newLibrary("max-age=600")
		l.vary = "Accept-Language"
		g := cached(t, l, guard.CacheOn)
		g.step(l, 1, "GET", "/a.txt", "one for de", "Accept-Language: de")
		g.step(l, 2, "GET", "/a.txt", "one for en", "Accept-Language: en")
		g.step(l, 2, "GET", "/a.txt", "one for de", "Accept-Language: de")
	})
	for _, mode := range []guard.CacheMode{guard.CacheOn, guard.CacheCoherent} {
		for _, field := range []string{"Authorization", "Cookie"} {
			t.Run(field+", "+mode.String(), func(t *testing.T) {
				l := newLibrary("")
				if mode == guard.CacheOn && field == "Authorization" {
					l.control = "max-age=600"
				}
				l.vary = field
				g := cached(t, l, mode)
				l.vary = ""
				g.step(l, 1, "GET", "/a.txt", "one", field+": ann")
				g.step(l, 2, "GET", "/a.txt", "one", field+": bob")
				g.step(l, 3, "GET", "/a.txt", "one", field+": ann")
			})
		}
	}
}

// TestCacheSeesThatItIsNotCoherent: a sample of reads goes to the backend, and finds out that it was changed around the guard.
func TestCacheSeesThatItIsNotCoherent(t *testing.T) {
	l := newLibrary("")
	l.control = "no-cache"
	var said bytes.Buffer
	var options guard.Options
	tags := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		w.Header().Set("Etag", fmt.Sprintf(`"%d"`, len(l.files["/a.txt"])))
		l.mu.Unlock()
		l.ServeHTTP(w, r)
	})
	g := protect(t, tags, func(o *guard.Options) {
		o.Routes[0].Cache, o.Routes[0].Name = guard.CacheCoherent, "site"
		o.Logger, o.Shared = slog.New(slog.NewTextHandler(&said, nil)), guard.NewShared(nil)
		t.Cleanup(o.Shared.Close)
		options = *o
	})
	for range 200 {
		g.do("GET", "/a.txt", "")
	}
	if l.reads() > 20 || g.handler.Routes()[0].Cache != "coherent" {
		t.Fatalf("%d reads, the cache is %s", l.reads(), g.handler.Routes()[0].Cache)
	}
	l.mu.Lock()
	l.files["/a.txt"] = "changed around the guard"
	l.mu.Unlock()
	for range 200 {
		g.do("GET", "/a.txt", "")
	}
	if g.handler.Routes()[0].Cache != "incoherent" || strings.Count(said.String(), "no write through this guard") != 1 {
		t.Errorf("the cache is %s, and it was said: %s", g.handler.Routes()[0].Cache, said.String())
	}
	reads := l.reads()
	g.step(l, reads+1, "GET", "/a.txt", "changed around the guard")

	options.Routes[0].CacheStaleIfError = time.Minute // the configuration is read again, and has changed
	next, err := guard.New(options)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if got := next.Routes()[0].Cache; got != "incoherent" {
		t.Errorf("after the configuration was read again the cache is %s", got)
	}
}

// TestCacheCollapses: a thousand requests for what is not stored are one to the backend.
func TestCacheCollapses(t *testing.T) {
	l := newLibrary("max-age=600")
	l.files["/big"] = strings.Repeat("0123456789", 10_000)
	begun, release := make(chan struct{}, 1000), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-release
		l.ServeHTTP(w, r)
	})
	g := protect(t, slow, func(o *guard.Options) { o.Routes[0].Cache = guard.CacheOn })
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if r := g.do("GET", "/big", ""); r.status != 200 || len(r.body) != 100_000 {
				t.Errorf("got %d with %d bytes", r.status, len(r.body))
			}
		})
	}
	<-begun
	close(release)
	all.Wait()
	if l.reads() != 1 {
		t.Errorf("the backend was asked %d times", l.reads())
	}
}

// TestCacheTeachesNothing: what is stored says nothing about the backend, however often it is read.
func TestCacheTeachesNothing(t *testing.T) {
	l := newLibrary("max-age=600")
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"always-this"`)
		l.ServeHTTP(w, r)
	}), func(o *guard.Options) { o.Routes[0].Cache = guard.CacheOn })
	for range 200 {
		g.do("GET", "/a.txt", "")
	}
	if got := trust(g); got != "learning" {
		t.Errorf("the backend is %s after one read", got)
	}
}

// TestCacheOutlivesARestart: with a directory, what was stored is there for the next guard.
func TestCacheOutlivesARestart(t *testing.T) {
	l := newLibrary("max-age=600")
	dir := t.TempDir()
	withDir := func(o *guard.Options) { o.CacheDir, o.Shared = dir, guard.NewShared(nil) }
	var shared []*guard.Shared
	keep := func(o *guard.Options) { shared = append(shared, o.Shared) }
	first := cached(t, l, guard.CacheOn, withDir, keep)
	first.step(l, 1, "GET", "/a.txt", "one")
	shared[0].Close()
	second := protectServer(t, first.origin, func(o *guard.Options) { o.Routes[0].Cache = guard.CacheOn }, withDir, keep)
	defer shared[1].Close()
	req, _ := http.NewRequest("GET", second.url+"/a.txt", nil)
	req.Host = strings.TrimPrefix(first.url, "http://")
	res, err := second.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if l.reads() != 1 || !strings.Contains(res.Header.Get("Cache-Status"), "hit") {
		t.Errorf("read %d times, %s", l.reads(), res.Header.Get("Cache-Status"))
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := guard.New(guard.Options{
		Routes: []guard.Route{{Backend: mustURL(t, first.origin.URL), Cache: guard.CacheOn}}, CacheDir: filepath.Join(dir, "file"),
	}); err == nil {
		t.Error("a file is taken for the directory of a cache")
	}
}

// TestCacheOverAReload: another configuration takes the place of one. What another backend has answered is not served, and
// a write through the new one is seen by those that the old one still answers.
func TestCacheOverAReload(t *testing.T) {
	l, other := newLibrary("max-age=600"), newLibrary("max-age=600")
	other.files["/a.txt"] = "other"
	shared := guard.NewShared(nil)
	defer shared.Close()
	in := func(o *guard.Options) { o.Shared = shared }
	first := cached(t, l, guard.CacheCoherent, in)
	first.step(l, 1, "GET", "/a.txt", "one")
	get := func(g *guarded, query string) string {
		req, _ := http.NewRequest("GET", g.url+"/a.txt"+query, nil)
		req.Host = strings.TrimPrefix(first.url, "http://")
		res, err := g.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		content, _ := io.ReadAll(res.Body)
		return string(content)
	}
	coherent := func(o *guard.Options) { o.Routes[0].Cache = guard.CacheCoherent }
	if got := get(cached(t, other, guard.CacheCoherent, in), ""); got != "other" {
		t.Errorf("got %q, which is what the backend before answered", got)
	}
	changed := func(o *guard.Options) { o.Routes[0].CacheIgnoresRequests = true }
	second := protectServer(t, first.origin, coherent, in, changed)
	get(first, "?x=1")
	guard.Settle(first.handler)
	second.want(second.do("PUT", "/a.txt", "two"), 204)
	if got := get(first, "?x=1"); !strings.HasPrefix(got, "two") {
		t.Errorf("got %q after a write by the next configuration, want two", got)
	}
}

// TestCoherentAfterARestart: a coherent cache that was ended validates once what it has. One that was killed may have sent a write that
// the backend carries out later: until that is too late, nothing is taken for current.
func TestCoherentAfterARestart(t *testing.T) {
	for _, end := range []string{"ended", "killed", "ended while a write is under way", "ended in doubt"} {
		t.Run(end, func(t *testing.T) {
			now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
			l, dir := newLibrary(""), t.TempDir()
			at := func(o *guard.Options) { o.Now = func() time.Time { return now } }
			shared := guard.NewShared(nil)
			first := cached(t, l, guard.CacheCoherent, at, func(o *guard.Options) { o.Shared, o.CacheDir = shared, dir })
			first.step(l, 1, "GET", "/a.txt", "one")
			first.step(l, 1, "GET", "/a.txt", "one")
			switch end {
			case "killed": // as such a process leaves it
				killed := t.TempDir()
				if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				dir = killed
			case "ended while a write is under way":
				defer guard.BeginWrite(shared)()
			case "ended in doubt":
				first.handler.Forget(t, "/b.txt")
			}
			shared.Close()
			next := guard.NewShared(nil)
			defer next.Close()
			second := protectServer(t, first.origin, at, func(o *guard.Options) {
				o.Shared, o.CacheDir, o.Routes[0].Cache = next, dir, guard.CacheCoherent
			})
			host := "Host: " + strings.TrimPrefix(first.url, "http://")
			second.step(l, 2, "GET", "/a.txt", "one", host)
			l.mu.Lock()
			l.files["/a.txt"] = "two" // by the write that the guard before has sent
			l.mu.Unlock()
			if end == "ended" {
				second.step(l, 2, "GET", "/a.txt", "one", host)
				return
			}
			second.step(l, 3, "GET", "/a.txt", "two", host)
			now = now.Add(11 * time.Minute)
			second.step(l, 4, "GET", "/a.txt", "two", host)
			second.step(l, 4, "GET", "/a.txt", "two", host)
		})
	}
}

// TestCoherentBesideAWrite: from the moment at which the backend may have carried a write out, nothing that was stored before is
// served, although the write has not been answered: other clients may have seen what it did, by another name of the same.
func TestCoherentBesideAWrite(t *testing.T) {
	for _, m := range []string{"GET", "HEAD", "QUERY"} {
		t.Run(m, func(t *testing.T) {
			l := newLibrary("")
			done, answer := make(chan struct{}), make(chan struct{})
			g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				l.ServeHTTP(w, r)
				if r.Method == "PUT" {
					close(done)
					<-answer
				}
			}), func(o *guard.Options) { o.Routes[0].Cache = guard.CacheCoherent })
			read := func() string {
				r := g.want(g.do(m, "/a.txt", ""), 200)
				guard.Settle(g.handler)
				return r.Get("Cache-Status")
			}
			read()
			if got := read(); !strings.Contains(got, "hit") {
				t.Fatalf("before the write: %s", got)
			}
			written := make(chan response)
			go func() { written <- g.do("PUT", "/a.txt", "two", "If-Match: *") }()
			<-done
			got := make(chan response)
			go func() { got <- g.do(m, "/a.txt", "") }()
			select { // the answer may wait for the write, but is not that of before
			case r := <-got:
				if strings.Contains(r.Get("Cache-Status"), "hit") || m == "GET" && r.body != "two" {
					t.Errorf("beside the write: %q, %s", r.body, r.Get("Cache-Status"))
				}
				close(answer)
			case <-time.After(100 * time.Millisecond):
				close(answer)
				if r := <-got; strings.Contains(r.Get("Cache-Status"), "hit") || m == "GET" && r.body != "two" {
					t.Errorf("after the write: %q, %s", r.body, r.Get("Cache-Status"))
				}
			}
			if r := <-written; r.status != 204 {
				t.Errorf("the write: %d %s", r.status, r.body)
			}
		})
	}
}

// TestCacheServesQuery: a QUERY that is repeated is answered without the backend, and another content is another question.
func TestCacheServesQuery(t *testing.T) {
	asked := 0
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		content, _ := io.ReadAll(r.Body)
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "answer to %s", content)
	}), func(o *guard.Options) { o.Routes[0].Cache = guard.CacheOn })
	for i, c := range []struct {
		content, status string
		asked           int
	}{{"a", "fwd=uri-miss", 1}, {"a", "hit", 1}, {"b", "fwd=", 2}, {"b", "hit", 2}, {"a", "hit", 2}} {
		r := g.want(g.do("QUERY", "/a.txt", c.content, "Content-Type: text/plain"), 200)
		guard.Settle(g.handler)
		if r.body != "answer to "+c.content || asked != c.asked || !strings.Contains(r.Get("Cache-Status"), c.status) {
			t.Errorf("%d: got %q, %s, and the backend was asked %d times; want %s and %d",
				i, r.body, r.Get("Cache-Status"), asked, c.status, c.asked)
		}
	}
}

// TestCacheIsInTheRecord: the log says what the cache did.
func TestCacheIsInTheRecord(t *testing.T) {
	l := newLibrary("max-age=60")
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	var words []string
	g := cached(t, l, guard.CacheOn, func(o *guard.Options) {
		o.Now = func() time.Time { return now }
		o.Observe = func(_ *http.Request, rec *observe.Record) {
			words = append(words, fmt.Sprintf("%s/%d", rec.Backend.Cache, rec.Backend.Requests))
		}
	})
	get := func() {
		g.do("GET", "/a.txt", "")
		guard.Settle(g.handler)
	}
	get()
	get()
	g.want(g.do("PUT", "/a.txt", "two"), 204)
	get()
	g.server.Close()
	if got := strings.Join(words, " "); got != "miss/1 hit/0 bypass/1 miss/1" {
		t.Errorf("got %s", got)
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// tellsKey asks for what is stored under another query, which Cache-Status is to tell.
func (g *guarded) tellsKey(t *testing.T, l *library) {
	t.Helper()
	told := g.step(l, 2, "GET", "/a.txt?utm=z&page=2", "one?page=2&utm=x").Get("Cache-Status")
	if !strings.HasPrefix(told, `"fourtwelve";hit`) || !strings.HasSuffix(told, `;key="`+g.url+`/a.txt?page=2"`) {
		t.Errorf("the key is another than what was asked for, and not told: %s", told)
	}
}
