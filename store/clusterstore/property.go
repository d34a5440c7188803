package clusterstore

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/fourtwelve/fourtwelve/store"
)

// Properties implements store.Properties.
func (s *Store) Properties(ctx context.Context, name string) (map[string]string, error) {
	st, err := s.read(ctx, name)
	if err != nil {
		return nil, err
	}
	if !st.exists() {
		return nil, named(name, store.ErrNotFound)
	}
	return maps.Clone(st.head.Properties), nil
}

func (st *state) exists() bool { return st.collection() || st.head.Kind == kindResource }

// SetProperties implements store.Properties.
func (s *Store) SetProperties(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
	return s.change(ctx, name, func(st *state) (*head, error) {
		if !st.exists() && (expect == store.Any || expect == store.Absent) {
			return nil, named(name, store.ErrNotFound)
		}
		if info := st.info(); !expect.Admits(info) {
			return nil, &store.ConflictError{Name: name, Expect: expect, Current: info}
		}
		next := *st.head
		if next.Kind == kindNothing {
			next.Kind = kindCollection // the root, which has no head until somebody sets something on it
		}
		var err error
		next.Properties, err = store.ChangeProperties(st.head.Properties, changes)
		return &next, err
	})
}

// keeperPrefix begins the names of the heads of records of store.Keeper.
const keeperPrefix = "k/"

func keeperName(key string) string { return keeperPrefix + hex.EncodeToString([]byte(key)) }

// Keep implements store.Keeper.
func (s *Store) Keep(ctx context.Context, key string, value []byte) error {
	if err := cmp.Or(store.CheckRecord(key, value), ctx.Err()); err != nil {
		return err
	}
	return s.changeHead(ctx, keeperName(key), func(st *state) (*head, error) {
		if value == nil && st.head.Value == nil {
			return nil, nil
		}
		return withValue(st.head, value), nil
	})
}

// withValue returns h with the value, or without one if it is nil.
func withValue(h *head, value []byte) *head {
	next := *h
	next.Value = nil
	if value != nil {
		kept := append([]byte{}, value...)
		next.Value = &kept
	}
	return &next
}

// Kept implements store.Keeper. It looks at all records twice, until both times they are the same ones.
func (s *Store) Kept(ctx context.Context, prefix string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		records, err := s.records(ctx, prefix)
		if err != nil {
			yield(store.Record{}, err)
			return
		}
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *Store) records(ctx context.Context, prefix string) ([]store.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var before []Token
	for try := 0; try < tries; try++ {
		var records []store.Record
		var tokens []Token
		for st, err := range s.listed(ctx, keeperName(prefix)) {
			if err != nil {
				return nil, fmt.Errorf("records: %w", err)
			}
			tokens = append(tokens, st.token)
			key, err := hex.DecodeString(st.name[len(keeperPrefix):])
			if err == nil && st.head.Value != nil {
				records = append(records, store.Record{Key: string(key), Value: slices.Clone(*st.head.Value)})
			}
		}
		if try > 0 && slices.Equal(before, tokens) {
			return records, nil
		}
		before = tokens
	}
	return nil, fmt.Errorf("records change all the time: %w", store.ErrUnavailable)
}

// note is the record that a write leaves of itself.
type note struct {
	key   string
	value store.Note
}

// CommitWith implements store.Recorder.
func (s *Store) CommitWith(ctx context.Context, d store.Draft, expect store.Expect, key string, value store.Note) (store.Info, error) {
	own, ok := d.(*draft)
	if !ok || own.s != s {
		return store.Info{}, fmt.Errorf("the draft is not one of this store, but a %T", d)
	}
	return own.spend(ctx, func() (store.Info, error) {
		if err := store.CheckKey(key); err != nil {
			return store.Info{}, err
		}
		var info store.Info
		err := s.noted(ctx, own.name, note{key, value}, func(st *state) (*head, store.Info, error) {
			if err := s.admit(ctx, own, st, expect); err != nil {
				return nil, store.Info{}, err
			}
			next := own.next(ctx, st)
			info = next.Current.info(own.name)
			return next, info, nil
		})
		return info, err
	})
}

// DeleteWith implements store.Recorder.
func (s *Store) DeleteWith(ctx context.Context, name string, expect store.Expect, key string, value store.Note) (store.Info, error) {
	if err := cmp.Or(check(ctx, name), store.CheckKey(key)); err != nil {
		return store.Info{}, err
	}
	var removed store.Info
	err := s.noted(ctx, name, note{key, value}, func(st *state) (*head, store.Info, error) {
		if err := deletable(name, st, expect); err != nil {
			return nil, store.Info{}, err
		}
		removed = st.head.info(name)
		return s.gone(st.head, false), removed, nil
	})
	return removed, err
}

// noted changes the head of name to what f makes of it, and keeps the note of what f describes, in one step.
func (s *Store) noted(ctx context.Context, name string, n note, f func(*state) (*head, store.Info, error)) error {
	return s.several(ctx, func(c *change) error {
		st, err := s.current(ctx, headName(name))
		if err != nil {
			return named(name, err)
		}
		next, info, err := f(st)
		if err != nil {
			return err
		}
		value := n.value(info)
		if err := store.CheckRecord(n.key, value); err != nil {
			return err
		}
		record, err := s.current(ctx, keeperName(n.key))
		if err != nil {
			return err
		}
		if err := c.place(ctx, record, withValue(record.head, append([]byte{}, value...))); err != nil {
			return err
		}
		if st.head.Kind == kindNothing {
			return c.create(ctx, st, next)
		}
		return c.place(ctx, st, next)
	})
}

// several makes a change of several heads, which place puts into it. It starts again if somebody else
// was in the way.
func (s *Store) several(ctx context.Context, place func(*change) error) error {
	for try := 0; try < tries; try++ {
		c, err := s.begin(ctx)
		if err != nil {
			return err
		}
		if err = place(c); err == nil {
			err = c.decide(ctx)
		}
		c.end(ctx)
		if !errors.Is(err, ErrSwapped) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return errBusy
}
