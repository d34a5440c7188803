package dirstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/fourtwelve/fourtwelve/store"
)

// Properties belong to a file or directory, whatever it is called: they are found by its inode
// number, and are its own if it came to be at the same time as the one they were set on,
// which no file that takes the number later did. So they follow every rename, also those
// of other programs and of the directories above, and are never those of a file that was
// put in the place. A write of ours puts a new file in the place of the old one: it hands
// them on, in the same record of the journal.
//
// Where the file system does not tell when a file came to be, they are those of a file in
// the very state that was last written through the store, and of a directory under its
// name.
type properties struct {
	index *index
	// used says that there are, or were, any. Until then they cost one look at it.
	used atomic.Bool

	mu       sync.Mutex
	dirty    map[uint64][]byte // by inode number; empty if removed
	flushing map[uint64][]byte

	// dropped are those that the changes of the journal took away, by their seq: in
	// recovery, such a change may turn out not to have been carried out.
	dropped map[uint64][]byte
}

var bucketProperties = []byte("properties")

// bound are the properties of one file.
type bound struct {
	name string // when they were set
	id   fileID
	born int64 // nanoseconds since 1970; 0 if that is not told
	set  map[string]string
}

func (b *bound) append(buf []byte) []byte {
	buf = appendString(buf, b.name)
	buf = appendID(buf, b.id)
	buf = binary.AppendVarint(buf, b.born)
	for _, key := range slices.Sorted(maps.Keys(b.set)) {
		buf = appendString(appendString(buf, key), b.set[key])
	}
	return buf
}

func parseBound(b []byte) (*bound, error) {
	if len(b) == 0 {
		return nil, errCodec
	}
	d := decoder{b: b}
	p := &bound{name: string(d.string()), id: d.id(), born: d.varint(), set: make(map[string]string)}
	for !d.bad && len(d.b) > 0 {
		key := string(d.string())
		p.set[key] = string(d.string())
	}
	if d.bad {
		return nil, errCodec
	}
	return p, nil
}

// get returns what is bound to the inode number, nil if nothing.
func (x *properties) get(ino uint64) *bound {
	p, err := parseBound(x.raw(ino))
	if err != nil {
		return nil
	}
	return p
}

// raw is get without parsing; it is empty if nothing is bound.
func (x *properties) raw(ino uint64) []byte {
	x.mu.Lock()
	b, ok := x.dirty[ino]
	if !ok {
		b, ok = x.flushing[ino]
	}
	x.mu.Unlock()
	if !ok && x.index.db != nil {
		_ = x.index.view(func(tx *bbolt.Tx) error {
			if bucket := tx.Bucket(bucketProperties); bucket != nil {
				b = checked(seqKey(ino), bucket.Get(seqKey(ino)))
			}
			return nil
		})
	}
	return b
}

// checked returns a copy of the value b without its checksum, nil if that is wrong.
func checked(key, b []byte) []byte {
	end := len(b) - 4
	if end < 0 || binary.LittleEndian.Uint32(b[end:]) != entrySum(string(key), b[:end]) {
		return nil
	}
	return slices.Clone(b[:end])
}

// set binds what b encodes to the inode number, or nothing if b is empty.
func (x *properties) set(ino uint64, b []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dirty[ino] = b
	x.used.Store(true)
}

// drop forgets what is bound to the inode number.
func (x *properties) drop(ino uint64) {
	if x.used.Load() && len(x.raw(ino)) > 0 {
		x.set(ino, nil)
	}
}

func (x *properties) load(tx *bbolt.Tx) error {
	if b := tx.Bucket(bucketProperties); b != nil {
		if k, _ := b.Cursor().First(); k != nil {
			x.used.Store(true)
		}
	}
	return nil
}

func (x *properties) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.flushing == nil {
		x.flushing = x.dirty
	} else {
		maps.Copy(x.flushing, x.dirty)
	}
	x.dirty = make(map[uint64][]byte)
}

func (x *properties) write(tx *bbolt.Tx, _ bool) error {
	if !x.used.Load() {
		return nil
	}
	bucket, err := tx.CreateBucketIfNotExists(bucketProperties)
	if err != nil {
		return err
	}
	for ino, b := range x.flushing {
		key := seqKey(ino)
		if len(b) == 0 {
			err = bucket.Delete(key)
		} else {
			err = bucket.Put(key, binary.LittleEndian.AppendUint32(slices.Clone(b), entrySum(string(key), b)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *properties) done() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.flushing = nil
}

// of returns the properties of the file at p, which is st, nil if it has none.
func (s *Store) propertiesOf(p place, st fileStat) *bound {
	if !s.props.used.Load() || st.id.ino == 0 || st.id.dev != s.dev {
		return nil
	}
	b := s.props.get(st.id.ino)
	if b == nil || !b.ofFile(p, st) {
		return nil
	}
	return b
}

// ofFile reports whether b is bound to the file st at p.
func (b *bound) ofFile(p place, st fileStat) bool {
	if b.id.ino != st.id.ino {
		return false
	}
	switch born := bornAt(p.dir, p.base); {
	case born != 0 || b.born != 0:
		return born == b.born
	case st.mode.IsDir():
		return b.name == p.name
	}
	return b.id.sameContent(st.id)
}

// bind describes the properties set as those of the file st at p.
func bind(p place, st fileStat, set map[string]string) *bound {
	return &bound{name: p.name, id: st.id, born: bornAt(p.dir, p.base), set: set}
}

// record is that of b for the journal.
func (b *bound) record(seq uint64) *record {
	r := &record{kind: recordProps, seq: seq, name: b.name, next: kept{id: b.id}}
	if len(b.set) > 0 {
		r.body, r.hasBody = b.append(nil), true
	}
	return r
}

// Properties returns what is set on name. It takes a look at the file, as Stat does, and
// one more at what it is.
// HasProperties implements store.PropertyHint.
func (s *Store) HasProperties() bool { return s.props.used.Load() }

func (s *Store) Properties(ctx context.Context, name string) (map[string]string, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := checkName(name); err != nil {
		return nil, err
	}
	n, err := s.nodes.take(ctx, name)
	if err != nil {
		return nil, err
	}
	defer s.nodes.release(n)
	for range maxTries {
		since := s.watch()
		set, err := s.lookForProperties(ctx, n)
		if !errors.Is(err, errMoved) && !s.disturbed(since, name) {
			return set, err
		}
	}
	return nil, &changingError{name}
}

func (s *Store) lookForProperties(ctx context.Context, n *node) (map[string]string, error) {
	st, err := s.lookAny(ctx, n)
	if err != nil {
		return nil, err
	}
	if !st.collection && !st.entry.exists() {
		return nil, notFound(n.name)
	}
	if !s.props.used.Load() {
		return nil, nil
	}
	r, err := s.resolveAny(n.name, st)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if b := s.propertiesOf(r.place, r.stat); b != nil {
		return b.set, nil
	}
	return nil, nil
}

// lookAny is look for names among which is the root.
func (s *Store) lookAny(ctx context.Context, n *node) (state, error) {
	if n.name == "" {
		return s.rootState()
	}
	return s.look(ctx, n)
}

// resolveAny is resolve for names among which is the root. The error errMoved says that what is
// there is not what was found.
func (s *Store) resolveAny(name string, st state) (resolved, error) {
	if name == "" {
		root, err := statAt(s.top, ".")
		return resolved{place{dir: s.top, base: "."}, root}, err
	}
	r, err := s.resolve(name)
	switch {
	case err != nil:
		return r, movedIfAbsent(err)
	case r.stat.mode.IsDir() != st.collection, !st.collection && !r.stat.id.sameContent(st.entry.id):
		r.close()
		return resolved{}, errMoved
	}
	return r, nil
}

// SetProperties is as durable as a commit. The properties are not part of the history.
func (s *Store) SetProperties(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.treeWritable(ctx, name); err != nil {
		return err
	}
	n, err := s.nodes.take(ctx, name)
	if err != nil {
		return err
	}
	defer s.nodes.release(n)
	room := s.room()
	for tries := 0; tries < maxTries; tries++ {
		st, err := s.lookAny(ctx, n)
		if err != nil {
			return err
		}
		if err := st.admit(name, expect); err != nil {
			return err
		}
		err = s.setProperties(ctx, name, st, changes)
		if room.found(s, n, err) {
			tries--
		} else if !errors.Is(err, errMoved) {
			return err
		}
	}
	return &changingError{name}
}

func (s *Store) setProperties(ctx context.Context, name string, st state, changes map[string]*string) error {
	if err := s.beginChange(ctx); err != nil {
		return err
	}
	defer s.endChange()
	if s.trees.past(st.entry) {
		return errMoved
	}
	r, err := s.resolveAny(name, st)
	if err != nil {
		return clientError(name, err)
	}
	defer r.close()
	switch {
	case r.stat.id.dev != s.dev:
		return fmt.Errorf("%q: %w", name, errOtherDevice)
	case r.stat.id.ino == 0:
		return fmt.Errorf("%q: properties cannot be kept: %w", name, fs.ErrInvalid)
	}
	r.place.name = name
	var before map[string]string
	if b := s.propertiesOf(r.place, r.stat); b != nil {
		before = b.set
	}
	set, err := store.ChangeProperties(before, changes)
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if maps.Equal(before, set) {
		return nil
	}
	record := bind(r.place, r.stat, set).record(s.seq.Add(1))
	if err := s.log(record); err != nil {
		return clientError(name, err)
	}
	s.props.set(r.stat.id.ino, record.body)
	s.changed(0)
	return nil
}

// inherit lets the new file of w have the properties b, from its announcement on.
func (s *Store) inherit(w *change, b *bound) {
	if b == nil || len(b.set) == 0 {
		return
	}
	spare := place{name: w.place.name, dir: s.state, base: w.spare}
	w.props = &bound{name: w.place.name, id: w.id, born: bornAt(spare.dir, spare.base), set: b.set}
}

// withProperties is r, and what properties come with w.
func (w *change) withProperties(r *record) *record {
	if w.props == nil {
		return r
	}
	props := w.props.record(w.seq)
	if r.kind == recordGroup {
		r.parts = append(r.parts, props)
		return r
	}
	return &record{kind: recordGroup, seq: w.seq, parts: []*record{r, props}}
}

// settleProperties follows w, which has been carried out: the properties of the old file are
// those of nobody.
func (s *Store) settleProperties(w *change) {
	if !s.props.used.Load() {
		return
	}
	if w.last.exists() && w.old.mode.IsRegular() && !w.old.id.sameFile(w.id) {
		s.props.drop(w.old.id.ino)
	}
	if w.props != nil {
		s.props.set(w.id.ino, w.props.append(nil))
	}
}

// rebind binds properties that came with the last write of c to the file that is there, if recovery
// has made that anew.
func (s *Store) rebind(c *chain) error {
	if len(c.props) == 0 || c.past || c.last().kind != recordPut {
		return nil
	}
	p, current, err := s.whatIsAt(c.last().name)
	if err != nil {
		return err
	}
	defer p.close()
	next := c.last().next
	if current == nil || !current.mode.IsRegular() || current.id.ino == next.id.ino ||
		current.id.size != next.size || current.id.mtime != next.id.mtime {
		return nil
	}
	if got, err := hashAt(p.dir, p.base, next.size); err != nil || got != next.digest {
		return nil // it is another program's
	}
	b, err := parseBound(c.props)
	if err != nil {
		return nil
	}
	s.props.set(current.id.ino, bind(p, *current, b.set).append(nil))
	return nil
}

// missingDirs returns the names of what properties were set on, and is not there after a loss of
// power, with the properties: those of a directory will be those of the one that recovery makes.
func (s *Store) missingDirs(log history) (map[string][]byte, error) {
	missing := make(map[string][]byte)
	if !log.crashed {
		return missing, nil
	}
	void := log.voided()
	for _, r := range log.records {
		switch {
		case r.kind == recordVoid || void[r.seq] || r.group != 0 && void[r.group]:
		case r.kind == recordTree:
			maps.DeleteFunc(missing, func(name string, _ []byte) bool { return r.concerns(name) })
		case r.kind == recordProps:
			missing[r.name] = r.body
		default:
			delete(missing, r.name)
		}
	}
	for name := range missing {
		p, current, err := s.whatIsAt(name)
		if err != nil {
			return nil, err
		}
		p.close()
		if current != nil || name == "" {
			delete(missing, name)
		}
	}
	return missing, nil
}

// rebindDirs gives the directories that recovery has made the properties of those that were lost.
func (s *Store) rebindDirs(missing map[string][]byte) error {
	for name, body := range missing {
		p, current, err := s.whatIsAt(name)
		if err != nil {
			return err
		}
		if current != nil && current.mode.IsDir() && len(body) > 0 {
			b, err := parseBound(body)
			if err == nil {
				s.props.set(current.id.ino, bind(p, *current, b.set).append(nil))
			}
		}
		p.close()
	}
	return nil
}
