package dirstore

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// List yields the files and directories in the collection name. What cannot be
// named through the store is left out: the state folder, links that lead
// nowhere or outside, devices, and names that [store.CheckName] refuses.
// Revision and digest are given where they are known without reading the file.
func (s *Store) List(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := s.enter(); err != nil {
			yield(store.Info{}, err)
			return
		}
		defer s.leave()
		members, err := s.readMembers(name)
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		ours := s.ownNow()
		for _, member := range members {
			if ctx.Err() != nil {
				yield(store.Info{}, context.Cause(ctx))
				return
			}
			full := member.Name()
			if name != "" {
				full = name + "/" + full
			}
			info, ok := s.member(full, member, ours)
			if ok && !yield(info, nil) {
				return
			}
		}
	}
}

// readMembers is readDir of one moment, as far as trees change.
func (s *Store) readMembers(name string) ([]fs.DirEntry, error) {
	for range maxTries {
		since := s.watch()
		members, err := s.readDir(name)
		if !s.disturbed(since, name) {
			return members, err
		}
	}
	return nil, &changingError{name}
}

// readDir returns what is in the directory name, in byte order.
func (s *Store) readDir(name string) ([]fs.DirEntry, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	rel := name
	if rel == "" {
		rel = "."
	} else {
		r, err := s.resolve(name)
		r.close()
		if err != nil {
			return nil, readError(name, err)
		}
		if !r.stat.mode.IsDir() {
			return nil, fmt.Errorf("%q: %w", name, store.ErrNotCollection)
		}
	}
	dir, err := s.root.Open(rel)
	if err != nil {
		return nil, readError(name, err)
	}
	defer dir.Close()
	if st, err := dir.Stat(); err != nil {
		return nil, readError(name, err)
	} else if s.owns(identityOf(st)) {
		return nil, ownName(name)
	}
	members, err := dir.ReadDir(-1)
	if err != nil {
		return nil, readError(name, err)
	}
	slices.SortFunc(members, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return members, nil
}

// member describes one member of a collection; ok is false if it is none of
// the store's.
func (s *Store) member(full string, member fs.DirEntry, ours map[identity]bool) (info store.Info, ok bool) {
	if checkName(full) != nil {
		return store.Info{}, false
	}
	fi, err := member.Info()
	if err == nil && fi.Mode().Type() == fs.ModeSymlink {
		fi, err = s.statLinked(full)
	}
	if err != nil || ours[identityOf(fi).identity()] { // deleted meanwhile, or a link that leads nowhere, outside, or to what is ours
		return store.Info{}, false
	}
	switch {
	case fi.IsDir():
		return store.Info{Name: full, Collection: true, Modified: second(fi.ModTime())}, true
	case !fi.Mode().IsRegular():
		return store.Info{}, false
	}
	if e := s.unchanged(full); e != nil {
		return e.info, true
	}
	now := s.clock.read()
	modified := min(floorDiv(fi.ModTime().UnixNano(), 1e9), now/1e9+1)
	return store.Info{Name: full, Size: fi.Size(), Modified: time.Unix(modified, 0).UTC()}, true
}

// statLinked looks at what the symbolic link full leads to.
func (s *Store) statLinked(full string) (fs.FileInfo, error) {
	r, err := s.resolve(full)
	if err != nil {
		return nil, err
	}
	r.close()
	return s.root.Stat(full)
}

// Revisions yields the current revision of name and those kept, newest first.
// After a deletion it yields those kept.
func (s *Store) Revisions(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := s.enter(); err != nil {
			yield(store.Info{}, err)
			return
		}
		defer s.leave()
		e := s.unchanged(name)
		if e == nil {
			st, err := s.find(ctx, name)
			if err != nil {
				yield(store.Info{}, err)
				return
			}
			if e = st.entry; e == nil {
				return
			}
		}
		if e.exists() && !yield(e.info, nil) {
			return
		}
		for _, k := range e.kept {
			if !s.isThere(k) {
				continue
			}
			if !yield(k.info(name), nil) {
				return
			}
		}
	}
}

// isThere reports whether the content of k can be opened, as far as can be told without reading much: a crash can lose it,
// or come while its file, if it is small, is being used again.
func (s *Store) isThere(k kept) bool {
	st, err := statAt(s.state, k.path())
	if err != nil || st.id.size != k.size {
		return false
	}
	return !k.doubt && st.id.sameContent(k.id) || k.size > inlineSize || s.intact(k)
}
