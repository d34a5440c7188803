package dirstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
)

// The records of store.Keeper are in memory, in the journal when they are set, and in
// the index from the next checkpoint on.

// keyTurns are for those who keep records: changes of one key follow each other as their
// journal records do.
type keyTurns struct {
	seed  maphash.Seed
	turns [512]sync.Mutex
}

func (k *keyTurns) of(key string) *sync.Mutex {
	return &k.turns[maphash.String(k.seed, key)%uint64(len(k.turns))]
}

// Keep sets or removes a record. It is as durable as a commit, and takes one write to the
// journal, which is shared with the commits of the same moment.
func (s *Store) Keep(ctx context.Context, key string, value []byte) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := store.CheckRecord(key, value); err != nil {
		return err
	}
	if s.opts.ReadOnly {
		return fmt.Errorf("record %.64q: %w", key, store.ErrReadOnly)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	turn := s.keyTurns.of(key)
	turn.Lock()
	defer turn.Unlock()
	if err := s.beginChange(ctx); err != nil {
		return err
	}
	defer s.endChange()
	err := s.log(&record{kind: recordKeep, seq: s.seq.Add(1), name: key, body: value, hasBody: value != nil})
	if errors.Is(err, store.ErrUnknown) {
		return fmt.Errorf("record %.64q: %w", key, err)
	}
	if err != nil {
		return writeError(key, err)
	}
	s.keepRecord(key, value)
	s.changed(0)
	return nil
}

func (s *Store) keepRecord(key string, value []byte) {
	if value != nil {
		value = append([]byte{}, value...)
	}
	s.records.set(key, value)
}

// Kept yields the records whose key begins with prefix. It looks at every record.
func (s *Store) Kept(ctx context.Context, prefix string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := s.enter(); err != nil {
			yield(store.Record{}, err)
			return
		}
		defer s.leave()
		if ctx.Err() != nil {
			yield(store.Record{}, context.Cause(ctx))
			return
		}
		for _, r := range s.records.under(prefix) {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// under returns the records with the prefix, in the order of their keys.
func (t *table) under(prefix string) []store.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []store.Record
	for key, value := range t.all {
		if strings.HasPrefix(key, prefix) {
			list = append(list, store.Record{Key: key, Value: slices.Clone(value)})
		}
	}
	slices.SortFunc(list, func(a, b store.Record) int { return strings.Compare(a.Key, b.Key) })
	return list
}
