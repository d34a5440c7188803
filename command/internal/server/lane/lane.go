package lane

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the choices of [Listen]. Those with the names of fields of [http.Server] mean what
// they mean there, and should have the same values. Handler and ErrorLog are needed.
type Options struct {
	Handler     http.Handler
	ConnContext func(context.Context, net.Conn) context.Context
	// ConnState is told of new connections, and of those that end here. Those that come out of
	// Accept are whoever's that takes them.
	ConnState         func(net.Conn, http.ConnState)
	ReadHeaderTimeout time.Duration
	WriteTimeout      time.Duration
	IdleTimeout       time.Duration
	ErrorLog          *log.Logger
}

// Listener is a listener whose connections have had their plain reads answered.
type Listener struct {
	net.Listener
	options  Options
	others   chan net.Conn
	ended    chan struct{} // when failure is set
	failure  error
	draining atomic.Bool
	answered atomic.Int64 // requests, in the lane

	mu    sync.Mutex
	conns map[*conn]struct{} // those of the lane
}

// Listen accepts connections of ln, and answers on them, from the first call of Accept on.
func Listen(ln net.Listener, o Options) *Listener {
	return &Listener{Listener: ln, options: o, others: make(chan net.Conn), ended: make(chan struct{}), conns: make(map[*conn]struct{})}
}

// Run accepts connections until the listener is closed or fails. Accept does not return before it
// has been called.
func (l *Listener) Run() {
	defer close(l.ended)
	for wait := time.Duration(0); ; {
		c, err := l.Listener.Accept()
		if err == nil {
			wait = 0
			l.take(c)
			continue
		}
		if passing, ok := errors.AsType[passingError](err); !ok || !passing.Temporary() {
			l.failure = err
			return
		}
		// There are too many open files, say. It is net/http's to tell, and to wait.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		l.options.ErrorLog.Printf("http: Accept error: %v; retrying in %v", err, wait)
		time.Sleep(wait)
	}
}

// passingError is an error that net/http waits for to pass.
type passingError interface {
	error
	Temporary() bool
}

// take begins with a connection.
func (l *Listener) take(raw net.Conn) {
	c := &conn{Conn: raw, lane: l, began: time.Now()}
	l.mu.Lock()
	l.conns[c] = struct{}{}
	l.mu.Unlock()
	go c.begin()
}

// Answered returns how many requests have been answered in the lane, or are being answered.
func (l *Listener) Answered() int64 { return l.answered.Load() }

// Accept returns a connection that is not, or no longer, for the lane.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.others:
		return c, nil
	case <-l.ended:
		return nil, l.failure
	}
}

// freshly is how long a connection on which nothing has come yet is waited for at the end, as
// net/http does.
const freshly = 5 * time.Second

// Drain ends connections where no request is under way, has the others end with theirs, and returns
// when there are none or ctx is done.
func (l *Listener) Drain(ctx context.Context) error {
	l.draining.Store(true)
	wait := time.NewTimer(0)
	defer wait.Stop()
	for pause := time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		if l.closeIdle() == 0 {
			return nil
		}
		wait.Reset(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// closeIdle closes the connections where no request is under way, and returns how many are left.
func (l *Listener) closeIdle() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if c.asked.Load() == 0 && time.Since(c.began) < freshly {
			continue
		}
		if c.state.CompareAndSwap(idle, closed) {
			_ = c.Close()
		}
	}
	return len(l.conns)
}

// Cut closes all connections of the lane.
func (l *Listener) Cut() {
	l.draining.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.state.Store(closed)
		_ = c.Close()
	}
}

// The states of a connection in the lane.
const (
	idle   = iota // between requests
	active        // in one
	closed
)

// conn is a connection in the lane. One goroutine has it.
type conn struct {
	net.Conn
	lane  *Listener
	began time.Time
	state atomic.Int32
	asked atomic.Int64 // requests

	// base and context are what all requests of the connection have in common.
	base    *http.Request
	context context.Context
	buf     []byte // what was read and is not answered yet
	waiter  waiter // nil if the connection is none
	// until is when the connection is given up if nothing comes; zero for never.
	until time.Time
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, maxHead); return &b }}

// An outcome is how serving a connection ends.
type outcome int

const (
	over     outcome = iota
	passedOn         // somebody else has it
	resting          // nothing has come for a while
)

// begin serves a new connection.
func (c *conn) begin() {
	o := &c.lane.options
	if o.ConnState != nil {
		o.ConnState(c.Conn, http.StateNew)
	}
	c.context = context.WithValue(context.Background(), http.LocalAddrContextKey, c.LocalAddr())
	if o.ConnContext != nil {
		c.context = o.ConnContext(c.context, c.Conn)
	}
	c.base = &http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: c.RemoteAddr().String()}
	c.waiter, _ = c.Conn.(waiter)
	_ = c.SetReadDeadline(after(o.ReadHeaderTimeout))
	c.serve()
}

// serve answers requests for as long as they come, and are for the lane.
func (c *conn) serve() {
	buf := buffers.Get().(*[]byte)
	c.buf = (*buf)[:0]
	end := over
	defer func() {
		if err := recover(); err != nil && err != http.ErrAbortHandler {
			c.logf("http: panic serving %v: %v\n%s", c.RemoteAddr(), err, stack())
		}
		c.buf = nil
		buffers.Put(buf)
		if end == resting {
			go c.rest()
			return
		}
		c.end(end)
	}()
	end = c.turns()
}

// turns answers one request after the other.
func (c *conn) turns() outcome {
	for {
		if end, ok := c.await(); !ok {
			return end
		}
		ctx := &requestContext{conn: c}
		r := c.base.WithContext(ctx)
		n, ok := parse(c.buf, r)
		if !ok {
			return c.passOn()
		}
		c.buf = c.buf[:copy(c.buf, c.buf[n:])]
		c.asked.Add(1)
		c.lane.answered.Add(1)
		if !c.answer(r, ctx) {
			return over
		}
	}
}

// restAfter is how long a connection is kept ready for the next request: with its buffer, and a stack on which a
// handler has run. After it the connection waits with neither.
const restAfter = time.Second

// waiter is a connection that can be waited for without a buffer.
type waiter interface {
	// Wait is that of the connections of package deadline.
	Wait() error
}

// rest waits for the next request in a goroutine of its own, whose stack is as small as it can be.
func (c *conn) rest() {
	_ = c.SetReadDeadline(c.until)
	switch err := c.waiter.Wait(); {
	case errors.Is(err, errors.ErrUnsupported):
		c.waiter = nil
	case err != nil:
		c.end(over)
		return
	}
	c.serve()
}

func stack() []byte {
	b := make([]byte, 64<<10)
	return b[:runtime.Stack(b, false)]
}

// after returns when d will be over; never if it is 0.
func after(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// enough is how many bytes net/http waits for before it takes what comes after a request for the
// next one.
const enough = 4

// await waits for the beginning of a request. If there will be none, or not soon, it returns how that ends.
func (c *conn) await() (outcome, bool) {
	least := 1
	if c.asked.Load() > 0 {
		least = enough
	}
	for len(c.buf) < least {
		n, err := c.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+n]
		switch {
		case n > 0 && c.state.Load() != active && !c.state.CompareAndSwap(idle, active):
			return over, false
		case len(c.buf) >= least || err == nil:
		case !c.mayRest(err):
			return over, false
		case len(c.buf) == 0:
			return resting, false
		default: // too little to know what it will be
			_ = c.SetReadDeadline(c.until)
		}
	}
	// HTTP/2 begins a connection, and nothing else (RFC 9113 §3.4).
	return over, c.asked.Load() == 0 || !bytes.HasPrefix(c.buf, []byte("PRI * HTTP/2.0"))
}

// mayRest reports whether err only says that nothing has come for a while.
func (c *conn) mayRest(err error) bool {
	return c.waiter != nil && c.asked.Load() > 0 && errors.Is(err, os.ErrDeadlineExceeded) && (c.until.IsZero() || time.Now().Before(c.until))
}

// expect sets how long the next request is waited for.
func (c *conn) expect() {
	c.until = after(c.lane.options.IdleTimeout)
	wait := c.until
	if c.waiter != nil {
		if soon := after(restAfter); wait.IsZero() || soon.Before(wait) {
			wait = soon
		}
	}
	_ = c.SetReadDeadline(wait)
}

// answer has the handler answer r, and reports whether the connection goes on.
func (c *conn) answer(r *http.Request, ctx *requestContext) bool {
	o := &c.lane.options
	_ = c.SetReadDeadline(time.Time{})
	if o.WriteTimeout > 0 {
		_ = c.SetWriteDeadline(after(o.WriteTimeout))
	}
	out := outs.Get().(*[]byte)
	w := &response{conn: c, r: r, header: make(http.Header), out: (*out)[:0]}
	c.handle(w, r, ctx)
	goesOn := w.finish()
	*out = w.out[:0]
	outs.Put(out)
	if !goesOn {
		return false
	}
	_ = c.SetWriteDeadline(time.Time{})
	c.expect()
	if len(c.buf) == 0 && !c.state.CompareAndSwap(active, idle) {
		return false
	}
	return !c.lane.draining.Load()
}

// handle has the handler answer r, whose context ends with that.
func (c *conn) handle(w http.ResponseWriter, r *http.Request, ctx *requestContext) {
	defer func() { c.buf = append(c.buf, ctx.finish()...) }()
	c.lane.options.Handler.ServeHTTP(w, r)
}

// passOn leaves the connection to whoever calls Accept, with what has been read of it.
func (c *conn) passOn() outcome {
	_ = c.SetReadDeadline(c.until)
	select {
	case c.lane.others <- &other{Conn: c.Conn, begun: bytes.Clone(c.buf)}:
		return passedOn
	case <-c.lane.ended:
		return over
	}
}

// end forgets the connection, and closes it unless somebody else has it by now.
func (c *conn) end(how outcome) {
	c.lane.mu.Lock()
	delete(c.lane.conns, c)
	c.lane.mu.Unlock()
	if how == passedOn {
		return
	}
	_ = c.Close()
	if c.lane.options.ConnState != nil {
		c.lane.options.ConnState(c.Conn, http.StateClosed)
	}
}

func (c *conn) logf(format string, args ...any) { c.lane.options.ErrorLog.Printf(format, args...) }

// other is a connection that has left the lane.
type other struct {
	net.Conn
	begun []byte // what was read of it in the lane and not answered
}

// Read begins with what was read already.
func (o *other) Read(p []byte) (int, error) {
	if len(o.begun) == 0 {
		return o.Conn.Read(p)
	}
	n := copy(p, o.begun)
	if o.begun = o.begun[n:]; len(o.begun) == 0 {
		o.begun = nil
	}
	return n, nil
}

// ReadFrom lets the operating system copy, if the connection can do that.
func (o *other) ReadFrom(src io.Reader) (int64, error) {
	if to, ok := o.Conn.(io.ReaderFrom); ok {
		return to.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{o.Conn}, src)
}

// Beneath returns the connection as it was accepted.
func (o *other) Beneath() net.Conn { return o.Conn }

// CloseWrite ends our side of the connection, if it has sides.
func (o *other) CloseWrite() error {
	if half, ok := o.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
