package lock

import (
	"context"
	"slices"
	"time"
)

// Refresh restarts the time of the lock with the token, which must cover name (RFC 4918 §9.10.2). The error is [ErrNoLock],
// [ErrNotCreator], or that of the Keeper.
func (t *Table) Refresh(ctx context.Context, now time.Time, name, token, principal string, timeout time.Duration) (Lock, error) {
	e, err := t.find(now, name, token, principal)
	if err != nil {
		return Lock{}, err
	}
	e.keeping.Lock()
	defer e.keeping.Unlock()
	l, ok := t.current(e)
	if !ok {
		return Lock{}, ErrNoLock
	}
	l.Expires = now.Add(t.lifetime(timeout))
	if err := t.keep(ctx, e, l); err != nil {
		return Lock{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Expires = l.Expires; l.Expires.Before(t.soonest) {
		t.soonest = l.Expires
	}
	if t.byToken[e.Token] != e { // it expired, and was swept, while its record was written
		t.stale = append(t.stale, e.key())
		return Lock{}, ErrNoLock
	}
	return l, nil
}

// Unlock removes the lock with the token, which must cover name (RFC 4918 §9.11), after the writes in its scope that are
// under way. The error is [ErrNoLock], [ErrNotCreator], [ErrBusy], or that of ctx or the Keeper.
func (t *Table) Unlock(ctx context.Context, now time.Time, name, token, principal string) error {
	e, err := t.find(now, name, token, principal)
	if err != nil {
		return err
	}
	x := &turn{claims: []Claim{{Name: e.Root}}, holds: []scope{{e.Root, e.Infinite}}}
	if err := t.await(ctx, x); err != nil {
		return err
	}
	defer t.done(x)
	e.keeping.Lock()
	defer e.keeping.Unlock()
	if _, ok := t.current(e); !ok {
		return ErrNoLock
	}
	if err := t.forget(ctx, e.key()); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(e)
	return nil
}

// Unmapped removes the locks on name and on all below it, as the write has taken them away: "If a request causes the lock-root of any
// lock to become an unmapped URL, then the lock MUST also be deleted by that request" (RFC 4918 §6.1). It is called before Leave,
// with a name that was claimed with Tree, or that has nothing below it.
//
// A record that the Keeper cannot remove is removed later, or when the table is opened.
func (p *Passage) Unmapped(ctx context.Context, name string) {
	p.table.unmap(ctx, func(root string) bool { return root == name || inside(root, name) })
}

// Replaced is Unmapped for what lies below name, but not for name itself: something else has taken its place, and
// has the locks that were on it (§7.6).
func (p *Passage) Replaced(ctx context.Context, name string) {
	p.table.unmap(ctx, func(root string) bool { return inside(root, name) })
}

func (t *Table) unmap(ctx context.Context, gone func(root string) bool) {
	for _, e := range t.take(gone) {
		e.keeping.Lock()
		if err := t.forget(ctx, e.key()); err != nil {
			t.mu.Lock()
			t.stale = append(t.stale, e.key())
			t.mu.Unlock()
		}
		e.keeping.Unlock()
	}
}

// take drops the locks on certain roots, and returns them.
func (t *Table) take(gone func(root string) bool) []*entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	var taken []*entry
	for root, entries := range t.byRoot {
		if gone(root) {
			taken = append(taken, slices.Clone(entries)...)
		}
	}
	for _, e := range taken {
		t.drop(e)
	}
	return taken
}

// find returns the lock with the token.
func (t *Table) find(now time.Time, name, token, principal string) (*entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.byToken[token]
	switch {
	case e == nil, !now.Before(e.Expires), !e.Covers(name):
		return nil, ErrNoLock
	case e.Principal != principal:
		return nil, ErrNotCreator
	}
	return e, nil
}

// current returns the lock as it is now, if it is still in the table.
func (t *Table) current(e *entry) (Lock, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return e.Lock, t.byToken[e.Token] == e
}
