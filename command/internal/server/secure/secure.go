// Package secure puts TLS beneath the connections of a server of net/http, where other layers can stand between the
// two and see HTTP as it is.
//
// net/http speaks HTTP/2 over a [tls.Conn], and over a connection that it takes for one without TLS. With a layer in between
// a connection is no longer the first, so a server of ours has both allowed and sees the second: [Handler] tells its handlers that
// there is TLS after all. A client that agrees on HTTP/2 by ALPN begins with the preface that net/http looks for.
package secure

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Listen returns a listener whose connections carry TLS by config, for HTTP/2 and HTTP/1.1. The handshake is that of
// the first to read or write, within the deadlines that are set. Handshakes that fail are told to logger.
func Listen(ln net.Listener, config *tls.Config, logger *slog.Logger) net.Listener {
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	return &listener{ln, config, logger}
}

type listener struct {
	net.Listener
	config *tls.Config
	logger *slog.Logger
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: tls.Server(c, l.config), logger: l.logger}, nil
}

// conn is a connection with TLS. Like any, it may be used by several goroutines.
type conn struct {
	*tls.Conn
	logger *slog.Logger

	handshake sync.Once
	failed    error // what the handshake ended with
	state     tls.ConnectionState
}

// ready makes the handshake, once.
func (c *conn) ready() error {
	c.handshake.Do(func() {
		if c.failed = c.Handshake(); c.failed != nil {
			c.refuse()
			return
		}
		c.state = c.ConnectionState()
	})
	return c.failed
}

// refuse tells a client that did not speak TLS but HTTP so.
func (c *conn) refuse() {
	c.logger.Debug("TLS handshake failed", "remote", c.RemoteAddr(), "error", c.failed)
	if plain, ok := errors.AsType[tls.RecordHeaderError](c.failed); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
		_, _ = io.WriteString(plain.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"+
			"This server speaks HTTPS here, and the request is of plain HTTP: ask for https:// instead.\n")
	}
}

// looksLikeHTTP reports whether what came instead of a TLS record is the beginning of a method.
func looksLikeHTTP(began [5]byte) bool {
	for _, b := range began {
		if b != ' ' && b != '/' && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}

func (c *conn) Read(p []byte) (int, error) {
	if err := c.ready(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	if err := c.ready(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

type contextKey struct{}

// Context is for [http.Server.ConnContext]. c is a connection of ours, or has methods Beneath that lead
// to one.
func Context(ctx context.Context, c net.Conn) context.Context {
	for {
		switch over := c.(type) {
		case *conn:
			return context.WithValue(ctx, contextKey{}, over)
		case interface{ Beneath() net.Conn }:
			c = over.Beneath()
		default:
			return ctx
		}
	}
}

// Handler returns next with [http.Request.TLS] set where the connection is one of ours.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(contextKey{}).(*conn); ok && c.ready() == nil {
			r.TLS = &c.state
		}
		next.ServeHTTP(w, r)
	})
}
