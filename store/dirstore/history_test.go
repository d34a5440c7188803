package dirstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// kept returns how many earlier revisions of name can be read.
func keptRevisions(t *testing.T, s *Store, name string) []store.Info {
	t.Helper()
	var infos []store.Info
	current, _ := s.Stat(t.Context(), name)
	for info, err := range s.Revisions(t.Context(), name) {
		check(t, err)
		if info != current {
			infos = append(infos, info)
		}
	}
	checkHistory(t, s, false)
	return infos
}

// TestKeep: so many earlier revisions are kept, also after a deletion.
func TestKeep(t *testing.T) {
	for keep, want := range map[int]int{0: 8, 1: 1, 3: 3, -1: 0} {
		for _, size := range []int{10, 100_000} {
			s := openAt(t, fastDir(t), Options{Keep: keep, Sync: SyncNone})
			for i := range 12 {
				commit(t, s, "a", fmt.Sprint(i, strings.Repeat("x", size)), store.Any)
			}
			if got := keptRevisions(t, s, "a"); len(got) != want {
				t.Errorf("Keep %d keeps %d revisions of %d bytes, want %d", keep, len(got), size, want)
			}
			_, err := s.Delete(t.Context(), "a", store.Any)
			check(t, err)
			if got := keptRevisions(t, s, "a"); len(got) != want {
				t.Errorf("Keep %d keeps %d revisions of %d bytes after the deletion, want %d", keep, len(got), size, want)
			}
			if left := leftovers(t, s); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		}
	}
}

// TestKeepBytes: the oldest go first when all together are too large, and what is
// too large by itself is not kept.
func TestKeepBytes(t *testing.T) {
	s := openAt(t, fastDir(t), Options{KeepBytes: 8000, Sync: SyncNone, manual: true})
	for i := range 10 {
		for _, name := range []string{"a", "b"} {
			commit(t, s, name, strings.Repeat(fmt.Sprint(i), 900), store.Any)
		}
	}
	commit(t, s, "c", strings.Repeat("x", 1001), store.Any) // more than an eighth
	commit(t, s, "c", "y", store.Any)
	check(t, errors.Join(s.checkpoint(false), s.trim()))
	if got := s.keptBytes.Load(); got > 8000 || got < 7000 {
		t.Errorf("%d bytes are kept, want 8000 at most, and not much less", got)
	}
	if got := keptRevisions(t, s, "c"); len(got) != 0 {
		t.Errorf("of c is kept %+v", got)
	}
	a, b := len(keptRevisions(t, s, "a")), len(keptRevisions(t, s, "b"))
	if a+b != 8 || a < 3 || b < 3 {
		t.Errorf("%d revisions of a and %d of b are kept, want 8 shared evenly", a, b)
	}
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	check(t, s.Close())
	s = openAt(t, s.dir, Options{KeepBytes: 1000, manual: true})
	if got := keptRevisions(t, s, "a"); len(got) != a {
		t.Errorf("%d revisions of a are kept after the restart, want %d", len(got), a)
	}
}

// TestShrunkKeep: with a smaller Keep, more is dropped at the next change.
func TestShrunkKeep(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{Keep: 5})
	for i := range 7 {
		commit(t, s, "a", fmt.Sprint("content ", i), store.Any)
	}
	check(t, s.Close())
	s = openAt(t, dir, Options{Keep: 2})
	commit(t, s, "a", "content 7", store.Any)
	if got := keptRevisions(t, s, "a"); len(got) != 2 || got[0].Digest == got[1].Digest {
		t.Errorf("kept are %+v, want 2", got)
	}
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestNothingKeptAnyMore: what was kept before is dropped when nothing is to be kept,
// also of what nobody changes again, and empty contents.
func TestNothingKeptAnyMore(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{})
	for _, content := range []string{"", "one", "two"} {
		commit(t, s, "a", content, store.Any)
		commit(t, s, "b", content, store.Any)
	}
	check(t, s.Close())
	s = openAt(t, dir, Options{Keep: -1, manual: true})
	commit(t, s, "a", "three", store.Any)
	check(t, errors.Join(s.checkpoint(false), s.trim(), s.checkpoint(false)))
	for _, name := range []string{"a", "b"} {
		if got := keptRevisions(t, s, name); len(got) != 0 {
			t.Errorf("of %s is kept %+v, want nothing", name, got)
		}
	}
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestKeptIsReadFromDisk: earlier revisions do not depend on memory.
func TestKeptIsReadFromDisk(t *testing.T) {
	s := openAt(t, fastDir(t), Options{CacheBytes: -1})
	var infos []store.Info
	content := func(i int) string { return strings.Repeat(fmt.Sprint("content ", i), 1+i*20_000) }
	for i := range 4 {
		infos = append(infos, commit(t, s, "a", content(i), store.Any))
	}
	for i, info := range infos {
		got, text, err := readRevision(s, "a", info.Revision)
		if err != nil || got != info || text != content(i) {
			t.Errorf("revision %d: %+v, %.20q, error %v; want %+v, %.20q", i, got, text, err, info, content(i))
		}
	}
	if _, _, err := readRevision(s, "a", infos[0].Revision-1); !errors.Is(err, store.ErrGone) {
		t.Errorf("a revision there never was: error %v, want ErrGone", err)
	}
}

// TestWritingToAReplacedFile: a program that still has the file of an earlier
// revision open can change it. That revision is gone then, and never read wrongly.
func TestWritingToAReplacedFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be replaced everywhere here")
	}
	for _, size := range []int{10, 100_000, 300_000} {
		dir := fastDir(t)
		s := openAt(t, dir, Options{CacheBytes: -1, Keep: 2})
		info := commit(t, s, "a", strings.Repeat("x", size), store.Absent)
		f, err := os.OpenFile(filepath.Join(dir, "a"), os.O_RDWR, 0)
		check(t, err)
		defer f.Close()
		commit(t, s, "a", "second", store.At(info.Revision))
		if _, _, err := readRevision(s, "a", info.Revision); err != nil {
			t.Errorf("size %d: the earlier revision: %v", size, err)
		}
		_, err = f.WriteAt([]byte("changed"), 0)
		check(t, err)
		if _, content, err := readRevision(s, "a", info.Revision); !errors.Is(err, store.ErrGone) {
			t.Errorf("size %d: the earlier revision, changed: %.20q, error %v; want ErrGone", size, content, err)
		}
		wantPlain(t, s, "a", "second")

		// Nor does the file lend itself to a later revision while it is open.
		for i := range 6 {
			commit(t, s, "a", fmt.Sprint("later ", i, strings.Repeat("y", size)), store.Any)
		}
		b := make([]byte, 10)
		if n, err := f.ReadAt(b, 0); err != nil && err != io.EOF || string(b[:n]) != "changedxxx" {
			t.Errorf("size %d: the open file reads %q, error %v", size, b[:n], err)
		}
	}
}

// TestReadingAReplacedFile: a program that is reading a file goes on to read what
// it was, however often it is replaced.
func TestReadingAReplacedFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be replaced everywhere here")
	}
	dir := t.TempDir()
	s := openAt(t, dir, Options{Keep: 1})
	for i := range 20 {
		content := fmt.Sprintf("content %04d", i)
		commit(t, s, "a", content, store.Any)
		f, err := os.Open(filepath.Join(dir, "a"))
		check(t, err)
		defer f.Close()
		defer func() {
			if got, err := io.ReadAll(f); string(got) != content || err != nil {
				t.Errorf("a file opened while it was %q reads %q, error %v", content, got, err)
			}
		}()
	}
	for i := range 20 {
		commit(t, s, "a", fmt.Sprint("other ", i), store.Any)
	}
}

// TestLinkedFile: a file with a second name keeps its content under that.
func TestLinkedFile(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{Keep: 1})
	commit(t, s, "a", "content", store.Absent)
	if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Skipf("no hard links here: %v", err)
	}
	for i := range 5 {
		commit(t, s, "a", fmt.Sprint("other ", i), store.Any)
		wantPlain(t, s, "b", "content")
	}
}
