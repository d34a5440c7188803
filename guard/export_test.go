package guard

import (
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
)

// BeginWrite is a write that a backend has not answered until the end of it is called.
func BeginWrite(s *Shared) (end func()) {
	s.writing.Add(1)
	return func() { s.writing.Add(-1) }
}

// Forget has the caches of h in doubt about a path, as after a write that nobody has answered.
func (h *Handler) Forget(t *testing.T, path string) {
	t.Helper()
	h.shared.forget([]string{path}, false, h.options.Now().Add(time.Minute))
}

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
