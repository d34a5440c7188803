package command

import (
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// BenchmarkConnection is of requests on one connection, with all that stands between it and the store, but without a
// network: with -cpu 1 the time is that of the processor.
func BenchmarkConnection(b *testing.B) {
	content := []byte(strings.Repeat("<p>412</p>\n", 512))
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "page.html"), content, 0o600); err != nil {
		b.Fatal(err)
	}
	files, err := dirstore.Open(dir, dirstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { files.Close() })
	p := &servePlan{serveOptions: serveOptions{front: front{idleTimeout: time.Minute, address: &server.Address{Loopback: true}}}}
	logger := slog.New(slog.DiscardHandler)
	handler, err := p.newHandler(files, nil, nil, logger)
	if err != nil {
		b.Fatal(err)
	}
	ln := &conversations{make(chan net.Conn)}
	web := server.NewHTTP(ln, p.serverOptions(handler, nil, logger))
	go func() { _ = web.Serve() }()
	b.Cleanup(func() { _ = web.Close() })
	for _, c := range []struct{ name, field string }{
		{"200", "Accept: */*"}, {"304", "If-None-Match: " + etag.Of(content).String()},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			talk := newConversation("GET /page.html HTTP/1.1\r\nHost: 127.0.0.1:8412\r\n"+c.field+"\r\n\r\n", b.N)
			b.ResetTimer()
			ln.begun <- talk
			<-talk.over
			if !strings.HasPrefix(talk.status, "HTTP/1.1 "+c.name) {
				b.Fatalf("got %q, want %s", talk.status, c.name)
			}
		})
	}
}

// conversations is a listener that accepts what is put into begun.
type conversations struct{ begun chan net.Conn }

func (l *conversations) Accept() (net.Conn, error) {
	if c, ok := <-l.begun; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l *conversations) Close() error { close(l.begun); return nil }

func (l *conversations) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8412} }

// conversation is a connection on which the same request comes again as soon as it has been answered. Each answer has
// to leave in one write.
type conversation struct {
	net.Conn // nil
	request  string
	rest     string    // of the request that is being read
	answered chan bool // true if there is another request
	left     int
	status   string // the status line of the last answer, and something more
	over     chan struct{}
}

func newConversation(request string, times int) *conversation {
	c := &conversation{request: request, answered: make(chan bool, 1), left: times, over: make(chan struct{})}
	c.answered <- true
	return c
}

func (c *conversation) Read(p []byte) (int, error) {
	if c.rest == "" {
		if !<-c.answered {
			return 0, io.EOF
		}
		c.rest = c.request
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *conversation) Write(p []byte) (int, error) {
	if c.left--; c.left > 0 {
		c.answered <- true
		return len(p), nil
	}
	c.status = string(p[:min(len(p), len("HTTP/1.1 200 OK"))])
	close(c.over)
	close(c.answered)
	return len(p), nil
}

func (c *conversation) Close() error                     { return nil }
func (c *conversation) SetDeadline(time.Time) error      { return nil }
func (c *conversation) SetReadDeadline(time.Time) error  { return nil }
func (c *conversation) SetWriteDeadline(time.Time) error { return nil }
func (c *conversation) LocalAddr() net.Addr              { return (*conversations)(nil).Addr() }
func (c *conversation) RemoteAddr() net.Addr             { return (*conversations)(nil).Addr() }
