package dirstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// growing is a context in which a file grows whenever it is read: whoever reads it looks at
// the context for each part.
type growing struct {
	context.Context
	t    *testing.T
	path string
	size int
}

// growingFile makes a large file that grows.
func growingFile(t *testing.T, path string) *growing {
	t.Helper()
	g := &growing{t.Context(), t, path, 700_000}
	check(t, os.WriteFile(path, logBytes(0, g.size), 0o666))
	return g
}

func (g *growing) Err() error {
	f, err := os.OpenFile(g.path, os.O_WRONLY|os.O_APPEND, 0)
	check(g.t, err)
	_, err = f.Write(logBytes(g.size, g.size+100))
	check(g.t, errors.Join(err, f.Close()))
	g.size += 100
	return g.Context.Err()
}

// logBytes is what the file has from one offset to another.
func logBytes(from, to int) []byte {
	b := make([]byte, to-from)
	for i := range b {
		at := from + i
		b[i] = byte(at>>16) ^ byte(at>>8) ^ byte(at)
	}
	return b
}

// TestGrowingFile: of a file that never holds still, what was there when it was asked for
// is read, whole and in ranges.
func TestGrowingFile(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	ctx := growingFile(t, filepath.Join(dir, "log"))
	last := store.Info{}
	for range 5 {
		info, err := s.Stat(ctx, "log")
		check(t, err)
		if info.Revision <= last.Revision || info.Size <= last.Size {
			t.Errorf("after %+v there is %+v, although the file has grown", last, info)
		}
		c, err := s.Open(ctx, "log", info.Revision)
		check(t, err)
		want := logBytes(0, int(info.Size))
		if sha256.Sum256(want) != info.Digest {
			t.Errorf("the digest is not that of the first %d bytes", info.Size)
		}
		for _, r := range [][2]int64{{0, info.Size}, {info.Size - 10, 10}, {100, chunkSize}, {chunkSize - 1, 2}, {info.Size, 0}} {
			var b bytes.Buffer
			if n, err := c.WriteRange(&b, r[0], r[1]); n != r[1] || err != nil || !bytes.Equal(b.Bytes(), want[r[0]:r[0]+r[1]]) {
				t.Errorf("WriteRange(%d, %d): %d bytes, error %v", r[0], r[1], n, err)
			}
		}
		p := make([]byte, 100)
		if n, err := c.ReadAt(p, info.Size-50); n != 50 || err != io.EOF || !bytes.Equal(p[:50], want[info.Size-50:]) {
			t.Errorf("ReadAt the end: %d bytes, error %v", n, err)
		}
		check(t, c.Close())
		// Who was told of the revision before can still have it.
		if last.Exists() {
			c, err := s.Open(ctx, "log", last.Revision)
			check(t, err)
			if c.Info() != last {
				t.Errorf("opened %+v, want %+v", c.Info(), last)
			}
			check(t, c.Close())
		}
		last = info
	}
}

// TestGrowingFileChangedInPlace: a growing file that is also changed where it was is not
// sent as what it was.
func TestGrowingFileChangedInPlace(t *testing.T) {
	for name, change := range inPlace {
		if name == "grown" {
			continue
		}
		dir := t.TempDir()
		s := openAt(t, dir, Options{})
		path := filepath.Join(dir, "log")
		ctx := growingFile(t, path)
		info, err := s.Stat(ctx, "log")
		check(t, err)
		c, err := s.Open(ctx, "log", info.Revision)
		check(t, err)
		if _, ok := c.(*grownContent); !ok {
			t.Fatalf("the content is a %T", c)
		}
		check(t, change(path))
		var b bytes.Buffer
		n, err := c.WriteRange(&b, 0, info.Size)
		if n >= info.Size || !errors.Is(err, store.ErrChanged) || !bytes.Equal(b.Bytes(), logBytes(0, b.Len())) {
			t.Errorf("%s: %d bytes, error %v, want ErrChanged", name, n, err)
		}
		check(t, errors.Join(c.Close(), s.Close()))
	}
}
