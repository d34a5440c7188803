package turn

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// Writes lets reads see whether a write came between. The zero Writes is ready.
type Writes struct {
	stripes [256]stripe
}

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

// Begin says that a write is about to be sent. answered is to be called when it was answered or given up, and then ended,
// when what it has made was read back: until then no read is believed.
func (w *Writes) Begin(keys []string) (answered, ended func()) {
	for _, key := range keys {
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
		}
	}
	return answered, ended
}

// A Glance is a read from its beginning to its end.
type Glance struct {
	progress *progress
	begun    uint64
	busy     bool // a write was under way when it began
}

// Watch begins a read of key. release ends it.
func (w *Writes) Watch(key string) (g Glance, release func()) {
	s := w.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.at(key)
	p.reading++
	return Glance{p, p.begun.Load(), p.writing > 0}, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.reading--
		s.forget(key, p)
	}
}

// Busy reports whether a write was under way when the read began.
func (g Glance) Busy() bool { return g.busy }

// Overtaken reports whether a write has been under way at any time since. The zero Glance has seen none.
func (g Glance) Overtaken() bool {
	return g.progress != nil && (g.busy || g.progress.begun.Load() != g.begun)
}

// A Moment is one at which somebody looked, and which is remembered.
type Moment struct {
	stripe *stripe
	ended  uint64
	busy   bool
}

// Look returns this moment, as far as writes of key are concerned.
func (w *Writes) Look(key string) Moment {
	s := w.of(key)
	ended := s.ended.Load()
	return Moment{s, ended, s.active.Load() > 0}
}

// Alone reports whether no write but one, that has ended, was under way at any time since.
func (t Moment) Alone() bool {
	return !t.busy && t.stripe.active.Load() == 0 && t.stripe.ended.Load() == t.ended+1
}

// Overtaken reports whether a write may have been under way at any time since. The zero Moment
// has seen none.
func (t Moment) Overtaken() bool {
	return t.stripe != nil && (t.busy || t.stripe.active.Load() > 0 || t.stripe.ended.Load() != t.ended)
}

// KeptUntil reports whether what was seen at this moment was there at a later one, too: no write was under way
// then, and none has ended between.
func (t Moment) KeptUntil(later Moment) bool { return !t.busy && t.ended == later.ended }
