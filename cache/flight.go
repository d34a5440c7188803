package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// flights are the requests that are on their way to the origin, by key: others for the same wait for them.
type flights struct {
	mu     sync.Mutex
	flying map[string]*flight
	passes [1024]atomic.Int64
}

// flight is one of them.
type flight struct {
	// ready is closed once it is known what the origin answers, and kept once that is stored or will not be.
	ready, kept chan struct{}
	// turn is when it began: what has been invalidated since is not in what it brings.
	turn uint64
	// live is what others may be served from before it is stored. It is set before ready is closed.
	live *Entry
}

// passTime is how long requests for a target do not wait for each other after an answer that could not be shared.
const passTime = 10 * time.Second

// join returns the flight for key, which begins at turn if there is none, and whether the caller is to lead it: then it calls
// land. It is nil if there has been none of use lately.
func (f *flights) join(key string, turn uint64, now time.Time) (joined *flight, leads bool) {
	if f.pass(key).Load() > now.UnixNano() {
		return nil, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if flying, ok := f.flying[key]; ok {
		return flying, false
	}
	if f.flying == nil {
		f.flying = make(map[string]*flight)
	}
	flying := &flight{turn: turn, ready: make(chan struct{}), kept: make(chan struct{})}
	f.flying[key] = flying
	return flying, true
}

func (f *flights) pass(key string) *atomic.Int64 {
	return &f.passes[(&marks{}).slot(key)%uint64(len(f.passes))]
}

// announce tells those who wait what comes; nil is nothing that they can have.
func (f *flights) announce(flying *flight, live *Entry) {
	if flying != nil {
		flying.live = live
		close(flying.ready)
	}
}

// land ends the flight. Without use its key is passed for a while.
func (f *flights) land(key string, flying *flight, useful bool, now time.Time) {
	if flying == nil {
		return
	}
	if !useful {
		f.pass(key).Store(now.Add(passTime).UnixNano())
	}
	f.mu.Lock()
	delete(f.flying, key)
	f.mu.Unlock()
	close(flying.kept)
}

// work counts what is on its way from the origin.
type work struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n is 0 again; nil if nobody waits
}

func (w *work) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
}

func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n--; w.n == 0 && w.none != nil {
		close(w.none)
		w.none = nil
	}
}

// ended returns a channel that is closed when nothing is on its way.
func (w *work) ended() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if w.none == nil {
		w.none = make(chan struct{})
	}
	return w.none
}

// wait waits until c is closed, the time is over or ctx is done, and reports whether c is closed.
func wait(ctx context.Context, c <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
