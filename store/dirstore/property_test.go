package dirstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// mark sets a property on name.
func mark(t *testing.T, s *Store, name, value string) {
	t.Helper()
	check(t, s.SetProperties(t.Context(), name, store.Any, map[string]*string{"k": &value}))
}

// wantMark checks the property of name; "" is none.
func wantMark(t *testing.T, s *Store, name, want string) {
	t.Helper()
	set, err := s.Properties(t.Context(), name)
	if err != nil || set["k"] != want {
		t.Errorf("%q has the properties %v, error %v; want %q", name, set, err, want)
	}
}

// TestPropertiesAndOtherPrograms: properties follow what another program renames, also after a
// restart, and are never those of a file that it puts under the name.
func TestPropertiesAndOtherPrograms(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{})
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"a", "b", "gone", "d/a", "edited"} {
		commit(t, s, name, "content of "+name, store.Absent)
		mark(t, s, name, "of "+name)
	}
	mark(t, s, "d", "of d")

	check(t, os.Rename(in("a"), in("moved")))
	check(t, os.Rename(in("d"), in("e")))
	check(t, os.WriteFile(in("new"), []byte("content of b"), 0o666)) // the same bytes, another file
	check(t, os.Rename(in("new"), in("b")))
	check(t, os.Remove(in("gone")))
	check(t, os.WriteFile(in("gone"), []byte("content of gone"), 0o666))
	check(t, os.WriteFile(in("edited"), []byte("edited in place"), 0o666))
	check(t, os.Mkdir(in("d"), 0o777))
	for range 2 {
		wantMark(t, s, "moved", "of a")
		wantMark(t, s, "e", "of d")
		wantMark(t, s, "e/a", "of d/a")
		wantMark(t, s, "b", "")
		wantMark(t, s, "gone", "")
		wantMark(t, s, "edited", "of edited")
		wantMark(t, s, "d", "")
		check(t, s.Close())
		s = openAt(t, dir, Options{session: "another one"})
	}
	commit(t, s, "moved", "written over", store.Any)
	wantMark(t, s, "moved", "of a")
	if _, err := s.Properties(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("properties of what another program has moved away: error %v", err)
	}
	check(t, s.Close())
}

// TestPropertiesOfReusedFiles: a kept revision whose file is used again for other content does not
// bring its properties along, whenever the process dies.
func TestPropertiesOfReusedFiles(t *testing.T) {
	for n := 1; ; n++ {
		dir := fastDir(t)
		var hook func(step) error
		s := openAt(t, dir, Options{Keep: 1, manual: true, hook: func(w step) error {
			if hook == nil {
				return nil
			}
			return hook(w)
		}})
		commit(t, s, "a", "first", store.Absent)
		mark(t, s, "a", "of a")
		check(t, s.checkpoint(false))
		_, err := s.Delete(t.Context(), "a", store.Any)
		check(t, err)
		commit(t, s, "a", "unmarked", store.Absent)
		commit(t, s, "a", "pushes the first one out", store.Any)
		hook = failFrom(n)
		ended := true
		for range 3 {
			if _, err := (scripted{name: "a", size: 10}).perform(s, n); err != nil {
				ended = false
				break
			}
		}
		s.abandon()
		s = openAt(t, dir, Options{Keep: 1})
		wantMark(t, s, "a", "")
		check(t, s.Close())
		if t.Failed() || ended {
			break
		}
	}
}

// TestLinksAreNotMoved: a symbolic link would lead elsewhere under another name, so a collection
// that is one is not moved; it can be replaced. A resource that is one arrives as a file.
func TestLinksAreNotMoved(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{})
	commit(t, s, "d/a", "content", store.Absent)
	check(t, os.Symlink("d", filepath.Join(dir, "link")))
	check(t, os.Symlink("../d/a", filepath.Join(dir, "d", "file")))
	if _, err := s.Move(t.Context(), "link", store.Any, "e", store.Any); !errors.Is(err, store.ErrName) {
		t.Errorf("moving a linked collection: error %v, want ErrName", err)
	}
	if _, err := s.Move(t.Context(), "d/file", store.Any, "file", store.Any); err != nil {
		t.Errorf("moving a linked file: %v", err)
	}
	wantPlain(t, s, "file", "content")
	wantPlain(t, s, "d/a", "content")
	if _, err := s.Copy(t.Context(), "link", store.Any, "copy", store.Any); err != nil {
		t.Errorf("copying a linked collection: %v", err)
	}
	wantPlain(t, s, "copy/a", "content")
	if _, err := s.Move(t.Context(), "copy", store.Any, "link", store.Any); err != nil {
		t.Errorf("replacing a link: %v", err)
	}
	wantPlain(t, s, "link/a", "content")
	wantPlain(t, s, "d/a", "content")
	check(t, s.Close())
}

// TestTreesKeepOut: no change of trees reaches the state folder, by any spelling, and a store that is
// read-only refuses them all.
func TestTreesKeepOut(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{})
	commit(t, s, "d/a", "content", store.Absent)
	check(t, os.Symlink(".fourtwelve", filepath.Join(dir, "state")))
	for _, name := range []string{".fourtwelve", ".FourTwelve", "FOURTW~1", ".fourtwelve/kept", "e/.fourtwelve", "state", "state/kept"} {
		_, err1 := s.Move(t.Context(), name, store.Any, "to", store.Any)
		_, err2 := s.Move(t.Context(), "d", store.Any, name, store.Any)
		_, err3 := s.Copy(t.Context(), "d", store.Any, name, store.Any)
		_, err4 := s.MakeCollection(t.Context(), name+"/new")
		_, err5 := s.Properties(t.Context(), name)
		for i, err := range []error{err1, err2, err3, err4, s.DeleteCollection(t.Context(), name), err5} {
			if !errors.Is(err, store.ErrName) {
				t.Errorf("change %d of %q: error %v, want ErrName", i, name, err)
			}
		}
	}
	check(t, s.Close())
	s = openAt(t, dir, Options{ReadOnly: true})
	_, err1 := s.Move(t.Context(), "d", store.Any, "e", store.Any)
	_, err2 := s.Copy(t.Context(), "d", store.Any, "e", store.Any)
	_, err3 := s.MakeCollection(t.Context(), "e")
	err4 := s.SetProperties(t.Context(), "d", store.Any, nil)
	for i, err := range []error{err1, err2, err3, err4, s.DeleteCollection(t.Context(), "d"), s.Keep(t.Context(), "k", nil)} {
		if !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("change %d of a read-only store: error %v", i, err)
		}
	}
	check(t, s.Close())
}
