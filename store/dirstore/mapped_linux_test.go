package dirstore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fourtwelve/fourtwelve/store"
)

// TestMapped: a program that has mapped a file into its memory changes the same page
// again and again. Each change is noticed: by the next look, and by whoever is being sent
// the file.
func TestMapped(t *testing.T) {
	var fs unix.Statfs_t
	dir := t.TempDir()
	if err := unix.Statfs(dir, &fs); err != nil || fs.Type == unix.TMPFS_MAGIC {
		t.Skip("this file system does not notice the changes")
	}
	for _, size := range []int{1000, 600_000} {
		path := filepath.Join(dir, "a")
		check(t, os.WriteFile(path, bytes.Repeat([]byte{'x'}, size), 0o666))
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, err)
		mapped, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		check(t, err)
		check(t, f.Close())

		s := openAt(t, dir, Options{CacheBytes: -1})
		for i := range 5 {
			mapped[size-1] = byte('a' + i)
			// Before the times have settled, nobody would believe them anyway.
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
				e, err := s.find(t.Context(), "a")
				if check(t, err); e.entry.settled {
					break
				}
			}
			c, err := s.Open(t.Context(), "a", 0)
			check(t, err)
			last := make([]byte, 1)
			if _, err := c.ReadAt(last, int64(size-1)); err != nil || last[0] != mapped[size-1] {
				t.Errorf("size %d, change %d: got %q, error %v, want %q", size, i, last, err, mapped[size-1])
			}
			if size > smallSize {
				mapped[size-1] = 'z'
				w := &stream{t: t}
				if n, err := c.WriteRange(w, 0, int64(size)); n == int64(size) || !errors.Is(err, store.ErrChanged) {
					t.Errorf("change %d while it is open: %d bytes, error %v, want ErrChanged", i, n, err)
				}
			}
			check(t, c.Close())
		}
		check(t, errors.Join(unix.Munmap(mapped), s.Close()))
	}
}
