package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/fourtwelve/fourtwelve/store"
)

// A passage is a Move or a Copy.
//
// That of a resource is a write under the new name, of content that is in a file already,
// and for a Move a deletion under the old one: one record in the journal, so that both
// happen or none does. The file that arrives is the old one under a second name, so that
// the first can go on as the earlier revision of the old name; its modification time stays,
// since a loss of power must find it as it was. A copy shares its blocks where the file
// system can. Where a collection is moved, or replaced, trees change: see treeChange.
type passage struct {
	from, to             string
	expectFrom, expectTo store.Expect
	move                 bool
	alone                bool // of a collection, without its members
}

// Move renames from to to. A collection is one rename, whatever is in it.
func (s *Store) Move(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	return s.pass(ctx, passage{from: from, to: to, expectFrom: expectFrom, expectTo: expectTo, move: true})
}

// Copy makes to equal to from. Of a collection, symbolic links are copied as the files they
// lead to; what has no name in the store is not copied.
func (s *Store) Copy(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	return s.pass(ctx, passage{from: from, to: to, expectFrom: expectFrom, expectTo: expectTo})
}

// CopyCollection makes to an empty collection with the properties of from.
func (s *Store) CopyCollection(ctx context.Context, from, to string, expectTo store.Expect) (store.Info, error) {
	return s.pass(ctx, passage{from: from, to: to, expectFrom: store.Any, expectTo: expectTo, alone: true})
}

func (s *Store) pass(ctx context.Context, p passage) (store.Info, error) {
	if err := s.enter(); err != nil {
		return store.Info{}, err
	}
	defer s.leave()
	if err := store.CheckMove(p.from, p.to); err != nil {
		return store.Info{}, err
	}
	for _, name := range []string{p.from, p.to} {
		if err := s.treeWritable(ctx, name); err != nil {
			return store.Info{}, err
		}
	}
	from, to, err := s.nodes.takeBoth(ctx, p.from, p.to)
	if err != nil {
		return store.Info{}, err
	}
	defer s.nodes.release(from)
	defer s.nodes.release(to)
	room := s.room()
	for tries := 0; tries < maxTries; tries++ {
		info, err := s.tryPass(ctx, p, from, to)
		if room.found(s, nil, err) {
			tries--
		} else if !errors.Is(err, errMoved) {
			return info, err
		}
	}
	return store.Info{}, &changingError{p.from}
}

// takeBoth waits for the turns of two names.
func (n *nodes) takeBoth(ctx context.Context, a, b string) (*node, *node, error) {
	if a > b {
		second, first, err := n.takeBoth(ctx, b, a)
		return first, second, err
	}
	first, err := n.take(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	second, err := n.take(ctx, b)
	if err != nil {
		n.release(first)
	}
	return first, second, err
}

func (s *Store) tryPass(ctx context.Context, p passage, from, to *node) (store.Info, error) {
	since := s.watch()
	src, err := s.look(ctx, from)
	if err != nil {
		return store.Info{}, err
	}
	dst, err := s.look(ctx, to)
	if err != nil {
		return store.Info{}, err
	}
	if err := s.admitPassage(p, src, dst); err != nil {
		if s.disturbed(since, p.from) || s.disturbed(since, p.to) {
			err = errMoved // what refuses it may never have been so at one moment
		}
		return store.Info{}, err
	}
	if ctx.Err() != nil {
		return store.Info{}, context.Cause(ctx)
	}
	if src.collection || dst.collection {
		return s.passTree(ctx, p, src, dst, to)
	}
	return s.passFile(ctx, p, from, to, src, dst)
}

// admitPassage refuses what cannot be: for the sake of the source first.
func (s *Store) admitPassage(p passage, src, dst state) error {
	if err := src.admit(p.from, p.expectFrom); err != nil {
		return err
	}
	if p.alone && src.entry.exists() {
		return fmt.Errorf("%q: %w", p.from, store.ErrNotCollection)
	}
	if err := s.holder(p.to); err != nil {
		return err
	}
	if current := dst.describe(p.to); !p.expectTo.Admits(current) {
		return &store.ConflictError{Name: p.to, Expect: p.expectTo, Current: current}
	}
	return nil
}

// admit refuses to take what is under name where expect does not hold, or nothing is.
func (st state) admit(name string, expect store.Expect) error {
	current := st.describe(name)
	switch {
	case current == (store.Info{}) && (expect == store.Any || expect == store.Absent):
		return notFound(name)
	case !expect.Admits(current):
		return &store.ConflictError{Name: name, Expect: expect, Current: current}
	}
	return nil
}

// passTree is for passages of which a collection is one of the ends.
func (s *Store) passTree(ctx context.Context, p passage, src, dst state, to *node) (store.Info, error) {
	t := &treeChange{to: p.to, dst: dst, spared: store.IsSparing(ctx)}
	if t.spared && !p.move {
		if err := s.canSpareTree(p.to); err != nil { // before anything is copied; what counts is the second look
			return store.Info{}, err
		}
	}
	if p.move {
		t.from, t.src = p.from, src
	} else {
		m := &mirror{s: s, top: p.from, to: p.to, alone: p.alone, staged: tmpFile(s.seq.Add(1)), copied: make(map[string]copied)}
		defer m.discard()
		err := m.run(ctx)
		if err == nil {
			err = s.syncPlain()
		}
		if err != nil {
			return store.Info{}, clientError(p.to, err)
		}
		t.staged = m.staged
		t.refresh = func() (bool, error) { return m.refresh(ctx) }
	}
	if err := s.changeTree(ctx, t); err != nil {
		return store.Info{}, err
	}
	if t.new.mode.IsDir() {
		return collectionInfo(p.to, *t.new), nil
	}
	st, err := s.look(context.WithoutCancel(ctx), to)
	return st.entry.current(), err
}

func tmpFile(seq uint64) string { return "tmp/" + strconv.FormatUint(seq, 16) }

// passFile is for passages from one file to another, or to nothing.
func (s *Store) passFile(ctx context.Context, p passage, from, to *node, src, dst state) (store.Info, error) {
	d := &draft{
		s: s, name: p.to, size: src.entry.info.Size, digest: src.entry.info.Digest,
		modified: src.entry.info.Modified, troubles: s.trouble.times.Load(),
	}
	defer d.Abort(ctx)
	if err := s.beginChange(ctx); err != nil {
		return store.Info{}, err
	}
	defer s.endChange()
	if s.trees.past(src.entry) || s.trees.past(dst.entry) {
		return store.Info{}, errMoved
	}
	in, err := s.placeOf(p.from, false)
	if err != nil {
		return store.Info{}, movedIfAbsent(err)
	}
	defer in.close()
	out, err := s.placeOf(p.to, false)
	if err != nil {
		return store.Info{}, movedIfAbsent(err)
	}
	defer out.close()
	if err := s.stageFile(ctx, d, in, src, p.move); err != nil {
		return store.Info{}, clientError(p.to, err)
	}
	w, err := s.prepare(out, dst, d, nil)
	if err != nil {
		return store.Info{}, clientError(p.to, err)
	}
	w.spared = store.IsSparing(ctx)
	var gone *change
	if p.move {
		gone, err = s.prepareGone(in, src)
	}
	if err == nil {
		err = s.carryOutPassage(w, gone, to)
	} else {
		err = s.dropSpare(w, err)
	}
	if err != nil {
		return store.Info{}, clientError(p.to, err)
	}
	if gone != nil {
		s.publish(from, s.finishGone(gone))
		if !gone.old.id.sameFile(w.id) {
			s.props.drop(gone.old.id.ino)
		}
	}
	e := s.finish(w)
	s.publish(to, e)
	return e.info, nil
}

// stageFile makes d of the file in p, which was found to be src: small content is in memory,
// too, for the journal. That to be moved is a second name of the file.
func (s *Store) stageFile(ctx context.Context, d *draft, p place, src state, move bool) error {
	old, err := oldFile(p, src)
	if err != nil {
		return err
	}
	if d.size <= inlineSize {
		if d.body, err = s.bodyOf(ctx, src.entry); err != nil {
			return err
		}
	}
	d.like = &old
	props := s.propertiesOf(p, old)
	d.source = &props
	// Small content that the journal is needed for yet may be torn by a loss of power: the file
	// that it comes back in is a new one in any case.
	durable := d.body == nil || !src.entry.unsynced
	if move && durable && old.mode.IsRegular() && src.entry.grown == nil {
		err := s.stageLink(d, p, old)
		if !errors.Is(err, errNoLink) {
			return err
		}
	}
	if d.body != nil {
		return nil // the file is made when it is needed
	}
	return s.stageCopy(ctx, d, src.entry)
}

// bodyOf returns the content of e, which is small.
func (s *Store) bodyOf(ctx context.Context, e *entry) ([]byte, error) {
	c, err := s.openEntry(ctx, e)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	body := make([]byte, e.info.Size)
	n, err := c.ReadAt(body, 0)
	if n < len(body) {
		return nil, shortRead(err)
	}
	return body, nil
}

// errNoLink says that the file system has no second names for files.
var errNoLink = errors.New("no hard links")

func (s *Store) stageLink(d *draft, p place, old fileStat) error {
	tmp := tmpFile(s.seq.Add(1))
	if err := s.step(stepLink); err != nil {
		return err
	}
	if err := linkAt(p.dir, p.base, s.state, tmp); err != nil {
		if isAbsent(err) {
			return errMoved
		}
		if isNoSpace(err) || isReadOnly(err) && !errors.Is(err, os.ErrPermission) {
			return err
		}
		return errNoLink
	}
	d.tmp, d.linked = tmp, true
	st, err := statAt(s.state, tmp)
	if err == nil && !st.id.sameContent(old.id) {
		err = errMoved
	}
	if err != nil {
		return errors.Join(err, s.remove(tmp))
	}
	if d.file, err = openFile(s.state, tmp); err != nil {
		return errors.Join(err, s.remove(tmp))
	}
	if d.body != nil {
		return nil
	}
	if err := s.syncNew(d.file, s.tmp); err != nil {
		return err
	}
	return d.stagedWell()
}

// stageCopy makes a file of the content of e, which shares its blocks if it can.
func (s *Store) stageCopy(ctx context.Context, d *draft, e *entry) error {
	c, err := s.openEntry(ctx, e)
	if err != nil {
		return err
	}
	defer c.Close()
	d.tmp = tmpFile(s.seq.Add(1))
	if d.file, err = s.create(d.tmp); err != nil {
		d.tmp = ""
		return err
	}
	if err := s.step(stepClone); err != nil {
		return err
	}
	if err := copyContent(d.file, c); err != nil {
		return err
	}
	if err := s.syncNew(d.file, s.tmp); err != nil {
		return err
	}
	return d.stagedWell()
}

// copyContent writes all of c to the new file f.
func copyContent(f *os.File, c store.Content) error {
	if large, ok := c.(*fileContent); ok && cloneFile(f, large.f) == nil {
		if st, err := statFile(large.f); err != nil || st.id.sameContent(*large.id.Load()) {
			return err
		}
		return errMoved
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := c.WriteRange(onlyWriter{f}, 0, c.Info().Size)
	if errors.Is(err, store.ErrChanged) {
		return errMoved
	}
	return err
}

// onlyWriter hides what else a file can do.
type onlyWriter struct{ io.Writer }

// prepareGone describes the deletion of what is moved away from p.
func (s *Store) prepareGone(p place, src state) (*change, error) {
	w := &change{place: p, last: src.entry, info: src.entry.info, seq: s.seq.Add(1)}
	w.spare = keptFile(w.seq)
	if err := s.makeShard(w.seq); err != nil {
		return nil, err
	}
	st, err := statAt(p.dir, p.base)
	if err != nil {
		return nil, movedIfAbsent(err)
	}
	w.old = st
	return w, nil
}

// carryOutPassage announces the write w and, unless nil, the deletion gone, and does them. If it
// fails nothing has happened, unless the error is store.ErrUnknown.
func (s *Store) carryOutPassage(w, gone *change, to *node) error {
	if gone == nil {
		return s.carryOut(w)
	}
	withBody := s.opts.Sync == SyncFull
	r := &record{kind: recordGroup, seq: w.seq, parts: []*record{w.record(withBody), gone.record(withBody)}}
	err := s.carryOutAs(w, r)
	if err != nil {
		return err
	}
	gone.displaced, err = s.takeOut(gone.place, gone.spare, gone.old.id)
	if err != nil && !errors.Is(err, errMoved) && !errors.Is(err, store.ErrUnknown) {
		// It has arrived, so what is left is to be done: once more, or by the next start.
		gone.displaced, err = s.takeOut(gone.place, gone.spare, gone.old.id)
	}
	if err == nil || errors.Is(err, errMoved) { // another program has put something there, or deleted it, after the move
		return nil
	}
	s.publish(to, s.finish(w))
	return unknown(err)
}

// finishGone describes the name something was moved away from.
func (s *Store) finishGone(gone *change) *entry {
	e := *gone.last
	e.gone, e.settled, e.unsynced, e.grown = true, false, true, nil
	e.kept = s.retire(gone, e.kept)
	return &e
}
