package lock

import (
	"context"
	"slices"
	"time"
)

// Passage is a write's leave to change what it claims.
type Passage struct {
	table *Table
	turn  *turn
	// Opened are the locks, on what is claimed, whose tokens the writer submitted; at most 16.
	Opened []Lock
}

// Enter lets a write through to change what it claims, or refuses it with a [*LockedError]. A resource that has locks
// takes the token of one of them (RFC 4918 §7.5); with Tree that holds for each that is locked below, and with Member
// for the collection above. If a lock is being granted that could refuse the write, Enter waits; the error may
// then be [ErrBusy] or that of ctx.
//
// The caller must call Leave, and must not call Enter or Lock before.
func (t *Table) Enter(ctx context.Context, now time.Time, w Writer, claims ...Claim) (*Passage, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := &turn{claims: claims}
	if err := t.queueUp(ctx, x); err != nil {
		return nil, err
	}
	opened, err := t.admit(now, w, claims)
	if err != nil {
		t.leave(x)
		return nil, err
	}
	return &Passage{table: t, turn: x, Opened: opened}, nil
}

// Leave ends the passage. Calling it again does nothing.
func (p *Passage) Leave() {
	p.table.mu.Lock()
	defer p.table.mu.Unlock()
	p.table.leave(p.turn)
}

// admit looks for locks in the way of the claims, under mu, and returns those that the writer opens.
func (t *Table) admit(now time.Time, w Writer, claims []Claim) ([]Lock, error) {
	if len(t.byToken) == 0 {
		return nil, nil
	}
	var opened, barred []*entry
	look := func(entries []*entry) {
		open := slices.DeleteFunc(slices.Clone(entries), func(e *entry) bool { return !w.opens(&e.Lock) })
		opened = append(opened, open...)
		if len(open) == 0 {
			barred = append(barred, entries...)
		}
	}
	for _, c := range claims {
		look(t.covering(now, c.Name))
		if above, ok := parent(c.Name); ok && c.Member {
			look(t.covering(now, above))
		}
		if c.Tree {
			for _, e := range t.within(now, c.Name) {
				look(t.covering(now, e.Root))
			}
		}
	}
	if len(barred) > 0 {
		return nil, &LockedError{Locks: values(barred)}
	}
	return values(opened), nil
}

// values returns the locks, each once, and not more than an error names.
func values(entries []*entry) []Lock {
	var locks []Lock
	for _, e := range entries {
		if !slices.ContainsFunc(locks, func(l Lock) bool { return l.Token == e.Token }) && len(locks) < maxNamed {
			locks = append(locks, e.Lock)
		}
	}
	return locks
}
