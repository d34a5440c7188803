// Package memstore keeps representations in memory. It is the reference
// implementation of package store: one lock, plain maps, nothing that needs an
// argument to be believed. It forgets everything when the process ends.
//
// Stat, Open and Commit take time independent of the number of resources; List
// looks at every name in the store.
package memstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// DefaultKeep is how many earlier revisions of a name are kept if Options does
// not say.
const DefaultKeep = 8

// Options are the choices for a Store. The zero Options is ready for use.
type Options struct {
	// Keep is how many revisions of each name stay readable after they were
	// replaced or deleted, and how many beside them that store.Sparing spares. 0 means
	// DefaultKeep, a negative number none.
	Keep int
	// KeepBytes bounds the content of those revisions, in bytes for each name;
	// the oldest are forgotten first. 0 means that only Keep counts.
	KeepBytes int64
	// Now tells the time; nil means time.Now. It is called while the store is
	// locked and must not call the store.
	Now func() time.Time
}

// Store keeps everything in memory, and is all that package store has a name for.
// All its methods may be called from any number of goroutines.
type Store struct {
	keep      int
	keepBytes int64
	now       func() time.Time

	mu sync.RWMutex
	// entries has every name of which a revision is held.
	entries map[string]*entry
	// collections has the root and every proper prefix of an existing name.
	collections map[string]*collection
	// properties has those of every name on which some are set.
	properties map[string]map[string]string
	// kept has the records of store.Keeper.
	kept map[string][]byte
	// last is the latest revision given out, to whatever name: one counter for
	// all makes revisions grow over deletions without remembering the deleted.
	last store.Revision
	// clock is the time of the latest change, modified the Modified it got;
	// none is given out before floor.
	clock, modified, floor time.Time
	// forgotten is the last second in which a resource was current of which
	// nothing is known any more.
	forgotten time.Time
}

var (
	_ store.Store       = (*Store)(nil)
	_ store.History     = (*Store)(nil)
	_ store.Purger      = (*Store)(nil)
	_ store.Sparer      = (*Store)(nil)
	_ store.Collections = (*Store)(nil)
	_ store.Mover       = (*Store)(nil)
	_ store.Properties  = (*Store)(nil)
	_ store.Keeper      = (*Store)(nil)
	_ store.Recorder    = (*Store)(nil)
)

// entry is what is held under one name.
type entry struct {
	current *revision   // nil after a deletion
	earlier []*revision // oldest first
}

// revision is immutable: readers share it without a lock.
type revision struct {
	info store.Info
	data []byte
	// spared is set if it was replaced under store.Sparing.
	spared bool
}

// collection exists until it is deleted, with or without members.
type collection struct {
	modified time.Time
}

// New returns an empty Store.
func New(o Options) *Store {
	s := &Store{
		keep:        o.Keep,
		keepBytes:   o.KeepBytes,
		now:         o.Now,
		entries:     make(map[string]*entry),
		collections: make(map[string]*collection),
		properties:  make(map[string]map[string]string),
		kept:        make(map[string][]byte),
	}
	if s.keep == 0 {
		s.keep = DefaultKeep
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.collections[""] = &collection{modified: s.nextModified()}
	return s
}

// Stat implements store.Store. A collection's Modified is that of the latest
// commit or deletion in it, at any depth.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	if err := check(ctx, name); err != nil {
		return store.Info{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	info := s.at(name)
	if !info.Exists() && !info.Collection {
		return info, named(name, store.ErrNotFound)
	}
	return info, nil
}

// at describes what is under name; it is zero if there is nothing.
func (s *Store) at(name string) store.Info {
	if c := s.collections[name]; c != nil {
		return store.Info{Name: name, Collection: true, Modified: c.modified}
	}
	return s.current(name)
}

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, err := s.find(name, rev)
	if err != nil {
		return nil, named(name, err)
	}
	return &content{revision: r}, nil
}

// find returns the revision rev of name, or the current one for 0.
func (s *Store) find(name string, rev store.Revision) (*revision, error) {
	e := s.entries[name]
	if e != nil && rev != 0 {
		for _, r := range e.newestFirst() {
			if r.info.Revision == rev {
				return r, nil
			}
		}
	}
	switch {
	case s.collections[name] != nil:
		return nil, store.ErrIsCollection
	case e == nil || e.current == nil:
		return nil, store.ErrNotFound
	case rev != 0:
		return nil, store.ErrGone
	}
	return e.current, nil
}

// Stage implements store.Store.
func (s *Store) Stage(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
	if err := store.CheckNewName(name); err != nil {
		return nil, err
	}
	if err := s.placeable(name); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if sized, ok := r.(interface{ Len() int }); ok {
		b.Grow(sized.Len() + bytes.MinRead)
	}
	if _, err := b.ReadFrom(&contextReader{ctx, r}); err != nil {
		return nil, fmt.Errorf("stage %q: %w", name, err)
	}
	data := b.Bytes()
	return &draft{store: s, name: name, data: data, size: int64(len(data)), digest: sha256.Sum256(data)}, nil
}

func (s *Store) placeable(name string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.place(name)
}

// place reports why name cannot have content now, whoever asks.
func (s *Store) place(name string) error {
	if s.collections[name] != nil {
		return named(name, store.ErrIsCollection)
	}
	for parent := range parents(name) {
		if s.current(parent).Exists() {
			return fmt.Errorf("%q cannot be in %q, which %w", name, parent, store.ErrNotCollection)
		}
	}
	return nil
}

// commit makes d's content current if expect holds, and keeps the note of that.
func (s *Store) commit(d *draft, expect store.Expect, spare bool, n note) (store.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.place(d.name); err != nil {
		return store.Info{}, err
	}
	current := s.current(d.name)
	if !expect.Holds(current.Revision) {
		return store.Info{}, &store.ConflictError{Name: d.name, Expect: expect, Current: current}
	}
	info := store.Info{Name: d.name, Revision: s.last + 1, Size: d.size, Digest: d.digest, Modified: s.nextModified()}
	if err := s.takeNote(n, info); err != nil {
		return store.Info{}, err
	}
	info = s.install(info, d.data, spare)
	s.touchParents(d.name, info.Modified)
	return info, nil
}

// install makes data current under the name in info, as a new revision. spare says what becomes of
// the one before.
func (s *Store) install(info store.Info, data []byte, spare bool) store.Info {
	e := s.entries[info.Name]
	if e == nil {
		e = new(entry)
		s.entries[info.Name] = e
	}
	s.retire(e, spare)
	s.last++
	info.Revision = s.last
	e.current = &revision{info: info, data: data}
	return info
}

// Delete implements store.Store. Deleting what does not exist with Absent is ErrNotFound, as with Any.
func (s *Store) Delete(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
	return s.delete(ctx, name, expect, note{})
}

func (s *Store) delete(ctx context.Context, name string, expect store.Expect, n note) (store.Info, error) {
	if err := check(ctx, name); err != nil {
		return store.Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.collections[name] != nil {
		return store.Info{}, named(name, store.ErrIsCollection)
	}
	current := s.current(name)
	if !expect.Holds(current.Revision) {
		return store.Info{}, &store.ConflictError{Name: name, Expect: expect, Current: current}
	}
	if !current.Exists() {
		return store.Info{}, named(name, store.ErrNotFound)
	}
	if err := s.takeNote(n, current); err != nil {
		return store.Info{}, err
	}
	s.remove(name, false)
	s.touchParents(name, s.nextModified())
	return current, nil
}

// remove takes the resource name out of what is current, with its properties.
func (s *Store) remove(name string, spare bool) {
	e := s.entries[name]
	s.retire(e, spare)
	if len(e.earlier) == 0 {
		delete(s.entries, name)
		s.forgotten = s.now().UTC().Truncate(time.Second)
	}
	delete(s.properties, name)
}

// List implements store.Store. The members are those of one moment.
func (s *Store) List(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		members, err := s.members(ctx, name)
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		for _, m := range members {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (s *Store) members(ctx context.Context, name string) ([]store.Info, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.current(name).Exists() {
		return nil, named(name, store.ErrNotCollection)
	}
	if s.collections[name] == nil {
		return nil, named(name, store.ErrNotFound)
	}
	var members []store.Info
	for n, e := range s.entries {
		if e.current != nil && parent(n) == name {
			members = append(members, e.current.info)
		}
	}
	for n, c := range s.collections {
		if n != "" && parent(n) == name {
			members = append(members, store.Info{Name: n, Collection: true, Modified: c.modified})
		}
	}
	slices.SortFunc(members, func(a, b store.Info) int { return strings.Compare(a.Name, b.Name) })
	return members, nil
}

// Revisions implements store.History. The revisions are those of one moment.
func (s *Store) Revisions(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := check(ctx, name); err != nil {
			yield(store.Info{}, err)
			return
		}
		for _, r := range s.revisions(name) {
			if !yield(r.info, nil) {
				return
			}
		}
	}
}

// Purge implements store.Purger.
func (s *Store) Purge(ctx context.Context, name string, rev store.Revision) (int, error) {
	if err := check(ctx, name); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	purged := 0
	if e := s.entries[name]; e != nil {
		before := len(e.earlier)
		e.earlier = slices.DeleteFunc(e.earlier, func(r *revision) bool { return rev == 0 || r.info.Revision == rev })
		purged = before - len(e.earlier)
	}
	if purged == 0 && rev != 0 {
		return 0, named(name, store.ErrGone)
	}
	return purged, nil
}

func (s *Store) revisions(name string) []*revision {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.entries[name]; e != nil {
		return e.newestFirst()
	}
	return nil
}

func (e *entry) newestFirst() []*revision {
	all := slices.Clone(e.earlier)
	if e.current != nil {
		all = append(all, e.current)
	}
	slices.Reverse(all)
	return all
}

// current describes the content under name; its Revision is 0 if there is none.
func (s *Store) current(name string) store.Info {
	if e := s.entries[name]; e != nil && e.current != nil {
		return e.current.info
	}
	return store.Info{}
}

// retire makes e's current revision an earlier one and forgets the oldest
// beyond what Options allow.
func (s *Store) retire(e *entry, spare bool) {
	if e.current == nil {
		return
	}
	last := *e.current // which readers may have, and so does not change
	last.spared = spare
	e.earlier = append(e.earlier, &last)
	e.current = nil
	var bytes int64
	alike := 0
	for _, r := range e.earlier {
		bytes += r.info.Size
		if r.spared == spare {
			alike++
		}
	}
	if alike > max(s.keep, 0) {
		oldest := slices.IndexFunc(e.earlier, func(r *revision) bool { return r.spared == spare })
		bytes -= e.earlier[oldest].info.Size
		e.earlier = slices.Delete(e.earlier, oldest, oldest+1)
	}
	for s.keepBytes > 0 && bytes > s.keepBytes {
		bytes -= e.earlier[0].info.Size
		e.earlier = slices.Delete(e.earlier, 0, 1)
	}
}

// CanSpare implements store.Sparer.
func (s *Store) CanSpare(size int64) bool {
	return s.keep > 0 && (s.keepBytes <= 0 || size <= s.keepBytes)
}

// touchParents says that something changed in the collections name is in, and
// makes those that do not exist.
func (s *Store) touchParents(name string, modified time.Time) {
	for parent := range parents(name) {
		s.collections[parent] = &collection{modified: modified}
	}
}

// nextModified returns the Modified of a state that begins now: the second
// after the running one, so that it lies after every second in which the state
// before was current, also if both began within the same second. When the clock
// was set back, dates of the time before must not return: it then waits for the
// clock a second after the latest it gave out.
func (s *Store) nextModified() time.Time {
	now := s.now().UTC().Round(0) // by the wall clock, not the monotonic one
	if now.Before(s.clock) {
		s.floor = s.modified.Add(time.Second)
	}
	s.clock = now
	s.modified = now.Truncate(time.Second).Add(time.Second)
	if s.modified.Before(s.floor) {
		s.modified = s.floor
	}
	return s.modified
}

// draft implements store.Draft.
type draft struct {
	store  *Store
	name   string
	data   []byte
	size   int64
	digest store.Digest
	spent  bool
}

func (d *draft) Size() int64          { return d.size }
func (d *draft) Digest() store.Digest { return d.digest }

func (d *draft) Commit(ctx context.Context, expect store.Expect) (store.Info, error) {
	return d.commit(ctx, expect, note{})
}

func (d *draft) commit(ctx context.Context, expect store.Expect, n note) (store.Info, error) {
	if d.spent {
		return store.Info{}, fmt.Errorf("commit %q: the draft is spent; stage the content again", d.name)
	}
	info, err := store.Info{}, ctx.Err()
	if err == nil {
		info, err = d.store.commit(d, expect, store.IsSparing(ctx), n)
	}
	if !errors.Is(err, store.ErrConflict) {
		d.Abort(ctx)
	}
	return info, err
}

func (d *draft) Abort(context.Context) error {
	d.spent, d.data = true, nil
	return nil
}

// content implements store.Content.
type content struct {
	*revision
	closed atomic.Bool
}

func (c *content) Info() store.Info { return c.info }

func (c *content) ReadAt(p []byte, off int64) (int, error) {
	if c.closed.Load() {
		return 0, named(c.info.Name, fs.ErrClosed)
	}
	if off < 0 {
		return 0, fmt.Errorf("%q: read at offset %d: negative", c.info.Name, off)
	}
	n := copy(p, c.data[min(off, c.info.Size):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (c *content) WriteRange(w io.Writer, off, n int64) (int64, error) {
	if c.closed.Load() {
		return 0, named(c.info.Name, fs.ErrClosed)
	}
	if off < 0 || n < 0 || off > c.info.Size-n {
		return 0, fmt.Errorf("%q: %d bytes from offset %d are not within its %d bytes", c.info.Name, n, off, c.info.Size)
	}
	written, err := w.Write(c.data[off : off+n])
	return int64(written), err
}

func (c *content) Close() error {
	c.closed.Store(true)
	return nil
}

// contextReader ends with the context's error once that is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func check(ctx context.Context, name string) error {
	if err := store.CheckName(name); err != nil {
		return err
	}
	return ctx.Err()
}

func named(name string, err error) error { return fmt.Errorf("%q: %w", name, err) }

// parent returns the collection name is directly in.
func parent(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}

// parents yields the collections name is in, the root last.
func parents(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name != "" {
			name = parent(name)
			if !yield(name) {
				return
			}
		}
	}
}
