package deadline

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// limit is the deadline of one direction of a connection: the one that is meant,
// and the timer of the connection, which must not ring later than that.
//
// Whoever moves the deadline first notes it and then looks whether an operation is
// under way; an operation first says that it is under way and then looks for the
// deadline. So one of the two sees the other and sees to the timer.
type limit struct {
	// epoch is when the connection began. A deadline before it was made up to
	// have passed.
	epoch time.Time
	// meant is the deadline, as nanoseconds after epoch; none if zero.
	meant atomic.Int64
	// under counts the operations under way.
	under atomic.Int32

	mu sync.Mutex
	// timer is what the timer is set to, in terms of meant. It may have rung.
	timer int64
	// strict counts the operations that cannot go on after the timer has rung
	// early.
	strict int
	// set sets the timer.
	set func(time.Time) error
}

func (l *limit) init(set func(time.Time) error) { l.epoch, l.set = time.Now(), set }

func (l *limit) sinceEpoch(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	if n := int64(t.Sub(l.epoch)); n != 0 {
		return n
	}
	return -1
}

func (l *limit) timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return l.epoch.Add(time.Duration(n))
}

// move makes t the deadline, also of operations under way.
func (l *limit) move(t time.Time) error {
	n := l.sinceEpoch(t)
	l.meant.Store(n)
	if l.under.Load() == 0 {
		return nil
	}
	return l.check()
}

// begin is called before an operation. The error is that of a deadline which has
// long passed, or of a connection that is closed.
func (l *limit) begin() error {
	l.under.Add(1)
	switch n := l.meant.Load(); {
	case n == 0:
		return nil
	case n < 0:
		return os.ErrDeadlineExceeded
	}
	return l.check()
}

// end is called after it.
func (l *limit) end() { l.under.Add(-1) }

// check sets the timer unless it rings in time.
func (l *limit) check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.meant.Load()
	if n == l.timer || l.strict == 0 && (n == 0 || l.timer != 0 && l.timer < n) {
		return nil
	}
	return l.arm(n)
}

func (l *limit) arm(n int64) error {
	l.timer = n
	return l.set(l.timeOf(n))
}

// early reports whether err is that of a timer that rang before the deadline.
func (l *limit) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	n := l.meant.Load()
	return n == 0 || n > int64(time.Since(l.epoch))
}

// again sets the timer after it rang early.
func (l *limit) again() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arm(l.meant.Load())
}

// insist is begin for an operation that the timer must not disturb early.
func (l *limit) insist() {
	l.under.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strict++
	_ = l.arm(l.meant.Load()) // if it fails, so will the operation
}

// relent is end for it.
func (l *limit) relent() {
	l.mu.Lock()
	l.strict--
	l.mu.Unlock()
	l.end()
}
