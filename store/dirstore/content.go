package dirstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/store"
)

// Open returns the content of one revision of name; of the current one if rev
// is 0. Small content that has been read before comes from memory; for an older
// revision, or one whose number is given, that takes no system call.
func (s *Store) Open(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if rev == 0 {
		return s.openCurrent(ctx, name)
	}
	return s.openRevision(ctx, name, rev)
}

func (s *Store) openCurrent(ctx context.Context, name string) (store.Content, error) {
	for range maxTries {
		e := s.unchanged(name)
		if e == nil {
			st, err := s.find(ctx, name)
			if err != nil {
				return nil, err
			}
			if e, err = st.content(name); err != nil {
				return nil, err
			}
		}
		c, err := s.openEntry(ctx, e)
		if !errors.Is(err, errMoved) {
			return c, err
		}
		s.distrust(e)
	}
	return nil, &changingError{name}
}

// content returns the entry of content that exists, or why there is none.
func (st state) content(name string) (*entry, error) {
	switch {
	case st.collection:
		return nil, fmt.Errorf("%q: %w", name, store.ErrIsCollection)
	case !st.entry.exists():
		return nil, notFound(name)
	}
	return st.entry, nil
}

func (s *Store) openRevision(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
	if c := s.remembered(name, rev); c != nil {
		return c, nil
	}
	// A look would find that the file has grown again.
	if g := s.nodes.peek(name).growing(rev); g != nil {
		if c, err := g.open(s); !errors.Is(err, errMoved) {
			return c, err
		}
	}
	if c := s.openKnown(ctx, name, rev); c != nil {
		return c, nil
	}
	for range maxTries {
		st, err := s.find(ctx, name)
		if err != nil {
			return nil, err
		}
		if g := st.entry.growing(rev); g != nil {
			c, err := g.open(s)
			if !errors.Is(err, errMoved) {
				return c, err
			}
			continue
		}
		if e := st.entry; e.exists() && e.info.Revision == rev {
			c, err := s.openEntry(ctx, e)
			if !errors.Is(err, errMoved) {
				return c, err
			}
			continue
		}
		k, ok := st.entry.findKept(rev)
		if ok {
			return s.openKept(ctx, name, k)
		}
		if _, err := st.content(name); err != nil {
			return nil, err
		}
		return nil, gone(name, rev)
	}
	return nil, &changingError{name}
}

func gone(name string, rev store.Revision) error {
	return fmt.Errorf("%q revision %s: %w", name, rev, store.ErrGone)
}

// remembered returns revision rev of name if memory holds it.
func (s *Store) remembered(name string, rev store.Revision) store.Content {
	e := s.nodes.peek(name)
	if e == nil {
		return nil
	}
	info := e.info
	if e.gone || info.Revision != rev {
		k, ok := e.findKept(rev)
		if !ok {
			return nil
		}
		info = k.info(name)
	}
	if data, ok := s.contents.get(info.Digest); ok {
		return &memContent{info, data}
	}
	return nil
}

// openKnown opens revision rev of name without looking for it first, if the file that is under name
// turns out to be the one that was hashed as that revision. Otherwise it returns nil. As in
// recognise it does not matter which way led to the file.
func (s *Store) openKnown(ctx context.Context, name string, rev store.Revision) store.Content {
	e := s.nodes.peek(name)
	if !e.exists() || !e.settled || e.info.Revision != rev || e.info.Size <= smallSize || s.trees.past(e) {
		return nil
	}
	f, err := openPlain(s.top, name)
	if err != nil {
		return nil
	}
	c, err := s.contentOf(ctx, f, e.info, e.id, true)
	if err != nil {
		f.Close()
		return nil
	}
	return c
}

// openEntry opens the content e says is current. The error errMoved means that
// it no longer is.
func (s *Store) openEntry(ctx context.Context, e *entry) (store.Content, error) {
	if data, ok := s.contents.get(e.info.Digest); ok {
		return &memContent{e.info, data}, nil
	}
	if e.grown != nil {
		return e.grown.open(s)
	}
	f, err := s.openName(e.info.Name)
	if err != nil {
		if isAbsent(err) {
			return nil, errMoved
		}
		return nil, readError(e.info.Name, err)
	}
	c, err := s.contentOf(ctx, f, e.info, e.id, e.settled)
	if err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

// openName opens the plain file that name leads to.
func (s *Store) openName(name string) (*os.File, error) {
	r, err := s.resolve(name)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if !r.stat.mode.IsRegular() {
		return nil, errMoved
	}
	return openPlain(r.dir, r.base)
}

// openKept opens a revision that was replaced or deleted.
func (s *Store) openKept(ctx context.Context, name string, k kept) (store.Content, error) {
	info := k.info(name)
	if data, ok := s.contents.get(k.digest); ok {
		return &memContent{info, data}, nil
	}
	if s.opts.ReadOnly {
		return nil, gone(name, k.revision)
	}
	f, err := openFile(s.state, k.path())
	if err != nil {
		if isAbsent(err) { // it has just been dropped
			return nil, gone(name, k.revision)
		}
		return nil, readError(name, err)
	}
	c, err := s.contentOf(ctx, f, info, k.id, !k.doubt)
	if errors.Is(err, errMoved) {
		c, err = s.rehashed(ctx, f, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

// rehashed is for a kept file that does not look as it did when it was put
// away: a program that had it open may have written to it.
func (s *Store) rehashed(ctx context.Context, f *os.File, info store.Info) (store.Content, error) {
	for range maxTries {
		seen, err := s.hashFile(ctx, f)
		switch {
		case errors.Is(err, errMoved):
			continue
		case err != nil:
			return nil, err
		case seen.digest != info.Digest:
			return nil, gone(info.Name, info.Revision)
		}
		return s.contentOf(ctx, f, info, seen.id, true)
	}
	return nil, gone(info.Name, info.Revision)
}

// contentOf makes the content of the open file f, which must be id. Small
// content is read, and checked, at once; f is closed then. On failure f stays
// open.
func (s *Store) contentOf(ctx context.Context, f *os.File, info store.Info, id fileID, settled bool) (store.Content, error) {
	if info.Size > smallSize {
		st, err := statFile(f)
		if err != nil {
			return nil, readError(info.Name, err)
		}
		if !settled || st.id != id {
			return nil, errMoved
		}
		c := &fileContent{s: s, info: info, f: f}
		c.id.Store(&id)
		return c, nil
	}
	data := make([]byte, info.Size)
	if n, err := f.ReadAt(data, 0); n < len(data) {
		return nil, shortRead(err)
	}
	if sha256.Sum256(data) != info.Digest {
		return nil, errMoved
	}
	f.Close()
	s.contents.put(info.Digest, data)
	return &memContent{info, data}, nil
}

// memContent is content in memory.
type memContent struct {
	info store.Info
	data []byte
}

func (c *memContent) Info() store.Info { return c.info }
func (c *memContent) Close() error     { return nil }

func (c *memContent) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at negative offset %d", off)
	}
	if off >= int64(len(c.data)) {
		return 0, io.EOF
	}
	n := copy(p, c.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (c *memContent) WriteRange(w io.Writer, off, n int64) (int64, error) {
	written, err := w.Write(c.data[off : off+n])
	return int64(written), err
}

// fileContent is content in an open file. After a rename or a deletion it is
// still that of the same revision; a change in place shows in the file's size or
// times, which are looked at after each read and before anybody sees what was read.
type fileContent struct {
	s    *Store
	info store.Info
	f    *os.File
	id   atomic.Pointer[fileID] // of the file when it was last known to hold info
}

func (c *fileContent) Info() store.Info { return c.info }
func (c *fileContent) Close() error     { return c.f.Close() }

func (c *fileContent) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at negative offset %d", off)
	}
	want := max(0, min(int64(len(p)), c.info.Size-off))
	n, err := c.f.ReadAt(p[:want], off)
	if err := c.check(int64(n), want, err); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// short is the length up to which a small buffer will do, in bytes.
const short = 16 << 10

var shortBuffers = sync.Pool{New: func() any { return new([short]byte) }}

// WriteRange copies what it writes, a part at a time, and each part is known to be
// of the revision before it is written. So an answer that turns out to mix two
// states lacks its end. Letting the system copy (sendfile) would not do: the
// connection then refers to the file's own pages until the other side has
// read them, and a program that changes the file changes what is on its way, after
// any check.
func (c *fileContent) WriteRange(w io.Writer, off, n int64) (int64, error) {
	if n <= short {
		buf := shortBuffers.Get().(*[short]byte)
		defer shortBuffers.Put(buf)
		return c.copyRange(w, buf[:], off, n)
	}
	buf := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(buf)
	return c.copyRange(w, buf[:], off, n)
}

func (c *fileContent) copyRange(w io.Writer, buf []byte, off, n int64) (written int64, err error) {
	for written < n {
		part := buf[:min(int64(len(buf)), n-written)]
		if _, err := c.ReadAt(part, off+written); err != nil {
			return written, err
		}
		m, err := w.Write(part)
		written += int64(m)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// check judges a read that gave n bytes of the wanted, and err.
func (c *fileContent) check(n, wanted int64, err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	st, statErr := statFile(c.f)
	if statErr != nil {
		return readError(c.info.Name, statErr)
	}
	if n == wanted && (st.id == *c.id.Load() || c.isWhole()) {
		return nil
	}
	return fmt.Errorf("%q: %w", c.info.Name, store.ErrChanged)
}

// isWhole reports whether the file, which is not what it was, still holds the revision. If
// only its change time has moved, that may be due to a rename, a link or a
// removal; but whoever changes the file can set its modification time to what it
// was, and not that. So if it was not this store that moved the file, its content is
// looked at, and again if the file was moved meanwhile.
func (c *fileContent) isWhole() bool {
	for range maxTries {
		st, err := statFile(c.f)
		if err != nil || !st.id.sameContent(*c.id.Load()) {
			return false
		}
		if !c.s.movedTo(c.info, st.id) {
			whole, err := c.s.verified.holds(c.f, st.id, c.info.Digest)
			if errors.Is(err, errMoved) {
				continue
			}
			if err != nil || !whole {
				return false
			}
		}
		c.id.Store(&st.id)
		return true
	}
	return false
}

// movedTo reports whether id is known to be the file of a revision: this store moved
// it when it replaced or deleted it, or has looked at it since.
func (s *Store) movedTo(info store.Info, id fileID) bool {
	e := s.nodes.peek(info.Name)
	if e.exists() && e.info.Revision == info.Revision {
		return e.id == id && e.settled
	}
	k, ok := e.findKept(info.Revision)
	return ok && k.id == id
}

// verified remembers what has been found out about files by reading them, so that
// those who read one file at the same time need not each do so.
type verified struct {
	mu    sync.Mutex
	known map[fileID]store.Digest
}

// maxVerified bounds how many files are remembered.
const maxVerified = 64

// holds reports whether the open file f, which is id, has the content of digest. The error
// is errMoved if it is not id any more.
func (v *verified) holds(f *os.File, id fileID, digest store.Digest) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if found, ok := v.known[id]; ok {
		return found == digest, nil
	}
	seen := sighting{id: id}
	if err := seen.read(context.Background(), f); err != nil {
		return false, err
	}
	st, err := statFile(f)
	switch {
	case err != nil:
		return false, err
	case st.id != id:
		return false, errMoved
	}
	if v.known == nil || len(v.known) >= maxVerified {
		v.known = make(map[fileID]store.Digest)
	}
	v.known[id] = seen.digest
	return seen.digest == digest, nil
}
