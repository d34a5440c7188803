package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/fourtwelve/fourtwelve/store"
)

// write makes d what is current under the name of n. The caller has the turn;
// last is what it found. The error errMoved means that it is no longer so.
func (s *Store) write(n *node, last *entry, d *draft) (store.Info, error) {
	p, err := s.placeOf(d.name, true)
	if err != nil {
		return store.Info{}, err
	}
	defer p.close()
	w, err := s.prepare(p, last, d)
	if err != nil {
		return store.Info{}, clientError(d.name, err)
	}
	if err := s.carryOut(w); err != nil {
		return store.Info{}, clientError(d.name, err)
	}
	e := s.finish(w)
	s.publish(n, e)
	s.contents.put(e.info.Digest, d.body)
	return e.info, nil
}

// clientError is writeError for an error that may be one of the contract
// already.
func clientError(name string, err error) error {
	if errors.Is(err, errMoved) || errors.Is(err, store.ErrName) || errors.Is(err, store.ErrUnknown) ||
		errors.Is(err, store.ErrChanged) {
		return err
	}
	return writeError(name, err)
}

// A change is a write or a deletion on its way.
type change struct {
	place place
	last  *entry
	draft *draft     // nil for a deletion
	info  store.Info // of the new revision
	old   fileStat   // what is in the place: last's file, or a link to it
	seq   uint64
	spare string // the new file, in the state folder; then the old one
	id    fileID // of the new file
}

// prepare puts the new file beside its future place.
func (s *Store) prepare(p place, last *entry, d *draft) (*change, error) {
	now := s.clock.read()
	w := &change{place: p, last: last, draft: d, seq: s.seq.Add(1)}
	w.info = store.Info{
		Name: d.name, Revision: s.clock.revision(last), Size: d.size, Digest: d.digest,
		Modified: s.clock.committed(last),
	}
	if last.exists() {
		var err error
		if w.old, err = s.oldFile(p, last); err != nil {
			return nil, err
		}
	}
	if err := s.spareFile(w); err != nil {
		return nil, err
	}
	if err := s.step(stepStamp); err != nil {
		return nil, s.dropSpare(w, err)
	}
	if err := setModifiedAt(s.state, w.spare, stamp(w.info.Modified, now, w.info.Revision)); err != nil {
		return nil, s.dropSpare(w, err)
	}
	st, err := statAt(s.state, w.spare)
	if err != nil {
		return nil, s.dropSpare(w, err)
	}
	w.id = st.id
	return w, nil
}

// oldFile looks at what is in p itself, which the caller found to be the file
// of last: that file, or a symbolic link to it.
func (s *Store) oldFile(p place, last *entry) (fileStat, error) {
	st, err := statAt(p.dir, p.base)
	switch {
	case isAbsent(err):
		return st, errMoved
	case err != nil:
		return st, err
	case st.mode.Type() == fs.ModeSymlink || st.id.sameContent(last.id):
		return st, nil
	}
	return st, errMoved
}

// spareFile writes the new file, unless staging did so already.
func (s *Store) spareFile(w *change) error {
	d := w.draft
	f := d.file
	w.spare = d.tmp
	if d.tmp == "" {
		var err error
		w.spare = keptFile(w.seq)
		if f, err = s.createKept(w.seq); err != nil {
			return err
		}
		if err := d.writeTo(f); err != nil {
			f.Close()
			return s.dropSpare(w, err)
		}
		if d.file == nil {
			defer f.Close()
		} else {
			d.file.Close()
			d.file, d.tmp = f, w.spare
		}
	}
	if w.last.exists() && w.old.mode.IsRegular() {
		mine, err := statFile(f)
		if err == nil {
			err = adopt(f, mine, w.old)
		}
		if err != nil {
			return s.dropSpare(w, err)
		}
	}
	if err := s.syncFile(f); err != nil {
		return s.dropSpare(w, err)
	}
	return nil
}

// writeTo writes the content to f: from memory, or from the file whose name
// another program has taken away.
func (d *draft) writeTo(f *os.File) error {
	w := stepWriter{d.s, f}
	if d.file == nil {
		_, err := w.Write(d.body)
		return err
	}
	_, err := io.Copy(w, io.NewSectionReader(d.file, 0, d.size))
	return err
}

// dropSpare removes the spare file of a change that failed with err, unless it
// belongs to the draft.
func (s *Store) dropSpare(w *change, err error) error {
	if w.spare == w.draft.tmp {
		return err
	}
	return errors.Join(err, s.remove(w.spare))
}

// carryOut brings the new file into its place.
func (s *Store) carryOut(w *change) error {
	if !w.last.exists() {
		if err := s.put(w.spare, w.place); err != nil {
			return s.dropSpare(w, err)
		}
		w.draft.tmp = ""
		return s.syncPlace(w.place)
	}
	to, lost, err := s.replace(w.spare, w.place, w.old.id)
	if lost {
		w.draft.tmp = ""
	}
	if err != nil {
		return s.dropSpare(w, err)
	}
	w.draft.tmp = ""
	if to == oldIsLost {
		w.spare = ""
	}
	return s.syncPlace(w.place)
}

// syncPlace makes what was renamed in p durable.
func (s *Store) syncPlace(p place) error {
	if s.opts.Sync == SyncNone {
		return nil
	}
	err := s.step(stepSyncDir)
	if err == nil {
		err = syncDir(p.dir)
	}
	if err != nil {
		return fmt.Errorf("%w (%w)", store.ErrUnknown, err)
	}
	return nil
}

// finish describes the new state, and keeps or removes the old file.
func (s *Store) finish(w *change) *entry {
	e := &entry{info: w.info, id: w.id}
	if st, err := statAt(w.place.dir, w.place.base); err == nil && st.id.sameContent(w.id) {
		e.id = st.id
		e.settled = stampHolds(st.id.mtime, fileClock()) || s.unsettled(st.id, fileClock()) == 0
	}
	if w.last != nil {
		e.kept = w.last.kept
	}
	if w.last.exists() {
		e.kept = s.retire(w, e.kept)
	}
	return e
}

// retire keeps the file that was replaced or deleted, now under the name of the
// spare file, if it is to be kept. It returns the kept revisions.
func (s *Store) retire(w *change, list []kept) []kept {
	if w.spare == "" {
		return list
	}
	name := keptFile(w.seq)
	st, err := statAt(s.state, w.spare)
	if err != nil || !st.mode.IsRegular() || !s.keeps(w.last.info.Size) {
		s.discard(w.spare)
		return list
	}
	if w.spare != name {
		if st, err = s.renameToKept(w.spare, w.seq); err != nil {
			s.opts.Logger.Warn("an earlier revision is not kept", "name", w.info.Name, "error", err)
			s.discard(w.spare)
			return list
		}
	}
	list, cut := pushKept(list, w.last.asKept(w.seq, st.id), s.opts.Keep)
	s.keptBytes.Add(w.last.info.Size)
	for _, k := range cut {
		s.drop(k)
	}
	return list
}

// keeps reports whether a replaced revision of that many bytes is kept.
func (s *Store) keeps(size int64) bool {
	return s.opts.Keep > 0 && size <= s.opts.KeepBytes/keepShare
}

// drop removes the content of a kept revision.
func (s *Store) drop(k kept) {
	s.discard(keptFile(k.seq))
	s.keptBytes.Add(-k.size)
}

// discard removes a file nobody needs. Should it stay, the next start finds it.
func (s *Store) discard(rel string) {
	if err := s.remove(rel); err != nil {
		s.opts.Logger.Warn("a file in the state folder cannot be removed", "file", rel, "error", err)
	}
}

// Delete removes name if expect holds.
func (s *Store) Delete(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
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
	for range maxTries {
		st, err := s.look(ctx, n)
		if err != nil {
			return store.Info{}, err
		}
		current := st.entry.current()
		switch {
		case st.collection:
			return store.Info{}, fmt.Errorf("%q: %w", name, store.ErrIsCollection)
		case !current.Exists() && expect == store.Any:
			return store.Info{}, notFound(name)
		case !expect.Holds(current.Revision):
			return store.Info{}, &store.ConflictError{Name: name, Expect: expect, Current: current}
		case !current.Exists():
			return store.Info{}, notFound(name)
		}
		err = s.erase(n, st.entry)
		if !errors.Is(err, errMoved) {
			return current, err
		}
	}
	return store.Info{}, &changingError{name}
}

// erase deletes the file of last, which was found under the name of n.
func (s *Store) erase(n *node, last *entry) error {
	p, err := s.placeOf(n.name, false)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return errMoved
		}
		return err
	}
	defer p.close()
	w := &change{place: p, last: last, info: last.info, seq: s.seq.Add(1)}
	if w.old, err = s.oldFile(p, last); err != nil {
		return clientError(n.name, err)
	}
	w.spare = keptFile(w.seq)
	if err := s.makeShard(w.seq); err != nil {
		return clientError(n.name, err)
	}
	if err := s.takeOut(p, w.spare, w.old.id); err != nil {
		return clientError(n.name, err)
	}
	syncErr := s.syncPlace(p)
	e := *last
	e.gone, e.settled = true, false
	e.kept = s.retire(w, e.kept)
	s.publish(n, &e)
	return syncErr
}
