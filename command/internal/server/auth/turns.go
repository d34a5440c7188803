package auth

import (
	"context"
	"math/rand/v2"
	"sync"
)

// turns decides whose password is checked next. Checks take long on purpose, so there can
// be more who want one than can be served, and a flood of wrong passwords must not keep
// others from logging in: whoever the passwords come from waits in a line of their own, the lines
// have their turns one after the other, and if too many wait, somebody of a longest line goes.
type turns struct {
	parallel int // checks at once

	mu      sync.Mutex
	running int
	waiting int
	lines   map[string][]*waiter
	order   []string // of lines, that of the next turn first
}

type waiter struct {
	// turn gets true when it is the waiter's turn, and false when it has to go.
	turn chan bool
}

// take waits until a check of from may run; then give must be called. The error is ErrBusy, or
// that of ctx.
func (t *turns) take(ctx context.Context, from string) error {
	w := t.enter(from)
	if w == nil {
		return nil
	}
	select {
	case ok := <-w.turn:
		if !ok {
			return ErrBusy
		}
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	removed := t.remove(from, w)
	t.mu.Unlock()
	if !removed && <-w.turn {
		t.give() // the turn came at the same moment
	}
	return ctx.Err()
}

// enter begins at once, and then returns nil, or adds to the line of from.
func (t *turns) enter(from string) *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running < t.parallel {
		t.running++
		return nil
	}
	w := &waiter{make(chan bool, 1)}
	if t.waiting >= maxWaiting && !t.makeRoom(from) {
		w.turn <- false
		return w
	}
	if t.lines == nil {
		t.lines = make(map[string][]*waiter)
	}
	if len(t.lines[from]) == 0 {
		t.order = append(t.order, from)
	}
	t.lines[from] = append(t.lines[from], w)
	t.waiting++
	return w
}

// makeRoom sends the last of a longest line away, any if there are several, unless that of
// from would then be as long: where all are alike, those who are there stay.
func (t *turns) makeRoom(from string) bool {
	longest, among := "", 0
	for line, waiters := range t.lines {
		switch n := len(waiters) - len(t.lines[longest]); {
		case among == 0 || n > 0:
			longest, among = line, 1
		case n == 0:
			if among++; rand.IntN(among) == 0 {
				longest = line
			}
		}
	}
	n := len(t.lines[longest])
	if n <= len(t.lines[from])+1 {
		return false
	}
	last := t.lines[longest][n-1]
	t.remove(longest, last)
	last.turn <- false
	return true
}

// remove takes w out of its line, and returns false if it is not in it any more.
func (t *turns) remove(from string, w *waiter) bool {
	line := t.lines[from]
	for i := range line {
		if line[i] != w {
			continue
		}
		t.waiting--
		if line = append(line[:i:i], line[i+1:]...); len(line) > 0 {
			t.lines[from] = line
			return true
		}
		delete(t.lines, from)
		for j := range t.order {
			if t.order[j] == from {
				t.order = append(t.order[:j], t.order[j+1:]...)
				break
			}
		}
		return true
	}
	return false
}

// give ends a turn, and begins the next one.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 {
		t.running--
		return
	}
	from := t.order[0]
	w := t.lines[from][0]
	t.remove(from, w)
	if len(t.lines[from]) > 0 { // the others come first now
		t.order = append(t.order[1:], from)
	}
	w.turn <- true
}
