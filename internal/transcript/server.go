package transcript

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// A Clock is set by hand.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at the time at which the conversations begin.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 11, 24, 10, 0, 0, 250_000_000, time.UTC)}
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Wait sets the clock forward.
func (c *Clock) Wait(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Serve has h answer all requests, OPTIONS for the server as a whole among them. The caller closes
// the server.
func Serve(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.DisableGeneralOptionsHandler = true
	s.Start()
	return s
}

// Ask sends the request that the lines of a client describe, on a connection of its own, and returns
// the lines of the answers. It has the host if no line says another.
func Ask(t testing.TB, s *httptest.Server, lines []string, host string) []string {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request, method := Request(lines, ">", host)
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	// What is sent is all: a server that waits for more sees the end.
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return Answers(bufio.NewReader(conn), method, "<")
}
