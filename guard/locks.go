package guard

import (
	"context"
	"slices"
	"sync"
)

// locks is a Locker in memory. Waiters are served in the order they came, and
// those that share are let in together.
type locks struct {
	maxWaiters int
	mu         sync.Mutex
	held       map[string]*lock
}

func newLocks(maxWaiters int) *locks {
	return &locks{maxWaiters: maxWaiters, held: make(map[string]*lock)}
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

// Lock is [Locker.Lock].
func (ls *locks) Lock(ctx context.Context, key string, shared bool) (unlock func(), err error) {
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
func (ls *locks) TryLock(key string, shared bool) (unlock func(), ok bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if !ls.take(key, shared) {
		return nil, false
	}
	return func() { ls.leave(key) }, true
}

// take takes the lock if it is free and nobody waits for it.
func (ls *locks) take(key string, shared bool) bool {
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
func (ls *locks) enter(key string, shared bool) (*waiter, error) {
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
func (ls *locks) leave(key string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.held[key]
	l.holders--
	l.alone = false
	ls.settle(key, l)
}

// withdraw gives up waiting. The lock may have been given to w meanwhile.
func (ls *locks) withdraw(key string, w *waiter) {
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
func (ls *locks) settle(key string, l *lock) {
	l.admitWaiting()
	if l.holders == 0 {
		delete(ls.held, key)
	}
}
