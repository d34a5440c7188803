package dirstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// TestSameTick: changes another program makes while the clock of the file system
// stands still, to the same size, are each seen at once, by a revision of their
// own.
func TestSameTick(t *testing.T) {
	const changes = 1000
	for name, write := range map[string]func(program func(name, content string) error, path, content string) error{
		"renamed into place": func(write func(string, string) error, path, content string) error {
			return write(filepath.Base(path), content)
		},
		"in place": func(_ func(string, string) error, path, content string) error {
			f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte(content), 0)
			return errors.Join(err, f.Close())
		},
		"removed and written": func(_ func(string, string) error, path, content string) error {
			err := os.Remove(path)
			if errors.Is(err, os.ErrNotExist) {
				err = nil
			}
			return errors.Join(err, os.WriteFile(path, []byte(content), 0o666))
		},
		"with the times of the one before": func(_ func(string, string) error, path, content string) error {
			when := time.Unix(1_700_000_000, 0)
			return errors.Join(os.WriteFile(path, []byte(content), 0o666), os.Chtimes(path, when, when))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openAt(t, dir, Options{})
			program := outside(t, dir)
			var last store.Info
			for i := range changes {
				content := fmt.Sprintf("content %06d", i)
				if i%10 == 7 { // ours, in between
					commit(t, s, "a", content, store.Any)
				} else {
					check(t, write(program.Write, filepath.Join(dir, "a"), content))
				}
				info, err := s.Stat(t.Context(), "a")
				check(t, err)
				_, got, err := readCurrent(s, "a")
				if got != content || err != nil || info.Revision <= last.Revision || info.Digest == last.Digest {
					t.Fatalf("after %q was written the store has %q (error %v), revision %d after %d",
						content, got, err, info.Revision, last.Revision)
				}
				if again, err := s.Stat(t.Context(), "a"); err != nil || again != info {
					t.Fatalf("Stat gives %+v, then %+v, error %v", info, again, err)
				}
				last = info
			}
		})
	}
}

// TestEditedWhileJournalIsSynced: an edit in place that keeps the size of the file and sets its
// modification time back, made while a change of ours waits for the disk, is not overwritten.
func TestEditedWhileJournalIsSynced(t *testing.T) {
	for what, change := range map[string]func(*Store, store.Revision) error{
		"replaced": func(s *Store, seen store.Revision) error {
			d, err := s.Stage(t.Context(), "a", strings.NewReader("ours"))
			check(t, err)
			_, err = d.Commit(t.Context(), store.At(seen))
			return errors.Join(err, d.Abort(context.Background()))
		},
		"deleted": func(s *Store, seen store.Revision) error {
			_, err := s.Delete(t.Context(), "a", store.At(seen))
			return err
		},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a")
		edit := false
		s := openAt(t, dir, Options{manual: true, hook: func(w step) error {
			if w != stepJournalSync || !edit {
				return nil
			}
			edit = false
			fi, err := os.Stat(path)
			check(t, err)
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			check(t, err)
			_, err = f.WriteAt([]byte("edited"), 0)
			check(t, errors.Join(err, f.Close(), os.Chtimes(path, fi.ModTime(), fi.ModTime())))
			return nil
		}})
		check(t, os.WriteFile(path, []byte("theirs"), 0o666))
		when := time.Unix(1_700_000_000, 1)
		check(t, os.Chtimes(path, when, when))
		info, err := s.Stat(t.Context(), "a")
		check(t, err)
		for !s.nodes.peek("a").settled { // so that the change time of the edit is another
			_, err := s.Stat(t.Context(), "a")
			check(t, err)
		}
		edit = true
		if err := change(s, info.Revision); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: error %v, want ErrConflict", what, err)
		}
		wantPlain(t, s, "a", "edited")
	}
}

// TestUntouched: what is done to a file without changing its content is no new
// revision.
func TestUntouched(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	path := filepath.Join(dir, "a")
	check(t, os.WriteFile(path, []byte("content"), 0o666))
	info, err := s.Stat(t.Context(), "a")
	check(t, err)
	for what, do := range map[string]func() error{
		"touched":        func() error { return os.Chtimes(path, time.Now(), time.Now()) },
		"made read-only": func() error { return os.Chmod(path, 0o444) },
		"made writable":  func() error { return os.Chmod(path, 0o644) },
		"linked":         func() error { return os.Link(path, path+" link") },
		"written again":  func() error { return os.WriteFile(path, []byte("content"), 0o666) },
		"moved and back": func() error {
			return errors.Join(os.Rename(path, path+" moved"), os.Rename(path+" moved", path))
		},
	} {
		check(t, do())
		if got, err := s.Stat(t.Context(), "a"); err != nil || got != info {
			t.Errorf("the file was %s: %+v, error %v; want %+v", what, got, err, info)
		}
	}
	// But what was seen to be away has come anew.
	check(t, os.Rename(path, path+" moved"))
	wantPlain(t, s, "a", "")
	check(t, os.Rename(path+" moved", path))
	if got, err := s.Stat(t.Context(), "a"); err != nil || got.Revision <= info.Revision || !got.Modified.After(info.Modified) {
		t.Errorf("the file was away for some time: %+v, error %v; want a later revision than %+v", got, err, info)
	}
}

// TestFileBecomesDirectory and back, by another program.
func TestFileBecomesDirectory(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	path := filepath.Join(dir, "a")
	first := commit(t, s, "a", "content", store.Absent)
	check(t, os.Remove(path))
	check(t, os.MkdirAll(filepath.Join(path, "b"), 0o777))
	if info, err := s.Stat(t.Context(), "a"); err != nil || !info.Collection || info.Revision != 0 {
		t.Errorf("Stat of what became a directory: %+v, error %v", info, err)
	}
	if _, content, err := readRevision(s, "a", first.Revision); !errors.Is(err, store.ErrGone) && !errors.Is(err, store.ErrIsCollection) &&
		content != "content" {
		t.Errorf("Open of the revision before: %q, error %v", content, err)
	}
	check(t, os.RemoveAll(path))
	check(t, os.WriteFile(path, []byte("content"), 0o666))
	if info, err := s.Stat(t.Context(), "a"); err != nil || info.Revision <= first.Revision {
		t.Errorf("Stat of what became a file again: %+v, error %v; want a revision after %d", info, err, first.Revision)
	}
}

// TestExternalDates: the date of a file never seen before is its own; that of a
// change is after all at which the state before it was current, whatever the
// file's date says.
func TestExternalDates(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1_800_000_000, 500)
	s := openAt(t, dir, Options{Now: func() time.Time { return now }})
	old := time.Unix(1_600_000_000, 999_999_999)
	program := outside(t, dir)
	write := func(name, content string, mtime time.Time) {
		tmp := filepath.Join(filepath.Dir(dir), "with a date")
		check(t, os.WriteFile(tmp, []byte(content), 0o666))
		check(t, os.Chtimes(tmp, mtime, mtime))
		check(t, os.Rename(tmp, filepath.Join(dir, name)))
	}
	want := func(name string, seconds int64) store.Info {
		t.Helper()
		info, err := s.Stat(t.Context(), name)
		check(t, err)
		if got := info.Modified.Unix() - 1_800_000_000; got != seconds {
			t.Errorf("%q was modified at second %d, want %d", name, got, seconds)
		}
		return info
	}
	write("a", "first", old)
	want("a", -200_000_000)
	write("b", "from the future", now.Add(time.Hour))
	want("b", 1)
	write("a", "second", old.Add(-time.Hour))
	want("a", 1)
	now = now.Add(10 * time.Second)
	want("a", 1)
	check(t, program.Write("a", "third"))
	want("a", 11)
	check(t, os.Chtimes(filepath.Join(dir, "a"), old, old))
	want("a", 11)
	check(t, program.Remove("a"))
	now = now.Add(10 * time.Second)
	write("a", "fourth", old)
	want("a", 21)

	// A clock that is set back does not let a date come again.
	now = now.Add(-15 * time.Second)
	write("a", "fifth", old)
	fifth := want("a", 21)
	if info := commit(t, s, "a", "sixth", store.At(fifth.Revision)); info.Modified != fifth.Modified {
		t.Errorf("a commit within the second has date %v, want %v", info.Modified, fifth.Modified)
	}
	check(t, s.Close())
	s = openAt(t, dir, Options{Now: func() time.Time { return now }})
	write("a", "seventh", old)
	if info := want("a", 22); info.Revision <= fifth.Revision {
		t.Errorf("a clock set back gave revision %d after %d", info.Revision, fifth.Revision)
	}
}

// TestCommitDates: a commit has the second after; the first of a name its own
// second. The file carries the date.
func TestCommitDates(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().Truncate(time.Second).Add(300 * time.Millisecond)
	s := openAt(t, dir, Options{Now: func() time.Time { return now }})
	for i, want := range []int64{0, 1, 1, 4, 4} {
		if i == 3 {
			now = now.Add(3 * time.Second)
		}
		info := commit(t, s, "a", fmt.Sprint(i), store.Any)
		fi, err := os.Stat(filepath.Join(dir, "a"))
		check(t, err)
		start := now.Truncate(time.Second).Unix()
		if i >= 3 {
			start -= 3
		}
		if got := info.Modified.Unix() - start; got != want {
			t.Errorf("commit %d has a date in second %d, want %d", i, got, want)
		}
		if fi.ModTime().Unix() != info.Modified.Unix() {
			t.Errorf("commit %d has date %v, its file %v", i, info.Modified, fi.ModTime())
		}
	}
}

// TestRestartReadsNothing: what has not changed is not read again after a restart.
func TestRestartReadsNothing(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	check(t, os.WriteFile(filepath.Join(dir, "theirs"), []byte("content"), 0o666))
	check(t, os.Chtimes(filepath.Join(dir, "theirs"), time.Unix(1, 1), time.Unix(1, 1)))
	commit(t, s, "ours", "content", store.Absent)
	before := make(map[string]store.Info)
	for _, name := range []string{"theirs", "ours"} {
		for { // until its times have settled
			info, err := s.Stat(t.Context(), name)
			check(t, err)
			before[name] = info
			if s.nodes.peek(name).settled {
				break
			}
		}
	}
	check(t, s.Close())
	s = openAt(t, dir, Options{})
	for name, want := range before {
		if got, err := s.Stat(t.Context(), name); err != nil || got != want {
			t.Errorf("Stat(%q) after the restart: %+v, error %v; want %+v", name, got, err, want)
		}
		if _, read := s.contents.get(want.Digest); read {
			t.Errorf("%q was read after the restart", name)
		}
	}
}

// TestLostIndex: without its index the store has the same contents, with the same
// digests and dates where it wrote them, and revisions that are not earlier.
func TestLostIndex(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"removed": os.Remove,
		"removed with the journal": func(file string) error {
			dir := filepath.Dir(file)
			return errors.Join(os.Remove(file), os.Remove(filepath.Join(dir, "journal0")), os.Remove(filepath.Join(dir, "journal1")))
		},
		"garbage": func(file string) error { return os.WriteFile(file, []byte(strings.Repeat("garbage", 10_000)), 0o600) },
		"empty":   func(file string) error { return os.Truncate(file, 0) },
		"cut":     func(file string) error { return os.Truncate(file, 5000) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openAt(t, dir, Options{})
			commit(t, s, "a", "first", store.Absent)
			before := commit(t, s, "a", "second", store.Any)
			check(t, s.Close())
			check(t, damage(filepath.Join(dir, stateDir, "index")))
			s = openAt(t, dir, Options{})
			after, err := s.Stat(t.Context(), "a")
			if err != nil || after.Digest != before.Digest || after.Modified != before.Modified || after.Revision < before.Revision {
				t.Errorf("Stat without the index: %+v, error %v; before there was %+v", after, err, before)
			}
			commit(t, s, "a", "third", store.At(after.Revision))
			wantPlain(t, s, "a", "third")
			aside, err := filepath.Glob(filepath.Join(dir, stateDir, "index.damaged-*"))
			check(t, err)
			if want := name == "garbage" || name == "cut"; len(aside) > 1 || len(aside) > 0 != want {
				t.Errorf("set aside is %q, expected it: %t", aside, want)
			}
			for _, file := range aside {
				check(t, os.Remove(file))
			}
			if left := leftovers(t, s); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestUnsettledTimes: when the times of a file tell it from what it may become.
func TestUnsettledTimes(t *testing.T) {
	const ms, s = int64(time.Millisecond), int64(time.Second)
	now := 1_000_000_000 * s
	for _, c := range []struct {
		name         string
		mtime, ctime int64 // relative to now
		want         int64 // how long to wait; 0 if not at all
	}{
		{"long ago", -100 * s, -100 * s, 0},
		{"just now", -1, -1, 10 * ms},
		{"within a step of the clock", -9*ms + 1, -9*ms + 1, 1 * ms},
		{"more than a step ago", -11*ms - 1, -11*ms - 1, 0},
		{"old times, just renamed", -100 * s, -1, 10 * ms},
		{"just written, no change time", -1, -100*s - 1, 10 * ms},
		{"from a finer clock that is ahead", 4*ms + 1, 4*ms + 1, 14*ms + 1},
		{"dated far in the future", 3600*s + 1, -100 * s, 0},
		{"dated far in the future just now", 3600*s + 1, -1, 10 * ms},
		{"clock set back an hour", 3600*s + 1, 3600*s + 1, 0},
		{"whole seconds, a second ago", -1 * s, -1 * s, 1 * s},
		{"whole seconds, three seconds ago", -3 * s, -3 * s, 0},
		{"whole seconds, this second", 0, 0, 2 * s},
	} {
		id := fileID{mtime: now + c.mtime, ctime: now + c.ctime}
		got := int64(id.unsettled(now, 10*ms))
		if got < c.want || got > c.want+2 || got == 0 != (c.want == 0) {
			t.Errorf("%s: wait %v, want %v", c.name, time.Duration(got), time.Duration(c.want))
		}
	}
}

// TestChangingFile: a file that does not hold still is an error, not a guess.
func TestChangingFile(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	path := filepath.Join(dir, "a")
	check(t, os.WriteFile(path, make([]byte, smallSize+1), 0o666))
	ctx := &touching{Context: t.Context(), path: path}
	_, err := s.Stat(ctx, "a")
	if !errors.Is(err, store.ErrChanged) {
		t.Errorf("Stat: error %v, want ErrChanged", err)
	}
	if _, err := s.Stat(t.Context(), "a"); err != nil {
		t.Errorf("Stat when it holds still: %v", err)
	}
}

// touching is a context that changes a file whenever it is asked whether it is
// done, which is between two chunks of the file.
type touching struct {
	context.Context
	path string
	n    byte
}

func (c *touching) Err() error {
	f, err := os.OpenFile(c.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	c.n++
	_, err = f.WriteAt([]byte{c.n}, 0)
	return errors.Join(err, f.Close(), os.Chtimes(c.path, time.Unix(1, int64(c.n)), time.Unix(1, int64(c.n))), c.Context.Err())
}
