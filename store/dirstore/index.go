package dirstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The index remembers entries across restarts and when there are too many of
// them for memory. It is a cache: whoever deletes it loses history and makes
// the store hash again, and nothing else. Changes are collected and written in
// one transaction by flush.
//
// One that is damaged is set aside and another begun: when the store is opened, and
// if need be while it is open.
type index struct {
	db      *bbolt.DB // nil if nothing is remembered (read-only)
	log     *slog.Logger
	session uint64 // entries that are written are of this one

	damaged atomic.Bool // reading has shown that db is
	lost    bool        // what was kept is not known any more; for flush

	mu       sync.Mutex
	dirty    map[string]*entry // changed since the last flush began
	flushing map[string]*entry // being written by flush

	sections []section
}

// A section is what else the database has, in a bucket of its own.
type section interface {
	// load reads all of it, when the store is opened.
	load(tx *bbolt.Tx) error
	// begin takes what has changed so far aside for write, with what of an earlier
	// flush has failed.
	begin()
	// write writes what begin took aside, or all that is known if the database is new.
	write(tx *bbolt.Tx, all bool) error
	// done says that it is durable.
	done()
}

var (
	bucketNames = []byte("names") // name -> entry
	bucketKept  = []byte("kept")  // sequence number of the change that displaced a kept revision -> name
	bucketFiles = []byte("files") // number of a kept file, if it is not that -> that
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
	// sessions counts the sessions the store was open in.
	sessions uint64
}

const metaVersion = 2 // version 1 has neither sessions nor checksum

func (m meta) append(b []byte) []byte {
	start := len(b)
	b = append(b, metaVersion)
	b = binary.AppendUvarint(b, m.seq)
	b = binary.AppendUvarint(b, m.revisions)
	b = binary.AppendUvarint(b, m.epoch)
	b = binary.AppendVarint(b, m.keptBytes)
	b = binary.AppendUvarint(b, m.sessions)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func parseMeta(b []byte) (meta, error) {
	d := decoder{b: b}
	version := d.byte()
	m := meta{seq: d.uvarint(), revisions: d.uvarint(), epoch: d.uvarint(), keptBytes: d.varint()}
	if version == metaVersion {
		m.sessions = d.uvarint()
		sum := d.bytes(4)
		if d.bad || binary.LittleEndian.Uint32(sum) != crc32.Checksum(b[:len(b)-len(d.b)-4], castagnoli) {
			return meta{}, errCodec
		}
	}
	if d.bad || version == 0 || version > metaVersion || len(d.b) > 0 {
		return meta{}, errCodec
	}
	return m, nil
}

// openIndex opens the index in the folder dir, of an earlier session as far as is known. One that
// is damaged is set aside and a new one begun.
func openIndex(dir string, log *slog.Logger) (*index, meta, error) {
	x := &index{log: log, dirty: make(map[string]*entry)}
	file := filepath.Join(dir, "index")
	if err := checkIndex(file); err != nil {
		if err := x.setAside(file, err); err != nil {
			return nil, meta{}, err
		}
	}
	m, err := x.open(file)
	if err == nil {
		// The keys of one bucket have to be of a length, which checkIndex does not know.
		err = x.eachKept(0, func(keptRef) bool { return true })
	}
	if isDamage(err) {
		x.damaged.Store(false)
		_ = x.close()
		err = x.setAside(file, err)
		if err == nil {
			m, err = x.open(file)
		}
	}
	if err != nil {
		return nil, meta{}, errors.Join(err, x.close())
	}
	return x, m, nil
}

// setAside gives a damaged index another name, under which whoever wants may look at it.
func (x *index) setAside(file string, why error) error {
	if !isDamage(why) {
		return why
	}
	aside := fmt.Sprintf("%s.damaged-%s", file, time.Now().UTC().Format("20060102T150405.000000000"))
	if err := os.Rename(file, aside); err != nil {
		return bare(err)
	}
	x.log.Error("the index is damaged and is begun again: contents are untouched, but earlier revisions are lost",
		"error", why, "set aside as", filepath.Base(aside))
	return nil
}

// A damageError says that a file of the store's own is not what was written.
type damageError struct{ what string }

func (e *damageError) Error() string { return "damaged: " + e.what }

// isDamage reports whether err says that the index is damaged. All else may be well
// the next time: too many open files, a disk that is full, no permission.
func isDamage(err error) bool {
	_, ours := errors.AsType[*damageError](err)
	return ours || errors.Is(err, bolterrors.ErrInvalid) || errors.Is(err, bolterrors.ErrChecksum) ||
		errors.Is(err, bolterrors.ErrVersionMismatch) || errors.Is(err, bolterrors.ErrIncompatibleValue) || errors.Is(err, errCodec)
}

// guarded runs a transaction. Pages that are not what they should be make bbolt panic, and
// pages that are not there, the processor; both are damage.
func guarded(run func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &damageError{fmt.Sprint(p)}
		}
	}()
	return run()
}

// open opens or makes the database.
func (x *index) open(file string) (m meta, err error) {
	var db *bbolt.DB
	err = guarded(func() (err error) {
		db, err = bbolt.Open(file, 0o600, &bbolt.Options{
			Timeout:      time.Second,
			FreelistType: bbolt.FreelistMapType,
		})
		return err
	})
	if err != nil {
		return meta{}, bare(err)
	}
	err = guarded(func() error {
		return db.Update(func(tx *bbolt.Tx) error {
			var metaErr error
			if b := tx.Bucket(bucketMeta); b != nil {
				m, metaErr = parseMeta(b.Get(keyMeta))
			}
			for _, name := range [][]byte{bucketNames, bucketKept, bucketFiles, bucketMeta} {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			return errors.Join(metaErr, tx.Bucket(bucketMeta).Put(keyMeta, m.append(nil)))
		})
	})
	if err != nil {
		_ = guarded(db.Close)
		return meta{}, err
	}
	x.db = db
	return m, nil
}

// replace begins the database again if reading has shown that it is damaged.
func (x *index) replace() error {
	if !x.damaged.Load() {
		return nil
	}
	file := x.db.Path()
	if err := x.setAside(file, &damageError{"see above"}); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	broken := x.db
	if _, err := x.open(file); err != nil {
		return err
	}
	x.lost = true
	x.damaged.Store(false)
	_ = guarded(broken.Close)
	return nil
}

// view reads the database.
func (x *index) view(read func(*bbolt.Tx) error) error {
	return x.noting(guarded(func() error { return x.db.View(read) }))
}

// noting passes on err, and remembers if it is damage.
func (x *index) noting(err error) error {
	if err != nil && isDamage(err) && !x.damaged.Swap(true) {
		x.log.Error("the index is damaged; the next checkpoint begins it again", "error", err)
	}
	return err
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
	err := x.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketNames).Get([]byte(name))
		if b == nil {
			return nil
		}
		var err error
		e, err = parseEntry(name, b, x.session)
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
	for _, part := range x.sections {
		part.begin()
	}
}

// loadSections reads what is in the database besides entries.
func (x *index) loadSections() error {
	return x.view(func(tx *bbolt.Tx) error {
		for _, part := range x.sections {
			if err := part.load(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// flush writes what begin took aside, and m, durably. If that shows that the database is damaged, it
// is begun again and written to once more: there may be no other flush.
func (x *index) flush(m meta) error {
	if x.db == nil {
		return nil
	}
	err := x.tryFlush(m)
	if isDamage(err) {
		err = x.tryFlush(m)
	}
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.flushing = nil
	x.mu.Unlock()
	for _, part := range x.sections {
		part.done()
	}
	return nil
}

func (x *index) tryFlush(m meta) error {
	again := x.damaged.Load()
	if err := x.replace(); err != nil {
		return err
	}
	if x.lost {
		m.seq = 0 // the next start looks through all that is kept
	}
	return x.noting(guarded(func() error { return x.db.Update(func(tx *bbolt.Tx) error { return x.write(tx, m, again) }) }))
}

// write writes what begin took aside, and m; of the sections everything if all is set.
func (x *index) write(tx *bbolt.Tx, m meta, all bool) error {
	b := bucketsOf(tx)
	for name, e := range x.flushing {
		if err := x.writeEntry(b, name, e); err != nil {
			return err
		}
	}
	for _, part := range x.sections {
		if err := part.write(tx, all); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketMeta).Put(keyMeta, m.append(nil))
}

// buckets are those that know of entries.
type buckets struct{ names, kept, files *bbolt.Bucket }

func bucketsOf(tx *bbolt.Tx) buckets {
	return buckets{tx.Bucket(bucketNames), tx.Bucket(bucketKept), tx.Bucket(bucketFiles)}
}

// writeEntry replaces the entry of name, and brings the lists of what is kept up
// to date.
func (x *index) writeEntry(b buckets, name string, e *entry) error {
	key := []byte(name)
	if written := b.names.Get(key); written != nil {
		if old, err := parseEntry(name, written, x.session); err == nil {
			for _, k := range old.kept {
				if err := b.unlist(k); err != nil {
					return err
				}
			}
		}
	}
	if e.gone && len(e.kept) == 0 {
		return b.names.Delete(key) // nothing is left to be known of it
	}
	for _, k := range e.kept {
		if err := b.list(k, key); err != nil {
			return err
		}
	}
	return b.names.Put(key, appendEntry(nil, e, x.session))
}

func (b buckets) list(k kept, name []byte) error {
	if k.file != 0 {
		if err := b.files.Put(seqKey(k.file), seqKey(k.seq)); err != nil {
			return err
		}
	}
	return b.kept.Put(seqKey(k.seq), name)
}

func (b buckets) unlist(k kept) error {
	if k.file != 0 {
		if err := b.files.Delete(seqKey(k.file)); err != nil {
			return err
		}
	}
	return b.kept.Delete(seqKey(k.seq))
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// keptRef says which name a kept revision belongs to.
type keptRef struct {
	seq  uint64
	name string
}

// oldestKept returns the oldest kept files that are numbered from and above, at most n.
func (x *index) oldestKept(from uint64, n int) (list []keptRef, err error) {
	err = x.eachKept(from, func(k keptRef) bool {
		list = append(list, k)
		return len(list) < n
	})
	return list, err
}

// lastKept returns the greatest sequence number of a kept file that has been flushed.
func (x *index) lastKept() (seq uint64, err error) {
	err = x.view(func(tx *bbolt.Tx) error {
		if k, _ := tx.Bucket(bucketKept).Cursor().Last(); len(k) == 8 {
			seq = binary.BigEndian.Uint64(k)
		}
		return nil
	})
	return seq, err
}

// refersTo reports whether a name refers to the kept file with the number, as far as has
// been flushed.
func (x *index) refersTo(file uint64) (found bool, err error) {
	err = x.view(func(tx *bbolt.Tx) error {
		key := seqKey(file)
		found = tx.Bucket(bucketKept).Get(key) != nil || tx.Bucket(bucketFiles).Get(key) != nil
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
	db := x.db
	x.db = nil
	return guarded(db.Close)
}
