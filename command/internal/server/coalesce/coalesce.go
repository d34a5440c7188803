// Package coalesce sends the beginning of an answer together with what follows it.
//
// A server of net/http collects what it sends in a buffer of 4 KiB. An answer that is a
// little longer than that, with its header section, leaves it in two writes, and each is a system
// call, a packet, and something for the client to wake up for. The connections of a listener made
// by [Listen] hold the first full buffer back while the handler is still inside of Write: there is
// more of the answer in the buffer then, which net/http is bound to send, and both go in one piece.
// That is for answers of which the Content-Length says that they are short: the beginning of a
// long one may be of use while the rest is awaited.
package coalesce

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

const (
	// full is the size of net/http's buffer, in bytes. If it had another, nothing would be held back.
	full = 4 << 10
	// most is how long content is, in bytes, for which the beginning is held back. Above it a
	// second write is the lesser cost.
	most = 32 << 10
)

// Listen returns a listener whose connections can hold something back.
func Listen(ln net.Listener) net.Listener { return listener{ln} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// conn is a connection that can hold something back. Like any, it may be used by several
// goroutines.
type conn struct {
	net.Conn
	// holding says that the next full buffer is not the end of what will be written.
	holding atomic.Bool
	// pending says that something is held.
	pending atomic.Bool

	mu   sync.Mutex // held while writing
	held *[]byte    // nil if nothing is
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, full+most); return &b }}

// Write writes p after what is held, or holds p.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.held == nil && len(p) == full && c.holding.CompareAndSwap(true, false):
		c.held = buffers.Get().(*[]byte)
		*c.held = append((*c.held)[:0], p...)
		c.pending.Store(true)
		return len(p), nil
	case c.held == nil:
		return c.Conn.Write(p)
	case len(p) > most:
		if err := c.release(nil); err != nil {
			return 0, err
		}
		return c.Conn.Write(p)
	}
	if err := c.release(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// release writes what is held, if anything, and more. The lock is held.
func (c *conn) release(more []byte) error {
	if c.held == nil {
		return nil
	}
	b := c.held
	c.held = nil
	c.pending.Store(false)
	_, err := c.Conn.Write(append(*b, more...))
	buffers.Put(b)
	return err
}

// flush writes what is held.
func (c *conn) flush() error {
	if !c.pending.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.release(nil)
}

// Read sends what is held before it waits for the client, but for net/http's look at whether
// that is still there, which goes on beside the handler.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) > 1 {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

// ReadFrom lets the operating system copy, if the connection can do that.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	if to, ok := c.Conn.(io.ReaderFrom); ok {
		return to.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, src)
}

// Beneath returns the connection that is written to.
func (c *conn) Beneath() net.Conn { return c.Conn }

// CloseWrite ends our side of the connection, if it has sides.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return errors.Join(c.flush(), half.CloseWrite())
	}
	return errors.ErrUnsupported
}

type contextKey struct{}

// Context is for [http.Server.ConnContext].
func Context(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, contextKey{}, c)
	}
	return ctx
}

// Handler returns a handler whose answers are sent in one piece, if the connection is one of
// ours, with nothing between it and HTTP/1.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(contextKey{}).(*conn); ok && r.ProtoMajor == 1 {
			w = &writer{ResponseWriter: w, conn: c}
		}
		next.ServeHTTP(w, r)
	})
}

// writer is the response writer of one request.
type writer struct {
	http.ResponseWriter
	conn *conn
	// decided says that the beginning of the answer was sent or is held, or never will be.
	decided bool
}

// Unwrap is for [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write has the connection hold back the beginning. Inside of it, net/http empties its buffer only to
// put more in.
func (w *writer) Write(p []byte) (int, error) {
	if w.decided || !isShort(w.Header()) {
		w.decided = true
		return w.ResponseWriter.Write(p)
	}
	w.conn.holding.Store(true)
	n, err := w.ResponseWriter.Write(p)
	w.decided = !w.conn.holding.Swap(false)
	return n, err
}

func isShort(h http.Header) bool {
	lines := h["Content-Length"]
	if len(lines) != 1 {
		return false
	}
	n, err := strconv.ParseInt(lines[0], 10, 64)
	return err == nil && n <= most
}

// ReadFrom lets the operating system copy a file.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	if to, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		return to.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{w}, src)
}
