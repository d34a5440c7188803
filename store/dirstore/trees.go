package dirstore

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/fourtwelve/fourtwelve/store"
)

// A collection is moved or deleted by one rename, whatever is in it, so nothing can be
// done for each of its members at that time. Instead
//
//   - a cut says that what was known of the names in it, until then, is of the past. It
//     is looked at whenever something known is about to be believed, and the next
//     checkpoints bring the index and the memory up to date;
//   - what was replaced or deleted lies aside, in the state folder, until its files have
//     become kept revisions of their names: one by one in the background, or when
//     somebody asks for a name;
//   - whoever looks at a name while trees change looks again.
//
// As long as no tree has changed recently, all that costs one atomic read.
type trees struct {
	// changes counts, twice, the changes of trees; it is odd while one is under way.
	changes atomic.Uint64
	// busy says that there are cuts or asides.
	busy atomic.Bool

	mu      sync.RWMutex
	recent  [64]treeNames // of change 2n, at n modulo its length
	cuts    map[string]cut
	asides  []*aside           // oldest first
	touched map[string]touched // names of directories that were made or moved lately
}

// touched says in which journal epoch it was.
type touched struct {
	epoch uint64
	made  bool
}

// treeNames are the names a change of trees is about.
type treeNames [2]string

// cut is the greatest revision of what is of the past.
type cut struct {
	revision store.Revision
	flushed  int // how often the index was brought up to date
}

// aside is what was at name until a change of trees.
type aside struct {
	seq      uint64
	name     string
	revision store.Revision // of the cut
	flushed  bool           // the journal is not needed to know of it
	spared   bool           // it was replaced under store.Sparing
}

const asideDir = "aside"

func asideFile(seq uint64) string { return asideDir + "/" + strconv.FormatUint(seq, 16) }

// watch returns a number for disturbed. It waits while trees are changing.
func (s *Store) watch() uint64 {
	for {
		n := s.trees.changes.Load()
		if n%2 == 0 {
			return n
		}
		s.barrier.RLock()
		s.barrier.RUnlock() //lint:ignore SA2001 it is held for nothing: that it could be had says that the change has ended
	}
}

// disturbed reports whether trees have changed since watch in a way that name, or the
// members of a collection of that name, may have to do with.
func (s *Store) disturbed(since uint64, name string) bool {
	t := &s.trees
	if t.changes.Load() == since {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	now := t.changes.Load()
	if (now-since)/2 >= uint64(len(t.recent)) {
		return true
	}
	for n := since / 2; n < (now+1)/2; n++ {
		for _, changed := range t.recent[n%uint64(len(t.recent))] {
			if changed != "" && (changed == name || store.Inside(name, changed) || parentOf(changed) == name) {
				return true
			}
		}
	}
	return false
}

// begin says that trees are about to change; end, that they have.
func (t *trees) begin(names treeNames) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recent[t.changes.Load()/2%uint64(len(t.recent))] = names
	t.changes.Add(1)
}

func (t *trees) end() { t.changes.Add(1) }

// cutOff makes all that is known of what is under the names, and in them, of the past. The
// function returned takes that back.
func (t *trees) cutOff(names treeNames, r store.Revision) (takeBack func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := make(map[string]cut)
	for _, name := range names {
		if name != "" {
			before[name] = t.cuts[name]
			t.cuts[name] = cut{revision: r}
		}
	}
	t.busy.Store(true)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for name, c := range before {
			if t.cuts[name] = c; c.revision == 0 {
				delete(t.cuts, name)
			}
		}
		t.rest()
	}
}

// rest is called with mu held when there may be less to look at.
func (t *trees) rest() { t.busy.Store(len(t.cuts)+len(t.asides) > 0) }

// past reports whether e describes as current what is of the past. e may be nil.
func (t *trees) past(e *entry) bool {
	if !t.busy.Load() || !e.exists() {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.isPast(e)
}

func (t *trees) isPast(e *entry) bool {
	for name := e.info.Name; name != ""; name = parentOf(name) {
		if c, ok := t.cuts[name]; ok && e.info.Revision <= c.revision {
			return true
		}
	}
	return false
}

// parentOf returns the collection that name is directly in.
func parentOf(name string) string { return name[:max(strings.LastIndexByte(name, '/'), 0)] }

// passed returns e as it is once its file has gone with its tree.
func (e *entry) passed() *entry {
	gone := *e
	gone.gone, gone.unsynced, gone.grown = true, false, nil // settled: the file may be seen again, aside
	return &gone
}

// putAside remembers what lies aside.
func (t *trees) putAside(a *aside) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asides = append(t.asides, a)
	t.busy.Store(true)
}

// dropAside forgets a.
func (t *trees) dropAside(a *aside) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asides = slices.DeleteFunc(t.asides, func(other *aside) bool { return other == a })
	t.rest()
}

// asidesOf returns what lies aside that name, or something in it, was in; all for "".
func (t *trees) asidesOf(name string) []*aside {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var list []*aside
	for _, a := range t.asides {
		if name == "" || a.name == name || store.Inside(name, a.name) {
			list = append(list, a)
		}
	}
	return list
}

// touch remembers that the directories the names are in have changed.
func (t *trees) touch(how touched, names ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		if name != "" {
			t.touched[name] = how
		}
	}
}

// synced forgets what was touched before the given epoch.
func (t *trees) synced(epoch uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, how := range t.touched {
		if how.epoch < epoch {
			delete(t.touched, name)
		}
	}
}

// touchedNames returns what was touched, or only what was made, and is not known to be
// durable.
func (t *trees) touchedNames(made bool) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	names := make([]string, 0, len(t.touched))
	for name, how := range t.touched {
		if how.made || !made {
			names = append(names, name)
		}
	}
	return names
}

// treeSection writes cuts and asides to the index.
type treeSection struct {
	s     *Store
	cuts  map[string]cut
	aside []*aside
}

var bucketAsides = []byte("asides") // sequence number -> revision, name, whether it is spared

func (x *treeSection) load(tx *bbolt.Tx) error {
	b := tx.Bucket(bucketAsides)
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, v []byte) error {
		d := decoder{b: v}
		a := &aside{revision: store.Revision(d.uvarint()), name: string(d.string()), flushed: true}
		a.spared = len(d.b) > 0 && d.bool() // earlier versions of this program did not write it
		if len(k) != 8 || d.bad {
			return nil
		}
		a.seq = binary.BigEndian.Uint64(k)
		x.s.trees.putAside(a)
		return nil
	})
}

func (x *treeSection) begin() {
	t := &x.s.trees
	t.mu.RLock()
	defer t.mu.RUnlock()
	x.cuts, x.aside = make(map[string]cut, len(t.cuts)), slices.Clone(t.asides)
	for name, c := range t.cuts {
		x.cuts[name] = c
	}
}

func (x *treeSection) write(tx *bbolt.Tx, _ bool) error {
	for name, c := range x.cuts {
		if err := x.s.index.cutOff(tx, name, c.revision); err != nil {
			return err
		}
	}
	if tx.Bucket(bucketAsides) != nil {
		if err := tx.DeleteBucket(bucketAsides); err != nil {
			return err
		}
	}
	if len(x.aside) == 0 {
		return nil
	}
	b, err := tx.CreateBucket(bucketAsides)
	for _, a := range x.aside {
		if err == nil {
			err = b.Put(seqKey(a.seq), appendBool(appendString(binary.AppendUvarint(nil, uint64(a.revision)), a.name), a.spared))
		}
	}
	return err
}

// done brings the memory up to date with cuts that the index was brought up to date with
// twice: what was put into the index late, of a look that had begun before the cut, has
// been seen to then.
func (x *treeSection) done() {
	t := &x.s.trees
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range x.aside {
		a.flushed = true
	}
	old := false
	for name, c := range x.cuts {
		if now, ok := t.cuts[name]; ok && now.revision == c.revision {
			now.flushed++
			t.cuts[name] = now
			old = old || now.flushed > 1
		}
	}
	if !old {
		return
	}
	x.s.nodes.each(func(n *node) {
		if e := n.entry.Load(); e.exists() && t.isPast(e) {
			n.entry.CompareAndSwap(e, e.passed())
		}
	})
	for name, c := range t.cuts {
		if c.flushed > 1 {
			delete(t.cuts, name)
		}
	}
	t.rest()
}

// each calls do for each node in memory.
func (n *nodes) each(do func(*node)) {
	for i := range n.shards {
		s := &n.shards[i]
		s.mu.RLock()
		for _, found := range s.m {
			do(found)
		}
		s.mu.RUnlock()
	}
}

// cutOff makes what the index has of name, and of names in it, up to revision r, of the
// past.
func (x *index) cutOff(tx *bbolt.Tx, name string, r store.Revision) error {
	b := bucketsOf(tx)
	past := make(map[string]*entry)
	note := func(key string, b []byte) {
		if e, err := parseEntry(key, b, x.session); err == nil && e.exists() && e.info.Revision <= r {
			past[key] = e.passed()
		}
	}
	if written := b.names.Get([]byte(name)); written != nil {
		note(name, written)
	}
	prefix := name + "/"
	c := b.names.Cursor()
	for k, v := c.Seek([]byte(prefix)); k != nil && strings.HasPrefix(string(k), prefix); k, v = c.Next() {
		note(string(k), v)
	}
	for key, e := range past {
		if err := x.writeEntry(b, key, e); err != nil {
			return err
		}
	}
	return nil
}
