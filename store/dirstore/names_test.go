package dirstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// everyMethod calls each method that takes a name with name, and returns the
// errors.
func everyMethod(tb testing.TB, s *Store, name string) map[string]error {
	tb.Helper()
	errs := make(map[string]error)
	ctx := tb.Context()
	_, errs["Stat"] = s.Stat(ctx, name)
	_, errs["Open"] = s.Open(ctx, name, 0)
	_, errs["Open at a revision"] = s.Open(ctx, name, 1)
	d, err := s.Stage(ctx, name, strings.NewReader("content"))
	if errs["Stage"] = err; err == nil {
		d.Abort(context.Background())
	}
	_, errs["Delete"] = s.Delete(ctx, name, store.Any)
	for _, err := range s.List(ctx, name) {
		errs["List"] = err
		break
	}
	for _, err := range s.Revisions(ctx, name) {
		errs["Revisions"] = err
		break
	}
	return errs
}

// TestStateFolderHasNoName: nothing of the store itself can be read, written or
// listed, however the name is spelled.
func TestStateFolderHasNoName(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	commit(t, s, "a", "content", store.Absent)
	commit(t, s, "a", "content", store.Any) // now there is a kept file too
	for _, name := range []string{
		".fourtwelve", ".fourtwelve/index", ".FourTwelve/lock", ".fourtwelve/kept/000000/2", ".fourtwelve/new",
		"d/.fourtwelve", "d/.fourtwelve/x", // a directory below may have been served by itself
		".fourtwelve.", ".fourtwelve ", ".fourtwelve. .", // Windows drops what follows
		"FOURTW~1", "fourtw~2/index", // short names on FAT and NTFS
		".four\u200ctwelve", "\ufeff.fourtwelve/index", ".fourtwelve\u202e", // HFS+ ignores these
	} {
		for method, err := range everyMethod(t, s, name) {
			if _, ok := errors.AsType[*store.NameError](err); !ok {
				t.Errorf("%s of %q: error %v, want a *store.NameError", method, name, err)
			}
		}
	}
	for _, name := range []string{".fourtwelve2", "fourtwelve", "x.fourtwelve", ".four", "fourtw", "f\u00f6urtwelve", "FOURTWO~1"} {
		commit(t, s, name, "content", store.Absent)
	}
	check(t, os.MkdirAll(filepath.Join(dir, "d", ".fourtwelve"), 0o777))
	for _, collection := range []string{"", "d"} {
		for info, err := range s.List(t.Context(), collection) {
			if check(t, err); reserved(filepath.Base(info.Name)) {
				t.Errorf("List(%q) yields %q", collection, info.Name)
			}
		}
	}
}

// TestLinks: symbolic links are followed while they stay inside.
func TestLinks(t *testing.T) {
	outsideDir, dir := t.TempDir(), t.TempDir()
	check(t, os.WriteFile(filepath.Join(outsideDir, "secret"), []byte("secret"), 0o666))
	s := openAt(t, dir, Options{})
	commit(t, s, "d/file", "content", store.Absent)
	for link, target := range map[string]string{
		"inside": "d/file", "folder": "d", "d/up": "../d/file",
		"out": "../" + filepath.Base(outsideDir) + "/secret", "outfolder": outsideDir,
		"absolute": filepath.Join(outsideDir, "secret"), "circle": "circle", "dangling": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for _, name := range []string{"inside", "folder/file", "d/up", "folder/up"} {
		for range 2 {
			if _, content, err := readCurrent(s, name); content != "content" || err != nil {
				t.Errorf("%q holds %q, error %v", name, content, err)
			}
		}
	}
	for _, name := range []string{"out", "outfolder", "outfolder/secret", "absolute", "circle"} {
		for method, err := range everyMethod(t, s, name) {
			if _, ok := errors.AsType[*store.NameError](err); !ok {
				t.Errorf("%s of %q: error %v, want a *store.NameError", method, name, err)
			}
			if err != nil && (strings.Contains(err.Error(), outsideDir) || strings.Contains(err.Error(), "secret") &&
				!strings.Contains(name, "secret")) {
				t.Errorf("%s of %q: error %q tells where it leads", method, name, err)
			}
		}
	}
	var listed []string
	for info, err := range s.List(t.Context(), "") {
		check(t, err)
		listed = append(listed, info.Name)
	}
	if got := strings.Join(listed, " "); got != "d folder inside" {
		t.Errorf("List yields %s", got)
	}
	if _, err := s.Stat(t.Context(), "dangling"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Stat of a dangling link: error %v, want ErrNotFound", err)
	}
	d, err := s.Stage(t.Context(), "dangling", strings.NewReader("content"))
	check(t, err)
	if _, err := d.Commit(t.Context(), store.Any); !errors.Is(err, store.ErrName) {
		t.Errorf("Commit to a dangling link: error %v, want a *store.NameError", err)
	}
	if secret, _ := os.ReadFile(filepath.Join(outsideDir, "secret")); string(secret) != "secret" {
		t.Errorf("the file outside holds %q now", secret)
	}
}

// TestLinkIsReplaced: a write or a deletion through a link is one of the link.
func TestLinkIsReplaced(t *testing.T) {
	for _, o := range []Options{{}, {noExchange: true}} {
		dir := t.TempDir()
		s := openAt(t, dir, o)
		commit(t, s, "file", "content", store.Absent)
		for _, link := range []string{"a", "b"} {
			if err := os.Symlink("file", filepath.Join(dir, link)); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
		}
		info, err := s.Stat(t.Context(), "a")
		check(t, err)
		commit(t, s, "a", "new content", store.At(info.Revision))
		_, err = s.Delete(t.Context(), "b", store.Any)
		check(t, err)
		wantPlain(t, s, "a", "new content")
		wantPlain(t, s, "b", "")
		wantPlain(t, s, "file", "content")
		if left := leftovers(t, s); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// TestSpecialFiles: what is neither file nor directory is refused, and not opened:
// that could wait for ever, or do something.
func TestSpecialFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no special files here")
	}
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	makeFIFO(t, filepath.Join(dir, "fifo"))
	check(t, os.Symlink("fifo", filepath.Join(dir, "link")))
	for _, name := range []string{"fifo", "link"} {
		for method, err := range everyMethod(t, s, name) {
			if method == "List" {
				continue
			}
			if _, ok := errors.AsType[*store.NameError](err); !ok {
				t.Errorf("%s of %q: error %v, want a *store.NameError", method, name, err)
			}
		}
	}
	for info := range s.List(t.Context(), "") {
		t.Errorf("List yields %+v", info)
	}
	// One that takes the place of a file between two looks does not block either.
	if _, err := s.hashName(t.Context(), "fifo"); !errors.Is(err, errMoved) {
		t.Errorf("hashing a FIFO: error %v, want errMoved", err)
	}
	d, err := s.Stage(t.Context(), "new", strings.NewReader("content"))
	check(t, err)
	defer d.Abort(context.Background())
	makeFIFO(t, filepath.Join(dir, "new"))
	if _, err := d.Commit(t.Context(), store.Any); !errors.Is(err, store.ErrName) {
		t.Errorf("Commit over a FIFO: error %v, want a *store.NameError", err)
	}
}

// TestOddNames: a file another program gave a name that could not be created here
// can be read, replaced and deleted.
func TestOddNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no odd names here")
	}
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	for _, name := range []string{"a:b", "what?", "ends in a dot.", "CON"} {
		if _, err := s.Stage(t.Context(), name, strings.NewReader("content")); !errors.Is(err, store.ErrName) {
			t.Errorf("Stage of a new %q: error %v, want a *store.NameError", name, err)
		}
		check(t, os.WriteFile(filepath.Join(dir, name), []byte("theirs"), 0o666))
		wantPlain(t, s, name, "theirs")
		commit(t, s, name, "ours", store.Any)
		wantPlain(t, s, name, "ours")
		d, err := s.Stage(t.Context(), name, strings.NewReader("too late"))
		check(t, err)
		_, err = s.Delete(t.Context(), name, store.Any)
		check(t, err)
		if _, err := d.Commit(t.Context(), store.Any); !errors.Is(err, store.ErrName) {
			t.Errorf("creating %q again: error %v, want a *store.NameError", name, err)
		}
	}
	for _, name := range []string{"back\\slash", "new\nline", "not UTF-8 \xff"} {
		check(t, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
	}
	for info, err := range s.List(t.Context(), "") {
		t.Errorf("List yields %+v, %v", info, err)
	}
}

// TestPermissions: a file passes its permissions on to its successor.
func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions come from the directory here")
	}
	dir := t.TempDir()
	s := openAt(t, dir, Options{Keep: 1})
	mode := func(name string) os.FileMode {
		fi, err := os.Stat(filepath.Join(dir, name))
		check(t, err)
		return fi.Mode().Perm()
	}
	plain := filepath.Join(t.TempDir(), "plain")
	check(t, os.WriteFile(plain, nil, 0o666))
	fi, err := os.Stat(plain)
	check(t, err)
	commit(t, s, "d/a", "content", store.Absent)
	if got := mode("d/a"); got != fi.Mode().Perm() {
		t.Errorf("a new file has mode %v, others here %v", got, fi.Mode().Perm())
	}
	for i, want := range []os.FileMode{0o600, 0o640, 0o444, 0o755, 0o600, 0o666} {
		check(t, os.Chmod(filepath.Join(dir, "d/a"), want))
		size := 10
		if i%2 == 1 {
			size = 100_000
		}
		commit(t, s, "d/a", strings.Repeat("x", size), store.Any)
		if got := mode("d/a"); got != want {
			t.Errorf("a file with mode %v has a successor with %v", want, got)
		}
	}
	if got := mode(stateDir); got != 0o700 {
		t.Errorf("the state folder has mode %v", got)
	}
}

func FuzzReserved(f *testing.F) {
	for _, name := range []string{".fourtwelve", "FOURTW~1", "a", ".fourtwelve. ", "\u200c.fourtwelve"} {
		f.Add(name)
	}
	dir := f.TempDir()
	s := openAt(f, dir, Options{Sync: SyncNone})
	state, err := os.Stat(filepath.Join(dir, stateDir))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkName(name) != nil {
			return
		}
		// What is not refused is not the state folder on this file system, nor in it.
		if strings.EqualFold(name, stateDir) || strings.HasPrefix(strings.ToLower(name), stateDir+"/") {
			t.Errorf("%q is not refused", name)
		}
		if fi, err := s.root.Stat(name); err == nil && os.SameFile(fi, state) {
			t.Errorf("%q is the state folder", name)
		}
		if _, err := s.Stat(t.Context(), name); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, syscall.ENAMETOOLONG) {
			t.Errorf("Stat(%q): %v", name, err)
		}
	})
}
