package dirstore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// TestStateFolderMounted: the state folder, a folder in it or a file in it, mounted at another
// place of the directory, is known for what it is.
func TestStateFolderMounted(t *testing.T) {
	dir, _ := mount(t, "-t", "tmpfs", "tmpfs")
	s := openAt(t, dir, Options{})
	commit(t, s, "secret", "first", store.Absent)
	commit(t, s, "secret", "second", store.Any)
	for at, what := range map[string]string{"x": stateDir, "y": stateDir + "/kept", "z": stateDir + "/journal0"} {
		at, what = filepath.Join(dir, at), filepath.Join(dir, what)
		if fi, err := os.Stat(what); err == nil && fi.IsDir() {
			check(t, os.Mkdir(at, 0o777))
		} else {
			check(t, os.WriteFile(at, nil, 0o666))
		}
		command(t, "mount", "--bind", what, at)
		t.Cleanup(func() { command(t, "umount", at) })
	}
	for _, s := range []*Store{s, openAt(t, dir, Options{ReadOnly: true})} {
		for _, name := range []string{"x", "x/index", "x/new", "x/kept/000000", "y", "y/000000", "y/000000/new", "z"} {
			wantRefused(t, s, name)
		}
		for info, err := range s.List(t.Context(), "") {
			if info.Name != "secret" {
				t.Errorf("%s is listed (error %v)", info.Name, err)
			}
		}
	}
}
