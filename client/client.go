package client

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Defaults of a [Client].
const (
	DefaultMaxContent = 64 << 20
	DefaultAttempts   = 64
	DefaultMaxWait    = 30 * time.Second
	DefaultTimeout    = time.Minute
)

// Client reads and writes resources under conditions. The zero Client is ready. Its fields must not be
// changed once it is in use; it may be used from any number of goroutines, and remembers, for each
// origin, whether that honours conditions.
type Client struct {
	// Transport sends the requests; [*cache.Transport] is one that may. Nil is a transport of the
	// package's own, shared by all clients. One that repeats writes by itself makes what the client
	// says about them wrong.
	Transport http.RoundTripper
	// Header has fields for each request to the origin of the URL that is asked for, such as
	// Authorization. They go to no other origin.
	Header http.Header
	// Authorize, if set, prepares each request to that origin, after Header, such as to sign it. It
	// must not change the method, the URL or the content.
	Authorize func(*http.Request) error
	// UserAgent is sent to every origin. "" is "fourtwelve".
	UserAgent string

	// MaxContent bounds, in bytes, the content that is read into memory. 0 is DefaultMaxContent.
	MaxContent int64
	// Attempts bounds how often a request is sent, and how often Update calls its function. 0 is
	// DefaultAttempts, 1 is never again.
	Attempts int
	// MaxWait bounds each wait before the next attempt, Retry-After included: a server that asks for
	// more gets no other attempt. 0 is DefaultMaxWait.
	MaxWait time.Duration
	// Timeout bounds each request without the transfer of long content: how long the server may take to
	// begin its answer, and each time to go on. 0 is DefaultTimeout, negative is no bound.
	Timeout time.Duration

	// Trust says what is done about servers that ignore conditions.
	Trust Trust
	// LenientTags sends a malformed tag, such as one without quotes, in If-Match as the server sent it.
	// Without it such a tag counts as none: there are servers that pass over a condition they cannot
	// read.
	LenientTags bool
	// NoKeys leaves out Idempotency-Key, for servers that refuse the field.
	NoKeys bool
	// Recognise, if set, is asked when the answer to a write was lost: does the current
	// representation show that the write of mine was made, perhaps changed by others since?
	// It returns Made or NotMade only if that is certain.
	Recognise func(current Representation, mine Content) Outcome

	// Observe, if set, is told of each attempt that did not end the matter, and why there is another.
	Observe func(Event)

	tuning  *tuning // of downloads; nil is usualTuning
	mu      sync.Mutex
	origins map[string]*origin
}

// Outcome says whether a write was made.
type Outcome uint8

const (
	// Unknown: that cannot be told.
	Unknown Outcome = iota
	// Made: it was.
	Made
	// NotMade: it was not, and cannot be made any more by the request that was sent.
	NotMade
)

// Event is an attempt that has to be followed by another.
type Event struct {
	Method, URL string
	// Attempt counts from 1.
	Attempt int
	// Err is why it was not the last one.
	Err error
	// Wait is how long the client waits now.
	Wait time.Duration
}

// origin is what is known of a server.
type origin struct {
	checking sync.Mutex
	verdict  verdict
}

func (c *Client) origin(name string) *origin {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.origins == nil {
		c.origins = map[string]*origin{}
	}
	o := c.origins[name]
	if o == nil {
		o = &origin{}
		c.origins[name] = o
	}
	return o
}

func (c *Client) maxContent() int64 {
	if c.MaxContent > 0 {
		return min(c.MaxContent, math.MaxInt64-1) // one more can be read
	}
	return DefaultMaxContent
}

func (c *Client) attempts() int {
	if c.Attempts > 0 {
		return c.Attempts
	}
	return DefaultAttempts
}

func (c *Client) maxWait() time.Duration {
	if c.MaxWait > 0 {
		return c.MaxWait
	}
	return DefaultMaxWait
}

func (c *Client) timeout() time.Duration {
	if c.Timeout == 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

// The bounds of the wait before an attempt is repeated, if the server names none.
const (
	firstWait   = 4 * time.Millisecond
	longestWait = 2 * time.Second
	// longestContest is that after a conflict: somebody else came on, so that the server is not in need of rest.
	longestContest = 250 * time.Millisecond
)

// backoff waits before the attempt that follows the given one. Each time the bound doubles, and the wait
// is anything up to it: writers that collided once are not to collide again.
func (c *Client) backoff(ctx context.Context, e Event) error { return c.wait(ctx, e, c.jitter(e)) }

func (c *Client) jitter(e Event) time.Duration {
	bound := min(longestWait, c.maxWait(), firstWait<<min(e.Attempt, 16))
	if errors.Is(e.Err, ErrConflict) {
		bound = min(bound, longestContest)
	}
	return rand.N(bound) + 1
}

func (c *Client) wait(ctx context.Context, e Event, d time.Duration) error {
	if e.Wait = d; c.Observe != nil {
		c.Observe(e)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
