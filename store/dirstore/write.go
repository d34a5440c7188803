package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
)

// A change is a write or a deletion on its way:
//
//  1. The new file is written into the state folder: the spare file.
//  2. The change is announced in the journal, which makes it durable. Of small
//     content the journal has the bytes; a large file was synced by Stage.
//  3. The spare file and the old file are exchanged, or the old one is renamed
//     away. If it turns out that another program was faster, that is undone,
//     and the announcement withdrawn.
//  4. The old file, now in the state folder, is kept or removed.
//
// Until 4 is done the caller has the turn of the name, so nobody in this process
// sees the change before it is durable. Whatever happens in between, recover
// finds the announcement and finishes or undoes what it speaks of.
type change struct {
	place  place
	last   *entry     // what is known of the name, and exists if there is an old file
	draft  *draft     // nil for a deletion
	info   store.Info // of the new revision
	id     fileID     // of the new file
	old    fileStat   // of the old file, or of a symbolic link to it
	seq    uint64
	spare  string // a name in the state folder: first of the new file, then of the old one
	props  *bound // of the new file
	spared bool   // the old file is kept as what was replaced under store.Sparing
	note   *note  // kept with it; nil is none

	// displaced is the old file, under the name spare when the change is done;
	// nil if it is lost.
	displaced *fileStat
}

// write makes d what is current under the name of n. The caller has the turn;
// seen is what it found. The error errMoved means that it is no longer so.
func (s *Store) write(ctx context.Context, n *node, seen state, d *draft) (store.Info, error) {
	if err := s.beginChange(ctx); err != nil {
		return store.Info{}, err
	}
	defer s.endChange()
	if s.trees.past(seen.entry) {
		return store.Info{}, errMoved
	}
	p, err := s.placeOf(d.name, true)
	if err != nil {
		return store.Info{}, err
	}
	defer p.close()
	spared := store.IsSparing(ctx)
	w, err := s.prepare(p, seen, d, s.reusable(seen, d, spared))
	if err == nil {
		w.spared = spared
		err = s.carryOut(w)
	}
	if err != nil {
		s.forgetReused(n, w)
		return store.Info{}, clientError(d.name, err)
	}
	e := s.finish(w)
	s.publish(n, e)
	s.contents.put(e.info.Digest, d.body)
	return e.info, nil
}

// reusable returns the oldest kept revision of what was seen if the one about to be replaced by d pushes it
// out, and if its file could serve d; else nil.
func (s *Store) reusable(seen state, d *draft, spared bool) *kept {
	e := seen.entry
	if d.file != nil || !e.exists() || !s.keeps(e.info.Size, spared) || seen.file == nil {
		return nil
	}
	oldest := pushedOut(e.kept, spared, s.opts.Keep)
	if oldest == nil || oldest.size > inlineSize {
		return nil
	}
	return oldest
}

// forgetReused is for a write to n that has failed: the revision whose file it has used is lost.
func (s *Store) forgetReused(n *node, w *change) {
	e := n.entry.Load()
	if e == nil || w.spare == "" {
		return
	}
	rest := *e
	if rest.kept = s.withoutFile(e.kept, w.spare); len(rest.kept) < len(e.kept) {
		s.publish(n, &rest)
	}
}

// withoutFile returns list without the revision whose file is rel, in which something else has been written, or list
// itself if there is none.
func (s *Store) withoutFile(list []kept, rel string) []kept {
	file, ok := keptNumber(rel)
	if !ok {
		return list
	}
	i := slices.IndexFunc(list, func(k kept) bool { return k.number() == file })
	if i < 0 {
		return list
	}
	s.keptBytes.Add(-list[i].size)
	s.keptFiles.Add(-1)
	return slices.Delete(slices.Clone(list), i, i+1)
}

// clientError is writeError for an error that may be one of the contract
// already, or nil.
func clientError(name string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errMoved) {
		return errMoved
	}
	if errors.Is(err, store.ErrName) || errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrChanged) {
		return err
	}
	return writeError(name, err)
}

// prepare makes the spare file, of the file of reuse if that is not nil. The change is returned even if it has failed.
func (s *Store) prepare(p place, seen state, d *draft, reuse *kept) (*change, error) {
	now, last := s.clock.read(), seen.entry
	w := &change{place: p, last: last, draft: d, seq: s.seq.Add(1), note: d.note}
	w.info = store.Info{
		Name: d.name, Revision: s.clock.revision(last), Size: d.size, Digest: d.digest,
		Modified: s.clock.committed(last),
	}
	if last == nil && !d.modified.IsZero() {
		w.info.Modified = d.modified
	}
	if last.exists() {
		var err error
		if w.old, err = oldFile(p, seen); err != nil {
			return w, err
		}
	}
	if err := s.spareFile(w, reuse, stamp(w.info.Modified, now, w.info.Revision)); err != nil {
		return w, s.dropSpare(w, err)
	}
	if err := w.takeNote(); err != nil {
		return w, s.dropSpare(w, err)
	}
	if w.draft.source == nil {
		s.inherit(w, s.propertiesOf(p, w.old))
	} else if b := *w.draft.source; b != nil && !d.linked {
		s.inherit(w, b)
	}
	return w, nil
}

// oldFile returns what is in p itself, which the caller found to be the file of
// seen: that file, or a symbolic link to it.
func oldFile(p place, seen state) (fileStat, error) {
	if seen.file != nil {
		return *seen.file, nil
	}
	st, err := statAt(p.dir, p.base)
	switch {
	case isAbsent(err):
		return st, errMoved
	case err != nil:
		return st, err
	case st.mode.Type() == fs.ModeSymlink || st.id == seen.entry.id:
		return st, nil
	}
	return st, errMoved
}

// spareFile writes the spare file, unless staging did so already, and gives it its modification time.
func (s *Store) spareFile(w *change, reuse *kept, modified int64) error {
	d := w.draft
	if d.file == nil {
		return s.smallSpareFile(w, reuse, modified)
	}
	if d.tmp == "" {
		// Another program took the uploaded file away while it was exposed.
		if err := s.copyLarge(d); err != nil {
			return err
		}
	}
	w.spare = d.tmp
	if !d.linked { // else with the permissions and the time it has
		if model := w.model(); model != nil {
			if err := s.adopt(asNew(d.file), *model); err != nil {
				return err
			}
		}
		if err := s.step(stepStamp); err != nil {
			return err
		}
		if err := setModifiedAt(s.state, w.spare, modified); err != nil {
			return err
		}
	}
	st, err := statAt(s.state, w.spare)
	w.id = st.id
	return err
}

// smallSpareFile is spareFile for content in memory.
func (s *Store) smallSpareFile(w *change, reuse *kept, modified int64) error {
	if reuse != nil {
		st, done, err := s.rewriteKept(*reuse, w.draft.body, &w.old, modified)
		if done {
			w.spare, w.id = reuse.path(), st.id
			return err
		}
	}
	w.spare = keptFile(w.seq)
	st, err := s.writeKept(w.seq, w.draft.body, w.model(), modified)
	w.id = st.id
	return err
}

// model is the file whose permissions the new one takes over, or nil.
func (w *change) model() *fileStat {
	if !w.last.exists() || !w.old.mode.IsRegular() {
		return w.draft.like
	}
	return &w.old
}

// dropSpare removes the spare file of a change that failed with err, unless it
// belongs to the draft.
func (s *Store) dropSpare(w *change, err error) error {
	if w.spare == "" || w.draft != nil && w.spare == w.draft.tmp {
		return err
	}
	s.discard(w.spare)
	return err
}

// recordBuffers are for records on their way into the journal.
var recordBuffers = sync.Pool{New: func() any { return new([]byte) }}

// log writes r to the journal.
func (s *Store) log(r *record) error {
	buf := recordBuffers.Get().(*[]byte)
	defer recordBuffers.Put(buf)
	*buf = r.append((*buf)[:0])
	return s.journal.append(*buf)
}

// carryOut announces w and does it. If it fails nothing has happened, unless the
// error is store.ErrUnknown.
func (s *Store) carryOut(w *change) error {
	return s.carryOutAs(w, w.record(s.opts.Sync == SyncFull))
}

// carryOutAs is carryOut with the record that announces w.
func (s *Store) carryOutAs(w *change, r *record) error {
	if err := s.log(w.withNote(w.withProperties(r))); err != nil {
		if errors.Is(err, store.ErrUnknown) {
			w.abandon()
			s.discardLater(w.spare) // until a checkpoint, a crash may need it
			return err
		}
		return s.dropSpare(w, err)
	}
	err := w.stillThere()
	switch {
	case err != nil:
	case w.draft == nil:
		w.displaced, err = s.takeOut(w.place, w.spare, w.old.id)
	case w.last.exists():
		err = s.exchangeOld(w)
	default:
		err = s.put(w.spare, w.place)
	}
	if err != nil {
		return s.withdraw(w, err)
	}
	if w.draft != nil {
		w.draft.tmp = "" // it is in its place
	}
	s.settleProperties(w)
	if w.note != nil {
		s.keepRecord(w.note.key, w.note.body)
	}
	return nil
}

func (s *Store) exchangeOld(w *change) error {
	old, lost, err := s.replace(w)
	if lost {
		w.draft.tmp = "" // another program took it away; the content is still open
	}
	if err == nil {
		w.displaced = old
	}
	return err
}

// withdraw says in the journal that w, which failed with err, was not carried
// out.
func (s *Store) withdraw(w *change, err error) error {
	if errors.Is(err, store.ErrUnknown) {
		w.abandon()
		s.opts.Logger.Error("a change stopped half-way; the file in the state folder may be another program's",
			"name", w.place.name, "file", w.spare, "error", err)
		return err
	}
	if logErr := s.log(&record{kind: recordVoid, seq: w.seq}); logErr != nil {
		w.abandon()
		s.discardLater(w.spare)
		return fmt.Errorf("%w: %w: %w", store.ErrUnknown, bare(err), logErr)
	}
	return s.dropSpare(w, err)
}

// abandon leaves the spare file to the next start.
func (w *change) abandon() {
	if w.draft != nil {
		w.draft.tmp = ""
	}
}

// finish describes the new state, and keeps or removes the old file.
func (s *Store) finish(w *change) *entry {
	e := &entry{info: w.info, id: w.id, unsynced: true}
	if st, err := statAt(w.place.dir, w.place.base); err == nil && st.id.sameContent(w.id) {
		e.id = st.id
		e.settled = st.id.stamped() || s.unsettled(st.id, fileClock()) == 0
	}
	if w.last != nil {
		e.kept = w.last.kept
	}
	if w.last.exists() {
		e.kept = s.retire(w, e.kept)
	}
	return e
}

// retire keeps the displaced file, or removes it. It returns the kept revisions
// of the name.
func (s *Store) retire(w *change, list []kept) []kept {
	list = s.withoutFile(list, w.spare)
	if w.displaced == nil {
		return list
	}
	last := w.last.info
	if !w.displaced.mode.IsRegular() || !s.keeps(last.Size, w.spared) {
		s.discard(w.spare)
		return list
	}
	file, ok := keptNumber(w.spare)
	if !ok {
		file = w.seq
		st, err := s.renameToKept(w.spare, w.seq)
		if err != nil {
			s.opts.Logger.Warn("an earlier revision is not kept", "name", last.Name, "error", err)
			s.discard(w.spare)
			s.discard(keptFile(w.seq)) // whichever name it has by now
			return list
		}
		w.displaced = &st
	}
	k := w.last.asKept(w.seq, w.displaced.id)
	k.spared = w.spared
	if file != w.seq {
		k.file = file
	}
	list, cut := pushKept(list, k, s.opts.Keep)
	for _, k := range cut {
		s.drop(k)
	}
	s.keptBytes.Add(last.Size)
	s.keptFiles.Add(1)
	if s.keepsTooMuch() {
		signal(s.checkpoints.full)
	}
	return list
}

// keeps reports whether a replaced revision of that many bytes is kept.
func (s *Store) keeps(size int64, spared bool) bool {
	most := s.opts.KeepBytes / keepShare
	if spared {
		most = s.opts.KeepBytes
	}
	return s.opts.Keep > 0 && size <= most
}

// drop removes the content of a kept revision.
func (s *Store) drop(k kept) {
	s.discard(k.path())
	s.keptBytes.Add(-k.size)
	s.keptFiles.Add(-1)
}

// Delete removes name if expect holds.
func (s *Store) Delete(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
	return s.delete(ctx, name, expect, nil)
}

func (s *Store) delete(ctx context.Context, name string, expect store.Expect, note *note) (store.Info, error) {
	if err := s.enter(); err != nil {
		return store.Info{}, err
	}
	defer s.leave()
	if err := checkName(name); err != nil {
		return store.Info{}, err
	}
	if name == "" {
		return store.Info{}, fmt.Errorf("%q: %w", name, store.ErrIsCollection)
	}
	if s.opts.ReadOnly {
		return store.Info{}, fmt.Errorf("%q: %w", name, store.ErrReadOnly)
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
		if st.entry.exists() && st.entry.grown != nil {
			tries += growingCost
		}
		if err := st.checkDelete(name, expect); err != nil {
			return store.Info{}, err
		}
		if err := ctx.Err(); err != nil {
			return store.Info{}, context.Cause(ctx)
		}
		err = s.erase(ctx, n, st, note)
		if err == nil {
			return st.entry.info, nil
		}
		if room.found(s, n, err) {
			tries-- // it ends when there is no history left
		} else if !errors.Is(err, errMoved) {
			return store.Info{}, err
		}
	}
	return store.Info{}, &changingError{name}
}

// checkDelete refuses to delete where expect does not hold, or nothing is.
func (st state) checkDelete(name string, expect store.Expect) error {
	current := st.entry.current()
	switch {
	case st.collection:
		return fmt.Errorf("%q: %w", name, store.ErrIsCollection)
	case !current.Exists() && expect == store.Any:
		return notFound(name)
	case !expect.Holds(current.Revision):
		return &store.ConflictError{Name: name, Expect: expect, Current: current}
	case !current.Exists():
		return notFound(name)
	}
	return nil
}

// erase deletes the file of seen, which was found under the name of n.
func (s *Store) erase(ctx context.Context, n *node, seen state, note *note) error {
	if err := s.beginChange(ctx); err != nil {
		return err
	}
	defer s.endChange()
	if s.trees.past(seen.entry) {
		return errMoved
	}
	p, err := s.placeOf(n.name, false)
	if err != nil {
		if isAbsent(err) {
			return errMoved
		}
		return err
	}
	defer p.close()
	last := seen.entry
	w := &change{place: p, last: last, info: last.info, seq: s.seq.Add(1), note: note}
	if w.old, err = oldFile(p, seen); err != nil {
		return clientError(n.name, err)
	}
	if err := s.makeShard(w.seq); err != nil {
		return clientError(n.name, err)
	}
	w.spare = keptFile(w.seq)
	if err := w.takeNote(); err != nil {
		return err
	}
	if err := s.carryOut(w); err != nil {
		return clientError(n.name, err)
	}
	e := *last
	e.gone, e.settled, e.unsynced = true, false, true
	e.kept = s.retire(w, e.kept)
	s.publish(n, &e)
	return nil
}
