package turn

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrBusy says that too many requests wait for the lock of a target.
var ErrBusy = errors.New("too many requests wait for this lock")

// Locks keeps writes apart, in the memory of one process. Waiters are served in the order they came, and
// those that share are let in together.
type Locks struct {
	maxWaiters int
	mu         sync.Mutex
	held       map[string]*lock
}

// NewLocks returns locks for each of which no more than maxWaiters wait at a time.
func NewLocks(maxWaiters int) *Locks {
	return &Locks{maxWaiters: maxWaiters, held: make(map[string]*lock)}
}

// lock is the state of a key that is held.
type lock struct {
	holders int
	alone   bool
	waiting []*waiter
}

type waiter struct {
	shared bool
	ready  chan struct{}
}

// Lock waits until key is held: alone, or, if shared is true, together with others that share it. Waiting ends with
// ctx, whose cause is then the error, or at once with ErrBusy if too many wait already. unlock is to be called once.
func (ls *Locks) Lock(ctx context.Context, key string, shared bool) (unlock func(), err error) {
	w, err := ls.enter(key, shared)
	if err != nil {
		return nil, err
	}
	unlock = func() { ls.leave(key) }
	if w == nil {
		return unlock, nil
	}
	select {
	case <-w.ready:
		return unlock, nil
	case <-ctx.Done():
		ls.withdraw(key, w)
		return nil, context.Cause(ctx)
	}
}

// TryLock takes a lock that need not be waited for. If ok is false it was not taken.
func (ls *Locks) TryLock(key string, shared bool) (unlock func(), ok bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if !ls.take(key, shared) {
		return nil, false
	}
	return func() { ls.leave(key) }, true
}

// take takes the lock if it is free and nobody waits for it.
func (ls *Locks) take(key string, shared bool) bool {
	l := ls.held[key]
	if l == nil {
		l = new(lock)
		ls.held[key] = l
	}
	if len(l.waiting) > 0 || !l.admits(shared) {
		return false
	}
	l.admit(shared)
	return true
}

// enter takes the lock, or a place in its queue. The waiter is nil if there is nothing to wait for.
func (ls *Locks) enter(key string, shared bool) (*waiter, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.take(key, shared) {
		return nil, nil
	}
	l := ls.held[key]
	if len(l.waiting) >= ls.maxWaiters {
		return nil, ErrBusy
	}
	w := &waiter{shared, make(chan struct{})}
	l.waiting = append(l.waiting, w)
	return w, nil
}

// admits reports whether one more may hold the lock.
func (l *lock) admits(shared bool) bool { return l.holders == 0 || shared && !l.alone }

func (l *lock) admit(shared bool) {
	l.holders++
	l.alone = !shared
}

// admitWaiting lets those in whose turn it is.
func (l *lock) admitWaiting() {
	n := 0
	for _, w := range l.waiting {
		if !l.admits(w.shared) {
			break
		}
		l.admit(w.shared)
		close(w.ready)
		n++
	}
	l.waiting = slices.Delete(l.waiting, 0, n)
}

// leave gives the lock back.
func (ls *Locks) leave(key string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.held[key]
	l.holders--
	l.alone = false
	ls.settle(key, l)
}

// withdraw gives up waiting. The lock may have been given to w meanwhile.
func (ls *Locks) withdraw(key string, w *waiter) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.held[key]
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	} else {
		l.holders--
		l.alone = false
	}
	ls.settle(key, l)
}

// settle lets the next in, and forgets a lock that nobody wants.
func (ls *Locks) settle(key string, l *lock) {
	l.admitWaiting()
	if l.holders == 0 {
		delete(ls.held, key)
	}
}

// Waiting counts who waits for any of the locks.
func (ls *Locks) Waiting() (n int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, held := range ls.held {
		n += len(held.waiting)
	}
	return n
}
