package command

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/command/internal/service"
)

// startWhole starts a guard with its real listeners and server, and returns its address.
func startWhole(t *testing.T, backend string) string {
	t.Helper()
	g, _ := newTestGuarding(t, backend, "routes: [{backend: BACKEND}]")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	options := g.serverOptions()
	options.HeaderTimeout, options.IdleTimeout = time.Hour, time.Hour // an answer that comes because of that does not count
	go func() { done <- g.plan.serveUntil(ctx, io.Discard, service.Manager{}, "", server.NewHTTP(ln, options)) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return ln.Addr().String()
}

// TestGuardAnswersShortRequests sends fewer bytes than the preface of HTTP/2 has, and waits for the answer without closing:
// it comes although the server waits for that preface.
func TestGuardAnswersShortRequests(t *testing.T) {
	backend := httptest.NewServer(&oneFile{content: "one"})
	defer backend.Close()
	addr := startWhole(t, backend.URL)
	for _, c := range []struct {
		pieces []string
		status int
	}{
		{[]string{"GARB\r\n\r\n"}, 400},
		{[]string{"GET /\r\n\r\n"}, 400},
		{[]string{"\r\n", "GARB\r\n\r\n"}, 400},
		{[]string{"P", "UT /\r\n", "\r\n"}, 400},
		{[]string{"PRI * H\r\n\r\n"}, 400},
		{[]string{"PRI * HTTP/2.0\r\n\r\nXX\r\n"}, 400},
		{[]string{"G", "ET / H", "TTP/1.1\r\nHo", "st: 127.0.0.1\r\n\r\n"}, 200},
		{[]string{"GET / HTTP/1.0\n\n"}, 200},
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		for _, piece := range c.pieces {
			if _, err := io.WriteString(conn, piece); err != nil {
				t.Fatal(err)
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		switch {
		case err != nil:
			t.Fatalf("%q: %v", c.pieces, err)
		case resp.StatusCode != c.status:
			t.Errorf("%q: got %s, want %d", c.pieces, resp.Status, c.status)
		}
		conn.Close()
	}
}
