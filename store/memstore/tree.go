package memstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// MakeCollection implements store.Collections.
func (s *Store) MakeCollection(ctx context.Context, name string) (store.Info, error) {
	if err := check(ctx, name); err != nil {
		return store.Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.at(name); at.Exists() || at.Collection {
		return store.Info{}, &store.ConflictError{Name: name, Expect: store.Absent, Current: at}
	}
	if err := store.CheckNewName(name); err != nil {
		return store.Info{}, err
	}
	if err := s.held(name); err != nil {
		return store.Info{}, err
	}
	modified := s.nextModified()
	s.collections[name] = &collection{modified: modified}
	s.touchParents(name, modified)
	return s.at(name), nil
}

// held reports why the collection that would hold name cannot.
func (s *Store) held(name string) error {
	switch at := s.at(parent(name)); {
	case at.Exists():
		return fmt.Errorf("%q cannot be in %q, which %w", name, parent(name), store.ErrNotCollection)
	case !at.Collection:
		return fmt.Errorf("%q: %w: %w", name, store.ErrNoParent, store.ErrNotFound)
	}
	return nil
}

// DeleteCollection implements store.Collections. It looks at every name in the
// store.
func (s *Store) DeleteCollection(ctx context.Context, name string) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	if name == "" {
		return store.CheckNewName(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch at := s.at(name); {
	case at.Exists():
		return named(name, store.ErrNotCollection)
	case !at.Collection:
		return named(name, store.ErrNotFound)
	}
	s.clear(name, false)
	s.touchParents(name, s.nextModified())
	return nil
}

// Move implements store.Mover. It looks at every name in the store.
func (s *Store) Move(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	return s.transfer(ctx, transfer{from: from, to: to, expectFrom: expectFrom, expectTo: expectTo, move: true})
}

// Copy implements store.Mover. It looks at every name in the store; the copy
// shares the content.
func (s *Store) Copy(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	return s.transfer(ctx, transfer{from: from, to: to, expectFrom: expectFrom, expectTo: expectTo})
}

// CopyCollection implements store.Mover. It looks at every name in the store.
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

func (s *Store) transfer(ctx context.Context, t transfer) (store.Info, error) {
	if err := store.CheckMove(t.from, t.to); err != nil {
		return store.Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admit(t); err != nil {
		return store.Info{}, err
	}
	members := s.tree(t.from)
	if t.alone {
		members = []string{t.from}
	}
	for _, name := range members {
		if err := store.CheckName(t.renamed(name)); err != nil {
			return store.Info{}, err // too long
		}
	}
	spare := store.IsSparing(ctx)
	if spare && (s.at(t.from).Collection || s.at(t.to).Collection) {
		if err := s.canSpareTree(t.to); err != nil {
			return store.Info{}, err
		}
	}
	s.clear(t.to, spare)
	for _, name := range members {
		s.arrive(name, t.renamed(name))
	}
	modified := s.nextModified()
	if t.move {
		s.clear(t.from, false)
		s.touchParents(t.from, modified)
	}
	s.touchParents(t.to, modified)
	return s.at(t.to), nil
}

// canSpareTree returns an error if something under name, or in it, could not be kept.
func (s *Store) canSpareTree(name string) error {
	for _, n := range s.tree(name) {
		if at := s.current(n); at.Exists() && !s.CanSpare(at.Size) {
			return &store.UnsparedError{Name: n, Reason: fmt.Sprintf("has %d bytes, more than are kept of its earlier revisions here", at.Size)}
		}
	}
	return nil
}

// admit reports why t cannot be.
func (s *Store) admit(t transfer) error {
	source, target := s.at(t.from), s.at(t.to)
	if source == (store.Info{}) && (t.expectFrom == store.Any || t.expectFrom == store.Absent) {
		return named(t.from, store.ErrNotFound)
	}
	if !t.expectFrom.Admits(source) {
		return &store.ConflictError{Name: t.from, Expect: t.expectFrom, Current: source}
	}
	if t.alone && source.Exists() {
		return named(t.from, store.ErrNotCollection)
	}
	if err := s.held(t.to); err != nil {
		return err
	}
	if !t.expectTo.Admits(target) {
		return &store.ConflictError{Name: t.to, Expect: t.expectTo, Current: target}
	}
	return nil
}

// renamed returns the new name of a member of the tree.
func (t transfer) renamed(name string) string { return t.to + strings.TrimPrefix(name, t.from) }

// tree returns the names of what is under name and in it, at any depth, in order.
func (s *Store) tree(name string) []string {
	var names []string
	for n, e := range s.entries {
		if e.current != nil && (n == name || store.Inside(n, name)) {
			names = append(names, n)
		}
	}
	for n := range s.collections {
		if n == name || store.Inside(n, name) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// arrive makes under the name to what is under from, with its properties.
func (s *Store) arrive(from, to string) {
	if set := s.properties[from]; set != nil {
		s.properties[to] = set // never changed, only replaced
	}
	if s.collections[from] != nil {
		s.collections[to] = &collection{modified: s.nextModified()}
		return
	}
	r := s.entries[from].current
	info := r.info
	info.Name = to
	if s.entries[to] != nil || !info.Modified.After(s.forgotten) {
		info.Modified = s.nextModified() // the other may be the date of what was here
	}
	s.install(info, r.data, false)
}

// clear takes away what is under name and in it, at any depth.
func (s *Store) clear(name string, spare bool) {
	for _, n := range s.tree(name) {
		if s.collections[n] != nil {
			delete(s.collections, n)
			delete(s.properties, n)
			continue
		}
		s.remove(n, spare)
	}
}
