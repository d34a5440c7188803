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
	for file := range filesIn(t, dir) {
		if strings.HasSuffix(file, ".part") || filepath.Base(filepath.Dir(file)) == "content" {
			t.Errorf("%s belongs to nothing", file)
		}
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

// TestDiskUsesNothingTorn changes each file that is there, as a faulty disk may: what is read is right, or nothing.
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
			store(t, d, "long", strings.Repeat("l", 100_000))
			d.Close()
			for file := range filesIn(t, dir) {
				if base := filepath.Base(file); base == "lock" || base == "state" {
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
				for key := range torn.All() {
					want := strings.Repeat(key[len(key)-1:], 1000)
					if key == "long" {
						want = strings.Repeat("l", 100_000)
					}
					if content, err := read(torn, key); err == nil && content != want {
						t.Errorf("%s: the content of %s is %q", file, key, short(content))
					}
				}
				torn.Close()
				if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestDiskKeepsWhatIsWhole: a process that is killed at any byte of the log leaves what was written down before, and nothing else.
func TestDiskKeepsWhatIsWhole(t *testing.T) {
	dir := t.TempDir()
	d := openDisk(t, dir)
	defer d.Close()
	for i := range 5 {
		store(t, d, "a", strings.Repeat(fmt.Sprint(i), 20+i))
	}
	d.Store("a", nil)
	store(t, d, "b", "b")
	logs, err := filepath.Glob(filepath.Join(dir, "log", "*"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	whole, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for end := 0; end < len(whole)+13; end += 13 { // no record is as short
		end = min(end, len(whole))
		killed := t.TempDir()
		if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(killed, "log", filepath.Base(logs[0])), int64(end)); err != nil {
			t.Fatal(err)
		}
		next := openDisk(t, killed)
		state := ""
		for _, key := range []string{"a", "b"} {
			if content, err := read(next, key); err == nil {
				state += key + content[:1]
			}
		}
		if len(seen) == 0 || seen[len(seen)-1] != state {
			seen = append(seen, state)
		}
		if end%5 == 0 { // what comes after is found as well
			store(t, next, "c", "c")
			next.Close()
			next = openDisk(t, killed)
			if content, err := read(next, "c"); content != "c" {
				t.Fatalf("cut at %d: what was stored then is %q, %v", end, content, err)
			}
		}
		next.Close()
	}
	if got, want := strings.Join(seen, " "), " a0 a1 a2 a3 a4  bb"; got != want {
		t.Errorf("the states are %q, want %q", got, want)
	}
}

// TestDiskAfterALossOfPower: nothing of what may be torn, or older than what was said of it, is believed.
func TestDiskAfterALossOfPower(t *testing.T) {
	dir := t.TempDir()
	d := openDisk(t, dir)
	fill(t, d, 5, 1000)
	store(t, d, "long", strings.Repeat("l", 100_000))
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if d = openDisk(t, dir); d.Usage().Keys != 6 {
		t.Errorf("%d of 6 after it was closed", d.Usage().Keys)
	}
	d.Close()
	if err := os.WriteFile(filepath.Join(copied, "state"), []byte("running since boot another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d = openDisk(t, copied)
	defer d.Close()
	if files := filesIn(t, copied); d.Usage().Keys != 0 || len(files) != 2 { // the lock and the state
		t.Errorf("after a loss of power there are %d, and %v", d.Usage().Keys, files)
	}
}

// TestDiskGivesBack what does not count any more, and keeps what does, however often it is written.
func TestDiskGivesBack(t *testing.T) {
	dir := t.TempDir()
	d := openDisk(t, dir)
	store(t, d, "stays", strings.Repeat("s", 10_000))
	open, err := d.Load("stays")[0].Pieces[0].Content.Open()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		store(t, d, fmt.Sprint("http://example.org/", i%50), strings.Repeat(fmt.Sprint(i%10), 20_000+i))
		d.Load("stays")
	}
	var sum int64
	for _, size := range filesIn(t, dir) {
		sum += size
	}
	if sum > 4<<20 {
		t.Errorf("%d bytes of files", sum)
	}
	if content, err := io.ReadAll(io.NewSectionReader(open, 0, 1<<20)); err != nil || string(content) != strings.Repeat("s", 10_000) {
		t.Errorf("who reads it meanwhile has %q, %v", short(string(content)), err)
	}
	open.Close()
	d.Close()
	d = openDisk(t, dir)
	defer d.Close()
	if content, err := read(d, "stays"); content != strings.Repeat("s", 10_000) {
		t.Errorf("what has been moved is %q, %v", short(content), err)
	}
	for key := range d.All() {
		if content, err := read(d, key); err != nil || key != "stays" && len(content) < 20_000 {
			t.Errorf("%s is %q, %v", key, short(content), err)
		}
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
