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
	select {
	case <-w.ready:
		return unlock, nil
	default:
	}
	select {
	case <-w.ready:
		return unlock, nil
	case <-ctx.Done():
		ls.withdraw(key, w)
		return nil, context.Cause(ctx)
	}
}

// enter takes the lock or a place in its queue.
func (ls *locks) enter(key string, shared bool) (*waiter, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.held[key]
	if l == nil {
		l = new(lock)
		ls.held[key] = l
	}
	if len(l.waiting) >= ls.maxWaiters {
		return nil, ErrBusy
	}
	w := &waiter{shared, make(chan struct{})}
	l.waiting = append(l.waiting, w)
	l.admit()
	return w, nil
}

// admit lets those in whose turn it is.
func (l *lock) admit() {
	n := 0
	for _, w := range l.waiting {
		if l.holders > 0 && (l.alone || !w.shared) {
			break
		}
		l.holders++
		l.alone = !w.shared
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
	l.admit()
	if l.holders == 0 {
		delete(ls.held, key)
	}
}
