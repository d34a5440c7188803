package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
)

// rawBackend answers every connection with the same bytes and closes it.
func rawBackend(t *testing.T, answer string, change ...func(*guard.Options)) *guarded {
	t.Helper()
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, answer)
	}), change...)
	return g
}

// TestLyingLength: content that is shorter than announced never looks whole, whether
// it is held or streamed, and no precondition is evaluated by it.
func TestLyingLength(t *testing.T) {
	short := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\nETag: \"a\"\r\n\r\nonly this"
	g := rawBackend(t, short)
	if r := g.want(g.do("GET", "/a", ""), 502); !strings.Contains(r.body, "backend-incomplete") {
		t.Errorf("got %s", r.body)
	}
	if r := g.want(g.do("PUT", "/a", "x", `If-Match: "a"`), 502); !strings.Contains(r.body, "cannot-check") {
		t.Errorf("got %s", r.body)
	}
	g = rawBackend(t, short, changed(func(r *guard.Route) { r.Validators = guard.ValidatorsBackend }))
	for _, field := range []string{"X: y", "Range: bytes=2-50"} {
		if r, err := g.try("GET", "/a", "", field); err == nil && r.err == nil {
			t.Errorf("%s: the cut content looked whole: %q", field, r.body)
		}
	}
	long := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nonly this"
	g = rawBackend(t, long)
	if r := g.want(g.do("GET", "/a", ""), 200); r.body != "only" || r.err != nil {
		t.Errorf("got %q, %v", r.body, r.err)
	}
}

// TestNonsense: what answers no question is not passed on, and no client learns
// anything from it.
func TestNonsense(t *testing.T) {
	for _, head := range []string{"304 Not Modified\r\nETag: \"a\"",
		"206 Partial Content\r\nContent-Range: bytes 0-1/10\r\nContent-Length: 2"} {
		g := rawBackend(t, "HTTP/1.1 "+head+"\r\n\r\nab")
		g.want(g.do("GET", "/a", "", `If-None-Match: "a"`), 502)
		g.want(g.do("PUT", "/a", "x", `If-Match: "a"`), 502)
	}
}

// TestStateThatCannotBeSeen: a write is refused, never performed unchecked, and what
// the backend asks of the writer reaches the writer.
func TestStateThatCannotBeSeen(t *testing.T) {
	for status, want := range map[int]int{
		401: 401, 403: 403, 429: 429, 302: 502, 405: 502, 406: 502, 500: 502, 503: 502, 418: 502,
	} {
		var writes atomic.Int64
		g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" {
				writes.Add(1)
				return
			}
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(status)
		}))
		r := g.want(g.do("PUT", "/a", "x", `If-Match: "a"`), want)
		if want == 401 && r.Get("WWW-Authenticate") != "Basic" {
			t.Error("the challenge is missing")
		}
		if writes.Load() > 0 {
			t.Errorf("%d: the write was performed", status)
		}
		g.want(g.do("PUT", "/a", "x"), 200)
	}
}

// TestCredentials: the state is looked at with the writer's own fields, and what one
// client may see is never told to another.
func TestCredentials(t *testing.T) {
	var mu sync.Mutex
	contents := map[string]string{"alice": "of alice", "bob": "of bob"}
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		user := r.Header.Get("Authorization") + r.Header.Get("Cookie")
		content, ok := contents[user]
		switch {
		case !ok:
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == "PUT":
			data, _ := io.ReadAll(r.Body)
			contents[user] = string(data)
		default:
			io.WriteString(w, content)
		}
	}))
	alice := g.do("GET", "/", "", "Authorization: alice").tag()
	bob := g.do("GET", "/", "", "Cookie: bob").tag()
	if alice == bob || alice == "" {
		t.Fatalf("%s and %s", alice, bob)
	}
	g.want(g.do("GET", "/", "", "Cookie: bob", "If-None-Match: "+alice), 200)
	g.want(g.do("GET", "/", "", "If-None-Match: "+alice), 401)
	g.want(g.do("PUT", "/", "x", "Cookie: bob", "If-Match: "+alice), 412)
	g.want(g.do("PUT", "/", "x", "If-Match: "+alice), 401)
	g.want(g.do("PUT", "/", "new", "Authorization: alice", "If-Match: "+alice), 200)
	mu.Lock()
	defer mu.Unlock()
	if contents["alice"] != "new" || contents["bob"] != "of bob" {
		t.Errorf("%v", contents)
	}
}

// TestLimits: what is too much is refused with a clear answer.
func TestLimits(t *testing.T) {
	b := newBackend(noTag)
	g := protect(t, b, changed(func(r *guard.Route) { r.MaxBody = 10 }))
	many := strings.Repeat(`"x", `, guard.MaxTags+1)
	g.want(g.do("PUT", "/a", "x", "If-Match: "+many), 431)
	g.want(g.do("GET", "/a", "", "If-None-Match: "+many), 431)
	g.want(g.do("PUT", "/a", "x", "If-None-Match: "+strings.Repeat(`"x", `, guard.MaxTags)), 201)
	g.want(g.do("PUT", "/a", strings.Repeat("x", 11)), 413)
	c := g.dial()
	fmt.Fprint(c, "PUT /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n")
	if r := c.mustRead(t, "PUT"); r.status != 413 {
		t.Errorf("got %d", r.status)
	}
	g.want(g.do("PUT", "/a", "0123456789", "Content-Range: bytes 0-9/20"), 400)
	if b.content("/a") != "x" {
		t.Errorf("%q is stored", b.content("/a"))
	}
}

// TestRequire: writes without a precondition are refused where that is asked for.
func TestRequire(t *testing.T) {
	for _, c := range []struct {
		require                   condhttp.Requirement
		create, replace, post, ok int
	}{
		{condhttp.RequireNone, 201, 204, 405, 204},
		{condhttp.RequireOverwrite, 201, 428, 405, 204},
		{condhttp.RequireAlways, 428, 428, 428, 204},
	} {
		b := newBackend(noTag)
		g := protect(t, b, changed(func(r *guard.Route) { r.Require = c.require }))
		g.want(g.do("PUT", "/a", "x"), c.create)
		b.store("/a", []byte("y"))
		g.want(g.do("PUT", "/a", "x"), c.replace)
		g.want(g.do("PUT", "/a", "x", "If-Unmodified-Since: yesterday"), c.replace)
		g.want(g.do("POST", "/a", "x"), c.post)
		g.want(g.do("PUT", "/a", "x", "If: (<opaquelocktoken:1>)"), c.replace) // nobody evaluates it
		g.want(g.do("PUT", "/a", "z", "If-Match: "+g.do("GET", "/a", "").tag()), c.ok)
	}
}

// TestLarge: content beyond all bounds is streamed, without a strong tag, and can still be
// fetched in parts; a write of such content is still only performed on the right state.
func TestLarge(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 64<<10) // 1 MiB
	small := changed(func(r *guard.Route) { r.MaxBuffer, r.MaxSpool = 1000, 2000 })
	for _, f := range []fault{goodTags, noTag, chunked, sameForAll} {
		t.Run(string(f), func(t *testing.T) {
			b := newBackend(f)
			b.store("/a", []byte(large))
			b.store("/b", []byte("small"))
			g := protect(t, b, small)
			whole := g.want(g.do("GET", "/a", ""), 200)
			if whole.body != large || whole.tag() != "" && !strings.HasPrefix(whole.tag(), "W/") {
				t.Errorf("%d bytes, ETag %q", len(whole.body), whole.tag())
			}
			if whole.tag() != "" {
				g.want(g.do("GET", "/a", "", "If-None-Match: "+whole.tag()), 304)
			}
			r := g.do("GET", "/a", "", "Range: bytes=500001-500010")
			if f == chunked {
				g.want(r, 200)
			} else if g.want(r, 206); r.body != large[500001:500011] {
				t.Errorf("got %q", r.body)
			}
			if f != chunked {
				g.want(g.do("GET", "/a", "", "Range: bytes=2000000-"), 416)
			}
			g.want(g.do("GET", "/a", "", "Range: bytes=0-9", `If-Range: "x"`), 200)
			g.want(g.do("PUT", "/b", large, `If-Match: "x"`), 412)
			g.want(g.do("PUT", "/b", large, "If-Match: "+g.do("GET", "/b", "").tag()), 204)
			if b.content("/b") != large {
				t.Error("the content was not stored whole")
			}
		})
	}
}

// TestSpoolLeavesNothing: content that went to disk is right, and no file stays.
func TestSpoolLeavesNothing(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 64<<10)
	dir := t.TempDir()
	shared := guard.NewShared(nil)
	b := newBackend(noTag)
	g := protect(t, b, func(o *guard.Options) {
		o.SpoolDir, o.Shared = dir, shared
		o.Routes[0].MaxBuffer = 1000
	})
	tag := g.want(g.do("PUT", "/a", large, "If-None-Match: *"), 201).tag()
	if r := g.want(g.do("GET", "/a", ""), 200); r.body != large || r.tag() != tag {
		t.Errorf("%d bytes, ETag %s, want %s", len(r.body), r.tag(), tag)
	}
	if r := g.want(g.do("GET", "/a", "", "Range: bytes=990-1010", "If-Range: "+tag), 206); r.body != large[990:1011] {
		t.Errorf("got %q", r.body)
	}
	g.server.Close()
	if files, _ := os.ReadDir(dir); len(files) > 0 {
		t.Errorf("%v is left", files)
	}
	if use := shared.Usage(); use != (guard.Usage{}) {
		t.Errorf("%+v is left", use)
	}
}

// TestSlowClientsAreBounded: many clients that do not read their answers hold no more
// memory than is allowed, and the rest is on disk.
func TestSlowClientsAreBounded(t *testing.T) {
	const clients, size, memory = 48, 1 << 20, 8 << 20
	b := newBackend(noTag)
	b.store("/a", []byte(strings.Repeat("x", size)))
	shared := guard.NewShared(nil)
	g := protect(t, b, func(o *guard.Options) {
		o.MaxMemory, o.Shared = memory, shared
		o.Routes[0].NoCoding, o.Routes[0].MaxBuffer = true, 2<<20
	})
	conns := make([]*connection, clients)
	var begun sync.WaitGroup
	for i := range conns {
		c := g.dial()
		conns[i] = c
		begun.Go(func() {
			io.WriteString(c, "GET /a HTTP/1.1\r\nHost: t\r\n\r\n")
			if _, err := c.reader.Peek(1); err != nil { // the answer begins, so all of it is held
				t.Error(err)
			}
			if use := shared.Usage(); use.Memory > memory {
				t.Errorf("%d bytes of memory are held", use.Memory)
			}
		})
	}
	begun.Wait()
	for _, c := range conns {
		if r := c.mustRead(t, "GET"); len(r.body) != size {
			t.Fatalf("got %d bytes", len(r.body))
		}
	}
}

// TestNoRoom: with neither memory nor disk everything is streamed, and writes are
// still only performed on the right state.
func TestNoRoom(t *testing.T) {
	b := newBackend(goodTags)
	b.store("/a", []byte("first"))
	g := protect(t, b, func(o *guard.Options) { o.MaxMemory, o.MaxDisk = -1, -1 })
	if r := g.want(g.do("GET", "/a", ""), 200); r.body != "first" || strings.HasPrefix(r.tag(), `"`) {
		t.Errorf("%q, ETag %s", r.body, r.tag())
	}
	g.want(g.do("PUT", "/a", "second", `If-Match: "stale"`), 412)
	g.want(g.do("PUT", "/a", "second", "If-Match: *"), 204)
	if b.content("/a") != "second" {
		t.Errorf("%q is stored", b.content("/a"))
	}
}

// TestTimeouts: who keeps the guard waiting for ever is not waited for, and no lock
// stays behind.
func TestTimeouts(t *testing.T) {
	const soon = 20 * time.Millisecond // for what never comes
	b := newBackend(noTag)
	b.store("/a", []byte("first"))
	stuck := make(chan struct{})
	arrived := make(chan struct{}, 10)
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Stuck") == r.Method {
			io.Copy(io.Discard, r.Body)
			arrived <- struct{}{}
			select {
			case <-stuck:
			case <-r.Context().Done():
				return
			}
		}
		b.ServeHTTP(w, r)
	})
	t.Run("backend", func(t *testing.T) {
		g := protect(t, backend, changed(func(r *guard.Route) { r.Timeouts.Response = soon }))
		for _, c := range []struct{ method, stuck, field, reason string }{
			{"GET", "GET", "X: y", "backend-timeout"},
			{"PUT", "PUT", "X: y", "outcome-unknown"},
			{"PUT", "GET", "If-Match: *", "cannot-check"},
		} {
			r := g.want(g.do(c.method, "/a", "x", "X-Stuck: "+c.stuck, c.field), 504)
			if !strings.Contains(r.body, c.reason) {
				t.Errorf("%+v: got %s", c, r.body)
			}
			<-arrived
		}
	})
	t.Run("lock", func(t *testing.T) {
		g := protect(t, backend, changed(func(r *guard.Route) { r.Timeouts.Lock = soon }))
		var first sync.WaitGroup
		first.Go(func() { g.do("PUT", "/b", "x", "X-Stuck: PUT", "If-None-Match: *") })
		<-arrived
		r := g.want(g.do("PUT", "/b", "x", "If-None-Match: *"), 503)
		if !strings.Contains(r.body, "busy") || r.Get("Retry-After") == "" {
			t.Errorf("got %s", r.body)
		}
		close(stuck)
		first.Wait()
		g.want(g.do("PUT", "/b", "x", "If-None-Match: *"), 412)
	})
	t.Run("client", func(t *testing.T) {
		g := protect(t, backend, changed(func(r *guard.Route) { r.Timeouts.Content = soon }))
		c := g.dial()
		io.WriteString(c, "PUT /a HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf")
		if r := c.mustRead(t, "PUT"); r.status != 408 {
			t.Errorf("got %d %s", r.status, r.body)
		}
	})
}

// TestDateStillRunning: a date whose second was not over covers more than one version,
// so it is neither given out nor believed.
func TestDateStillRunning(t *testing.T) {
	const date = "Tue, 24 Nov 2026 12:00:00 GMT"
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", date)
		w.Header().Set("Last-Modified", date)
		w.Header().Set("ETag", `"made-of-the-date"`)
		io.WriteString(w, "content")
	}))
	if r := g.want(g.do("GET", "/a", ""), 200); r.Get("Last-Modified") != "" {
		t.Errorf("Last-Modified %s", r.Get("Last-Modified"))
	}
	g.want(g.do("GET", "/a", "", "Range: bytes=1-", "If-Range: "+date), 200)
	g.want(g.do("PUT", "/a", "x", "If-Unmodified-Since: "+date), 412)
	g.want(g.do("PUT", "/a", "x", `If-Match: "made-of-the-date"`), 412)
}

// TestTellsWhatItKnows: see [guard.Handler.Routes].
func TestTellsWhatItKnows(t *testing.T) {
	b := newBackend(unquoted)
	b.store("/a", []byte("x"))
	g := protect(t, b)
	if s := g.handler.Routes()[0]; s.Trust != "learning" {
		t.Errorf("got %+v", s)
	}
	g.do("GET", "/a", "")
	if s := g.handler.Routes()[0]; s.Trust != "distrusted" || s.Why != "unquoted" {
		t.Errorf("got %+v", s)
	}
}
