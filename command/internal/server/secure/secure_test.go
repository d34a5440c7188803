package secure_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server/coalesce"
	"github.com/fourtwelve/fourtwelve/command/internal/server/framing"
	"github.com/fourtwelve/fourtwelve/command/internal/server/secure"
)

// started is a server as the command has it, with all layers.
type started struct {
	addr   string
	client *tls.Config
	log    *lines
}

// start serves h, with the certificate of a server of httptest.
func start(t testing.TB, h http.Handler) started {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	t.Cleanup(certified.Close)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &lines{c: make(chan string, 10)}
	server := &http.Server{
		Handler: coalesce.Handler(secure.Handler(framing.Handler(h, nil))),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return secure.Context(framing.Context(coalesce.Context(ctx, c), c), c)
		},
		Protocols:         new(http.Protocols),
		ReadHeaderTimeout: time.Minute,
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	layers := coalesce.Listen(framing.Listen(secure.Listen(ln, certified.TLS, logger)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(layers); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { server.Close(); <-done })
	client := certified.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return started{ln.Addr().String(), client, log}
}

// lines has what is logged.
type lines struct{ c chan string }

func (l *lines) Write(p []byte) (int, error) { l.c <- string(p); return len(p), nil }

// whatTLS answers with what a handler is told of the connection, and the content that came.
var whatTLS = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, "%s %v %s %q %d", r.Proto, r.TLS != nil && r.TLS.HandshakeComplete, r.TLS.ServerName,
		r.TLS.NegotiatedProtocol, len(content))
})

// TestProtocols: a client gets the protocol that it agrees on, and handlers see that there is TLS.
func TestProtocols(t *testing.T) {
	s := start(t, whatTLS)
	for _, c := range []struct {
		name         string
		http1, http2 bool
		version      uint16
		want         string
	}{
		{"either", true, true, tls.VersionTLS13, `HTTP/2.0 true example.com "h2" 100000`},
		{"HTTP/2", false, true, tls.VersionTLS13, `HTTP/2.0 true example.com "h2" 100000`},
		{"HTTP/1.1", true, false, tls.VersionTLS13, `HTTP/1.1 true example.com "" 100000`},
		{"HTTP/2, TLS 1.2", false, true, tls.VersionTLS12, `HTTP/2.0 true example.com "h2" 100000`},
		{"HTTP/1.1, TLS 1.2", true, false, tls.VersionTLS12, `HTTP/1.1 true example.com "" 100000`},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := s.client.Clone()
			config.MaxVersion = c.version
			tr := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
			tr.Protocols.SetHTTP1(c.http1)
			tr.Protocols.SetHTTP2(c.http2)
			defer tr.CloseIdleConnections()
			for range 2 { // the second on the same connection
				resp, err := (&http.Client{Transport: tr}).Post("https://"+s.addr, "", bytes.NewReader(make([]byte, 100_000)))
				if err != nil {
					t.Fatal(err)
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(got) != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
		})
	}
}

// TestHTTP1: clients that negotiate HTTP/1.1, and those that negotiate nothing, speak it.
func TestHTTP1(t *testing.T) {
	s := start(t, whatTLS)
	for want, protocols := range map[string][]string{"": nil, "http/1.1": {"http/1.1"}} {
		config := s.client.Clone()
		config.NextProtos = protocols
		c, err := tls.Dial("tcp", s.addr, config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(resp.Body); string(got) != fmt.Sprintf("HTTP/1.0 true example.com %q 0", want) {
			t.Errorf("got %s", got)
		}
	}
}

// TestPlainHTTP: who forgets the s of https is told, what is neither is not answered in HTTP, and neither keeps others waiting.
func TestPlainHTTP(t *testing.T) {
	s := start(t, whatTLS)
	silent, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for sent, answered := range map[string]bool{"GET / HTTP/1.1\r\nHost: a\r\n\r\n": true, "\x00\x01\x02\x03\x04\x05\x06": false} {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = io.WriteString(c, sent)
		got, _ := io.ReadAll(c)
		if bytes.HasPrefix(got, []byte("HTTP/1.1 400 Bad Request\r\n")) != answered ||
			answered != bytes.Contains(got, []byte("ask for https://")) {
			t.Errorf("%q: got %q", sent, got)
		}
		if line := <-s.log.c; !bytes.Contains([]byte(line), []byte(`level=DEBUG msg="TLS handshake failed"`)) {
			t.Errorf("logged %s", line)
		}
		c.Close()
	}
}
