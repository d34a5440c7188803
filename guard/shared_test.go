package guard_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
)

// TestReloadLeavesNoConnections: of a handler that another has taken the place of, no connection to the backend stays, though
// each has a TLS configuration of its own.
func TestReloadLeavesNoConnections(t *testing.T) {
	var open atomic.Int64
	origin := httptest.NewUnstartedServer(newBackend(noTag))
	origin.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	origin.StartTLS()
	t.Cleanup(origin.Close)
	roots := x509.NewCertPool()
	roots.AddCert(origin.Certificate())
	u, _ := url.Parse(origin.URL)
	shared := guard.NewShared(nil)
	var before *guard.Handler
	for range 5 {
		h, err := guard.New(guard.Options{Shared: shared, Routes: []guard.Route{
			{Backend: u, BackendTLS: &tls.Config{RootCAs: roots}, Timeouts: guard.Timeouts{Idle: -1}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 404 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if before != nil {
			before.Close()
		}
		before = h
		await(func() bool { return open.Load() == 1 })
	}
	before.Close()
	await(func() bool { return open.Load() == 0 })
}

// TestReloadKeepsTrust: what was learned of a backend outlives the handler that learned it, as long as one for the same
// route takes its place before it is closed.
func TestReloadKeepsTrust(t *testing.T) {
	shared := guard.NewShared(nil)
	s := newShelf(ofContent)
	first := protect(t, s, func(o *guard.Options) { o.Shared = shared })
	first.readLessons()
	second := protectServer(t, first.origin, func(o *guard.Options) { o.Shared = shared })
	first.handler.Close()
	if got := trust(second); got != "trusted" {
		t.Errorf("got %s", got)
	}
	second.handler.Close()
	third := protectServer(t, first.origin, func(o *guard.Options) { o.Shared = shared })
	if got := trust(third); got != "learning" {
		t.Errorf("after all were closed: %s", got)
	}
}

// narrow starts a server whose connections buffer little of what is sent, so that it is seen where the rest is.
func narrow(t *testing.T, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.(*net.TCPConn).SetWriteBuffer(128 << 10)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// TestThousandSlowReaders: a thousand clients that have read no more than the beginning of a response which is longer than
// all that may be held have it waiting at the backend, and hold no more memory than any connection needs.
func TestThousandSlowReaders(t *testing.T) {
	const (
		clients   = 1000
		size      = 16 << 20 // beyond what the buffers of the system hold, which may grow to 10 MiB for a connection
		memory    = 8 << 20
		perClient = 160 << 10 // buffers of both connections, and one to copy
	)
	var begun, sent, ended atomic.Int64
	block := make([]byte, 64<<10)
	shared := guard.NewShared(nil)
	origin := narrow(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("Content-Length", strconv.Itoa(size))
		begun.Add(1)
		defer ended.Add(1)
		for range size / len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
		sent.Add(1)
	}))
	g := protectServer(t, origin, func(o *guard.Options) {
		o.MaxMemory, o.MaxDisk, o.Shared = memory, memory, shared
		o.Routes[0].MaxSpool = -1
	})
	g.server = narrow(t, g.handler)
	before := heap()
	conns := make([]*connection, clients)
	for i := range conns {
		conns[i] = g.dial()
		conns[i].Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		io.WriteString(conns[i], "GET /large HTTP/1.1\r\nHost: t\r\n\r\n")
	}
	for _, c := range conns {
		if _, err := c.reader.Peek(1); err != nil {
			t.Fatal(err)
		}
	}
	if n := sent.Load(); n > 0 {
		t.Errorf("%d of %d responses were read to their end", n, begun.Load())
	}
	if use := shared.Usage(); use.Memory > memory || use.Disk > memory {
		t.Errorf("%+v is held, of %d bytes allowed of each", use, memory)
	}
	if grown := heap() - before; grown > memory+clients*perClient {
		t.Errorf("the heap has grown by %d bytes, which is more than the %d allowed and %d for each client", grown, memory, perClient)
	}
	if r := conns[0].mustRead(t, "GET"); len(r.body) != size {
		t.Errorf("the first got %d bytes", len(r.body))
	}
	for _, c := range conns[1:] {
		c.Close()
	}
	await(func() bool { return ended.Load() == clients && shared.Usage() == guard.Usage{} })
}
