package dirstore

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// damages are what a page may have become.
var damages = map[string]func(page []byte, r *rand.Rand){
	"zeros":    func(page []byte, _ *rand.Rand) { clear(page) },
	"ones":     func(page []byte, _ *rand.Rand) { copy(page, bytes.Repeat([]byte{0xff}, len(page))) },
	"noise":    func(page []byte, r *rand.Rand) { fillNoise(page, r) },
	"half":     func(page []byte, r *rand.Rand) { fillNoise(page[len(page)/2:], r) },
	"one bit":  func(page []byte, r *rand.Rand) { page[r.IntN(len(page))] ^= 1 << r.IntN(8) },
	"in front": func(page []byte, r *rand.Rand) { page[r.IntN(64)] ^= 1 << r.IntN(8) },
}

func fillNoise(b []byte, r *rand.Rand) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// TestDamagedPages damages each page of the index and of the journal in turn, after the process
// was killed. The store starts, has all that was committed, and nothing that was
// deleted: by a client, or by another program.
func TestDamagedPages(t *testing.T) {
	dir := fastDir(t)
	want := map[string]string{"rm": "", "deleted": ""}
	s := openAt(t, dir, Options{manual: true, Keep: 2})
	for i := range 40 {
		name := fmt.Sprint("d/", strings.Repeat("long name ", 10), i)
		for n := range 1 + i%3 {
			want[name] = fmt.Sprint("content ", i, n)
			commit(t, s, name, want[name], store.Any)
		}
		if i == 25 {
			commit(t, s, "rm", "removed by its owner", store.Absent)
			commit(t, s, "deleted", "deleted by a client", store.Absent)
			check(t, s.checkpoint(false))
			check(t, os.Remove(filepath.Join(dir, "rm")))
			_, err := s.Delete(t.Context(), "deleted", store.Any)
			check(t, err)
		}
	}
	s.abandon()
	files := []string{"index", "journal0", "journal1"}
	saved := map[string][]byte{}
	for _, file := range files {
		b, err := os.ReadFile(filepath.Join(dir, stateDir, file))
		check(t, err)
		saved[file] = b
	}
	r := rand.New(rand.NewPCG(4, 12))
	tries := 0
	for _, file := range files {
		for at := 0; at < len(saved[file]); at += os.Getpagesize() {
			for _, name := range slices.Sorted(maps.Keys(damages)) {
				damage := damages[name]
				for _, f := range files {
					b := slices.Clone(saved[f])
					if f == file {
						damage(b[at:at+os.Getpagesize()], r)
					}
					check(t, os.WriteFile(filepath.Join(dir, stateDir, f), b, 0o600))
				}
				tries++
				wantAll(t, dir, want)
				if t.Failed() {
					t.Fatalf("page %d of %s became %s", at/os.Getpagesize(), file, name)
				}
			}
		}
	}
	t.Logf("%d damaged states", tries)
}

// wantAll opens the store in dir and compares it with want.
func wantAll(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	s, err := Open(dir, Options{manual: true, Keep: 2})
	if err != nil {
		t.Errorf("Open: %v", err)
		return
	}
	for name, content := range want {
		if _, got, _ := readCurrent(s, name); got != content {
			t.Errorf("%q holds %q, want %q", name, got, content)
		}
	}
	check(t, s.Close())
	aside, err := filepath.Glob(filepath.Join(dir, stateDir, "index.damaged-*"))
	check(t, err)
	for _, file := range aside {
		check(t, os.Remove(file))
	}
}

// TestDamagedElements flips bits of the first elements of each page: the page stays one that can be
// walked through, and says something else.
func TestDamagedElements(t *testing.T) {
	dir := fastDir(t)
	want := map[string]string{}
	s := openAt(t, dir, Options{manual: true, Keep: 2})
	for i := range 40 {
		name := fmt.Sprint("d/", strings.Repeat("long name ", 10), i)
		for n := range 1 + i%3 {
			want[name] = fmt.Sprint("content ", i, n)
			commit(t, s, name, want[name], store.Any)
		}
	}
	check(t, s.checkpoint(false))
	s.abandon()
	index := filepath.Join(dir, stateDir, "index")
	saved, err := os.ReadFile(index)
	check(t, err)
	page := os.Getpagesize()
	for at := 0; at < len(saved); at += page {
		for i := boltHeader; i < boltHeader+3*boltElement; i++ {
			for _, bit := range []byte{1 << 0, 1 << 3} {
				b := slices.Clone(saved)
				b[at+i] ^= bit
				check(t, os.WriteFile(index, b, 0o600))
				if checkIndex(index) != nil {
					continue // TestDamagedPages
				}
				wantAll(t, dir, want)
				if t.Failed() {
					t.Fatalf("byte %d of page %d became %#x", i, at/page, b[at+i])
				}
			}
		}
	}
}

// TestIndexWithoutDescriptors: an index that could not be opened for want of file descriptors
// is not damaged: the store does not start, and starts with it the next time.
func TestIndexWithoutDescriptors(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENOMEM, syscall.EACCES, syscall.EIO} {
		if isDamage(fmt.Errorf("open index: %w", err)) {
			t.Errorf("%v is taken for damage", err)
		}
	}
}

// TestSettledRecordsStaySettled: what the journal has had a checkpoint for is not carried out
// again when the index is gone, however long the file it is in stays.
func TestSettledRecordsStaySettled(t *testing.T) {
	for _, session := range []string{"", "after a loss of power"} {
		dir := fastDir(t)
		s := openAt(t, dir, Options{manual: true})
		commit(t, s, "a", "content", store.Absent)
		check(t, s.checkpoint(false))
		check(t, os.Remove(filepath.Join(dir, "a")))
		s.abandon()
		check(t, os.Remove(filepath.Join(dir, stateDir, "index")))
		s = openAt(t, dir, Options{session: session})
		wantPlain(t, s, "a", "")
	}
}
