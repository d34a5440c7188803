package guard_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/observe"
)

const (
	writers = 32
	rounds  = 100
)

// TestOneWriterWins: of writers who saw the same state, and whose requests arrive at
// the same time, exactly one is told that it wrote, and its content is what is
// stored. Requests arrive whole, or all but their last byte first: then all of
// them are under way before any is complete.
func TestOneWriterWins(t *testing.T) {
	for _, f := range []fault{noTag, everChanging, sameForAll, slowWrites, gzips} {
		for held := range 2 {
			t.Run(fmt.Sprintf("%s, %d bytes held back", f, held), func(t *testing.T) {
				t.Parallel()
				b := newBackend(f)
				g := protect(t, b)
				conns := make([]*connection, writers)
				for i := range conns {
					conns[i] = g.dial()
				}
				tag := g.want(g.do("PUT", "/a", "first", "If-None-Match: *"), 200, 201).tag()
				for round := range rounds / 20 {
					tag = race(t, b, conns, round, held, "/a", "If-Match: "+tag)
					race(t, b, conns, round, held, fmt.Sprintf("/new-%d", round), "If-None-Match: *")
				}
			})
		}
	}
}

// TestOneWriterWinsForLong is the case of one backend, for all rounds.
func TestOneWriterWinsForLong(t *testing.T) {
	t.Parallel()
	b := newBackend(slowWrites)
	g := protect(t, b)
	conns := make([]*connection, writers)
	for i := range conns {
		conns[i] = g.dial()
	}
	tag := g.want(g.do("PUT", "/a", "first", "If-None-Match: *"), 201).tag()
	for round := range rounds {
		tag = race(t, b, conns, round, round%2, "/a", "If-Match: "+tag)
	}
}

// race sends one PUT on each connection, all at the same time, and returns the tag
// that the winner was given.
func race(t *testing.T, b *backend, conns []*connection, round, held int, path, field string) string {
	t.Helper()
	answers := make([]response, len(conns))
	contents := make([]string, len(conns))
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i, c := range conns {
		contents[i] = fmt.Sprintf("writer %d in round %d", i, round)
		request := rawPut(path, field, contents[i])
		early, late := request[:len(request)-held], request[len(request)-held:]
		if held == 0 {
			early, late = "", request
		}
		ready.Add(1)
		done.Go(func() {
			fmt.Fprint(c, early)
			ready.Done()
			<-start
			fmt.Fprint(c, late)
			var err error
			if answers[i], err = c.read("PUT"); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	winner := -1
	for i, a := range answers {
		switch {
		case a.status/100 == 2 && winner >= 0:
			t.Fatalf("round %d: writers %d and %d both wrote", round, winner, i)
		case a.status/100 == 2:
			winner = i
		case a.status != http.StatusPreconditionFailed:
			t.Fatalf("round %d: writer %d got %d: %s", round, i, a.status, a.body)
		}
	}
	if winner < 0 {
		t.Fatalf("round %d: nobody wrote", round)
	}
	if got := b.content(path); got != contents[winner] {
		t.Fatalf("round %d: %q is stored, writer %d won", round, got, winner)
	}
	return answers[winner].tag()
}

// TestUnconditionalWritesDoNotSlipIn: a write without a precondition does not come
// between the check of a conditional one and its performance.
func TestUnconditionalWritesDoNotSlipIn(t *testing.T) {
	b := newBackend(slowWrites)
	g := protect(t, b)
	for round := range 50 {
		path := fmt.Sprintf("/%d", round)
		tag := g.want(g.do("PUT", path, "first"), 201).tag()
		var conditional, other response
		var both sync.WaitGroup
		both.Go(func() { conditional = g.do("PUT", path, "conditional", "If-Match: "+tag) })
		both.Go(func() { other = g.do("PUT", path, "other") })
		both.Wait()
		g.want(other, 204)
		if conditional.status == 204 && b.content(path) != "other" {
			t.Fatalf("round %d: the other write was lost", round)
		}
		if conditional.status == 412 && b.content(path) != "other" {
			t.Fatalf("round %d: refused, but %q is stored", round, b.content(path))
		}
	}
}

// TestCutUploads: content that ends early changes nothing, however it is framed and
// however the connection ends.
func TestCutUploads(t *testing.T) {
	framings := map[string]string{
		"with length": "Content-Length: 1000\r\n\r\n" + strings.Repeat("x", 500),
		"chunked":     "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + strings.Repeat("x", 500) + "\r\n",
		"in a chunk":  "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + strings.Repeat("x", 100),
	}
	ends := map[string]func(*net.TCPConn){
		"FIN": func(c *net.TCPConn) { c.CloseWrite() },
		"RST": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	}
	fields := map[string]string{"conditional": "If-Match: *\r\n", "unconditional": ""}
	for framing, rest := range framings {
		for end, cut := range ends {
			for kind, field := range fields {
				t.Run(framing+", "+end+", "+kind, func(t *testing.T) {
					b := newBackend(noTag)
					b.store("/a", []byte("first"))
					records := make(chan observe.Record, 1)
					g := protect(t, b, observed(records))
					c := g.dial()
					fmt.Fprint(c, "PUT /a HTTP/1.1\r\nHost: test\r\n"+field+rest)
					cut(c.Conn.(*net.TCPConn))
					if end == "FIN" {
						if r := c.mustRead(t, "PUT"); r.status != 400 || !strings.Contains(r.body, "incomplete-content") {
							t.Errorf("got %d: %s", r.status, r.body)
						}
					}
					<-records // the guard is done with it
					if b.writeCount() != 1 || b.content("/a") != "first" {
						t.Errorf("the cut upload was stored: %q", b.content("/a"))
					}
					g.want(g.do("PUT", "/a", "second", "If-Match: *"), 204) // no lock is left
				})
			}
		}
	}
}

// TestExpectationIsRefusedEarly: an upload that is going to fail is refused before its
// first byte.
func TestExpectationIsRefusedEarly(t *testing.T) {
	b := newBackend(noTag)
	b.store("/a", []byte("first"))
	g := protect(t, b)
	head := "PUT /a HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 6\r\nIf-Match: %s\r\n\r\n"
	c := g.dial()
	fmt.Fprintf(c, head, `"stale"`)
	if r := c.mustRead(t, "PUT"); r.status != 412 {
		t.Fatalf("got %d", r.status)
	}
	c = g.dial()
	fmt.Fprintf(c, head, g.do("GET", "/a", "").tag())
	if line, _ := c.reader.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, want 100", line)
	}
	c.reader.ReadString('\n')
	fmt.Fprint(c, "second")
	if r := c.mustRead(t, "PUT"); r.status != 204 {
		t.Fatalf("got %d", r.status)
	}
}

// TestClientGone: a write that was sent on is not cut off because the client has gone,
// and its lock is held until the backend has answered.
func TestClientGone(t *testing.T) {
	b := newBackend(noTag)
	b.store("/a", []byte("first"))
	arrived, goOn, noticed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var slow atomic.Bool
	slow.Store(true)
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" && slow.Swap(false) {
			content, _ := io.ReadAll(r.Body) // after which a cut shows in the context
			r.Body = io.NopCloser(bytes.NewReader(content))
			close(arrived)
			select {
			case <-goOn:
			case <-r.Context().Done():
				t.Error("the write was cut off")
			}
		}
		b.ServeHTTP(w, r)
	}))
	g.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Goes") != "" {
			context.AfterFunc(r.Context(), func() { close(noticed) })
		}
		g.handler.ServeHTTP(w, r)
	})
	tag := g.do("GET", "/a", "").tag()
	c := g.dial()
	fmt.Fprint(c, rawPut("/a", "If-Match: *\r\nX-Goes: 1", "second"))
	<-arrived
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
	<-noticed
	var late response
	var other sync.WaitGroup
	other.Go(func() { late = g.do("PUT", "/a", "third", "If-Match: "+tag) })
	for range 20 { // round trips, in which a cut would reach the backend
		g.want(g.do("GET", "/a", "", "If-None-Match: "+tag), 304)
	}
	close(goOn)
	other.Wait()
	g.want(late, 412)
	if got := b.content("/a"); got != "second" {
		t.Errorf("%q is stored", got)
	}
}

// TestUnknownOutcome: a backend that dies in the middle of a write leaves an unknown
// outcome, which is said; a write of which nothing was sent is known not to have
// happened.
func TestUnknownOutcome(t *testing.T) {
	for name, stores := range map[string]bool{"before storing": false, "after storing": true} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(noTag)
			b.store("/a", []byte("first"))
			g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "PUT" {
					b.ServeHTTP(w, r)
					return
				}
				content, _ := io.ReadAll(r.Body)
				if stores {
					b.store(r.URL.Path, content)
				}
				panic(http.ErrAbortHandler)
			}))
			tag := g.do("GET", "/a", "").tag()
			r := g.want(g.do("PUT", "/a", "second", "If-Match: "+tag, "Idempotency-Key: 1"), 502)
			if !strings.Contains(r.body, `"outcome-unknown"`) || r.tag() != "" {
				t.Errorf("got %s", r.body)
			}
			if want := 2; stores && b.writeCount() != want {
				t.Errorf("the write was sent %d times", b.writeCount()-1)
			}
			r = g.want(g.do("POST", "/a", "", "Idempotency-Key: 1"), 405)
			g.origin.CloseClientConnections()
			g.origin.Listener.Close()
			r = g.want(g.do("PUT", "/a", "third", "If-Match: "+tag), 502)
			if !strings.Contains(r.body, `"backend-unreachable"`) {
				t.Errorf("got %s", r.body)
			}
		})
	}
}

// TestNothingIsSentTwice: not even where net/http would: a request without content,
// with an Idempotency-Key, on a connection that was used before.
func TestNothingIsSentTwice(t *testing.T) {
	var posts atomic.Int64
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			if r.Header.Get("Idempotency-Key") != "1" {
				t.Errorf("the key was lost: %v", r.Header)
			}
			posts.Add(1)
			panic(http.ErrAbortHandler)
		}
	}))
	g.want(g.do("GET", "/", ""), 200) // makes a connection to be used again
	g.want(g.do("POST", "/", "", "Idempotency-Key: 1"), 502)
	if posts.Load() != 1 {
		t.Errorf("the POST was sent %d times", posts.Load())
	}
}
