package dirstore

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/fourtwelve/fourtwelve/store"
)

// CanSpare implements store.Sparer.
func (s *Store) CanSpare(size int64) bool { return !s.opts.ReadOnly && s.keeps(size, true) }

// canSpareTree returns a *store.UnsparedError if something under name, or in it, could not be kept
// were it replaced under store.Sparing. It looks at each file, up to as many as are kept of all
// resources together.
func (s *Store) canSpareTree(name string) error {
	t := toSpare{s: s, top: name}
	fi, err := s.root.Lstat(name)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return readError(name, err)
	}
	return t.add(name, fi)
}

// toSpare counts what would have to be kept.
type toSpare struct {
	s     *Store
	top   string
	bytes int64
	files int
}

// add counts what is under name. Links are not files of their own: what they lead to stays.
func (t *toSpare) add(name string, fi fs.FileInfo) error {
	switch {
	case fi.IsDir():
		return t.addMembers(name)
	case !fi.Mode().IsRegular():
		return nil
	}
	if err := checkName(name); err != nil {
		return unspared(name, "has a name that nobody could ask for it by")
	}
	o := &t.s.opts
	switch t.bytes, t.files = t.bytes+fi.Size(), t.files+1; {
	case o.Keep <= 0:
		return unspared(name, "is a file, and no earlier revisions are kept here")
	case fi.Size() > o.KeepBytes:
		return unspared(name, fmt.Sprintf("has %d bytes, more than the %d that are kept of all earlier revisions here", fi.Size(), o.KeepBytes))
	case t.bytes > o.KeepBytes:
		return unspared(t.top, fmt.Sprintf("has more than the %d bytes that are kept of all earlier revisions here", o.KeepBytes))
	case t.files > o.KeepFiles:
		return unspared(t.top, fmt.Sprintf("has more than the %d files that are kept of all earlier revisions here", o.KeepFiles))
	}
	return nil
}

func (t *toSpare) addMembers(name string) error {
	members, err := t.membersOf(name)
	if err != nil {
		return err
	}
	for _, member := range members {
		full := path.Join(name, member.Name())
		fi, err := member.Info()
		if isAbsent(err) {
			continue
		}
		if err == nil {
			err = t.add(full, fi)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *toSpare) membersOf(name string) ([]fs.DirEntry, error) {
	dir, err := t.s.root.Open(name)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unspared(name, "cannot be read: "+bare(err).Error())
	}
	defer dir.Close()
	members, err := dir.ReadDir(-1)
	if err != nil {
		return nil, unspared(name, "cannot be read: "+bare(err).Error())
	}
	return members, nil
}

func unspared(name, reason string) error { return &store.UnsparedError{Name: name, Reason: reason} }
