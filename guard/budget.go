package guard

import "sync/atomic"

// budget is what all messages together may hold, in bytes. What is copied through
// small buffers is not counted.
type budget struct{ memory, disk, copying account }

// account counts bytes against a bound. It may be used from any number of
// goroutines.
type account struct{ used, limit atomic.Int64 }

// take counts n bytes more, unless that would exceed the bound.
func (a *account) take(n int64) bool {
	if a.used.Add(n) <= a.limit.Load() {
		return true
	}
	a.used.Add(-n)
	return false
}

func (a *account) give(n int64) { a.used.Add(-n) }
