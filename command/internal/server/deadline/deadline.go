// Package deadline makes the deadlines of connections cheap to move.
//
// A server of net/http moves the deadlines of a connection some eight times with each
// request, nearly always to have them moved again before they matter; each time
// a timer of the runtime is changed under a lock. The connections of a listener
// made by [Listen] only note the time, and leave the timer alone as long as it does not
// ring too late. When it rings too early, which an idle connection sees once in a while,
// it is set again.
package deadline

import (
	"errors"
	"io"
	"net"
	"runtime"
	"time"
)

// Listen returns a listener whose connections are those of ln, with deadlines
// that are cheap to move and mean the same.
func Listen(ln net.Listener) net.Listener { return listener{ln} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c), nil
}

// conn is a connection that notes its deadlines. Like any, it may be used by
// several goroutines.
type conn struct {
	net.Conn
	read, write limit
}

func newConn(c net.Conn) *conn {
	n := &conn{Conn: c}
	n.read.init(c.SetReadDeadline)
	n.write.init(c.SetWriteDeadline)
	return n
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.read.move(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.write.move(t) }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.read.move(t), c.write.move(t))
}

func (c *conn) Read(p []byte) (n int, err error) {
	if len(p) == 1 {
		// This is net/http, which looks whether the client goes away while a
		// handler runs. Nothing has come yet, as a rule, and when the handler has
		// finished it no longer wants to know: so handlers go first.
		runtime.Gosched()
	}
	defer c.read.end()
	err = c.read.begin()
	for err == nil {
		n, err = c.Conn.Read(p)
		if n > 0 || !c.read.early(err) {
			break
		}
		err = c.read.again()
	}
	return n, err
}

func (c *conn) Write(p []byte) (n int, err error) {
	defer c.write.end()
	err = c.write.begin()
	for err == nil {
		var part int
		part, err = c.Conn.Write(p[n:])
		n += part
		if !c.write.early(err) {
			break
		}
		err = c.write.again()
	}
	return n, err
}

// ReadFrom lets the operating system copy, if the connection can do that.
func (c *conn) ReadFrom(src io.Reader) (n int64, err error) {
	to, ok := c.Conn.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{c}, src)
	}
	// What was read from src and could not be written is lost to us, so the timer
	// must not ring early.
	c.write.insist()
	defer c.write.relent()
	return to.ReadFrom(src)
}

// CloseWrite ends our side of the connection, if it has sides.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
