package guard

import "github.com/fourtwelve/fourtwelve/guard/internal/turn"

// NewLocks makes the Locker that a Shared has unless it is given one.
func NewLocks() Locker { return turn.NewLocks(DefaultMaxWaiters) }

// Waiting counts who waits for a lock of NewLocks.
func Waiting(l Locker) int { return l.(*turn.Locks).Waiting() }
