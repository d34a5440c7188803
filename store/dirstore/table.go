package dirstore

import (
	"encoding/binary"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// A table is a section of the index that is small enough to be in memory: values under
// keys. A change is seen at once and written with the next flush.
type table struct {
	bucket []byte
	log    *slog.Logger

	mu       sync.Mutex
	all      map[string][]byte
	dirty    map[string]bool // keys changed since the last flush began
	flushing map[string]bool // being written by flush
}

func newTable(bucket string, log *slog.Logger) *table {
	return &table{bucket: []byte(bucket), log: log, all: make(map[string][]byte), dirty: make(map[string]bool)}
}

// set sets the value under key, or removes it if value is nil. Nobody changes value.
func (t *table) set(key string, value []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if value == nil {
		delete(t.all, key)
	} else {
		t.all[key] = value
	}
	t.dirty[key] = true
}

// get returns the value under key, or nil.
func (t *table) get(key string) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[key]
}

func (t *table) load(tx *bbolt.Tx) error {
	b := tx.Bucket(t.bucket)
	if b == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return b.ForEach(func(k, v []byte) error {
		end := len(v) - 4
		if end < 0 || binary.LittleEndian.Uint32(v[end:]) != entrySum(string(k), v[:end]) {
			t.log.Error("a record of the index is damaged and is forgotten", "bucket", string(t.bucket))
			return nil
		}
		t.all[string(k)] = append([]byte{}, v[:end]...)
		return nil
	})
}

func (t *table) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flushing == nil {
		t.flushing = t.dirty
	} else {
		maps.Copy(t.flushing, t.dirty)
	}
	t.dirty = make(map[string]bool)
}

func (t *table) write(tx *bbolt.Tx, all bool) error {
	b, err := tx.CreateBucketIfNotExists(t.bucket)
	if err != nil {
		return err
	}
	for key, value := range t.pending(all) {
		if value == nil {
			err = b.Delete([]byte(key))
		} else {
			err = b.Put([]byte(key), binary.LittleEndian.AppendUint32(slices.Clone(value), entrySum(key, value)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pending returns what is to be written: nil for what is to be removed.
func (t *table) pending(all bool) map[string][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	pending := make(map[string][]byte, len(t.flushing))
	for key := range t.flushing {
		pending[key] = t.all[key]
	}
	if all {
		maps.Copy(pending, t.all)
	}
	return pending
}

func (t *table) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flushing = nil
}
