package dirstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// stream is a writer that is told of each write before it has happened, and that, like
// a network connection, would rather read from a file itself.
type stream struct {
	bytes.Buffer
	t      *testing.T
	writes int
	before func(write int)
}

func (w *stream) Write(p []byte) (int, error) {
	w.writes++
	if w.before != nil {
		w.before(w.writes)
	}
	return w.Buffer.Write(p)
}

func (w *stream) ReadFrom(io.Reader) (int64, error) {
	w.t.Fatal("the writer is given the file, whose pages another program can change after any check")
	return 0, nil
}

// TestWriteRange: ranges of all lengths are written, and never by handing out the file.
func TestWriteRange(t *testing.T) {
	s := openAt(t, t.TempDir(), Options{})
	content := strings.Repeat("0123456789", 60_000)
	commit(t, s, "a", content, store.Absent)
	c, err := s.Open(t.Context(), "a", 0)
	check(t, err)
	defer c.Close()
	for _, r := range [][2]int64{
		{0, 600_000}, {7, 300_000}, {599_999, 1}, {0, 0}, {600_000, 0}, {5, short}, {5, short + 1},
		{0, chunkSize - 1}, {0, chunkSize}, {0, chunkSize + 1}, {3, 2 * chunkSize},
	} {
		w := &stream{t: t}
		n, err := c.WriteRange(w, r[0], r[1])
		if n != r[1] || err != nil || w.String() != content[r[0]:r[0]+r[1]] {
			t.Errorf("WriteRange(%d, %d): %d bytes, error %v", r[0], r[1], n, err)
		}
	}
}

// inPlace is how other programs change a file without giving it a new one.
var inPlace = map[string]func(path string) error{
	"written to": scribble,
	"cut":        func(path string) error { return os.Truncate(path, 1000) },
	"grown":      func(path string) error { return os.Truncate(path, 2_000_001) },
	"emptied":    func(path string) error { return os.WriteFile(path, nil, 0o666) },
	"written to, with its time set back": func(path string) error {
		fi, err := os.Stat(path)
		if err != nil {
			return err
		}
		return errors.Join(scribble(path), os.Chtimes(path, fi.ModTime(), fi.ModTime()))
	},
}

// scribble changes some bytes, at the end of the file too.
func scribble(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	end, err := f.Seek(-7, io.SeekEnd)
	if err != nil {
		return err
	}
	for _, off := range []int64{100, end} {
		if _, e := f.WriteAt([]byte("changed"), off); e != nil {
			err = e
		}
	}
	return errors.Join(err, f.Close())
}

// TestChangedWhileRead: of a file that another program changes in place, whenever
// that is, nothing is written that is of another state than the bytes before, and
// not all that was asked for.
func TestChangedWhileRead(t *testing.T) {
	const size = 1_200_000
	for name, change := range inPlace {
		for _, r := range [][2]int64{{0, size}, {0, size - 1000}, {1000, short + 10_000}, {size - chunkSize - 1, chunkSize + 1}} {
			for when := 1; ; when++ {
				dir := t.TempDir()
				s := openAt(t, dir, Options{})
				path := filepath.Join(dir, "a")
				check(t, os.WriteFile(path, bytes.Repeat([]byte{'x'}, size), 0o666))
				c, err := s.Open(t.Context(), "a", 0)
				check(t, err)
				if _, err := c.WriteRange(io.Discard, 0, size); err != nil {
					t.Fatalf("%s: WriteRange before the change: %v", name, err)
				}
				w := &stream{t: t, before: func(write int) {
					if write == when {
						check(t, change(path))
					}
				}}
				n, err := c.WriteRange(w, r[0], r[1])
				if n == r[1] && err == nil && w.writes == when {
					check(t, c.Close()) // all had been read, and was of one state
					break
				}
				if n >= r[1] || int64(w.Len()) != n || !errors.Is(err, store.ErrChanged) {
					t.Errorf("%s at write %d of %v: %d bytes, error %v, want fewer and ErrChanged", name, when, r, n, err)
				}
				if i := bytes.IndexFunc(w.Bytes(), func(b rune) bool { return b != 'x' }); i >= 0 {
					t.Errorf("%s at write %d of %v: byte %d is of another state", name, when, r, i)
				}
				wantChanged(t, s, c)
				check(t, errors.Join(c.Close(), s.Close()))
			}
		}
	}
}

// wantChanged checks that nothing can be read from c any more.
func wantChanged(t *testing.T, s *Store, c store.Content) {
	t.Helper()
	if n, err := c.ReadAt(make([]byte, 100), 200_000); n != 0 || !errors.Is(err, store.ErrChanged) {
		t.Errorf("ReadAt after the change: %d bytes, error %v, want ErrChanged", n, err)
	}
	var b bytes.Buffer
	if n, err := c.WriteRange(&b, 200_000, 100); n != 0 || b.Len() != 0 || !errors.Is(err, store.ErrChanged) {
		t.Errorf("a short WriteRange after the change: %d bytes, error %v, want ErrChanged before any", b.Len(), err)
	}
	if _, err := s.Open(t.Context(), "a", c.Info().Revision); !errors.Is(err, store.ErrGone) {
		t.Errorf("Open of the revision before the change: error %v, want ErrGone", err)
	}
}

// TestMovedWhileRead: a file that is replaced, removed, renamed, linked or given other
// permissions has the content it had, and is read to its end.
func TestMovedWhileRead(t *testing.T) {
	const size = 1_200_000
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be replaced everywhere here")
	}
	for name, move := range map[string]func(s *Store, path string) error{
		"removed":   func(_ *Store, path string) error { return os.Remove(path) },
		"renamed":   func(_ *Store, path string) error { return os.Rename(path, path+".bak") },
		"linked":    func(_ *Store, path string) error { return os.Link(path, path+".bak") },
		"protected": func(_ *Store, path string) error { return os.Chmod(path, 0o400) },
		"touched back": func(_ *Store, path string) error {
			fi, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Chtimes(path, time.Now(), fi.ModTime())
		},
		"replaced": func(_ *Store, path string) error {
			return errors.Join(os.WriteFile(path+".new", make([]byte, size), 0o666), os.Rename(path+".new", path))
		},
		"replaced by a commit": func(s *Store, _ string) error {
			d, err := s.Stage(context.Background(), "a", strings.NewReader("other"))
			if err != nil {
				return err
			}
			_, err = d.Commit(context.Background(), store.Any)
			return err
		},
		"deleted": func(s *Store, _ string) error {
			_, err := s.Delete(context.Background(), "a", store.Any)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openAt(t, dir, Options{})
			path := filepath.Join(dir, "a")
			check(t, os.WriteFile(path, bytes.Repeat([]byte{'x'}, size), 0o666))
			c, err := s.Open(t.Context(), "a", 0)
			check(t, err)
			defer c.Close()
			w := &stream{t: t, before: func(write int) {
				if write == 2 {
					check(t, move(s, path))
				}
			}}
			if n, err := c.WriteRange(w, 0, size); n != size || err != nil {
				t.Errorf("%d bytes, error %v, want all %d", n, err, size)
			}
			if name == "replaced by a commit" && len(s.verified.known) > 0 {
				t.Error("the file was read once more, although it was this store that had moved it")
			}
		})
	}
}

// TestOpenWithoutSystemCalls: small content whose revision is given comes from
// memory, even if the directory is no longer there.
func TestOpenWithoutSystemCalls(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{})
	first := commit(t, s, "a", "first", store.Absent)
	second := commit(t, s, "a", "second", store.Any)
	check(t, os.RemoveAll(filepath.Join(dir, stateDir, "kept")))
	check(t, os.Remove(filepath.Join(dir, "a")))
	for content, info := range map[string]store.Info{"first": first, "second": second} {
		if got, text, err := readRevision(s, "a", info.Revision); err != nil || got != info || text != content {
			t.Errorf("revision %d: %+v, %q, error %v; want %+v", info.Revision, got, text, err, info)
		}
	}
}

// TestClosed: after Close everything fails with ErrClosed, but what is open can be
// read.
func TestClosed(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	large := strings.Repeat("x", 300_000)
	commit(t, s, "a", "content", store.Absent)
	commit(t, s, "b", large, store.Absent)
	var open []store.Content
	for _, name := range []string{"a", "b"} {
		c, err := s.Open(t.Context(), name, 0)
		check(t, err)
		open = append(open, c)
	}
	var drafts []store.Draft
	for _, content := range []string{"draft", large} {
		d, err := s.Stage(t.Context(), "a", strings.NewReader(content))
		check(t, err)
		drafts = append(drafts, d)
	}
	check(t, s.Close())
	check(t, s.Close())
	for method, err := range everyMethod(t, s, "a") {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: error %v, want ErrClosed", method, err)
		}
	}
	for _, d := range drafts {
		if _, err := d.Commit(t.Context(), store.Any); !errors.Is(err, store.ErrClosed) {
			t.Errorf("Commit after Close: error %v, want ErrClosed", err)
		}
		check(t, d.Abort(context.Background()))
	}
	for _, c := range open {
		if n, err := c.WriteRange(io.Discard, 0, c.Info().Size); n != c.Info().Size || err != nil {
			t.Errorf("WriteRange after Close: %d bytes, error %v", n, err)
		}
		check(t, c.Close())
	}
	s = openAt(t, dir, Options{})
	wantPlain(t, s, "a", "content")
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestReadOnly: a store opened read-only writes nothing at all.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "a"), []byte("content"), 0o666))
	s := openAt(t, dir, Options{ReadOnly: true})
	info, err := s.Stat(t.Context(), "a")
	check(t, err)
	_, content, err := readCurrent(s, "a")
	if content != "content" || err != nil {
		t.Errorf("a holds %q, error %v", content, err)
	}
	if _, err := s.Stage(t.Context(), "b", strings.NewReader("content")); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Stage: error %v, want ErrReadOnly", err)
	}
	if _, err := s.Delete(t.Context(), "a", store.At(info.Revision)); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Delete: error %v, want ErrReadOnly", err)
	}
	check(t, os.WriteFile(filepath.Join(dir, "a"), []byte("changed"), 0o666))
	if now, err := s.Stat(t.Context(), "a"); err != nil || now.Revision <= info.Revision {
		t.Errorf("Stat after a change: %+v, error %v; want a revision after %d", now, err, info.Revision)
	}
	if n := len(allRevisions(t, s, "a")); n != 1 {
		t.Errorf("there are %d revisions, want 1", n)
	}
	check(t, s.Close())
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory has %v, error %v; want the one file", entries, err)
	}
}

func allRevisions(t *testing.T, s *Store, name string) (all []store.Info) {
	for info, err := range s.Revisions(t.Context(), name) {
		check(t, err)
		all = append(all, info)
	}
	return all
}

// TestStatAllocates next to nothing: the name with a zero behind it, for the
// system.
func TestStatAllocates(t *testing.T) {
	s := openAt(t, fastDir(t), Options{})
	commit(t, s, "d/a", "content", store.Absent)
	if got := testing.AllocsPerRun(100, func() {
		if _, err := s.Stat(t.Context(), "d/a"); err != nil {
			t.Error(err)
		}
	}); got > maxStatAllocs {
		t.Errorf("Stat allocates %v times, want %d at most", got, maxStatAllocs)
	}
}

// TestBackpressure: writers wait for a checkpoint when the journal is full, and
// none of them waits for ever.
func TestBackpressure(t *testing.T) {
	s := openAt(t, fastDir(t), Options{journalLimit: journalHeader + 1, KeepBytes: 1000})
	done := make(chan error)
	for range 4 {
		go func() {
			var err error
			for range 5 {
				if _, e := (scripted{name: "a", size: 100}).perform(s, 1); e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestNodeLimit: names pushed out of memory are found in the index.
func TestNodeLimit(t *testing.T) {
	s := openAt(t, fastDir(t), Options{Sync: SyncNone})
	s.nodes.limit = 2
	infos := make(map[string]store.Info)
	for i := range 1000 {
		name := "d" + strings.Repeat("x", i%7) + "/" + time.Duration(i).String()
		infos[name] = commit(t, s, name, name, store.Absent)
	}
	for name, want := range infos {
		if got, err := s.Stat(t.Context(), name); err != nil || got != want {
			t.Fatalf("Stat(%q): %+v, error %v; want %+v", name, got, err, want)
		}
	}
	total := 0
	for i := range s.nodes.shards {
		total += len(s.nodes.shards[i].m)
	}
	if total > 2*len(s.nodes.shards) {
		t.Errorf("%d names are in memory, want %d at most", total, 2*len(s.nodes.shards))
	}
}

// TestAbsentNamesTakeNoMemory, however many are asked for.
func TestAbsentNamesTakeNoMemory(t *testing.T) {
	s := openAt(t, fastDir(t), Options{})
	for i := range 100 {
		name := time.Duration(i).String()
		if _, err := s.Stat(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Stat(%q): %v", name, err)
		}
	}
	for i := range s.nodes.shards {
		if n := len(s.nodes.shards[i].m); n > 0 {
			t.Errorf("%d names are in memory", n)
		}
	}
}
