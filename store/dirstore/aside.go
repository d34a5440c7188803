package dirstore

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// absorb makes what lies aside of the name of n a kept revision of it, and returns what is
// known then. The caller has the turn. e is what is known so far, and may be nil.
func (s *Store) absorb(n *node, e *entry) *entry {
	for _, a := range s.trees.asidesOf(n.name) {
		file := asideFile(a.seq) + strings.TrimPrefix(n.name, a.name)
		st, err := statAt(s.state, file)
		if err != nil || st.mode.IsDir() {
			continue
		}
		e = s.absorbFile(n, e, a, file, st)
	}
	return e
}

func (s *Store) absorbFile(n *node, e *entry, a *aside, file string, st fileStat) *entry {
	s.props.drop(st.id.ino)
	if !st.mode.IsRegular() || st.id.dev != s.dev || !s.keeps(st.id.size, a.spared) {
		s.discard(file)
		return e
	}
	k, err := s.asKept(n, e, a, file, st)
	if err != nil && a.spared {
		s.opts.Logger.Warn("what was replaced without a precondition is not an earlier revision yet", "name", n.name, "error", err)
		return e // it lies aside until it can be
	}
	if err != nil {
		s.opts.Logger.Warn("an earlier revision is not kept", "name", n.name, "error", err)
		s.discard(file)
		return e
	}
	k.spared = a.spared
	if e == nil {
		e = &entry{info: k.info(n.name), id: k.id, gone: true}
	}
	if old, ok := e.findKept(k.revision); ok { // a crash lost that this was done already
		e, _ = e.withoutKept(old.seq)
		k.spared = k.spared || old.spared
		s.drop(old)
	}
	e = e.withKept(k)
	s.keptBytes.Add(k.size)
	s.keptFiles.Add(1)
	_, cut := cutKept(slices.Clone(e.kept), s.opts.Keep)
	for _, oldest := range cut {
		e, _ = e.withoutKept(oldest.seq)
		s.drop(oldest)
	}
	if s.keepsTooMuch() {
		signal(s.checkpoints.full)
	}
	return e
}

// asKept gives the file, which lies aside, the name of a kept one, and describes it: by what
// is known of it, or by its content.
func (s *Store) asKept(n *node, e *entry, a *aside, file string, st fileStat) (kept, error) {
	k := kept{revision: a.revision, size: st.id.size, modified: s.clock.seen(e, st.id.mtime).Unix()}
	if e != nil && e.settled && e.id.sameContent(st.id) && e.info.Revision <= a.revision {
		k = e.asKept(0, e.id)
	} else {
		f, err := openFile(s.state, file)
		if err != nil {
			return k, err
		}
		seen, err := s.hashFile(context.Background(), f)
		if err := errors.Join(err, f.Close()); err != nil {
			return k, err
		}
		if e != nil && e.info.Digest == seen.digest && e.info.Size == seen.id.size && e.info.Revision <= a.revision {
			k = e.asKept(0, e.id) // the same bytes are the same revision
		} else {
			k.digest, k.size = seen.digest, seen.id.size
		}
	}
	k.seq = s.seq.Add(1)
	moved, err := s.renameToKept(file, k.seq)
	k.id = moved.id
	return k, err
}

// clearAsides makes what lies aside history, name by name, and removes what is left. What is
// busy is left to the next time.
func (s *Store) clearAsides() {
	for _, a := range s.trees.asidesOf("") {
		if !a.flushed {
			continue // the journal may yet look for it
		}
		if s.clearAside(asideFile(a.seq), a.name) {
			s.trees.dropAside(a)
			s.changed(0)
		}
	}
}

// clearAside clears file, which was under name, and reports whether nothing is left of it.
func (s *Store) clearAside(file, name string) bool {
	st, err := statAt(s.state, file)
	switch {
	case isAbsent(err):
		return true
	case err != nil || st.id.dev != s.dev:
		return false
	case !st.mode.IsDir():
		return s.clearFile(file, name)
	}
	members, err := s.stateFiles(file)
	if err != nil {
		return false
	}
	clear := true
	for _, member := range members {
		base := path.Base(member)
		clear = s.clearAside(member, path.Join(name, base)) && clear
	}
	if !clear || s.step(stepRemove) != nil {
		return false
	}
	s.props.drop(st.id.ino)
	err = rmdirAt(s.state, file)
	return err == nil || isAbsent(err)
}

func (s *Store) clearFile(file, name string) bool {
	if checkName(name) != nil { // nobody can ask for it
		return s.remove(file) == nil
	}
	n := s.nodes.tryTake(name)
	if n == nil {
		return false
	}
	defer s.nodes.release(n)
	s.lastKnown(n)
	_, err := statAt(s.state, file)
	return isAbsent(err)
}

// known is what is known of n, brought up to date with what has become of its tree. The
// caller has the turn.
func (s *Store) known(n *node, e *entry) *entry {
	if !s.trees.busy.Load() || s.checkpoints.stop == nil { // in recovery the journal says what is known
		return e
	}
	now := e
	if s.trees.past(e) {
		now = e.passed()
	}
	now = s.absorb(n, now)
	if now != e {
		s.publish(n, now)
	}
	return now
}

// removeTree removes the file or folder rel of the state folder with all that is in it.
func (s *Store) removeTree(rel string) error {
	st, err := statAt(s.state, rel)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !st.mode.IsDir() {
		return s.remove(rel)
	}
	members, err := s.stateFiles(rel)
	for _, member := range members {
		err = errors.Join(err, s.removeTree(member))
	}
	if err == nil {
		err = s.step(stepRemove)
	}
	if err != nil {
		return err
	}
	if err := rmdirAt(s.state, rel); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bare(err)
	}
	return nil
}
