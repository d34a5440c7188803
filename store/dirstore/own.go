package dirstore

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
)

// own knows the state folder by what it is, rather than by what it is called: a symbolic
// link, a mount, a hard link or another spelling leads to the same directories and files.
// The files of earlier revisions are not among them: a plain file may share one with its
// other name, as those of a deployment by hard links do.
type own struct {
	mu sync.Mutex
	// asOf is what the state folder and its folder kept looked like when known was made.
	asOf  [2]fileID
	known map[identity]bool
}

// identity is a file or directory, whatever its state.
type identity struct{ dev, ino uint64 }

func (id fileID) identity() identity { return identity{id.dev, id.ino} }

// owns reports whether id is the state folder, a folder in it, or one of its files. A
// system that cannot tell identities owns nothing; there the names are all there is.
func (s *Store) owns(id fileID) bool {
	return id.ino != 0 && s.ownNow()[id.identity()]
}

// ownNow returns all that is ours now. Nobody changes the map.
func (s *Store) ownNow() map[identity]bool {
	var asOf [2]fileID
	for i, dir := range []string{stateDir, stateDir + "/kept"} {
		if st, err := statAt(s.top, dir); err == nil {
			asOf[i] = st.id
		}
	}
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	if s.own.known == nil || s.own.asOf != asOf {
		s.own.asOf, s.own.known = asOf, s.listOwn()
	}
	return s.own.known
}

// forgetOwn is for changes that the times of the folders may not show.
func (s *Store) forgetOwn() {
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	s.own.known = nil
}

func (s *Store) listOwn() map[identity]bool {
	known := make(map[identity]bool)
	add := func(rel string) {
		if st, err := statAt(s.top, rel); err == nil {
			known[st.id.identity()] = true
		}
	}
	add(stateDir)
	for _, dir := range []string{stateDir, stateDir + "/kept"} {
		f, err := s.root.Open(dir)
		if err != nil {
			continue // not there, or not for this process to read
		}
		names, _ := f.Readdirnames(-1)
		f.Close()
		for _, name := range names {
			add(dir + "/" + name)
		}
	}
	return known
}

// ownName is the error for a name that leads into the state folder.
func ownName(name string) error {
	return &store.NameError{Name: name, Reason: "leads into the folder of the store itself, which is not served"}
}

// openDir opens a directory for the name that is reached through it.
func (s *Store) openDir(dir, name string) (folder, error) {
	f, err := openFolder(s.root, dir)
	if err != nil {
		return folder{}, err
	}
	st, err := statAt(f, ".")
	if err == nil && s.owns(st.id) {
		err = ownName(name)
	}
	if err != nil {
		f.Close()
		return folder{}, err
	}
	return f, nil
}

// maxLinks is how many symbolic links are followed one after the other.
const maxLinks = 40

// resolved is what a name leads to: a file or directory that is no symbolic link.
type resolved struct {
	place
	stat fileStat
}

// resolve follows the symbolic links of name. The place must be closed. The error is
// absence, or one of readError's, or a NameError if the name leads into the state folder.
func (s *Store) resolve(name string) (resolved, error) {
	full := name
	for range maxLinks {
		parent, base := path.Split(full)
		if base == "" || base == "." || base == ".." {
			parent, base = full, "."
		}
		dir, own := s.top, false
		if parent != "" {
			var err error
			if dir, err = s.openDir(strings.TrimSuffix(parent, "/"), name); err != nil {
				return resolved{}, err
			}
			own = true
		}
		r := resolved{place: place{name: name, dir: dir, base: base, own: own}}
		var err error
		if r.stat, err = statAt(dir, base); err == nil && r.stat.mode.Type() != fs.ModeSymlink {
			if s.owns(r.stat.id) {
				err = ownName(name)
			} else {
				return r, nil
			}
		}
		target := ""
		if err == nil {
			target, err = readlinkAt(dir, base)
		}
		r.close()
		if err != nil {
			return resolved{}, err
		}
		if path.IsAbs(target) || target == "" {
			return resolved{}, badLink(name)
		}
		full = parent + target
	}
	return resolved{}, badLink(name)
}

// makeDirs makes the directories of name that are not there, one by one: none may be
// made in the state folder.
func (s *Store) makeDirs(name, wanted string) error {
	parent, base := path.Split(name)
	dir, err := s.top, error(nil)
	if parent != "" {
		parent = strings.TrimSuffix(parent, "/")
		dir, err = s.openDir(parent, wanted)
		if errors.Is(err, fs.ErrNotExist) {
			if err = s.makeDirs(parent, wanted); err == nil {
				dir, err = s.openDir(parent, wanted)
			}
		}
		if err != nil {
			return err
		}
		defer dir.Close()
	}
	if err := s.step(stepMakeDir); err != nil {
		return err
	}
	if err := mkdirAt(dir, base); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
