package clusterstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// tries is how often a change is tried again that others were in the way of.
const tries = 64

// draft implements store.Draft.
type draft struct {
	s      *Store
	name   string
	size   int64
	digest store.Digest
	data   []byte // if id is empty
	id     string // of the content
	swept  uint64 // of the head, before the content was put
	spent  bool
	// unsettled is set once a swap for this content may still come.
	unsettled bool
}

// Stage implements store.Store. Content that is not small goes to the engine while it is read.
func (s *Store) Stage(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
	if err := store.CheckNewName(name); err != nil {
		return nil, err
	}
	st, err := s.placeable(ctx, name)
	if err != nil {
		return nil, err
	}
	d := &draft{s: s, name: name, swept: st.head.Swept}
	if err := d.take(ctx, r); err != nil {
		return nil, fmt.Errorf("stage %q: %w", name, err)
	}
	return d, nil
}

// placeable returns a state of the head of name, current or not, unless name cannot have content.
func (s *Store) placeable(ctx context.Context, name string) (*state, error) {
	st := s.remembered(headName(name))
	if st != nil && st.head.Kind == kindResource && st.head.Under == 0 {
		return st, nil // a member of collections, then
	}
	st, err := s.look(ctx, headName(name), 0)
	switch {
	case err != nil:
		return nil, named(name, err)
	case st.collection():
		return nil, named(name, store.ErrIsCollection)
	case st.head.Kind == kindResource:
		return st, nil
	}
	for p := parent(name); p != ""; p = parent(p) {
		above, err := s.look(ctx, headName(p), 0)
		switch {
		case err != nil:
			return nil, named(p, err)
		case above.head.Kind == kindResource:
			return nil, notIn(name, p)
		case above.collection():
			return st, nil
		}
	}
	return st, nil
}

func notIn(name, collection string) error {
	return fmt.Errorf("%q cannot be in %q, which %w", name, collection, store.ErrNotCollection)
}

// take reads the content, and puts it unless it can ride in the head.
func (d *draft) take(ctx context.Context, r io.Reader) error {
	size := int64(-1)
	if sized, ok := r.(interface{ Len() int }); ok {
		size = int64(sized.Len())
	}
	m := &meter{ctx: ctx, r: r, sum: sha256.New()}
	first, err := io.ReadAll(io.LimitReader(m, int64(d.s.options.Inline)+1))
	if err != nil {
		return err
	}
	if len(first) > d.s.options.Inline {
		d.id = newID(d.s.now(), d.s.options.Nonce())
		if err := d.s.contents.Put(ctx, d.content(), size, io.MultiReader(bytes.NewReader(first), m)); err != nil {
			d.discard(ctx)
			return err
		}
	} else {
		d.data = first
	}
	d.size = m.n
	m.sum.Sum(d.digest[:0])
	return nil
}

func (d *draft) content() ContentID { return ContentID{headName(d.name), d.id} }

// newID returns the identifier of a content that is put now.
func newID(now time.Time, nonce string) string {
	sum := sha256.Sum256([]byte(nonce))
	return fmt.Sprintf("%012x%x", now.UnixMilli()&(1<<48-1), sum[:10])
}

// digester is what a meter needs of a hash.
type digester interface {
	io.Writer
	Sum(b []byte) []byte
}

// meter counts and hashes what is read.
type meter struct {
	ctx context.Context
	r   io.Reader
	n   int64
	sum digester
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	m.sum.Write(p[:n])
	return n, err
}

func (d *draft) Size() int64          { return d.size }
func (d *draft) Digest() store.Digest { return d.digest }

// Commit implements store.Draft.
func (d *draft) Commit(ctx context.Context, expect store.Expect) (store.Info, error) {
	return d.spend(ctx, func() (store.Info, error) { return d.s.commit(ctx, d, expect) })
}

// spend calls commit, unless the draft is spent; after anything but a conflict it is.
func (d *draft) spend(ctx context.Context, commit func() (store.Info, error)) (store.Info, error) {
	if d.spent {
		return store.Info{}, fmt.Errorf("commit %q: the draft is spent; stage the content again", d.name)
	}
	info, err := store.Info{}, ctx.Err()
	if err == nil {
		info, err = commit()
	}
	switch {
	case err == nil:
		d.spent, d.data = true, nil
	case errors.Is(err, store.ErrUnknown):
		d.unsettled = true
		d.Abort(ctx)
	case !errors.Is(err, store.ErrConflict):
		d.Abort(ctx)
	}
	return info, err
}

// Abort implements store.Draft.
func (d *draft) Abort(ctx context.Context) error {
	if d.spent {
		return nil
	}
	d.spent, d.data = true, nil
	return d.discard(ctx)
}

// discard removes the content, if no head can name it any more. What it cannot remove is garbage.
func (d *draft) discard(ctx context.Context) error {
	if d.id == "" || d.unsettled {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	if err := d.s.contents.Remove(ctx, d.content()); err != nil {
		return fmt.Errorf("abort %q: %w", d.name, err)
	}
	return nil
}

// revision returns what the draft becomes as the state after st.
func (d *draft) revision(st *state) *revision {
	return &revision{Revision: st.head.Last + 1, Size: d.size, Digest: hexDigest(d.digest), ID: d.id, data: d.data}
}

// commit makes d's content current if expect holds.
func (s *Store) commit(ctx context.Context, d *draft, expect store.Expect) (store.Info, error) {
	back, err := s.turns.take(ctx, headName(d.name))
	if err != nil {
		return store.Info{}, err
	}
	defer back()
	st := s.optimistic(d.name, expect)
	for try := 0; try < tries; try++ {
		if st == nil {
			if st, err = s.current(ctx, headName(d.name)); err != nil {
				return store.Info{}, named(d.name, err)
			}
		}
		if err := s.admit(ctx, d, st, expect); err != nil {
			return store.Info{}, err
		}
		made, err := s.install(ctx, st, d.next(ctx, st), try > 0)
		if !errors.Is(err, ErrSwapped) {
			if err != nil {
				return store.Info{}, named(d.name, err)
			}
			return made, nil
		}
		st = nil
		if err := pause(ctx, try); err != nil {
			return store.Info{}, err
		}
	}
	return store.Info{}, named(d.name, errBusy)
}

// errBusy is for changes that somebody else was in the way of each time.
var errBusy = fmt.Errorf("others change it all the time: %w", store.ErrUnavailable)

// next returns the head that d makes of st.
func (d *draft) next(ctx context.Context, st *state) *head {
	next := d.s.replaced(st.head, store.IsSparing(ctx))
	next.Kind, next.Current = kindResource, d.revision(st)
	next.Last, next.Current.Modified = next.Current.Revision, next.Modified
	return next
}

// optimistic returns the state in memory if it is what expect expects: if it is not current, the swap
// will tell.
func (s *Store) optimistic(name string, expect store.Expect) *state {
	st := s.remembered(headName(name))
	if st == nil || expect == store.Any || st.head.Kind != kindResource || st.head.Under != 0 || !expect.Holds(st.head.current()) {
		return nil
	}
	return st
}

// admit reports why d cannot replace st.
func (s *Store) admit(ctx context.Context, d *draft, st *state, expect store.Expect) error {
	if st.collection() {
		return named(d.name, store.ErrIsCollection)
	}
	if !expect.Holds(st.head.current()) {
		if st.head.Kind == kindNothing {
			if err := s.noResourceAbove(ctx, d.name); err != nil {
				return err
			}
		}
		return &store.ConflictError{Name: d.name, Expect: expect, Current: st.head.info(d.name)}
	}
	if d.id != "" && st.head.Swept != d.swept {
		return named(d.name, fmt.Errorf("the content waited for so long that it was cleaned away; send it again: %w", store.ErrUnavailable))
	}
	return nil
}

// noResourceAbove reports if name would be in a resource.
func (s *Store) noResourceAbove(ctx context.Context, name string) error {
	for p := parent(name); p != ""; p = parent(p) {
		above, err := s.current(ctx, headName(p))
		switch {
		case err != nil:
			return named(p, err)
		case above.head.Kind == kindResource:
			return notIn(name, p)
		case above.collection():
			return nil
		}
	}
	return nil
}

// replaced returns h without what is current, which is among the kept revisions then, as far as the
// bounds allow. Its Modified is that of what comes now.
func (s *Store) replaced(h *head, spare bool) *head {
	next := *h
	now := s.now()
	next.Modified, next.Clock = nextModified(h, now), now.UnixMilli()
	next.Current = nil
	next.Kept = slices.Clone(h.Kept)
	if h.Current != nil {
		last := *h.Current
		last.Spared, last.Replaced = spare, now.Unix()
		next.Kept = append(next.Kept, last)
	}
	s.trim(&next, spare, now)
	return &next
}

// trim forgets the oldest revisions beyond what Options allow.
func (s *Store) trim(h *head, spare bool, now time.Time) {
	forget := func(i int) { h.Kept = slices.Delete(h.Kept, i, i+1) }
	alike := func(r revision) bool { return r.Spared == spare }
	count := 0
	for _, r := range h.Kept {
		if alike(r) {
			count++
		}
	}
	for ; count > s.options.Keep; count-- {
		forget(slices.IndexFunc(h.Kept, alike))
	}
	if s.options.KeepAge > 0 {
		oldest := now.Add(-s.options.KeepAge).Unix()
		h.Kept = slices.DeleteFunc(h.Kept, func(r revision) bool { return !r.Spared && r.Replaced < oldest })
	}
	var inline, all int64
	for i := len(h.Kept) - 1; i >= 0; i-- {
		all += h.Kept[i].Size
		inline += int64(len(h.Kept[i].data))
		if s.options.KeepBytes > 0 && all > s.options.KeepBytes || inline > maxKeptInline {
			h.Kept = slices.Delete(h.Kept, 0, i+1)
			return
		}
	}
}

// maxKeptInline bounds the contents of earlier revisions that ride in a head, in bytes, whatever
// Options say: a head has room for properties as well, and for all that twice.
const maxKeptInline = 512 << 10

// nextModified returns the Modified, in seconds, of a state that begins now: the second after the
// running one, so that it lies after every second in which the state before was current. If that state
// was made by a clock that is ahead of ours, it lies after its Modified instead.
func nextModified(before *head, now time.Time) int64 {
	next := max(now.Unix()+1, before.Modified)
	if before.Clock > now.UnixMilli()+int64(time.Second/time.Millisecond) {
		next = max(next, before.Modified+1)
	}
	return next
}

// dated swaps st for next, whose Modified is that of now. If a second has passed when the answer comes,
// the state before may have been current in the second that Modified names: then it gets a later one.
func (s *Store) dated(ctx context.Context, st *state, next *head) (*state, error) {
	made, err := s.swap(ctx, st, next)
	if err != nil || made.token == "" || made.stored.Pending != nil {
		return made, err
	}
	if now := s.now(); now.Unix() >= next.Modified {
		again := *made.head
		again.Modified, again.Clock = now.Unix()+1, now.UnixMilli()
		if again.Current != nil {
			later := *again.Current
			later.Modified = again.Modified
			again.Current = &later
		}
		if corrected, err := s.swap(ctx, made, &again); err == nil {
			return corrected, nil
		}
	}
	return made, nil
}

// gone returns h as it is after a deletion.
func (s *Store) gone(h *head, spare bool) *head {
	next := s.replaced(h, spare)
	next.Kind, next.Properties = kindNothing, nil
	return next
}

// asCollection returns h as an empty collection.
func (s *Store) asCollection(h *head) *head {
	next := *h
	now := s.now()
	next.Kind, next.Modified, next.Clock, next.Born = kindCollection, nextModified(h, now), now.UnixMilli(), h.Changes+1
	return &next
}

// Delete implements store.Store. Deleting what does not exist with Absent is ErrNotFound, as with Any.
func (s *Store) Delete(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
	var removed store.Info
	err := s.change(ctx, name, func(st *state) (*head, error) {
		if err := deletable(name, st, expect); err != nil {
			return nil, err
		}
		removed = st.head.info(name)
		return s.gone(st.head, false), nil
	})
	if err != nil {
		return store.Info{}, err
	}
	return removed, nil
}

// deletable reports why the resource name cannot be deleted.
func deletable(name string, st *state, expect store.Expect) error {
	switch {
	case st.collection():
		return named(name, store.ErrIsCollection)
	case !expect.Holds(st.head.current()):
		return &store.ConflictError{Name: name, Expect: expect, Current: st.head.info(name)}
	case st.head.Kind == kindNothing:
		return named(name, store.ErrNotFound)
	}
	return nil
}

// change changes one head to what f makes of it; f may return nil for no change, and is called again if
// somebody else was faster.
func (s *Store) change(ctx context.Context, name string, f func(*state) (*head, error)) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	return s.changeHead(ctx, headName(name), f)
}

func (s *Store) changeHead(ctx context.Context, name string, f func(*state) (*head, error)) error {
	back, err := s.turns.take(ctx, name)
	if err != nil {
		return err
	}
	defer back()
	shown := strings.TrimPrefix(name, resourcePrefix)
	for try := 0; try < tries; try++ {
		st, err := s.current(ctx, name)
		if err != nil {
			return named(shown, err)
		}
		next, err := f(st)
		if err != nil || next == nil {
			return err
		}
		if _, err = s.swap(ctx, st, next); !errors.Is(err, ErrSwapped) {
			if err != nil {
				return named(shown, err)
			}
			return nil
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return named(shown, errBusy)
}

// Purge implements store.Purger. The contents are removed from the engine before it returns.
func (s *Store) Purge(ctx context.Context, name string, rev store.Revision) (int, error) {
	var purged []revision
	err := s.change(ctx, name, func(st *state) (*head, error) {
		next := *st.head
		purged, next.Kept = nil, nil
		for _, r := range st.head.Kept {
			if rev == 0 || r.Revision == rev {
				purged = append(purged, r)
			} else {
				next.Kept = append(next.Kept, r)
			}
		}
		if len(purged) > 0 {
			return &next, nil
		}
		if rev != 0 {
			return nil, named(name, store.ErrGone)
		}
		return nil, nil
	})
	if err != nil {
		return 0, err
	}
	err = each(purged, func(r revision) error {
		if r.ID == "" {
			return nil
		}
		return s.contents.Remove(ctx, ContentID{headName(name), r.ID})
	})
	if err != nil {
		return len(purged), named(name, fmt.Errorf("purged revisions can no longer be found, but their contents are still in the engine until a sweep: %w", err))
	}
	return len(purged), nil
}
