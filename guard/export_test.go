package guard

// NewLocks makes the Locker that a Shared has unless it is given one.
func NewLocks() Locker { return newLocks(DefaultMaxWaiters) }
