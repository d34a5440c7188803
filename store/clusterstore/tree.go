package clusterstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// MakeCollection implements store.Collections.
func (s *Store) MakeCollection(ctx context.Context, name string) (store.Info, error) {
	if err := check(ctx, name); err != nil {
		return store.Info{}, err
	}
	for try := 0; try < tries; try++ {
		info, err := s.tryMakeCollection(ctx, name)
		if !errors.Is(err, ErrSwapped) {
			return info, err
		}
		if err := pause(ctx, try); err != nil {
			return store.Info{}, err
		}
	}
	return store.Info{}, named(name, errBusy)
}

func (s *Store) tryMakeCollection(ctx context.Context, name string) (store.Info, error) {
	st, err := s.current(ctx, headName(name))
	if err != nil {
		return store.Info{}, named(name, err)
	}
	if st.exists() {
		return store.Info{}, &store.ConflictError{Name: name, Expect: store.Absent, Current: st.info()}
	}
	if err := store.CheckNewName(name); err != nil {
		return store.Info{}, err
	}
	above, err := s.held(ctx, name)
	if err != nil {
		return store.Info{}, err
	}
	next := s.asCollection(st.head)
	next.Under = above.born()
	made, err := s.swap(ctx, st, next)
	if err != nil {
		return store.Info{}, named(name, err)
	}
	return made.info(), s.confirm(ctx, newcomer{name, next.Under, made.stored.Changes})
}

// held returns the collection that would hold name, or why it cannot.
func (s *Store) held(ctx context.Context, name string) (above *state, err error) {
	p := parent(name)
	above, err = s.current(ctx, headName(p))
	switch {
	case err != nil:
		return nil, named(p, err)
	case above.head.Kind == kindResource:
		return nil, notIn(name, p)
	case !above.collection():
		return nil, fmt.Errorf("%q: %w: %w", name, store.ErrNoParent, store.ErrNotFound)
	}
	return above, nil
}

// DeleteCollection implements store.Collections. It touches Options.Tree names at most, or the error is
// store.ErrTooLarge.
func (s *Store) DeleteCollection(ctx context.Context, name string) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	if name == "" {
		return store.CheckNewName(name)
	}
	return s.several(ctx, func(c *change) error {
		st, err := s.current(ctx, headName(name))
		switch {
		case err != nil:
			return named(name, err)
		case st.head.Kind == kindResource:
			return named(name, store.ErrNotCollection)
		case !st.collection():
			return named(name, store.ErrNotFound)
		}
		gone := func(st *state) (*head, error) { return s.gone(st.head, false), nil }
		return c.walk(ctx, st, s.gone(st.head, false), gone)
	})
}

// walk makes st part of the change, as next, and if it is a collection all members, at any depth, as
// what f makes of them. A collection takes part before its members are listed: who makes a member
// afterwards sees that it does.
func (c *change) walk(ctx context.Context, st *state, next *head, f func(*state) (*head, error)) error {
	if err := c.place(ctx, st, next); err != nil {
		return err
	}
	if !st.collection() {
		return nil
	}
	for member, err := range c.s.levelAlone(ctx, resourceName(st.name)) {
		if err != nil {
			return err
		}
		if c.heads[member.name] != nil {
			continue
		}
		if member, err = c.s.currentAlone(ctx, member.name); err != nil {
			return err
		}
		if member = member.under(st.born()); !member.exists() {
			continue
		}
		becomes, err := f(member)
		if err != nil {
			return err
		}
		if err := c.walk(ctx, member, becomes, f); err != nil {
			return err
		}
	}
	return nil
}

// Move implements store.Mover. It touches Options.Tree names at most, or the error is
// store.ErrTooLarge; contents that do not ride in heads are copied.
func (s *Store) Move(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	return s.transfer(ctx, transfer{from: from, to: to, expectFrom: expectFrom, expectTo: expectTo, move: true})
}

// Copy implements store.Mover, within the limits of Move.
func (s *Store) Copy(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	return s.transfer(ctx, transfer{from: from, to: to, expectFrom: expectFrom, expectTo: expectTo})
}

// CopyCollection implements store.Mover.
func (s *Store) CopyCollection(ctx context.Context, from, to string, expectTo store.Expect) (store.Info, error) {
	return s.transfer(ctx, transfer{from: from, to: to, expectFrom: store.Any, expectTo: expectTo, alone: true})
}

// transfer is a Move or a Copy.
type transfer struct {
	from, to             string
	expectFrom, expectTo store.Expect
	move                 bool
	alone                bool // of a collection, without its members
}

// renamed returns the new name of what is called name in the tree that moves.
func (t transfer) renamed(name string) string { return t.to + strings.TrimPrefix(name, t.from) }

func (s *Store) transfer(ctx context.Context, t transfer) (info store.Info, err error) {
	if err := cmp.Or(store.CheckMove(t.from, t.to), ctx.Err()); err != nil {
		return store.Info{}, err
	}
	err = s.several(ctx, func(c *change) error {
		a := &arrival{change: c, transfer: t}
		if info, err = a.place(ctx); err != nil {
			a.discard(ctx)
		}
		return err
	})
	if err != nil {
		return store.Info{}, err
	}
	return info, nil
}

// arrival is a transfer while it is made.
type arrival struct {
	*change
	transfer
	arrives []*state    // of what moves, before
	copied  []ContentID // that no head names yet
}

// place makes all heads of both trees part of the change, and the collection that will hold the
// destination, so that what arrives cannot miss it. It describes what will be there.
func (a *arrival) place(ctx context.Context) (store.Info, error) {
	source, target, above, err := a.admit(ctx)
	if err == nil {
		err = a.hold(ctx, above)
	}
	if err == nil {
		err = a.leave(ctx, source)
	}
	if err != nil {
		return store.Info{}, err
	}
	arriving := make(map[string]*state, len(a.arrives))
	for _, st := range a.arrives {
		name := a.renamed(resourceName(st.name))
		if err := store.CheckName(name); err != nil {
			return store.Info{}, err // too long
		}
		arriving[headName(name)] = st
	}
	spare := store.IsSparing(ctx)
	becomes := func(st *state) (*head, error) {
		if spare && st.head.Kind == kindResource && !a.s.CanSpare(st.head.Current.Size) {
			return nil, &store.UnsparedError{Name: resourceName(st.name), Reason: fmt.Sprintf(
				"has %d bytes, and of that many no earlier revisions are kept", st.head.Current.Size)}
		}
		from := arriving[st.name]
		if from == nil {
			return a.s.gone(st.head, spare), nil
		}
		delete(arriving, st.name)
		return a.arrive(ctx, from, st, spare)
	}
	top, err := becomes(target)
	if err != nil {
		return store.Info{}, err
	}
	err = a.walk(ctx, target, top, becomes)
	if err != nil {
		return store.Info{}, err
	}
	for _, st := range a.arrives {
		to := headName(a.renamed(resourceName(st.name)))
		if arriving[to] != nil {
			if err := a.fill(ctx, to, becomes); err != nil {
				return store.Info{}, err
			}
		}
	}
	return top.info(a.to), nil
}

// fill makes the head to, where nothing is, part of the change.
func (a *arrival) fill(ctx context.Context, to string, becomes func(*state) (*head, error)) error {
	there, err := a.s.currentAlone(ctx, to)
	if err != nil {
		return err
	}
	// If it says that it is there, it was made too late in a collection that is gone.
	there = there.under(0)
	next, err := becomes(there)
	if err != nil {
		return err
	}
	return a.change.place(ctx, there, next)
}

// admit returns what is under both names, or why the transfer cannot be. What it says of the
// destination holds at a moment at which the source was still as it says.
func (a *arrival) admit(ctx context.Context) (source, target, above *state, err error) {
	source, target, above, err = a.judge(ctx)
	if err != nil && source != nil {
		if again, lost := a.s.current(ctx, source.name); lost != nil || again.token != source.token {
			return nil, nil, nil, cmp.Or(lost, ErrSwapped)
		}
	}
	return source, target, above, err
}

func (a *arrival) judge(ctx context.Context) (source, target, above *state, err error) {
	if source, err = a.s.current(ctx, headName(a.from)); err != nil {
		return nil, nil, nil, named(a.from, err)
	}
	if target, err = a.s.current(ctx, headName(a.to)); err != nil {
		return source, nil, nil, named(a.to, err)
	}
	if !source.exists() && (a.expectFrom == store.Any || a.expectFrom == store.Absent) {
		return nil, nil, nil, named(a.from, store.ErrNotFound)
	}
	if info := source.info(); !a.expectFrom.Admits(info) {
		return nil, nil, nil, &store.ConflictError{Name: a.from, Expect: a.expectFrom, Current: info}
	}
	if a.alone && !source.collection() {
		return nil, nil, nil, named(a.from, store.ErrNotCollection)
	}
	if above, err = a.s.held(ctx, a.to); err != nil {
		return source, nil, nil, err
	}
	if info := target.info(); !a.expectTo.Admits(info) {
		return source, nil, nil, &store.ConflictError{Name: a.to, Expect: a.expectTo, Current: info}
	}
	return source, target, above, nil
}

// leave makes the source and what is in it part of the change, so that nobody changes it meanwhile:
// as deleted, or for a copy as it is.
func (a *arrival) leave(ctx context.Context, source *state) error {
	becomes := func(st *state) (*head, error) {
		a.arrives = append(a.arrives, st)
		if a.move {
			return a.s.gone(st.head, false), nil
		}
		return st.head, nil
	}
	next, err := becomes(source)
	if err != nil {
		return err
	}
	if a.alone {
		return a.change.place(ctx, source, next)
	}
	return a.walk(ctx, source, next, becomes)
}

// arrive returns what st becomes when from arrives there.
func (a *arrival) arrive(ctx context.Context, from, st *state, spare bool) (*head, error) {
	next := a.s.replaced(st.head, spare)
	next.Kind, next.Properties = from.head.Kind, from.head.Properties
	if from.collection() {
		next.Kind, next.Born = kindCollection, st.head.Changes+1
		return next, nil
	}
	r := *from.head.Current
	next.Last++
	r.Revision = next.Last
	if st.token == "" {
		next.Modified = r.Modified // nothing was here whose date that might have been
	} else {
		r.Modified = next.Modified
	}
	if r.ID != "" {
		to := ContentID{st.name, newID(a.s.now(), a.s.options.Nonce())}
		a.copied = append(a.copied, to)
		if err := a.s.copyContent(ctx, ContentID{from.name, r.ID}, to, r.Size); err != nil {
			return nil, err
		}
		r.ID = to.ID
	}
	next.Current = &r
	return next, nil
}

// copyContent makes a content that is another's copy.
func (s *Store) copyContent(ctx context.Context, from, to ContentID, size int64) error {
	if c, ok := s.contents.(Copier); ok {
		return c.Copy(ctx, from, to)
	}
	r, err := s.contents.Open(ctx, from, 0, size)
	if err != nil {
		return err
	}
	defer r.Close()
	return s.contents.Put(ctx, to, size, io.LimitReader(r, size))
}

// discard removes the copies that were made in vain. What it cannot remove is garbage. Heads may still
// wait for a change that names them, but that one is refused.
func (a *arrival) discard(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	for _, id := range a.copied {
		a.s.contents.Remove(ctx, id)
	}
}
