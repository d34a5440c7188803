package admit

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestClient(t *testing.T) {
	l := New(Options{Exempt: func(a netip.Addr) bool { return a == netip.MustParseAddr("198.51.100.7") }})
	for remote, want := range map[string]string{
		"192.0.2.1:80":              "192.0.2.1",
		"[::ffff:192.0.2.1]:80":     "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::",
		"[2001:db8:1:2:9::]:80":     "2001:db8:1:2::",
		"[fe80::1%eth0]:80":         "fe80::",
		"127.0.0.1:80":              "invalid IP",
		"[::1]:80":                  "invalid IP",
		"198.51.100.7:80":           "invalid IP",
		"@":                         "invalid IP",
	} {
		if got := l.client(remote).String(); got != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
}

// from is a connection from an address.
type from struct {
	net.Conn
	address string
	closed  bool
}

func (f *from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.address))
}
func (f *from) Close() error { f.closed = true; return nil }

func TestConnections(t *testing.T) {
	l := New(Options{PerAddress: 2, Total: 3})
	open := func(address string, wantClosed bool) *from {
		t.Helper()
		c := &from{address: address}
		if l.State(c, http.StateNew); c.closed != wantClosed {
			t.Errorf("%s: closed %v, want %v", address, c.closed, wantClosed)
		}
		return c
	}
	a := open("192.0.2.1:1", false)
	open("192.0.2.1:2", false)
	refused := open("192.0.2.1:3", true)
	l.State(refused, http.StateClosed) // as net/http does when it finds it closed
	open("192.0.2.2:1", false)
	open("192.0.2.3:1", true) // four altogether
	l.State(a, http.StateActive)
	l.State(a, http.StateClosed)
	l.State(a, http.StateClosed)
	open("192.0.2.1:4", false)
	open("127.0.0.1:1", true)
	if l.connections.all.Load() != 3 || len(l.connections.conns) != 3 {
		t.Errorf("%d are counted, and %d noted", l.connections.all.Load(), len(l.connections.conns))
	}
}

// over is a layer on a connection.
type over struct{ net.Conn }

func (o over) Beneath() net.Conn { return o.Conn }

// TestLayersAreOneConnection: one that was counted is not counted again when another layer stands on it.
func TestLayersAreOneConnection(t *testing.T) {
	l := New(Options{Total: 1})
	c := &from{address: "192.0.2.1:1"}
	l.State(c, http.StateNew)
	l.State(over{over{c}}, http.StateNew)
	if c.closed || l.connections.all.Load() != 1 {
		t.Errorf("closed %v, %d are counted", c.closed, l.connections.all.Load())
	}
	l.State(over{over{c}}, http.StateClosed)
	if n := l.connections.all.Load(); n != 0 {
		t.Errorf("%d are counted after the end", n)
	}
}

func TestRequests(t *testing.T) {
	l := New(Options{PerAddress: 1, Refuse: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }})
	ask := func(h http.HandlerFunc, address string) int {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = address
		l.Handler(h).ServeHTTP(w, r)
		return w.Code
	}
	nothing := func(http.ResponseWriter, *http.Request) {}
	inside := func(http.ResponseWriter, *http.Request) {
		if got := ask(nothing, "192.0.2.1:2"); got != http.StatusServiceUnavailable {
			t.Errorf("a second at once: got %d", got)
		}
		if got := ask(nothing, "192.0.2.2:1"); got != http.StatusOK {
			t.Errorf("one from elsewhere: got %d", got)
		}
	}
	for range 2 { // the second time shows that the first has left
		if got := ask(inside, "192.0.2.1:1"); got != http.StatusOK {
			t.Errorf("one: got %d", got)
		}
	}
	if l.requests.all.Load() != 0 || len(l.requests.of) != 0 {
		t.Errorf("left over: %d, %v", l.requests.all.Load(), l.requests.of)
	}
}

// TestRapidReset: a client that asks and takes back, again and again, loses its connection,
// long before it has had the server begin what it asked for.
func TestRapidReset(t *testing.T) {
	l := New(Options{})
	began := make(chan struct{}, 1<<20)
	s := httptest.NewUnstartedServer(l.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-r.Context().Done() // as if there was something to do
	})))
	s.EnableHTTP2 = true
	s.Config.ConnContext, s.Config.ConnState, s.Config.HTTP2 = l.Context, l.State, HTTP2()
	s.StartTLS()
	defer s.Close()
	conn, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	go io.Copy(io.Discard, conn)
	if n := reset(t, conn, 100_000); n == 100_000 {
		t.Errorf("%d requests were sent and taken back, and the connection is still there", n)
	}
	if len(began) > 10*maxTakenBack {
		t.Errorf("%d requests were begun", len(began))
	}
}

// reset sends most requests, each taken back at once, and returns how many could be sent.
func reset(t *testing.T, conn net.Conn, most int) int {
	t.Helper()
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frame(settings, 0, 0, "")); err != nil {
		t.Fatal(err)
	}
	// RFC 7541: GET, https and / of the static table, and a literal :authority.
	const fields = "\x82\x87\x84\x01\x09localhost"
	const endOfStreamAndHeaders = 0x5
	for i := range most {
		id := uint32(2*i + 1)
		request := frame(headers, endOfStreamAndHeaders, id, fields) + frame(rstStream, 0, id, "\x00\x00\x00\x08")
		if _, err := io.WriteString(conn, request); err != nil {
			return i
		}
	}
	return most
}

// The types of frames (RFC 9113 §6).
const (
	headers   = 0x1
	rstStream = 0x3
	settings  = 0x4
)

// frame is a frame as of RFC 9113 §4.1.
func frame(kind, flags byte, stream uint32, payload string) string {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return string(binary.BigEndian.AppendUint32(head, stream)) + payload
}
