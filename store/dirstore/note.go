package dirstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/fourtwelve/fourtwelve/store"
)

// note is the record that a write leaves of itself. The journal has it in one group with the
// write: recovery finds both or neither, and a write that is withdrawn withdraws it.
type note struct {
	key   string
	value store.Note
	body  []byte // what value returned
}

// CommitWith is Commit that leaves a record. It costs no further write to the journal.
func (s *Store) CommitWith(ctx context.Context, d store.Draft, expect store.Expect, key string, value store.Note) (store.Info, error) {
	own, ok := d.(*draft)
	if !ok || own.s != s {
		return store.Info{}, fmt.Errorf("the draft is not one of this store, but a %T", d)
	}
	turn := s.keyTurns.of(key)
	turn.Lock()
	defer turn.Unlock()
	own.note = &note{key: key, value: value}
	info, err := own.Commit(ctx, expect)
	own.note = nil
	return info, err
}

// DeleteWith is Delete that leaves a record.
func (s *Store) DeleteWith(ctx context.Context, name string, expect store.Expect, key string, value store.Note) (store.Info, error) {
	turn := s.keyTurns.of(key)
	turn.Lock()
	defer turn.Unlock()
	return s.delete(ctx, name, expect, &note{key: key, value: value})
}

// takeNote finds what the record of w says.
func (w *change) takeNote() error {
	if w.note == nil {
		return nil
	}
	w.note.body = append([]byte{}, w.note.value(w.info)...) // never nil
	return store.CheckRecord(w.note.key, w.note.body)
}

// withNote is r, and the record that w leaves.
func (w *change) withNote(r *record) *record {
	if w.note == nil {
		return r
	}
	kept := &record{kind: recordKeep, seq: w.seq, name: w.note.key, body: w.note.body, hasBody: true}
	if r.kind == recordGroup {
		r.parts = append(slices.Clip(r.parts), kept)
		return r
	}
	return &record{kind: recordGroup, seq: w.seq, parts: []*record{r, kept}}
}

// notes are, while recovery is under way, the records that writes of the journal have left, by the
// seq of the write's group: whether the last write of a name took place turns out only after all
// records have been taken.
type notes map[uint64]*replaced

// replaced is what a note has taken the place of.
type replaced struct {
	key    string
	before []byte // nil is nothing
	now    []byte
}

// take takes r, and remembers what was there before.
func (n *notes) take(s *Store, r *record) {
	if *n == nil {
		*n = make(notes)
	}
	(*n)[r.group] = &replaced{r.name, s.records.get(r.name), r.body}
	s.keepRecord(r.name, r.body)
}

// withdraw takes back what the write r has left, as it did not take place. If another record has come
// since, that stays.
func (n notes) withdraw(s *Store, r *record) {
	if note := n[r.group]; note != nil && bytes.Equal(s.records.get(note.key), note.now) {
		s.records.set(note.key, note.before)
	}
}
