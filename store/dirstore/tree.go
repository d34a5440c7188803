package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/fourtwelve/fourtwelve/store"
)

// MakeCollection makes a directory. It is as durable as a commit.
func (s *Store) MakeCollection(ctx context.Context, name string) (store.Info, error) {
	if err := s.enter(); err != nil {
		return store.Info{}, err
	}
	defer s.leave()
	if err := s.treeWritable(ctx, name); err != nil {
		return store.Info{}, err
	}
	if name == "" {
		st, err := s.rootState()
		return store.Info{}, errors.Join(err, takenBy(name, st))
	}
	n, err := s.nodes.take(ctx, name)
	if err != nil {
		return store.Info{}, err
	}
	defer s.nodes.release(n)
	room := s.room()
	for tries := 0; tries < maxTries; tries++ {
		st, err := s.look(ctx, n)
		if err != nil {
			return store.Info{}, err
		}
		if st.collection || st.entry.exists() {
			return store.Info{}, takenBy(name, st)
		}
		if err := store.CheckNewName(name); err != nil {
			return store.Info{}, err
		}
		if err := s.holder(name); err != nil {
			return store.Info{}, err
		}
		info, err := s.makeCollection(ctx, name)
		if room.found(s, n, err) {
			tries--
		} else if !errors.Is(err, errMoved) {
			return info, err
		}
	}
	return store.Info{}, &changingError{name}
}

// treeWritable refuses changes to name that can be refused without a look.
func (s *Store) treeWritable(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if s.opts.ReadOnly {
		return fmt.Errorf("%q: %w", name, store.ErrReadOnly)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// takenBy is the conflict of who wants to make what is there.
func takenBy(name string, st state) error {
	return &store.ConflictError{Name: name, Expect: store.Absent, Current: st.describe(name)}
}

// describe returns what is under name, the zero Info if nothing.
func (st state) describe(name string) store.Info {
	if st.collection {
		return store.Info{Name: name, Collection: true, Modified: st.modified}
	}
	return st.entry.current()
}

// holder reports why the collection that is to hold name cannot.
func (s *Store) holder(name string) error {
	up := parentOf(name)
	if up == "" {
		return nil
	}
	r, err := s.resolve(up)
	r.close()
	switch {
	case err == nil && r.stat.mode.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%q cannot be in %q, which %w", name, up, store.ErrNotCollection)
	case isAbsent(err):
		return fmt.Errorf("%q: %w: %w", name, store.ErrNoParent, store.ErrNotFound)
	}
	return readError(name, err)
}

func (s *Store) makeCollection(ctx context.Context, name string) (store.Info, error) {
	if err := s.beginChange(ctx); err != nil {
		return store.Info{}, err
	}
	defer s.endChange()
	p, err := s.placeOf(name, false)
	if err != nil {
		if isAbsent(err) {
			return store.Info{}, errMoved
		}
		return store.Info{}, err
	}
	defer p.close()
	r := &record{kind: recordMkdir, seq: s.seq.Add(1), name: name}
	if err := s.log(r); err != nil {
		return store.Info{}, clientError(name, err)
	}
	err = s.step(stepMakeDir)
	if err == nil {
		err = mkdirAt(p.dir, p.base)
	}
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = errMoved
		}
		return store.Info{}, clientError(name, s.void(r.seq, err))
	}
	s.trees.touch(touched{s.checkpoints.epoch, true}, name)
	s.changed(0)
	st, err := statAt(p.dir, p.base)
	if err != nil {
		return store.Info{}, readError(name, err)
	}
	return collectionInfo(name, st), nil
}

func collectionInfo(name string, st fileStat) store.Info {
	return store.Info{Name: name, Collection: true, Modified: secondOf(st.id.mtime)}
}

// void says in the journal that the change seq, which failed with err, was not carried out.
func (s *Store) void(seq uint64, err error) error {
	if logErr := s.log(&record{kind: recordVoid, seq: seq}); logErr != nil {
		return fmt.Errorf("%w: %w: %w", store.ErrUnknown, bare(err), logErr)
	}
	return err
}

// DeleteCollection moves the directory aside by one rename, whatever is in it. What was in it
// becomes history afterwards, in the background.
func (s *Store) DeleteCollection(ctx context.Context, name string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.treeWritable(ctx, name); err != nil {
		return err
	}
	if name == "" {
		return store.CheckNewName(name)
	}
	n, err := s.nodes.take(ctx, name)
	if err != nil {
		return err
	}
	defer s.nodes.release(n)
	room := s.room()
	for tries := 0; tries < maxTries; tries++ {
		st, err := s.look(ctx, n)
		switch {
		case err != nil:
			return err
		case st.entry.exists():
			return fmt.Errorf("%q: %w", name, store.ErrNotCollection)
		case !st.collection:
			return notFound(name)
		}
		err = s.changeTree(ctx, &treeChange{to: name, dst: st})
		if room.found(s, n, err) {
			tries--
		} else if !errors.Is(err, errMoved) {
			return err
		}
	}
	return &changingError{name}
}

// A treeChange replaces or removes what is under a name, and all in it, by renames: while
// no other change is under way, after all that the journal may yet be needed for of the
// names has been made durable, and announced in the journal like any change.
//
//	removal      to is renamed away
//	nothing at to    from is renamed to it
//	something at to  the two are exchanged, and what was at to is renamed away
//
// What is renamed away lies aside: see trees.
type treeChange struct {
	to  string
	dst state // what was found there
	// from is the name that what arrives had before; or staged is, in the state folder.
	from    string
	src     state
	staged  string
	refresh func() (changed bool, err error) // brings staged up to date
	spared  bool                             // what was at to is kept as what was replaced under store.Sparing

	seq      uint64
	revision store.Revision
	out, in  place // of to and from
	old, new found // at to and from
}

func (t *treeChange) names() treeNames { return treeNames{t.to, t.from} }

// changeTree carries out t. The error errMoved means that what was found at one of the names is
// not there any more. The caller has the turns of the names.
func (s *Store) changeTree(ctx context.Context, t *treeChange) error {
	if err := s.beginTree(ctx); err != nil {
		return err
	}
	defer s.barrier.Unlock()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if s.trees.past(t.dst.entry) || s.trees.past(t.src.entry) {
		return errMoved
	}
	defer t.close()
	if err := t.open(s); err != nil {
		return clientError(t.to, err)
	}
	if t.spared {
		if err := s.canSpareTree(t.to); err != nil {
			return err
		}
	}
	if t.refresh != nil {
		changed, err := t.refresh()
		if err == nil && changed {
			err = s.syncPlain()
		}
		if err != nil {
			return clientError(t.to, err)
		}
	}
	if err := s.settleUnder(t.names()); err != nil {
		return err
	}
	t.seq, t.revision = s.seq.Add(1), s.clock.revision(nil)
	s.clock.floor.Store(max(s.clock.floor.Load(), uint64(t.revision)))
	return clientError(t.to, s.carryOutTree(t))
}

// beginTree waits until no change is under way and the journal has room, and holds off all
// changes until the barrier is unlocked.
func (s *Store) beginTree(ctx context.Context) error {
	for {
		s.barrier.Lock()
		if err := s.Health(); err != nil {
			s.barrier.Unlock()
			return err
		}
		if s.journal.used() < s.opts.journalLimit {
			return nil
		}
		s.barrier.Unlock()
		if err := s.awaitCheckpoint(ctx); err != nil {
			return err
		}
	}
}

// open opens the places of t and makes sure that they have what was found there.
func (t *treeChange) open(s *Store) (err error) {
	if t.out, err = s.placeOf(t.to, false); err != nil {
		return movedIfAbsent(err)
	}
	if t.old, err = t.dst.stillAt(t.out, true); err != nil {
		return err
	}
	dirs := []place{t.out}
	if t.from != "" {
		if t.in, err = s.placeOf(t.from, false); err != nil {
			return movedIfAbsent(err)
		}
		if t.new, err = t.src.stillAt(t.in, false); err != nil {
			return err
		}
		dirs = append(dirs, t.in)
	} else if t.staged != "" {
		t.in = place{name: t.to, dir: s.state, base: t.staged}
		if t.new, err = findAt(s.state, t.staged); err != nil {
			return err
		}
	}
	for _, p := range dirs {
		if st, err := statAt(p.dir, "."); err != nil || st.id.dev != s.dev {
			return errors.Join(err, errOtherDevice)
		}
	}
	return nil
}

func (t *treeChange) close() {
	t.out.close()
	t.in.close()
}

func movedIfAbsent(err error) error {
	if isAbsent(err) {
		return errMoved
	}
	return err
}

// stillAt returns what is at p, which was found to be st. A link to a collection can be
// replaced, but not be moved: it would lead elsewhere.
func (st state) stillAt(p place, replaced bool) (found, error) {
	if st.entry.exists() {
		old, err := oldFile(p, st)
		if err == nil && !replaced && !old.mode.IsRegular() {
			err = &store.NameError{Name: p.name, Reason: "is a symbolic link, which would lead elsewhere under another name"}
		}
		return &old, err
	}
	now, err := findAt(p.dir, p.base)
	switch {
	case err != nil:
		return nil, err
	case now == nil && !st.collection:
		return nil, nil
	case now == nil:
		return nil, errMoved
	case st.collection && (now.mode.IsDir() || replaced && now.mode.Type() == fs.ModeSymlink):
		return now, nil
	case st.collection && now.mode.Type() == fs.ModeSymlink:
		return nil, &store.NameError{Name: p.name, Reason: "is a symbolic link, which would lead elsewhere under another name"}
	case now.mode.IsRegular() || now.mode.IsDir():
		return nil, errMoved
	}
	return nil, &store.NameError{Name: p.name, Reason: "is taken by a symbolic link that leads nowhere, or by a special file"}
}

// settleUnder makes durable what the journal has of the names, of what is in them, and of the
// directories that hold them, if it has anything: its records are about names that
// will mean other files. No change is under way.
func (s *Store) settleUnder(names treeNames) error {
	var roots []string
	for _, name := range names {
		if name != "" {
			roots = append(roots, name)
		}
		if up := parentOf(name); up != "" {
			roots = append(roots, up)
		}
	}
	pending := append(s.index.unsynced(), s.trees.touchedNames(true)...)
	if !slices.ContainsFunc(pending, func(name string) bool {
		return slices.ContainsFunc(roots, func(root string) bool { return name == root || store.Inside(name, root) })
	}) {
		return nil
	}
	if err := s.syncOrDistrust(); err != nil {
		return errors.Join(s.Health(), err)
	}
	return nil
}

func (t *treeChange) record() *record {
	r := &record{kind: recordTree, seq: t.seq, name: t.to, spare: asideFile(t.seq), next: kept{revision: t.revision}, spared: t.spared}
	r.from, r.staged = t.from, t.staged != ""
	if r.staged {
		r.from = t.staged
	}
	if t.new != nil {
		r.next.id = t.new.id
	}
	if r.existed = t.old != nil; r.existed {
		r.old = t.old.id
	}
	return r
}

// carryOutTree announces t and does it. If it fails nothing has happened, unless the error is
// store.ErrUnknown.
func (s *Store) carryOutTree(t *treeChange) error {
	if err := s.log(t.record()); err != nil {
		return err
	}
	takeBack := s.trees.cutOff(t.names(), t.revision)
	s.trees.begin(t.names())
	err := s.renameTrees(t)
	s.trees.end()
	if err != nil {
		if !errors.Is(err, store.ErrUnknown) {
			takeBack()
			err = s.void(t.seq, err)
		}
		return err
	}
	s.trees.touch(touched{epoch: s.checkpoints.epoch}, t.to, t.from)
	if t.old != nil {
		s.trees.putAside(&aside{seq: t.seq, name: t.to, revision: t.revision, spared: t.spared})
	}
	s.changed(0)
	return nil
}

// renameTrees does what is to be done in the directory.
func (s *Store) renameTrees(t *treeChange) error {
	aside := asideFile(t.seq)
	if err := s.step(stepTree); err != nil {
		return err
	}
	switch {
	case t.new == nil:
		return renameAt(t.out.dir, t.out.base, s.state, aside)
	case t.old == nil:
		return s.renameFree(t.in, t.out)
	}
	if s.noExchange.Load() {
		return s.replaceTree(t)
	}
	err := exchangeAt(t.in.dir, t.in.base, t.out.dir, t.out.base)
	if errors.Is(err, errors.ErrUnsupported) {
		return s.replaceTree(t)
	}
	if err != nil {
		return err
	}
	err = s.step(stepTreeAside)
	if err == nil {
		err = renameAt(t.in.dir, t.in.base, s.state, aside)
	}
	if err == nil {
		return nil
	}
	backErr := s.step(stepTreeBack)
	if backErr == nil {
		backErr = exchangeAt(t.in.dir, t.in.base, t.out.dir, t.out.base)
	}
	if backErr != nil {
		return unknown(errors.Join(err, backErr))
	}
	return err
}

// renameFree renames what is at from to to, where nothing must be.
func (s *Store) renameFree(from, to place) error {
	err := renameExclusiveAt(from.dir, from.base, to.dir, to.base)
	if errors.Is(err, errors.ErrUnsupported) {
		if there, err := findAt(to.dir, to.base); err != nil || there != nil {
			return errors.Join(err, errMoved)
		}
		err = renameAt(from.dir, from.base, to.dir, to.base)
	}
	if errors.Is(err, fs.ErrExist) || isAbsent(err) {
		return errMoved
	}
	return err
}

// replaceTree is for file systems that cannot exchange files: for an instant nothing is at to.
func (s *Store) replaceTree(t *treeChange) error {
	aside := place{dir: s.state, base: asideFile(t.seq)}
	if err := renameAt(t.out.dir, t.out.base, s.state, aside.base); err != nil {
		return err
	}
	err := s.step(stepTreeAside)
	if err == nil {
		err = s.renameFree(t.in, t.out)
	}
	if err == nil {
		return nil
	}
	backErr := s.step(stepTreeBack)
	if backErr == nil {
		backErr = s.renameFree(aside, t.out)
	}
	if backErr != nil {
		return unknown(errors.Join(err, backErr))
	}
	return err
}
