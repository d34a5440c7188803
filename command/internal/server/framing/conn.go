package framing

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Listen returns a listener whose connections follow the requests that are read from them. TLS, if there
// is any, must be beneath.
func Listen(ln net.Listener) net.Listener { return listener{ln} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// conn is a connection that follows what is read. Like any, it may be used by several goroutines.
type conn struct {
	net.Conn
	// opened says that the opening is over.
	opened atomic.Bool

	mu      sync.Mutex
	follow  follower
	opening opening
	// heads are those of requests that have been read and not yet been handled: one, or some more
	// if a client sends ahead.
	heads []head
}

// Read passes on what comes, but for blank lines before a request. It returns nothing, at once, where a server
// waits for the rest of a preface that cannot come any more: the server then goes on with what it has.
func (c *conn) Read(p []byte) (int, error) {
	if c.isSettled(len(p)) {
		return 0, nil
	}
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
			n = c.see(p[:n])
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// see follows p, and returns how much of it there is to pass on.
func (c *conn) see(p []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.follow.bytes(p, func(h head) { c.heads = append(c.heads, h) })
	if !c.opened.Load() {
		c.opening.see(p[:n])
		c.opened.Store(c.opening.isOver())
	}
	return n
}

func (c *conn) isSettled(n int) bool {
	if c.opened.Load() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opening.settled(n)
}

// take returns the head of the request that is handled next, and whether it was seen.
func (c *conn) take() (head, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.heads) == 0 {
		return head{}, false
	}
	h := c.heads[0]
	c.heads = append(c.heads[:0], c.heads[1:]...)
	return h, true
}

// leave ends the following: what comes from now on is not HTTP.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow.state = lost
}

// Beneath returns the connection that is read from.
func (c *conn) Beneath() net.Conn { return c.Conn }

// ReadFrom lets the operating system copy, if the connection can do that.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	if to, ok := c.Conn.(io.ReaderFrom); ok {
		return to.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, src)
}

// CloseWrite ends our side of the connection, if it has sides.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
