package clusterstore

import (
	"context"
	"sync"
)

// turns lets one writer of this process after the other change a head. It decides nothing, since other
// processes do not know of it: it spares the engine swaps of which only one can succeed.
type turns struct {
	mu   sync.Mutex
	held map[string]*turn
}

type turn struct {
	room    chan struct{} // has one element while somebody's turn is
	waiting int           // he included
}

// take waits for the turn at name. What it returns gives the turn back.
func (t *turns) take(ctx context.Context, name string) (back func(), err error) {
	t.mu.Lock()
	if t.held == nil {
		t.held = make(map[string]*turn)
	}
	mine := t.held[name]
	if mine == nil {
		mine = &turn{room: make(chan struct{}, 1)}
		t.held[name] = mine
	}
	mine.waiting++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.waiting--; mine.waiting == 0 {
			delete(t.held, name)
		}
	}
	select {
	case mine.room <- struct{}{}:
		return func() { <-mine.room; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
