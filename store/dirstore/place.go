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
	dir, err := openFolder(s.root, parent)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err = s.makeDirs(parent); err == nil {
			dir, err = openFolder(s.root, parent)
		}
	}
	if err != nil {
		return place{}, writeError(name, err)
	}
	return place{name: name, dir: dir, base: base, own: true}, nil
}

func (s *Store) makeDirs(name string) error {
	if err := s.step(stepMakeDir); err != nil {
		return err
	}
	return s.root.MkdirAll(name, 0o777)
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

// displaced says what became of the file that was replaced.
type displaced int

const (
	// spareHasOld: the name of the spare file now holds the old one.
	spareHasOld displaced = iota
	// oldIsLost: the old file is gone, and so is the name of the spare file.
	oldIsLost
)

// replace puts the file spare of the state folder in the place p of the file
// old. The error errMoved means that it was not old that was found in p, and
// that what was found there is there again; spareLost then tells whether
// another program took away the spare file too while it was exposed.
func (s *Store) replace(spare string, p place, old fileID) (to displaced, spareLost bool, err error) {
	// Another program's change since the expectation was checked shows already
	// now, most times, and then nobody needs to see the new file at all.
	if st, err := statAt(p.dir, p.base); err != nil || !st.id.sameContent(old) {
		if err != nil && !isAbsent(err) {
			return 0, false, err
		}
		return 0, false, errMoved
	}
	if err := s.step(stepExchange); err != nil {
		return 0, false, err
	}
	if !s.noExchange.Load() {
		spareLost, err = s.exchange(spare, p, old)
		if !errors.Is(err, errors.ErrUnsupported) {
			return spareHasOld, spareLost, err
		}
		s.noExchange.Store(true)
		s.opts.Logger.Info("this file system cannot exchange files; other programs' renames may be lost in the instant before one of ours")
	}
	to, err = s.replaceByRename(spare, p, old)
	return to, false, err
}

// exchange swaps spare and p, and swaps them back if it was not old that came
// out of p.
func (s *Store) exchange(spare string, p place, old fileID) (spareLost bool, err error) {
	mine, err := statAt(s.state, spare)
	if err != nil {
		return false, err
	}
	if err := exchangeAt(s.state, spare, p.dir, p.base); err != nil {
		if isAbsent(err) {
			return false, errMoved
		}
		return false, err
	}
	out, err := statAt(s.state, spare)
	if err != nil {
		return false, err
	}
	if out.id.sameContent(old) {
		return false, nil
	}
	return s.undo(spare, p, out.id, mine.id)
}

// undo brings back what an exchange has taken out of p by mistake: the file
// out, now under the name of the spare, for the file in, which was put in its
// place. If what is exchanged for it is not in, it is yet newer, and must be
// brought back in turn.
func (s *Store) undo(spare string, p place, out, in fileID) (spareLost bool, err error) {
	mine := in
	for range maxTries {
		if err := s.step(stepUndo); err != nil {
			return false, err
		}
		if err := exchangeAt(s.state, spare, p.dir, p.base); err != nil {
			if isAbsent(err) { // the name was deleted after ours was there: so it stays
				return true, errMoved
			}
			return false, err
		}
		back, err := statAt(s.state, spare)
		if err != nil {
			return false, err
		}
		if back.id.sameFile(in) {
			return !in.sameFile(mine), errMoved
		}
		out, in = back.id, out
	}
	return false, fmt.Errorf("%q: %w", p.name, &changingError{p.name})
}

// replaceByRename is replace for file systems that cannot exchange files. The
// old file gets a second name, by which it is recognised, just before the new
// one is renamed over the first. A rename by another program between the two is
// lost.
func (s *Store) replaceByRename(spare string, p place, old fileID) (displaced, error) {
	second := spare + ".old"
	err := linkAt(p.dir, p.base, s.state, second)
	switch {
	case err == nil:
		st, err := statAt(s.state, second)
		if err == nil && !st.id.sameContent(old) {
			err = errMoved
		}
		if err == nil {
			err = renameAt(s.state, spare, p.dir, p.base)
		}
		if err != nil {
			return 0, errors.Join(err, unlinkAt(s.state, second))
		}
		return spareHasOld, renameAt(s.state, second, s.state, spare)
	case isAbsent(err):
		return 0, errMoved
	}
	return oldIsLost, renameAt(s.state, spare, p.dir, p.base)
}

// takeOut moves the file old from p to the name spare of the state folder. The
// error errMoved means that it was another file that was found in p, and that
// it is back unless a newer one has taken its place.
func (s *Store) takeOut(p place, spare string, old fileID) error {
	if err := s.step(stepTakeOut); err != nil {
		return err
	}
	if err := renameAt(p.dir, p.base, s.state, spare); err != nil {
		if isAbsent(err) {
			return errMoved
		}
		return err
	}
	st, err := statAt(s.state, spare)
	if err != nil {
		return err
	}
	if st.id.sameContent(old) {
		return nil
	}
	if err := s.step(stepPutBack); err != nil {
		return err
	}
	err = s.put(spare, place{name: p.name, dir: p.dir, base: p.base})
	if errors.Is(err, errMoved) {
		return errors.Join(errMoved, unlinkAt(s.state, spare))
	}
	if err != nil {
		return err
	}
	return errMoved
}
