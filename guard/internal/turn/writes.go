package turn

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// Writes lets reads see whether a write came between. The zero Writes is ready.
type Writes struct {
	stripes [256]stripe
	trees   [4096]tree
}

// tree counts writes that may change all below a target, such as MOVE and DELETE of a collection. Those of all targets that
// share a hash are counted together.
type tree struct{ begun, active atomic.Uint64 }

// stripe is of all targets that share a hash. What is remembered for long is counted for all of them together: that costs a
// read, and nothing else. What is under way is known by target.
type stripe struct {
	active atomic.Int64  // writes under way
	ended  atomic.Uint64 // writes that have ended

	mu       sync.Mutex
	progress map[string]*progress
	_        [32]byte // no other stripe in this cache line
}

// progress is what goes on at one target, as long as somebody reads or writes it.
type progress struct {
	begun            atomic.Uint64 // writes that have begun
	writing, reading int           // guarded by the stripe
}

var stripeSeed = maphash.MakeSeed()

func (w *Writes) of(key string) *stripe {
	return &w.stripes[maphash.String(stripeSeed, key)%uint64(len(w.stripes))]
}

// at returns what goes on at key. The stripe is locked.
func (s *stripe) at(key string) *progress {
	p := s.progress[key]
	if p == nil {
		if s.progress == nil {
			s.progress = make(map[string]*progress)
		}
		p = new(progress)
		s.progress[key] = p
	}
	return p
}

// forget drops p if nobody is there any more. The stripe is locked.
func (s *stripe) forget(key string, p *progress) {
	if p.reading == 0 && p.writing == 0 {
		delete(s.progress, key)
	}
}

// Begin says that a write is about to be sent; trees, that it may change all below its targets. answered is to be called when it
// was answered or given up, and then ended, when what it has made was read back: until then no read is believed.
func (w *Writes) Begin(keys []string, trees bool) (answered, ended func()) {
	for _, key := range keys {
		if trees {
			t := &w.trees[treeOf(key)]
			t.active.Add(1)
			t.begun.Add(1)
		}
		s := w.of(key)
		s.active.Add(1)
		s.mu.Lock()
		p := s.at(key)
		p.writing++
		p.begun.Add(1)
		s.mu.Unlock()
	}
	answered = func() {
		for _, key := range keys {
			s := w.of(key)
			s.ended.Add(1) // first, so that no read sees neither
			s.active.Add(-1)
		}
	}
	ended = func() {
		for _, key := range keys {
			s := w.of(key)
			s.mu.Lock()
			p := s.at(key)
			p.writing--
			s.forget(key, p)
			s.mu.Unlock()
			if trees {
				w.trees[treeOf(key)].active.Add(^uint64(0))
			}
		}
	}
	return answered, ended
}

// above is what goes on at a target and at all collections that it is in.
type above struct {
	writes *Writes
	trees  []uint16
	begun  uint64 // tree writes that have begun there
	busy   bool   // one was under way
}

func treeOf(key string) uint16 { return uint16(maphash.String(stripeSeed, key) % 4096) }

// above looks from a key up to the root: "host/a/b" is in "host/a" and "host/".
func (w *Writes) above(key string) above {
	a := above{writes: w, trees: []uint16{treeOf(key)}}
	root := strings.IndexByte(key, '/') + 1
	for i := len(key) - 1; i >= root; i-- {
		if key[i] == '/' {
			a.trees = append(a.trees, treeOf(key[:i]))
		}
	}
	if root < len(key) {
		a.trees = append(a.trees, treeOf(key[:root]))
	}
	a.begun = a.count()
	for _, t := range a.trees {
		a.busy = a.busy || w.trees[t].active.Load() > 0
	}
	return a
}

func (a above) count() (n uint64) {
	for _, t := range a.trees {
		n += a.writes.trees[t].begun.Load()
	}
	return n
}

// overtaken reports whether a tree write was under way at any time since.
func (a above) overtaken() bool { return a.busy || a.count() != a.begun }

// A Glance is a read from its beginning to its end.
type Glance struct {
	progress *progress
	begun    uint64
	busy     bool // a write was under way when it began
	above    above
}

// Watch begins a read of key, at this moment. release ends it.
func (w *Writes) Watch(key string) (g Glance, now Moment, release func()) {
	now = w.Look(key)
	s := w.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.at(key)
	p.reading++
	return Glance{p, p.begun.Load(), p.writing > 0, now.above}, now, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.reading--
		s.forget(key, p)
	}
}

// Busy reports whether a write was under way when the read began.
func (g Glance) Busy() bool { return g.busy || g.above.busy }

// Overtaken reports whether a write has been under way at any time since. The zero Glance has seen none.
func (g Glance) Overtaken() bool {
	return g.progress != nil && (g.busy || g.progress.begun.Load() != g.begun || g.above.overtaken())
}

// A Moment is one at which somebody looked, and which is remembered.
type Moment struct {
	stripe *stripe
	ended  uint64
	busy   bool
	above  above
}

// Look returns this moment, as far as writes of key are concerned.
func (w *Writes) Look(key string) Moment {
	s := w.of(key)
	a := w.above(key)
	ended := s.ended.Load()
	return Moment{s, ended, s.active.Load() > 0, a}
}

// Alone reports whether no write but one, that has ended, was under way at any time since.
func (t Moment) Alone() bool {
	return !t.busy && t.stripe.active.Load() == 0 && t.stripe.ended.Load() == t.ended+1 && !t.above.overtaken()
}

// Overtaken reports whether a write may have been under way at any time since. The zero Moment
// has seen none.
func (t Moment) Overtaken() bool {
	return t.stripe != nil && (t.busy || t.stripe.active.Load() > 0 || t.stripe.ended.Load() != t.ended || t.above.overtaken())
}

// KeptUntil reports whether what was seen at this moment was there at a later one, too: no write was under way
// then, and none has ended between.
func (t Moment) KeptUntil(later Moment) bool {
	return !t.busy && !t.above.busy && t.ended == later.ended && t.above.begun == later.above.begun
}
