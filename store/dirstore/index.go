package dirstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// The index remembers entries across restarts and when there are too many of
// them for memory. It is a cache: whoever deletes it loses history and makes
// the store hash again, and nothing else. Changes are collected and written in
// one transaction by flush.
type index struct {
	db *bbolt.DB // nil if nothing is remembered (read-only)

	mu       sync.Mutex
	dirty    map[string]*entry // changed since the last flush began
	flushing map[string]*entry // being written by flush
}

var (
	bucketNames = []byte("names") // name -> entry
	bucketKept  = []byte("kept")  // sequence number of a kept file -> name
	bucketMeta  = []byte("meta")
	keyMeta     = []byte("meta")
)

// meta is what the index knows of the store as a whole.
type meta struct {
	// seq is the last sequence number given to a file in the state folder.
	seq uint64
	// revisions is a bound: no revision above it was ever given out.
	revisions uint64
	// epoch is the first journal epoch the index does not include.
	epoch uint64
	// keptBytes is the size of all kept revisions together.
	keptBytes int64
}

const metaVersion = 1

func (m meta) append(b []byte) []byte {
	b = append(b, metaVersion)
	b = binary.AppendUvarint(b, m.seq)
	b = binary.AppendUvarint(b, m.revisions)
	b = binary.AppendUvarint(b, m.epoch)
	return binary.AppendVarint(b, m.keptBytes)
}

func parseMeta(b []byte) (meta, error) {
	d := decoder{b: b}
	version := d.byte()
	m := meta{seq: d.uvarint(), revisions: d.uvarint(), epoch: d.uvarint(), keptBytes: d.varint()}
	if d.bad || version != metaVersion || len(d.b) > 0 {
		return meta{}, errCodec
	}
	return m, nil
}

// openIndex opens the index in the folder dir. One that cannot be read is put
// aside and a new one started.
func openIndex(dir string, log *slog.Logger) (x *index, m meta, err error) {
	file := filepath.Join(dir, "index")
	x, m, err = tryIndex(file)
	if err == nil {
		return x, m, nil
	}
	if isReadOnly(err) || isNoSpace(err) {
		return nil, meta{}, err
	}
	log.Warn("the index cannot be read and is started again; earlier revisions are lost", "error", err)
	if err := os.Remove(file); err != nil {
		return nil, meta{}, bare(err)
	}
	return tryIndex(file)
}

func tryIndex(file string) (x *index, m meta, err error) {
	// Pages that are not what they should be make bbolt panic.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{
		Timeout:      time.Second,
		FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return nil, meta{}, bare(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		var metaErr error
		if b := tx.Bucket(bucketMeta); b != nil {
			m, metaErr = parseMeta(b.Get(keyMeta))
		}
		for _, name := range [][]byte{bucketNames, bucketKept, bucketMeta} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return errors.Join(metaErr, tx.Bucket(bucketMeta).Put(keyMeta, m.append(nil)))
	})
	if err != nil {
		db.Close()
		return nil, meta{}, err
	}
	return &index{db: db, dirty: make(map[string]*entry)}, m, nil
}

// load returns what was last put under name, or nil.
func (x *index) load(name string) (*entry, error) {
	x.mu.Lock()
	e := x.dirty[name]
	if e == nil {
		e = x.flushing[name]
	}
	x.mu.Unlock()
	if e != nil || x.db == nil {
		return e, nil
	}
	err := x.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketNames).Get([]byte(name))
		if b == nil {
			return nil
		}
		var err error
		e, err = parseEntry(name, b)
		return err
	})
	return e, err
}

// put remembers e, for good with the next flush. It returns how many entries
// wait for that.
func (x *index) put(e *entry) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dirty[e.info.Name] = e
	return len(x.dirty)
}

// begin takes what has been put so far aside for flush. Flushes do not overlap.
func (x *index) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.flushing == nil {
		x.flushing = x.dirty
	} else { // the last flush failed
		maps.Copy(x.flushing, x.dirty)
	}
	x.dirty = make(map[string]*entry)
}

// flush writes what begin took aside, and m, durably.
func (x *index) flush(m meta) error {
	if x.db == nil {
		return nil
	}
	err := x.db.Update(func(tx *bbolt.Tx) error {
		names, keptFiles := tx.Bucket(bucketNames), tx.Bucket(bucketKept)
		for name, e := range x.flushing {
			if err := writeEntry(names, keptFiles, name, e); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keyMeta, m.append(nil))
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.flushing = nil
	x.mu.Unlock()
	return nil
}

// writeEntry replaces the entry of name, and brings the list of kept files up
// to date.
func writeEntry(names, keptFiles *bbolt.Bucket, name string, e *entry) error {
	key := []byte(name)
	if b := names.Get(key); b != nil {
		if old, err := parseEntry(name, b); err == nil {
			for _, k := range old.kept {
				if err := keptFiles.Delete(seqKey(k.seq)); err != nil {
					return err
				}
			}
		}
	}
	if e.gone && len(e.kept) == 0 {
		return names.Delete(key) // nothing is left to be known of it
	}
	for _, k := range e.kept {
		if err := keptFiles.Put(seqKey(k.seq), key); err != nil {
			return err
		}
	}
	return names.Put(key, appendEntry(nil, e))
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// keptRef says which name a kept file belongs to.
type keptRef struct {
	seq  uint64
	name string
}

// oldestKept returns the oldest kept files, at most n.
func (x *index) oldestKept(n int) ([]keptRef, error) {
	var list []keptRef
	err := x.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketKept).Cursor()
		for k, v := c.First(); k != nil && len(list) < n; k, v = c.Next() {
			list = append(list, keptRef{binary.BigEndian.Uint64(k), string(v)})
		}
		return nil
	})
	return list, err
}

// refersTo reports whether a name refers to the kept file seq, as far as has
// been flushed.
func (x *index) refersTo(seq uint64) (found bool, err error) {
	err = x.db.View(func(tx *bbolt.Tx) error {
		found = tx.Bucket(bucketKept).Get(seqKey(seq)) != nil
		return nil
	})
	return found, err
}

// unsynced returns the names of entries that wait to be written and whose files
// are not durable.
func (x *index) unsynced() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var names []string
	for _, m := range []map[string]*entry{x.flushing, x.dirty} {
		for name, e := range m {
			if e.unsynced {
				names = append(names, name)
			}
		}
	}
	return names
}

func (x *index) close() error {
	if x.db == nil {
		return nil
	}
	return x.db.Close()
}
