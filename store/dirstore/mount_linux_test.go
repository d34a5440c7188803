package dirstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fourtwelve/fourtwelve/store"
)

// requireEnv turns the skipping of tests that need more than Go into failures.
const requireEnv = "FOURTWELVE_REQUIRE_PEERS"

// unavailable skips the test, or fails it where that is not allowed.
func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv(requireEnv) == "1" {
		t.Fatalf("%s, and %s=1 does not let this test be skipped", why, requireEnv)
	}
	t.Skip(why)
}

// command runs a program that may not be there or not be allowed.
func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		unavailable(t, fmt.Sprintf("%s %s: %v: %s", name, strings.Join(args, " "), err, out))
	}
}

// mount mounts a file system until the test ends or the returned function is
// called, and returns where.
func mount(t *testing.T, args ...string) (dir string, umount func()) {
	t.Helper()
	if os.Getuid() != 0 {
		unavailable(t, "only root can mount a file system for this test")
	}
	dir = t.TempDir()
	command(t, "mount", append(args, dir)...)
	umount = sync.OnceFunc(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	t.Cleanup(umount)
	return dir, umount
}

// tmpfs mounts a small file system in memory.
func tmpfs(t *testing.T, size string) string {
	dir, _ := mount(t, "-t", "tmpfs", "-o", "size="+size, "tmpfs")
	return dir
}

// losePower makes the ext4 file system at dir forget what it has not written to
// its device, and refuse everything from then on.
func losePower(t *testing.T, dir string) {
	t.Helper()
	const ext4IOCShutdown, noLogFlush = 0x8004587d, 2
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), ext4IOCShutdown, noLogFlush); err != nil {
		unavailable(t, fmt.Sprintf("ext4 cannot be shut down: %v", err))
	}
}

// TestPowerLoss writes to a file system that loses, at some moment, all that was
// not synced, as a disk does that loses power. What had been committed is there
// afterwards.
func TestPowerLoss(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(96<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	command(t, "mkfs.ext4", "-q", "-F", image)
	// So little is kept that checkpoints are busy dropping it.
	o := Options{Keep: 4, KeepBytes: 20_000}
	ledger := newLedger()
	const rounds = 6
	for round := range rounds {
		dir, umount := mount(t, "-o", "loop", image)
		s := openAt(t, dir, o)
		ledger.check(t, s)
		if t.Failed() {
			t.Fatalf("after loss %d", round)
		}
		ledger.write(s, uint64(round), 60+50*int64(round), func() { losePower(t, dir) })
		s.abandon()
		umount()
	}
	dir, _ := mount(t, "-o", "loop", image)
	s := openAt(t, dir, o)
	ledger.check(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A ledger knows of names, each written by one goroutine, what was committed last
// and what may have been since: "" stands for nothing.
type ledger struct {
	names []ledgerName
}

type ledgerName struct {
	committed string
	revision  store.Revision
	possible  []string
}

func newLedger() *ledger { return &ledger{names: make([]ledgerName, 8)} }

func ledgerFile(i int) string {
	return []string{"a", "b", "c", "d/a", "d/b", "d/e/f/a", "g/a", "h"}[i]
}

// write lets all names be written to until the given number of writes has
// succeeded; then it calls end, and writes fail.
func (l *ledger) write(s *Store, seed uint64, writes int64, end func()) {
	var done atomic.Int64
	var once sync.Once
	var wg sync.WaitGroup
	for i := range l.names {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for n := range 10_000 {
				if !l.names[i].change(s, ledgerFile(i), fmt.Sprintf("round %d, write %d;", seed, n), r) {
					return
				}
				if done.Add(1) >= writes {
					once.Do(end)
				}
				if i == 0 && r.IntN(20) == 0 {
					signal(s.checkpoints.full)
				}
			}
		})
	}
	wg.Wait()
}

// change writes or deletes the name, and reports whether that succeeded.
func (n *ledgerName) change(s *Store, name, content string, r *rand.Rand) bool {
	if n.committed != "" && r.IntN(8) == 0 {
		n.possible = append(n.possible, "")
		if _, err := s.Delete(context.Background(), name, store.Any); err != nil {
			return false
		}
		*n = ledgerName{}
		return true
	}
	size := []int{20, 1000, 1000, 5000, 80_000}[r.IntN(5)]
	content += strings.Repeat("x", max(0, size-len(content)))
	d, err := s.Stage(context.Background(), name, strings.NewReader(content))
	if err != nil {
		return false
	}
	defer d.Abort(context.Background())
	n.possible = append(n.possible, content)
	info, err := d.Commit(context.Background(), store.Any)
	if err != nil {
		return false
	}
	*n = ledgerName{committed: content, revision: info.Revision}
	return true
}

// check compares s with the ledger, and takes over what it finds.
func (l *ledger) check(t *testing.T, s *Store) {
	t.Helper()
	for i := range l.names {
		n := &l.names[i]
		info, content, err := readCurrent(s, ledgerFile(i))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", ledgerFile(i), err)
			continue
		}
		known := content == n.committed
		if known && info.Revision != n.revision {
			t.Errorf("%q has revision %d, the commit returned %d", ledgerFile(i), info.Revision, n.revision)
		}
		for _, p := range n.possible {
			known = known || content == p
		}
		if !known {
			t.Errorf("%q holds %.40q, want %.40q or one of %d later ones", ledgerFile(i), content, n.committed, len(n.possible))
		}
		*n = ledgerName{committed: content, revision: info.Revision}
	}
	if left, _ := strayFiles(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	checkPlain(t, s)
	checkHistory(t, s, true)
}

// TestFullDisk: on a disk that is full a write is ErrNoSpace, whatever it has come
// to; nothing is lost, and what was there can be read and deleted.
func TestFullDisk(t *testing.T) {
	dir := tmpfs(t, "2M")
	s := openAt(t, dir, Options{})
	infos := make(map[string]store.Info)
	for _, name := range []string{"a", "b", "d/c"} {
		infos[name] = commit(t, s, name, "content of "+name, store.Absent)
	}
	fillUp(t, filepath.Join(dir, "filler"))
	for _, size := range []int{1000, 60_000, 3_000_000} {
		for _, name := range []string{"a", "new", "d/new"} {
			d, err := s.Stage(t.Context(), name, strings.NewReader(strings.Repeat("x", size)))
			if err == nil {
				_, err = d.Commit(t.Context(), store.Any)
				check(t, d.Abort(context.Background()))
			}
			if !errors.Is(err, store.ErrNoSpace) {
				t.Errorf("writing %d bytes to %q: error %v, want ErrNoSpace", size, name, err)
			}
		}
	}
	for name, want := range infos {
		if got, err := s.Stat(t.Context(), name); err != nil || got != want {
			t.Errorf("Stat(%q): %+v, error %v; want %+v", name, got, err, want)
		}
		wantPlain(t, s, name, "content of "+name)
	}
	if _, err := s.Delete(t.Context(), "b", store.At(infos["b"].Revision)); err != nil {
		t.Errorf("Delete: %v", err)
	}
	wantPlain(t, s, "b", "")
	check(t, os.Remove(filepath.Join(dir, "filler")))
	commit(t, s, "a", strings.Repeat("x", 100_000), store.At(infos["a"].Revision))
	check(t, s.Close())
	s = openAt(t, dir, Options{})
	wantPlain(t, s, "a", strings.Repeat("x", 100_000))
	wantPlain(t, s, "b", "")
	wantPlain(t, s, "new", "")
	wantPlain(t, s, "d/c", "content of d/c")
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// fillUp writes a file until there is no space left.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	check(t, err)
	defer f.Close()
	for block := 1 << 16; block > 0; {
		if _, err := f.Write(make([]byte, block)); errors.Is(err, unix.ENOSPC) {
			block /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDiskFromTheStart: a store that cannot even begin says why.
func TestFullDiskFromTheStart(t *testing.T) {
	dir := tmpfs(t, "64k")
	fillUp(t, filepath.Join(dir, "filler"))
	if _, err := Open(dir, Options{}); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("Open: error %v, want ErrNoSpace", err)
	}
	s := openAt(t, dir, Options{ReadOnly: true})
	if _, err := s.Stat(t.Context(), "filler"); err != nil {
		t.Errorf("Stat: %v", err)
	}
}

// TestReadOnlyDisk: a file system that can only be read can be opened read-only,
// and for writing is ErrReadOnly.
func TestReadOnlyDisk(t *testing.T) {
	dir := tmpfs(t, "4M")
	s := openAt(t, dir, Options{})
	commit(t, s, "a", "content", store.Absent)
	check(t, s.Close())

	command(t, "mount", "-o", "remount,ro", dir)
	if _, err := Open(dir, Options{}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Open: error %v, want ErrReadOnly", err)
	}
	r := openAt(t, dir, Options{ReadOnly: true})
	wantPlain(t, r, "a", "content")
}

// TestMountedInside: a file system mounted inside the directory can be read, but
// not written to.
func TestMountedInside(t *testing.T) {
	dir := tmpfs(t, "4M")
	inside := filepath.Join(dir, "mounted")
	check(t, os.Mkdir(inside, 0o777))
	command(t, "mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", inside)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", inside).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	check(t, os.WriteFile(filepath.Join(inside, "a"), []byte("content"), 0o666))
	s := openAt(t, dir, Options{})
	wantPlain(t, s, "mounted/a", "content")
	for _, name := range []string{"mounted/a", "mounted/new"} {
		d, err := s.Stage(t.Context(), name, strings.NewReader("ours"))
		check(t, err)
		if _, err := d.Commit(t.Context(), store.Any); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("Commit to %q: error %v, want ErrReadOnly", name, err)
		}
	}
	if _, err := s.Delete(t.Context(), "mounted/a", store.Any); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Delete: error %v, want ErrReadOnly", err)
	}
	wantPlain(t, s, "mounted/a", "content")
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestOpenSole: a file is only written over if nobody can be reading it.
func TestOpenSole(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	check(t, err)
	defer root.Close()
	top, err := openFolder(root, ".")
	check(t, err)
	defer top.Close()
	path := filepath.Join(dir, "a")
	check(t, os.WriteFile(path, []byte("content"), 0o666))

	f, _, err := openSole(top, "a")
	if err != nil {
		t.Fatalf("a file nobody has open: %v", err)
	}
	check(t, f.close())
	for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
		open, err := os.OpenFile(path, flag, 0)
		check(t, err)
		if f, _, err := openSole(top, "a"); err == nil {
			t.Errorf("a file that is open with flag %x can be written over", flag)
			f.close()
		}
		check(t, open.Close())
	}
	open, err := os.Open(path)
	check(t, err)
	mapped, err := unix.Mmap(int(open.Fd()), 0, 7, unix.PROT_READ, unix.MAP_SHARED)
	check(t, err)
	check(t, open.Close())
	if f, _, err := openSole(top, "a"); err == nil {
		t.Error("a file that is mapped can be written over")
		f.close()
	}
	check(t, unix.Munmap(mapped))
	check(t, os.Link(path, path+"2"))
	if f, _, err := openSole(top, "a"); err == nil {
		t.Error("a file with two names can be written over")
		f.close()
	}
}

// TestHistoryOnASmallDisk: names that come and go, and files that are replaced, never fill a
// file system for good, whether its bytes or its files run out first.
func TestHistoryOnASmallDisk(t *testing.T) {
	dir, _ := mount(t, "-t", "tmpfs", "-o", "size=24m,nr_inodes=300", "tmpfs")
	s := openAt(t, dir, Options{Sync: SyncNone})
	for i := range 3000 {
		name := fmt.Sprint("n", i)
		commit(t, s, name, "x", store.Absent)
		_, err := s.Delete(t.Context(), name, store.Any)
		check(t, err)
	}
	for i := range 40 {
		commit(t, s, "large", fmt.Sprint(i, strings.Repeat("x", 2<<20)), store.Any)
		if i%10 == 9 {
			_, err := s.Delete(t.Context(), "large", store.Any)
			check(t, err)
		}
	}
	commit(t, s, "last", strings.Repeat("x", 8<<20), store.Absent)
	checkHistory(t, s, false)
}
