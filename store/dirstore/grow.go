package dirstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fourtwelve/fourtwelve/store"
)

// A file that grows faster than it can be read, such as a log, is never found to be the
// same before and after. What can be served of it is what was there when the look began:
// so much of the file, read once to make its digest and the sums of its parts, and then
// compared with these, part by part, when it is sent. What has the same bytes at two
// moments had them at the moments between, unless it changed twice; and so all of it was
// there when the first reading had ended.

// grown is a revision of a growing file: its first info.Size bytes.
type grown struct {
	info store.Info
	id   fileID
	sums []partSum // of each chunkSize bytes; the last may be of fewer
	// before is the revision before it, for those who were told of that one.
	before *grown
}

// growingCost makes a write to a file that keeps growing give up early: each try reads
// all of it.
const growingCost = maxTries / 3

type partSum [16]byte

// maxGrown is how many revisions of a growing file can be opened.
const maxGrown = 4

func sumOf(part []byte) partSum {
	sum := sha256.Sum256(part)
	return partSum(sum[:len(partSum{})])
}

// hashGrowing reads so much of f as is there now. The error errMoved means that the
// file has changed meanwhile without becoming longer.
func (s *Store) hashGrowing(ctx context.Context, f *os.File) (sighting, error) {
	before, err := statFile(f)
	if err != nil {
		return sighting{}, err
	}
	if !before.mode.IsRegular() {
		return sighting{}, errMoved
	}
	seen := sighting{id: before.id}
	h, parts := sha256.New(), io.NewSectionReader(f, 0, seen.id.size)
	buf := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(buf)
	for left := seen.id.size; left > 0; {
		if ctx.Err() != nil {
			return sighting{}, context.Cause(ctx)
		}
		part := buf[:min(chunkSize, left)]
		if _, err := io.ReadFull(parts, part); err != nil {
			return sighting{}, shortRead(err)
		}
		h.Write(part)
		seen.sums = append(seen.sums, sumOf(part))
		left -= int64(len(part))
	}
	h.Sum(seen.digest[:0])
	after, err := statFile(f)
	if err == nil && after.id != before.id && after.id.size <= before.id.size {
		err = errMoved
	}
	return seen, err
}

// find returns revision rev of g or before it.
func (g *grown) find(rev store.Revision) *grown {
	for ; g != nil; g = g.before {
		if g.info.Revision == rev {
			return g
		}
	}
	return nil
}

// growing returns what can be opened of revision rev, or nil. e may be nil.
func (e *entry) growing(rev store.Revision) *grown {
	if !e.exists() {
		return nil
	}
	return e.grown.find(rev)
}

// atMost returns a copy of g with so many revisions.
func (g *grown) atMost(n int) *grown {
	if g == nil || n == 0 {
		return nil
	}
	copied := *g
	copied.before = g.before.atMost(n - 1)
	return &copied
}

// open opens g. The error errMoved means that the file is another one, or is shorter now.
func (g *grown) open(s *Store) (store.Content, error) {
	f, err := s.openName(g.info.Name)
	if err != nil {
		if isAbsent(err) {
			return nil, errMoved
		}
		return nil, readError(g.info.Name, err)
	}
	st, err := statFile(f)
	if err != nil || !st.id.sameFile(g.id) || st.id.size < g.info.Size {
		f.Close()
		return nil, errMoved
	}
	return &grownContent{g, f}, nil
}

// grownContent is the content of a revision of a growing file.
type grownContent struct {
	*grown
	f *os.File
}

func (c *grownContent) Info() store.Info { return c.info }
func (c *grownContent) Close() error     { return c.f.Close() }

func (c *grownContent) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at negative offset %d", off)
	}
	n := max(0, min(int64(len(p)), c.info.Size-off))
	w := &sliceWriter{p[:0]}
	if _, err := c.WriteRange(w, off, n); err != nil {
		return 0, err
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// sliceWriter appends to a slice that has room.
type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// WriteRange writes what is still as it was: each part is read whole, compared, and
// then written.
func (c *grownContent) WriteRange(w io.Writer, off, n int64) (written int64, err error) {
	buf := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(buf)
	for written < n {
		at := off + written
		i := at / chunkSize
		start := i * chunkSize
		part := buf[:min(chunkSize, c.info.Size-start)]
		if got, err := c.f.ReadAt(part, start); got < len(part) && !errors.Is(err, io.EOF) {
			return written, readError(c.info.Name, err)
		} else if got < len(part) || sumOf(part) != c.sums[i] {
			return written, fmt.Errorf("%q: %w", c.info.Name, store.ErrChanged)
		}
		part = part[at-start:]
		m, err := w.Write(part[:min(int64(len(part)), n-written)])
		written += int64(m)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
