package dirstore

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// ways lead to the state folder or to what is in it, by names that do not say so.
var ways = map[string]struct {
	make  func(dir string) error
	names []string // that are refused
}{
	"a link to it": {
		func(dir string) error { return os.Symlink(stateDir, filepath.Join(dir, "x")) },
		[]string{"x", "x/index", "x/journal0", "x/lock", "x/tmp", "x/new", "x/a/new", "x/kept/000000", "x/kept/000000/new"},
	},
	"a link through another directory": {
		func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "d"), 0o777), os.Symlink("../"+stateDir+"/kept", filepath.Join(dir, "d/x")))
		},
		[]string{"d/x", "d/x/000000", "d/x/000000/new", "d/x/new/new"},
	},
	"a link to a link": {
		func(dir string) error {
			return errors.Join(os.Symlink("y", filepath.Join(dir, "x")), os.Symlink(stateDir+"/kept/..", filepath.Join(dir, "y")))
		},
		[]string{"x", "y", "x/index", "y/new"},
	},
	"a link to a file of it": {
		func(dir string) error { return os.Symlink(stateDir+"/index", filepath.Join(dir, "x")) },
		[]string{"x"},
	},
	"a hard link to its journal": {
		func(dir string) error {
			return os.Link(filepath.Join(dir, stateDir, "journal0"), filepath.Join(dir, "x"))
		},
		[]string{"x"},
	},
	"a hard link to its index": {
		func(dir string) error { return os.Link(filepath.Join(dir, stateDir, "index"), filepath.Join(dir, "x")) },
		[]string{"x"},
	},
}

// TestStateFolderByOtherNames: whatever leads to the state folder is neither read nor
// written nor listed.
func TestStateFolderByOtherNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need privileges, and files cannot be told there")
	}
	for way, c := range ways {
		for _, readOnly := range []bool{false, true} {
			t.Run(way, func(t *testing.T) {
				dir := t.TempDir()
				s := openAt(t, dir, Options{})
				commit(t, s, "secret", "first", store.Absent)
				commit(t, s, "secret", "second", store.Any)
				commit(t, s, "plain", "plain", store.Absent)
				if err := c.make(dir); err != nil {
					t.Fatal(err)
				}
				before := stateOf(t, dir)
				if readOnly {
					s = openAt(t, dir, Options{ReadOnly: true})
				}
				for _, name := range c.names {
					wantRefused(t, s, name)
				}
				for _, collection := range []string{"", "d"} {
					for info, err := range s.List(t.Context(), collection) {
						if strings.HasSuffix(info.Name, "x") || strings.HasSuffix(info.Name, "y") {
							t.Errorf("%s is listed (error %v)", info.Name, err)
						}
					}
				}
				if after := stateOf(t, dir); after != before {
					t.Errorf("the state folder has\n%s\nand had\n%s", after, before)
				}
				wantPlain(t, s, "plain", "plain")
			})
		}
	}
}

// stateOf lists the state folder.
func stateOf(t *testing.T, dir string) string {
	var all []string
	err := filepath.WalkDir(filepath.Join(dir, stateDir), func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	check(t, err)
	return strings.Join(all, "\n")
}

// wantRefused checks that no method does anything with name, whoever asks.
func wantRefused(t *testing.T, s *Store, name string) {
	t.Helper()
	refused := func(what string, err error) {
		t.Helper()
		// That there is nothing is as good an answer where there is nothing.
		ok := errors.Is(err, store.ErrName) || errors.Is(err, store.ErrNotFound) && strings.HasSuffix(name, "new")
		if s.opts.ReadOnly {
			ok = ok || errors.Is(err, store.ErrReadOnly)
		}
		if !ok {
			t.Errorf("%s(%q): error %v, want a NameError", what, name, err)
		}
	}
	_, err := s.Stat(t.Context(), name)
	refused("Stat", err)
	if c, err := s.Open(t.Context(), name, 0); err == nil {
		b, _ := io.ReadAll(io.NewSectionReader(c, 0, 100))
		t.Errorf("Open(%q) gives %q", name, b)
	} else {
		refused("Open", err)
	}
	for info, err := range s.List(t.Context(), name) {
		if refused("List", err); err == nil {
			t.Errorf("%q lists %q", name, info.Name)
		}
	}
	for _, content := range []string{"new", strings.Repeat("x", inlineSize+1)} {
		d, err := s.Stage(t.Context(), name, strings.NewReader(content))
		if err == nil {
			_, err = d.Commit(t.Context(), store.Any)
			check(t, d.Abort(context.Background()))
		}
		if refused("Commit", err); errors.Is(err, store.ErrNotFound) {
			t.Errorf("Commit(%q): error %v", name, err)
		}
	}
	_, err = s.Delete(t.Context(), name, store.Any)
	refused("Delete", err)
}

// TestLinksInside still lead where they lead.
func TestLinksInside(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need privileges")
	}
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	commit(t, s, "d/e/a", "content", store.Absent)
	for link, target := range map[string]string{
		"file": "d/e/a", "dir": "d", "d/up": "../d/e", "chain": "dir/up/a", "dots": "d/e/../e/./a", "d/e/self": ".", "slash": "d/e/",
	} {
		check(t, os.Symlink(target, filepath.Join(dir, filepath.FromSlash(link))))
	}
	for _, name := range []string{"file", "dir/e/a", "d/up/a", "chain", "dots", "d/e/self/a", "slash/a", "dir/up/self/a"} {
		if _, content, err := readCurrent(s, name); content != "content" || err != nil {
			t.Errorf("%s: %q, error %v", name, content, err)
		}
	}
	for _, name := range []string{"dir", "d/up", "d/e/self", "slash"} {
		if info, err := s.Stat(t.Context(), name); err != nil || !info.Collection {
			t.Errorf("%s: %+v, error %v, want a collection", name, info, err)
		}
	}
	check(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	check(t, os.Symlink("/etc/passwd", filepath.Join(dir, "away")))
	check(t, os.Symlink("../../etc/passwd", filepath.Join(dir, "up")))
	for _, name := range []string{"loop", "away", "up", "loop/a"} {
		if _, err := s.Stat(t.Context(), name); !errors.Is(err, store.ErrName) {
			t.Errorf("%s: error %v, want a NameError", name, err)
		}
	}
}
