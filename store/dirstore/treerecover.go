package dirstore

import (
	"errors"
	"io/fs"

	"github.com/fourtwelve/fourtwelve/store"
)

// concerns reports whether r, a change of trees, is about name or a collection it is in.
func (r *record) concerns(name string) bool {
	for _, changed := range r.trees() {
		if changed != "" && (name == changed || store.Inside(name, changed)) {
			return true
		}
	}
	return false
}

// trees returns the names that r is about.
func (r *record) trees() treeNames {
	if r.staged {
		return treeNames{r.name}
	}
	return treeNames{r.name, r.from}
}

// repeatTree brings a change of trees to an end: it was announced, so it happens, unless
// another program has been there. Names come back from a loss of power as they were at one
// moment. So what is found is the state before r, one in the middle of it, or one after it;
// that later changes of trees have led further is the last of these.
func (s *Store) repeatTree(r *record, copied bool) error {
	s.clock.floor.Store(max(s.clock.floor.Load(), uint64(r.next.revision)))
	s.trees.cutOff(r.trees(), r.next.revision)
	is := func(f found, known fileID) bool {
		if copied {
			return f != nil && f.id.mtime == known.mtime // the inode number tells nothing
		}
		return f != nil && f.id.sameFile(known)
	}
	out, current, err := s.whatIsAt(r.name)
	if err != nil {
		return err
	}
	defer out.close()
	aside := place{dir: s.state, base: r.spare}
	displaced, err := findAt(s.state, r.spare)
	if err != nil {
		return err
	}
	if r.from == "" {
		if displaced == nil && is(current, r.old) {
			err = s.renameAgain(out, aside)
		}
		return errors.Join(err, s.foundAside(r))
	}
	in, arriving := place{dir: s.state, base: r.from}, found(nil)
	if r.staged {
		arriving, err = findAt(s.state, r.from)
	} else {
		in, arriving, err = s.whatIsAt(r.from)
		defer in.close()
	}
	if err != nil {
		return err
	}
	switch {
	case is(current, r.next.id) && r.existed && displaced == nil && is(arriving, r.old):
		err = s.renameAgain(in, aside)
	case is(current, r.next.id) || !is(arriving, r.next.id) || out == place{}:
	case current == nil && (!r.existed || displaced != nil):
		err = s.renameAgain(in, out)
	case r.existed && displaced == nil && is(current, r.old):
		if err = s.renameAgain(out, aside); err == nil {
			err = s.renameAgain(in, out)
		}
	}
	return errors.Join(err, s.foundAside(r))
}

// renameAgain renames what a change of trees was to rename, unless another program has been
// there. Nobody is served yet.
func (s *Store) renameAgain(from, to place) error {
	if err := s.step(stepTree); err != nil {
		return err
	}
	if err := s.renameFree(from, to); !errors.Is(err, errMoved) {
		return err
	}
	return nil
}

// foundAside remembers what r has put aside.
func (s *Store) foundAside(r *record) error {
	st, err := findAt(s.state, r.spare)
	if err != nil || st == nil {
		return err
	}
	for _, a := range s.trees.asidesOf("") {
		if a.seq == r.seq {
			return nil
		}
	}
	s.trees.putAside(&aside{seq: r.seq, name: r.name, revision: r.next.revision, spared: r.spared})
	return nil
}

// makeAgain makes the directory that c is to end with, if it is not there: what is there was there
// before the changes of c.
func (s *Store) makeAgain(c *chain) error {
	p, err := s.placeOf(c.last().name, true)
	if err != nil {
		return err
	}
	defer p.close()
	current, err := findAt(p.dir, p.base)
	switch {
	case err != nil:
		return err
	case current != nil && current.mode.IsRegular() && c.ledThrough(current):
		if err := s.step(stepTakeOut); err != nil {
			return err
		}
		if err := unlinkAt(p.dir, p.base); err != nil {
			return err
		}
	case current != nil:
		return nil
	}
	if err := s.step(stepMakeDir); err != nil {
		return err
	}
	if err := mkdirAt(p.dir, p.base); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// sweepAside removes what lies aside and no index tells of.
func (s *Store) sweepAside() error {
	wanted := make(map[string]bool)
	for _, a := range s.trees.asidesOf("") {
		wanted[asideFile(a.seq)] = true
	}
	folders, err := s.stateFiles(asideDir)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if !wanted[folder] {
			if err := s.removeTree(folder); err != nil {
				return err
			}
		}
	}
	return nil
}
