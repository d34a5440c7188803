package memstore

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// Properties implements store.Properties.
func (s *Store) Properties(ctx context.Context, name string) (map[string]string, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.at(name) == (store.Info{}) {
		return nil, named(name, store.ErrNotFound)
	}
	return maps.Clone(s.properties[name]), nil
}

// SetProperties implements store.Properties.
func (s *Store) SetProperties(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.at(name)
	if at == (store.Info{}) && (expect == store.Any || expect == store.Absent) {
		return named(name, store.ErrNotFound)
	}
	if !expect.Admits(at) {
		return &store.ConflictError{Name: name, Expect: expect, Current: at}
	}
	set, err := store.ChangeProperties(s.properties[name], changes)
	if err != nil {
		return err
	}
	s.properties[name] = set
	if set == nil {
		delete(s.properties, name)
	}
	return nil
}

// Keep implements store.Keeper.
func (s *Store) Keep(ctx context.Context, key string, value []byte) error {
	if err := store.CheckRecord(key, value); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.kept, key)
		return nil
	}
	s.kept[key] = append([]byte{}, value...)
	return nil
}

// Kept implements store.Keeper. It looks at every record.
func (s *Store) Kept(ctx context.Context, prefix string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(store.Record{}, err)
			return
		}
		for _, r := range s.records(prefix) {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *Store) records(prefix string) []store.Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var records []store.Record
	for key, value := range s.kept {
		if strings.HasPrefix(key, prefix) {
			records = append(records, store.Record{Key: key, Value: slices.Clone(value)})
		}
	}
	slices.SortFunc(records, func(a, b store.Record) int { return strings.Compare(a.Key, b.Key) })
	return records
}

// note is the record that a write leaves of itself, if value is not nil.
type note struct {
	key   string
	value store.Note
}

// takeNote keeps the record of the write that made or removed info.
func (s *Store) takeNote(n note, info store.Info) error {
	if n.value == nil {
		return nil
	}
	value := n.value(info)
	if err := store.CheckRecord(n.key, value); err != nil {
		return err
	}
	s.kept[n.key] = append([]byte{}, value...)
	return nil
}

// CommitWith implements store.Recorder.
func (s *Store) CommitWith(ctx context.Context, d store.Draft, expect store.Expect, key string, value store.Note) (store.Info, error) {
	own, ok := d.(*draft)
	if !ok || own.store != s {
		return store.Info{}, fmt.Errorf("the draft is not one of this store, but a %T", d)
	}
	return own.commit(ctx, expect, note{key, value})
}

// DeleteWith implements store.Recorder.
func (s *Store) DeleteWith(ctx context.Context, name string, expect store.Expect, key string, value store.Note) (store.Info, error) {
	return s.delete(ctx, name, expect, note{key, value})
}
