package dirstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// A place is where a name's file lives: its directory, held open, and its name
// in there.
type place struct {
	name string
	dir  folder
	base string
	own  bool // dir is to be closed
}

// placeOf opens the directory of name, making it if create is set.
func (s *Store) placeOf(name string, create bool) (place, error) {
	parent, base := path.Split(name)
	if parent == "" {
		return place{name: name, dir: s.top, base: base}, nil
	}
	parent = strings.TrimSuffix(parent, "/")
	dir, err := s.openDir(parent, name)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err = s.makeDirs(parent, name); err == nil {
			dir, err = s.openDir(parent, name)
		}
	}
	if err != nil {
		return place{}, clientError(name, err)
	}
	return place{name: name, dir: dir, base: base, own: true}, nil
}

func (p place) close() {
	if p.own {
		p.dir.Close()
	}
}

// put renames the file spare of the state folder to p, where nothing must be.
// The error errMoved means that something is.
func (s *Store) put(spare string, p place) error {
	if err := s.step(stepInstall); err != nil {
		return err
	}
	err := renameExclusiveAt(s.state, spare, p.dir, p.base)
	if errors.Is(err, errors.ErrUnsupported) {
		err = s.putByLink(spare, p)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if st, err := statAt(p.dir, p.base); err == nil && !st.mode.IsRegular() && !st.mode.IsDir() {
		return &store.NameError{Name: p.name, Reason: "is taken by a symbolic link that leads nowhere, or by a special file"}
	}
	return errMoved
}

// putByLink is put for file systems without an exclusive rename: making a hard
// link never replaces anything.
func (s *Store) putByLink(spare string, p place) error {
	err := linkAt(s.state, spare, p.dir, p.base)
	if err == nil {
		return unlinkAt(s.state, spare)
	}
	if errors.Is(err, fs.ErrExist) || isAbsent(err) {
		return err
	}
	// Without hard links either, looking first is all there is.
	if _, err := statAt(p.dir, p.base); err == nil {
		return fs.ErrExist
	}
	return renameAt(s.state, spare, p.dir, p.base)
}

// replace puts the spare file of w in the place of the old one, and returns that,
// which has the name of the spare file now; or nil if it could not be saved. The
// error errMoved means that it was not the old file that was found in the place,
// and that what was found there is there again; spareLost then tells whether
// another program took the spare file away while it was exposed.
func (s *Store) replace(w *change) (old *fileStat, spareLost bool, err error) {
	if err := s.step(stepExchange); err != nil {
		return nil, false, err
	}
	if !s.noExchange.Load() {
		old, spareLost, err = s.exchange(w)
		if !errors.Is(err, errors.ErrUnsupported) {
			return old, spareLost, err
		}
		s.noExchange.Store(true)
		s.opts.Logger.Info("this file system cannot exchange files; other programs' renames may be lost in the instant before one of ours")
	}
	old, err = s.replaceByRename(w.spare, w.place, w.old.id)
	return old, false, err
}

// exchange swaps the spare file and what is in the place, and swaps them back if
// that was not the old file.
func (s *Store) exchange(w *change) (old *fileStat, spareLost bool, err error) {
	if err := exchangeAt(s.state, w.spare, w.place.dir, w.place.base); err != nil {
		if isAbsent(err) {
			return nil, false, errMoved
		}
		return nil, false, err
	}
	out, err := statDisplaced(s.state, w.spare)
	if err != nil {
		return nil, false, unknown(err)
	}
	if out.id.sameContent(w.old.id) {
		return &out, false, nil
	}
	spareLost, err = s.undo(w.spare, w.place, out.id, w.id)
	return nil, spareLost, err
}

// undo brings back what an exchange has taken out of p by mistake: the file
// out, now under the name of the spare, for the file in, which was put in its
// place. If what is exchanged for it is not in, it is yet newer, and must be
// brought back in turn.
func (s *Store) undo(spare string, p place, out, in fileID) (spareLost bool, err error) {
	mine := in
	for range maxTries {
		if err := s.step(stepUndo); err != nil {
			return false, unknown(err)
		}
		if err := exchangeAt(s.state, spare, p.dir, p.base); err != nil {
			if isAbsent(err) { // the name was deleted after ours was there: so it stays
				return true, errMoved
			}
			return false, unknown(err)
		}
		back, err := statDisplaced(s.state, spare)
		if err != nil {
			return false, unknown(err)
		}
		if back.id.sameFile(in) {
			return !in.sameFile(mine), errMoved
		}
		out, in = back.id, out
	}
	return false, unknown(&changingError{p.name})
}

// unknown is for failures in the middle of a change.
func unknown(err error) error { return fmt.Errorf("%w: %w", store.ErrUnknown, bare(err)) }

// replaceByRename is replace for file systems that cannot exchange files. The
// old file gets a second name, by which it is recognised, just before the new
// one is renamed over the first. A rename by another program between the two is
// lost.
func (s *Store) replaceByRename(spare string, p place, old fileID) (*fileStat, error) {
	second := spare + ".old"
	err := linkAt(p.dir, p.base, s.state, second)
	switch {
	case err == nil:
	case isAbsent(err):
		return nil, errMoved
	default: // no hard links either
		return nil, renameAt(s.state, spare, p.dir, p.base)
	}
	st, err := statAt(s.state, second)
	if err == nil && !st.id.sameContent(old) {
		err = errMoved
	}
	if err == nil {
		err = renameAt(s.state, spare, p.dir, p.base)
	}
	if err != nil {
		return nil, errors.Join(err, unlinkAt(s.state, second))
	}
	if err := renameAt(s.state, second, s.state, spare); err != nil {
		return nil, unknown(err)
	}
	st, err = statDisplaced(s.state, spare)
	if err != nil {
		return nil, unknown(err)
	}
	return &st, nil
}

// statDisplaced is statAt for what has come out of a place, and once more if that fails: without it
// nobody can say whether the file may be removed, or is another program's.
func statDisplaced(dir folder, rel string) (fileStat, error) {
	st, err := statAt(dir, rel)
	if err != nil && !isAbsent(err) {
		st, err = statAt(dir, rel)
	}
	return st, err
}

// stillThere returns errMoved if what is in the place of w is not the old file.
// Most changes another program made while the journal was written show here,
// before anybody has seen what would have to be undone.
func (w *change) stillThere() error {
	if !w.last.exists() {
		return nil
	}
	st, err := statAt(w.place.dir, w.place.base)
	switch {
	case err != nil && !isAbsent(err):
		return err
	case err != nil || st.id != w.old.id:
		return errMoved // the change time tells of an edit that kept size and time, too
	}
	return nil
}

// takeOut moves the file old from p to the name spare of the state folder. The
// error errMoved means that it was another file that was found in p, and that
// it is back unless a newer one has taken its place.
func (s *Store) takeOut(p place, spare string, old fileID) (*fileStat, error) {
	if err := s.step(stepTakeOut); err != nil {
		return nil, err
	}
	if err := renameAt(p.dir, p.base, s.state, spare); err != nil {
		if isAbsent(err) {
			return nil, errMoved
		}
		return nil, err
	}
	st, err := statDisplaced(s.state, spare)
	if err != nil {
		return nil, unknown(err)
	}
	if st.id.sameContent(old) {
		return &st, nil
	}
	if err := s.step(stepPutBack); err != nil {
		return nil, unknown(err)
	}
	err = s.put(spare, p)
	if err != nil && !errors.Is(err, errMoved) {
		return nil, unknown(err)
	}
	return nil, errMoved
}
