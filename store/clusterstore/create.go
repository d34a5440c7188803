package clusterstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fourtwelve/fourtwelve/store"
)

// newcomer is what was made where nothing was, in a collection that is there already.
type newcomer struct {
	name  string
	under uint64 // the Born of that collection; 0 if it is the root
	at    uint64 // Changes of the head when it was made
}

// install makes next of st, which is next's resource or nothing, and describes it. If nothing is there it
// makes the collections on the way, too, all in one step. fresh says that memory was misleading.
func (s *Store) install(ctx context.Context, st *state, next *head, fresh bool) (store.Info, error) {
	if st.head.Kind == kindResource {
		made, err := s.dated(ctx, st, next)
		if err != nil {
			return store.Info{}, err
		}
		return made.info(), nil
	}
	name := resourceName(st.name)
	above := s.remembered(headName(parent(name)))
	if fresh || above == nil || above.head.Under != 0 {
		var err error
		if above, err = s.current(ctx, headName(parent(name))); err != nil {
			return store.Info{}, err
		}
	}
	if !above.collection() {
		return s.installDeep(ctx, st, next)
	}
	next.Under = above.born()
	made, err := s.dated(ctx, st, next)
	if err != nil {
		return store.Info{}, err
	}
	return made.head.info(name), s.confirm(ctx, newcomer{name, next.Under, made.stored.Changes})
}

// installDeep is install where collections are missing. It does not try again.
func (s *Store) installDeep(ctx context.Context, st *state, next *head) (store.Info, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return store.Info{}, err
	}
	defer c.end(ctx)
	if err := c.create(ctx, st, next); err != nil {
		return store.Info{}, err
	}
	if err := c.decide(ctx); err != nil {
		return store.Info{}, err
	}
	return next.info(resourceName(st.name)), nil
}

// create makes next of st part of the change, and the collections on the way to it. So is the collection
// that is there already, as it is: it cannot go without this change.
func (c *change) create(ctx context.Context, st *state, next *head) error {
	missing, above, err := c.s.missing(ctx, resourceName(st.name))
	if err == nil {
		err = c.hold(ctx, above)
	}
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(missing) {
		if err := c.place(ctx, m, c.s.asCollection(m.head)); err != nil {
			return err
		}
	}
	return c.place(ctx, st, next)
}

// hold makes a collection part of the change, as it is. The root stays in any case.
func (c *change) hold(ctx context.Context, collection *state) error {
	if collection.name == resourcePrefix {
		return nil
	}
	return c.place(ctx, collection, collection.head)
}

// missing returns the heads of the collections that name would be in and that are not there, the
// innermost first, and the one that would hold the outermost.
func (s *Store) missing(ctx context.Context, name string) (missing []*state, above *state, err error) {
	for p := parent(name); ; p = parent(p) {
		above, err = s.current(ctx, headName(p))
		switch {
		case err != nil:
			return nil, nil, named(p, err)
		case above.head.Kind == kindResource:
			return nil, nil, notIn(name, p)
		case above.collection():
			return missing, above, nil
		}
		missing = append(missing, above)
	}
}

// confirm sees that what was made is in the collection in which it was made. The error is ErrSwapped if
// it is not, and so never was there: somebody had deleted or moved that collection, or will have, and
// did not see it.
//
// If the collection is there and nobody is about to change it, whoever does so later sees what was made.
// Until that is known, everybody who meets it looks at the collection. If somebody is about to, that
// change is waited for, or refused.
func (s *Store) confirm(ctx context.Context, n newcomer) error {
	if n.under == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	above, err := s.current(ctx, headName(parent(n.name)))
	if err != nil {
		return unsure(err)
	}
	st, err := s.currentAlone(ctx, headName(n.name)) // after the collection: see within
	if err != nil {
		return unsure(err)
	}
	switch {
	case above.born() == n.under && st.head.Under != n.under:
		return nil
	case st.head.Under == n.under && st.stored.Changes <= n.at+1:
		if above.born() != n.under {
			return ErrSwapped
		}
		// It is there whether this succeeds or not; then nobody needs to look at the collection again.
		s.swap(ctx, st, st.under(n.under).head)
		return nil
	case st.head.Voided == n.at || st.head.Voided == n.at+1:
		return ErrSwapped
	case st.head.Voided > n.at+1:
		return fmt.Errorf("it was changed again and again: %w", store.ErrUnknown)
	}
	return nil // somebody who saw it has changed it since
}

// unsure says that the outcome is unknown, for a change of which only the end is.
func unsure(err error) error {
	if errors.Is(err, store.ErrUnknown) {
		return err
	}
	return fmt.Errorf("%v: %w", err, store.ErrUnknown)
}
