package cache_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
)

// fill stores content of that length under n keys.
func fill(t *testing.T, s cache.Storage, n, length int) {
	t.Helper()
	for i := range n {
		store(t, s, fmt.Sprint("http://example.org/", i), strings.Repeat(fmt.Sprint(i%10), length))
	}
}

func store(t *testing.T, s cache.Storage, key, content string) {
	t.Helper()
	d, err := s.Draft(int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(d, content); err != nil {
		t.Fatal(err)
	}
	c, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	s.Store(key, []*cache.Entry{{
		Stored: &cache.Stored{
			Request: cache.Request{Method: "GET"}, Status: 200, Requested: start, Received: start,
			Header: map[string][]string{"Cache-Control": {"max-age=600"}, "Etag": {`"1"`}},
		},
		Pieces: []cache.Piece{{Content: c}},
	}})
}

// read returns the content that is stored under key.
func read(s cache.Storage, key string) (string, error) {
	entries := s.Load(key)
	if len(entries) == 0 {
		return "", fs.ErrNotExist
	}
	c, err := entries[0].Pieces[0].Content.Open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	content, err := io.ReadAll(io.NewSectionReader(c, 0, entries[0].Length()))
	return string(content), err
}

// TestStorageIsBounded stores much more than there is room for.
func TestStorageIsBounded(t *testing.T) {
	inEach(t, func(t *testing.T, storage func() cache.Storage) {
		s := storage()
		fill(t, s, 1000, 20_000)
		u := s.Usage()
		if u.Bytes > 4<<20 || u.Keys < 100 || u.Evicted < 500 {
			t.Errorf("got %+v", u)
		}
		if _, err := s.Draft(1 << 20); err == nil {
			t.Error("there is room for what is longer than an eighth")
		}
		n := 0
		for key, entries := range s.All() {
			if content, err := read(s, key); err != nil || int64(len(content)) != entries[0].Length() {
				t.Errorf("%s: %d bytes, %v", key, len(content), err)
			}
			n++
		}
		if int64(n) != s.Usage().Keys {
			t.Errorf("%d keys of %d", n, s.Usage().Keys)
		}
	})
}

// TestStorageKeepsWhatIsUsed asks for a few things often, while many are asked for once.
func TestStorageKeepsWhatIsUsed(t *testing.T) {
	inEach(t, func(t *testing.T, storage func() cache.Storage) {
		s := storage()
		store(t, s, "often", strings.Repeat("o", 20_000))
		for range 100 {
			s.Load("often")
		}
		for i := range 1000 {
			store(t, s, fmt.Sprint("once ", i), strings.Repeat("x", 20_000))
			if i%10 == 0 {
				s.Load("often")
			}
		}
		if _, err := read(s, "often"); err != nil {
			t.Error("a scan has displaced what is asked for often")
		}
	})
}

// TestDraftsAreBounded begins more than there is room for, and gives it up.
func TestDraftsAreBounded(t *testing.T) {
	inEach(t, func(t *testing.T, storage func() cache.Storage) {
		s := storage()
		for range 3 {
			var drafts []cache.Draft
			for {
				d, err := s.Draft(100_000)
				if err != nil {
					break
				}
				drafts = append(drafts, d)
			}
			if len(drafts) != 10 {
				t.Errorf("%d drafts of 100,000 bytes in a quarter of 4 MiB", len(drafts))
			}
			for _, d := range drafts {
				d.Discard()
				d.Close()
			}
		}
	})
}

// filesIn are the sizes of the files below dir.
func filesIn(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	files := make(map[string]int64)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		files[path] = info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func openDisk(t *testing.T, dir string) *cache.Disk {
	t.Helper()
	d, err := cache.NewDisk(dir, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDiskSurvivesARestart and leaves nothing behind that belongs to nothing.
func TestDiskSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	d := openDisk(t, dir)
	fill(t, d, 1000, 20_000)
	kept := d.Usage().Keys
	draft, err := d.Draft(10) // it is being written when the process ends
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(draft, "half")
	var sum int64
	for _, size := range filesIn(t, dir) {
		sum += size
	}
	if sum > 4<<20 {
		t.Errorf("%d bytes of files", sum)
	}
	d.Close()

	d = openDisk(t, dir)
	defer d.Close()
	if got := d.Usage().Keys; got != kept {
		t.Errorf("%d keys after the restart, %d before", got, kept)
	}
	for key := range d.All() {
		if content, err := read(d, key); err != nil || len(content) != 20_000 {
			t.Errorf("%s: %d bytes, %v", key, len(content), err)
		}
	}
	if files := filesIn(t, dir); int64(len(files)) != 2*kept+1 { // and the lock
		t.Errorf("%d files for %d keys", len(files), kept)
	}
}

// TestDiskIsForOneProcess alone.
func TestDiskIsForOneProcess(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the lock is not taken there")
	}
	dir := t.TempDir()
	first := openDisk(t, dir)
	if _, err := cache.NewDisk(dir, 0); !errors.Is(err, cache.ErrInUse) {
		t.Errorf("got %v while the directory is in use", err)
	}
	first.Close()
	openDisk(t, dir).Close()
}

// TestDiskUsesNothingTorn changes each file that is there, as a loss of power may: what is read is right, or nothing.
func TestDiskUsesNothingTorn(t *testing.T) {
	for name, tear := range map[string]func([]byte) []byte{
		"empty": func([]byte) []byte { return nil },
		"short": func(b []byte) []byte { return b[:len(b)/2] },
		"zeros": func(b []byte) []byte { return make([]byte, len(b)) },
		"a bit": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"long":  func(b []byte) []byte { return append(b, '}') },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDisk(t, dir)
			fill(t, d, 5, 1000)
			d.Close()
			for file := range filesIn(t, dir) {
				if filepath.Base(file) == "lock" {
					continue
				}
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				before := string(data)
				if err := os.WriteFile(file, tear(data), 0o600); err != nil {
					t.Fatal(err)
				}
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				torn := openDisk(t, copied)
				right := 0
				for i := range 5 {
					content, err := read(torn, fmt.Sprint("http://example.org/", i))
					switch {
					case err != nil:
					case content != strings.Repeat(fmt.Sprint(i), 1000):
						t.Errorf("%s: content %d is %q", file, i, short(content))
					default:
						right++
					}
				}
				if right != 4 {
					t.Errorf("%s: %d of 5 are there", file, right)
				}
				torn.Close()
				if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestDiskServesAcrossARestart has a transport on either side of it.
func TestDiskServesAcrossARestart(t *testing.T) {
	p := &page{content: "one", version: 1, control: "max-age=60"}
	dir := t.TempDir()
	first := openDisk(t, dir)
	s := newSite(t, cache.Options{Storage: first}, p.ServeHTTP)
	s.want(200, "one", 1)
	for first.Usage().Keys == 0 { // what is stored is stored when the answer has been read
		time.Sleep(time.Millisecond)
	}
	first.Close()
	second := openDisk(t, dir)
	defer second.Close()
	s.cache = cache.NewTransport(cache.Options{Storage: second, Base: http.DefaultTransport, Now: s.time})
	s.sleep(30 * time.Second)
	if resp := s.want(200, "one", 1); resp.Header.Get("Age") != "30" {
		t.Errorf("got Age %s", resp.Header.Get("Age"))
	}
}
