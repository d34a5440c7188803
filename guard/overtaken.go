package guard

import (
	"errors"
	"hash/maphash"
	"sync/atomic"
)

// errOvertaken says that a write through the guard was under way while a representation was
// read. Many backends look at a file, open it and read it in steps, and send the beginning of one version
// with the length, the tag or the end of another if it is replaced meanwhile.
var errOvertaken = errors.New("a write came between")

// maxOvertaken is how often a read is tried before it takes the lock, and keeps writes
// waiting for it. Two reads in a row that agree are enough, so that nobody waits for a write that
// takes its time.
const maxOvertaken = 3

// writes lets reads see whether a write came between. Targets share counters: what is taken for a
// write to one of them costs a read, and nothing else. The zero writes is ready.
type writes struct {
	stripes [256]stripe
}

type stripe struct {
	active atomic.Int64  // writes under way
	ended  atomic.Uint64 // writes that have ended
	_      [48]byte      // no other stripe in this cache line
}

var stripeSeed = maphash.MakeSeed()

func (w *writes) of(key string) *stripe {
	return &w.stripes[maphash.String(stripeSeed, key)%uint64(len(w.stripes))]
}

// begin says that a write is about to be sent; end, that it was answered or given up.
func (w *writes) begin(keys []string) (end func()) {
	for _, key := range keys {
		w.of(key).active.Add(1)
	}
	return func() {
		for _, key := range keys {
			s := w.of(key)
			s.ended.Add(1) // first, so that no read sees neither
			s.active.Add(-1)
		}
	}
}

// A moment is one at which somebody looked.
type moment struct {
	stripe *stripe
	ended  uint64
	busy   bool
}

func (w *writes) look(key string) moment {
	s := w.of(key)
	ended := s.ended.Load()
	return moment{s, ended, s.active.Load() > 0}
}

// alone reports whether no write but one, that has ended, was under way at any time since.
func (t moment) alone() bool {
	return !t.busy && t.stripe.active.Load() == 0 && t.stripe.ended.Load() == t.ended+1
}

// overtaken reports whether a write may have been under way at any time since. The zero moment
// has seen none.
func (t moment) overtaken() bool {
	return t.stripe != nil && (t.busy || t.stripe.active.Load() > 0 || t.stripe.ended.Load() != t.ended)
}
