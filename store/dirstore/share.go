package dirstore

import (
	"runtime"
	"sync/atomic"
)

// looks lets those who ask for one name at the same time share a look at its file.
//
// A look may serve everyone who asked before it began: what it finds was there
// after they had asked and before they were answered. One that is under way
// already may have seen what has changed since, so it serves nobody else.
type looks struct {
	asking atomic.Int32
	begun  atomic.Uint64
	// last is a look that found what it was looking for.
	last atomic.Pointer[looked]
}

// looked is the look that was begun as number.
type looked struct {
	number uint64
	found  *entry
}

// share returns what look finds, or has found for someone else after share was
// called. It lets go what else is ready to run first: that may be another request for
// the same name, and then one of the two looks for both.
func (l *looks) share(look func() *entry) *entry {
	l.asking.Add(1)
	defer l.asking.Add(-1)
	before := l.begun.Load()
	runtime.Gosched()
	if last := l.last.Load(); last != nil && last.number > before {
		return last.found
	}
	number := l.begun.Add(1)
	found := look()
	if found != nil && l.asking.Load() > 1 {
		l.last.Store(&looked{number, found})
	}
	return found
}
