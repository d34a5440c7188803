package guard

import (
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// errOvertaken says that a write through the guard was under way while a representation was
// read. Many backends look at a file, open it and read it in steps, and send the beginning of one version
// with the length, the tag or the end of another if it is replaced meanwhile. Some empty a file before they write it, and
// then each of many reads shows the same, which is none of its versions.
var errOvertaken = errors.New("a write came between")

// maxOvertaken is how often a read is tried that a write came between, before it takes the lock and keeps writes
// waiting for it. One that begins while a write is under way waits for that write at once.
const maxOvertaken = 3

// writes lets reads see whether a write came between. The zero writes is ready.
type writes struct {
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

func (w *writes) of(key string) *stripe {
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

// begin says that a write is about to be sent. answered is to be called when it was answered or given up, and then ended,
// when what it has made was read back: until then no read is believed.
func (w *writes) begin(keys []string) (answered, ended func()) {
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

// A glance is a read from its beginning to its end.
type glance struct {
	progress *progress
	begun    uint64
	busy     bool // a write was under way when it began
}

// watch begins a read of key. release ends it.
func (w *writes) watch(key string) (g glance, release func()) {
	s := w.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.at(key)
	p.reading++
	return glance{p, p.begun.Load(), p.writing > 0}, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.reading--
		s.forget(key, p)
	}
}

// overtaken reports whether a write has been under way at any time since. The zero glance has seen none.
func (g glance) overtaken() bool {
	return g.progress != nil && (g.busy || g.progress.begun.Load() != g.begun)
}

// A moment is one at which somebody looked, and which is remembered.
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
