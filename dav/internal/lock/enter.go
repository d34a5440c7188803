package lock

import (
	"context"
	"slices"
	"time"
)

// Write is what a request wants to change.
type Write struct {
	Writer
	Claims []Claim
	// Holds are other names that must not be changed meanwhile, as a condition of the request is about them.
	Holds []string
	// Check, if it is not nil, is called when it is the write's turn, and before its locks are looked at. From then on until
	// Leave no lock on what is claimed or held is granted or removed. An error is returned as it is.
	Check func() error
}

// Passage is a write's leave to change what it claims.
type Passage struct {
	table *Table
	turn  *turn
	// Opened are the locks, on what is claimed, whose tokens the writer submitted; at most 16.
	Opened []Lock
}

// Enter lets a write through to change what it claims, or refuses it with a [*LockedError]. A resource that has locks
// takes the token of one of them (RFC 4918 §7.5); with Tree that holds for each that is locked below, and with Member
// for the collection above. Enter waits while a lock is being granted that could refuse the write, and for writes before it in the
// tree that it changes, or whose tree it is in; the error may then be [ErrBusy] or that of ctx.
//
// The caller must call Leave, and must not call Enter, Lock or Unlock before.
func (t *Table) Enter(ctx context.Context, now time.Time, w Write) (*Passage, error) {
	x := &turn{claims: w.Claims, holds: held(w.Holds)}
	for _, c := range w.Claims {
		if c.Tree {
			x.holds = append(x.holds, scope{c.Name, true})
		}
	}
	if err := t.await(ctx, x); err != nil {
		return nil, err
	}
	if w.Check != nil {
		if err := w.Check(); err != nil {
			t.done(x)
			return nil, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	opened, err := t.admit(now, w.Writer, w.Claims)
	if err != nil {
		t.leave(x)
		return nil, err
	}
	return &Passage{table: t, turn: x, Opened: opened}, nil
}

// EnterFree is Enter for a write that submits no token and whose condition is about nothing else, to one resource, if there are neither
// locks nor requests that hold anything; else it returns nil, and Enter has to say. Nobody has to be waited for then. Whether
// the write makes the resource need not be known: it claims that it might.
func (t *Table) EnterFree(name string) *Passage {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.byToken) > 0 || t.holding > 0 {
		return nil
	}
	f := &free{claims: [1]Claim{{Name: name, Member: true}}}
	f.turn.claims = f.claims[:]
	f.passage = Passage{table: t, turn: &f.turn}
	t.queue = append(t.queue, &f.turn)
	return &f.passage
}

// free is what EnterFree grants, in one piece.
type free struct {
	passage Passage
	turn    turn
	claims  [1]Claim
}

func held(names []string) []scope {
	var holds []scope
	for _, name := range names {
		holds = append(holds, scope{root: name})
	}
	return holds
}

// Leave ends the passage. Calling it again does nothing.
func (p *Passage) Leave() { p.table.done(p.turn) }

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
		if !c.Tree {
			continue
		}
		look(deep(t.covering(now, c.Name)))
		for _, e := range t.within(now, c.Name) {
			look(t.covering(now, e.Root))
			look(deep(t.covering(now, e.Root)))
		}
	}
	if len(barred) > 0 {
		return nil, &LockedError{Locks: values(barred)}
	}
	return values(opened), nil
}

// deep returns the locks that cover the members of what they are on, too. Beside one of these a shared lock of depth 0 lets its holder
// change the collection, but not what is in it.
func deep(entries []*entry) []*entry {
	return slices.DeleteFunc(entries, func(e *entry) bool { return !e.Infinite || !e.Collection })
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
