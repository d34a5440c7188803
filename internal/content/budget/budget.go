// Package budget bounds what all requests together hold: bytes of memory, or of
// temporary files.
//
//	taken, err := memory.Take(ctx, n) // waits for its turn, but not for long
//	if err != nil {
//		… 503 with Retry-After …
//	}
//	defer memory.Give(taken)
//
// A bound on each request is none on a server: a thousand requests within their
// bounds can still take more than there is. Who can do without asks with TryTake, and
// does without; who cannot waits with Take, and is refused when that takes too long.
package budget

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Patience is how long Take waits.
	Patience = 5 * time.Second
	// MaxWaiting bounds how many callers wait; one more is refused at once.
	MaxWaiting = 1024
)

// ErrBusy says that others hold what was asked for, and did not give it back in time.
var ErrBusy = errors.New("other requests hold all the memory there is for them")

// Budget counts bytes against a limit. Its zero value has the limit 0: there is
// nothing to take. A nil Budget has none. It may be used from any number of
// goroutines; taking and giving back neither locks nor allocates as long as
// nobody waits.
type Budget struct {
	limit, used atomic.Int64
	// waiting is the length of queue, to be read without the lock.
	waiting atomic.Int64
	mu      sync.Mutex
	queue   []*waiter // the first one to come first
}

type waiter struct {
	n     int64
	taken chan struct{} // closed when n has been taken for the waiter
}

// New returns a budget of limit bytes.
func New(limit int64) *Budget {
	b := new(Budget)
	b.SetLimit(limit)
	return b
}

// SetLimit changes the limit. What has been taken stays so.
func (b *Budget) SetLimit(n int64) {
	b.limit.Store(n)
	b.wake()
}

// Used is how much is taken.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// TryTake takes n bytes if they are there.
func (b *Budget) TryTake(n int64) bool {
	if b == nil {
		return true
	}
	for {
		used := b.used.Load()
		if used+n > b.limit.Load() {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// Take takes n bytes, or all there are if n is more than the limit, and returns how many
// to give back. Callers who wait are served in the order in which they came. After
// [Patience], or if too many wait already, the error is [ErrBusy]; if ctx ends, it is that of
// ctx.
func (b *Budget) Take(ctx context.Context, n int64) (taken int64, err error) {
	if b == nil {
		return n, nil
	}
	n = min(n, b.limit.Load())
	if b.waiting.Load() == 0 && b.TryTake(n) {
		return n, nil
	}
	w := b.enqueue(n)
	if w == nil {
		return 0, ErrBusy
	}
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	select {
	case <-w.taken:
		return w.n, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
		err = ErrBusy
	}
	if !b.leave(w) {
		return w.n, nil // its turn came at the same moment
	}
	return 0, err
}

// Give gives n bytes back.
func (b *Budget) Give(n int64) {
	if b == nil || n == 0 {
		return
	}
	b.used.Add(-n)
	if b.waiting.Load() > 0 {
		b.wake()
	}
}

// enqueue returns a waiter, or nil if there are too many.
func (b *Budget) enqueue(n int64) *waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) >= MaxWaiting {
		return nil
	}
	w := &waiter{n, make(chan struct{})}
	b.queue = append(b.queue, w)
	b.waiting.Store(int64(len(b.queue)))
	// Whoever gave something back before it could see that somebody waits has left it.
	b.serve()
	return w
}

// leave takes w out of the queue. It returns false if its turn has come.
func (b *Budget) leave(w *waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.queue {
		if b.queue[i] == w {
			b.queue = append(b.queue[:i], b.queue[i+1:]...)
			b.serve() // the next one may want less
			return true
		}
	}
	return false
}

func (b *Budget) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serve()
}

// serve lets those take who have waited longest, as far as there is something. The
// lock must be held.
func (b *Budget) serve() {
	for len(b.queue) > 0 {
		w := b.queue[0]
		w.n = min(w.n, b.limit.Load())
		if !b.TryTake(w.n) {
			break
		}
		close(w.taken)
		b.queue = b.queue[1:]
	}
	b.waiting.Store(int64(len(b.queue)))
}
