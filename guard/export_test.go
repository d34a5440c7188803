package guard

// NewLocks makes the Locker that a Shared has unless it is given one.
func NewLocks() Locker { return newLocks(DefaultMaxWaiters) }

// Waiting counts who waits for a lock of NewLocks.
func Waiting(l Locker) (n int) {
	ls := l.(*locks)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, held := range ls.held {
		n += len(held.waiting)
	}
	return n
}
