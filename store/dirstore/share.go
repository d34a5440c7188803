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
	// company says that somebody else was asking, too, when that was last looked at.
	company atomic.Bool
	// last is a look that found what it was looking for.
	last atomic.Pointer[looked]
}

// looked is the look that was begun as number.
type looked struct {
	number uint64
	found  *entry
}

// share returns what look finds, or has found for someone else after share was
// called. With company, it first lets go what else is ready to run: that may be
// another request for the same name, and then one of the two looks for both. To
// whoever is alone that would be as dear as a look, so they try it only now and then.
func (l *looks) share(look func() *entry) *entry {
	l.asking.Add(1)
	defer l.asking.Add(-1)
	before := l.begun.Load()
	if l.company.Load() || before%tryEvery == 0 {
		runtime.Gosched()
		last := l.last.Load()
		shared := last != nil && last.number > before
		if company := shared || l.asking.Load() > 1; company != l.company.Load() {
			l.company.Store(company)
		}
		if shared {
			return last.found
		}
	}
	number := l.begun.Add(1)
	found := look()
	if found != nil && l.asking.Load() > 1 {
		l.last.Store(&looked{number, found})
	}
	return found
}

// tryEvery is after how many looks someone who seems to be alone makes sure.
const tryEvery = 64
