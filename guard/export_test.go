package guard

import "github.com/fourtwelve/fourtwelve/guard/internal/turn"

// NewLocks makes the Locker that a Shared has unless it is given one.
func NewLocks() Locker { return turn.NewLocks(DefaultMaxWaiters) }

// Settle waits until what the caches of h are storing is stored.
func Settle(h *Handler) {
	for _, rt := range h.routes {
		if c := rt.caching; c != nil {
			c.ordinary.Wait()
			if c.coherent != nil {
				c.coherent.Wait()
			}
		}
	}
}

// Waiting counts who waits for a lock of NewLocks.
func Waiting(l Locker) int { return l.(*turn.Locks).Waiting() }
