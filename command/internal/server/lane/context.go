package lane

import (
	"context"
	"sync"
	"time"
)

// requestContext is the context of one request. It ends with the request, or when the client goes
// away.
//
// Most handlers never ask whether it has ended. So there is nothing to end, and nobody looks for
// the client, before somebody does.
type requestContext struct {
	conn *conn

	mu    sync.Mutex
	under context.Context // what Done has made; nil if nobody has asked
	end   context.CancelFunc
	over  bool
	left  chan struct{} // closed when nobody looks for the client any more; nil if nobody did
	early []byte        // what came meanwhile
}

// Deadline is for [context.Context]: there is none.
func (*requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value is for [context.Context]. What Done has made is found by package context, which then needs
// no goroutine for contexts that are made of this one.
func (c *requestContext) Value(key any) any {
	c.mu.Lock()
	under := c.under
	c.mu.Unlock()
	if under != nil {
		return under.Value(key)
	}
	return c.conn.context.Value(key)
}

// Err is for [context.Context].
func (c *requestContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.under != nil:
		return c.under.Err()
	case c.over:
		return context.Canceled
	}
	return nil
}

// Done is for [context.Context]. From the first call on somebody looks whether the client goes away.
func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under == nil {
		c.under, c.end = context.WithCancel(c.conn.context)
		if c.over {
			c.end()
		} else if len(c.conn.buf) == 0 {
			c.left = make(chan struct{})
			go c.look()
		}
	}
	return c.under.Done()
}

// look waits for the client to say something, or to go away.
func (c *requestContext) look() {
	defer close(c.left)
	var b [1]byte
	n, err := c.conn.Read(b[:])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.early = b[:n]
	if err != nil && !c.over {
		c.end()
	}
}

// finish ends the context with its request. It returns what the client has sent meanwhile.
func (c *requestContext) finish() []byte {
	c.mu.Lock()
	c.over = true
	left, end := c.left, c.end
	c.mu.Unlock()
	if end != nil {
		end()
	}
	if left == nil {
		return nil
	}
	_ = c.conn.SetReadDeadline(longAgo)
	<-left
	return c.early
}

var longAgo = time.Unix(1, 0)
