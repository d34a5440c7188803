package dirstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// inlineSize is the largest content, in bytes, that waits for its commit in
// memory rather than in a file.
const inlineSize = 64 << 10

// draft is staged content: in memory if small, else in a file under tmp in the
// state folder.
type draft struct {
	s      *Store
	name   string
	size   int64
	digest store.Digest
	body   []byte   // small content
	file   *os.File // large content, and
	tmp    string   // its name in the state folder
	spent  bool
	note   *note // of the commit; nil is none

	// Of a draft that is made of another resource:
	modified time.Time // when that came to be
	linked   bool      // file is that resource's, under a second name
	like     *fileStat // what has the permissions for a new file
	source   **bound   // its properties

	troubles uint64 // how often a sync had failed before: see stagedWell
}

func (d *draft) Size() int64          { return d.size }
func (d *draft) Digest() store.Digest { return d.digest }

// Stage reads content to its end and keeps it for a commit. Content of up to
// 64 KiB stays in memory; more goes to a file in the state folder. With
// SyncFull that file is durable when Stage returns. If a sync of the file system
// fails before the commit, the draft is refused with [store.ErrUnavailable].
func (s *Store) Stage(ctx context.Context, name string, content io.Reader) (store.Draft, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.writable(ctx, name); err != nil {
		return nil, err
	}
	d := &draft{s: s, name: name, troubles: s.trouble.times.Load()}
	if err := d.read(ctx, content); err != nil {
		return nil, errors.Join(err, d.Abort(ctx))
	}
	return d, nil
}

// writable refuses names that could not be written, as far as that can be told
// beforehand.
func (s *Store) writable(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if name == "" {
		return store.CheckNewName(name)
	}
	if s.opts.ReadOnly {
		return fmt.Errorf("%q: %w", name, store.ErrReadOnly)
	}
	if err := s.Health(); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if s.nodes.peek(name).exists() {
		return nil // Commit will look
	}
	r, err := s.resolve(name)
	r.close()
	switch {
	case err == nil && r.stat.mode.IsDir():
		return fmt.Errorf("%q: %w", name, store.ErrIsCollection)
	case err == nil && !r.stat.mode.IsRegular():
		return notPlain(name)
	case err == nil:
		return nil // whatever it is called, it is there already
	case isNotDirectory(err):
		return fmt.Errorf("%q: %w", name, store.ErrNotCollection)
	case !isAbsent(err):
		return readError(name, err)
	}
	return store.CheckNewName(name)
}

var inlineBuffers = sync.Pool{New: func() any { return new([inlineSize + 1]byte) }}

// read takes in content.
func (d *draft) read(ctx context.Context, content io.Reader) error {
	buf := inlineBuffers.Get().(*[inlineSize + 1]byte)
	defer inlineBuffers.Put(buf)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	n, err := fill(buf[:], content)
	switch {
	case err == io.EOF:
		d.body = append([]byte{}, buf[:n]...) // never nil
		d.size, d.digest = int64(n), sha256.Sum256(d.body)
		return nil
	case err != nil:
		return fmt.Errorf("read content for %q: %w", d.name, err)
	}
	return d.readLarge(ctx, io.MultiReader(bytes.NewReader(buf[:]), content))
}

// fill reads until p is full or r fails. Unlike io.ReadFull it tells the end of
// r (io.EOF) from content that was cut (io.ErrUnexpectedEOF).
func fill(p []byte, r io.Reader) (n int, err error) {
	for n < len(p) && err == nil {
		var nn int
		nn, err = r.Read(p[n:])
		n += nn
	}
	if n == len(p) && err == io.EOF {
		err = nil // the next read will say so again
	}
	return n, err
}

func (d *draft) readLarge(ctx context.Context, content io.Reader) error {
	d.tmp = "tmp/" + strconv.FormatUint(d.s.seq.Add(1), 16)
	var err error
	room := d.s.room()
	for d.file == nil {
		d.file, err = d.s.create(d.tmp)
		if err != nil && !room.found(d.s, nil, err) {
			return writeError(d.name, err)
		}
	}
	src := &source{r: content}
	h := sha256.New()
	if d.size, err = copyHashing(ctx, h, stepWriter{d.s, d.file}, src); err != nil {
		if src.err != nil || ctx.Err() != nil {
			return fmt.Errorf("read content for %q: %w", d.name, err)
		}
		return writeError(d.name, err)
	}
	h.Sum(d.digest[:0])
	if err := d.s.syncNew(d.file, d.s.tmp); err != nil {
		return writeError(d.name, err)
	}
	return d.stagedWell()
}

// copyLarge makes a new file of the content of d, whose file has lost its name.
func (s *Store) copyLarge(d *draft) error {
	old := d.file
	tmp := "tmp/" + strconv.FormatUint(s.seq.Add(1), 16)
	f, err := s.create(tmp)
	if err != nil {
		return err
	}
	d.file, d.tmp = f, tmp
	defer old.Close()
	if _, err := io.Copy(stepWriter{s, f}, io.NewSectionReader(old, 0, d.size)); err != nil {
		return err
	}
	if err := s.syncNew(f, s.tmp); err != nil {
		return err
	}
	return d.stagedWell()
}

// source remembers whether it was reading that failed.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// stepWriter writes to f, and history gives way to what it writes.
type stepWriter struct {
	s *Store
	f *os.File
}

func (w stepWriter) Write(p []byte) (n int, err error) {
	for room := w.s.room(); ; {
		var written int
		if err = w.s.step(stepWrite); err == nil {
			written, err = w.f.Write(p[n:])
			n += written
		}
		if err == nil || !room.found(w.s, nil, err) {
			return n, err
		}
	}
}

// Abort gives up the draft and what it holds.
func (d *draft) Abort(context.Context) error {
	if d.spent && d.file == nil {
		return nil
	}
	d.spent = true
	d.body = nil
	if d.file == nil {
		return nil
	}
	err := d.file.Close()
	d.file = nil
	if d.tmp == "" {
		return bare(err)
	}
	if d.s.enter() != nil { // the next start removes it
		return bare(err)
	}
	defer d.s.leave()
	return errors.Join(bare(err), d.s.remove(d.tmp))
}

// Commit makes the content current under the name if expect holds.
func (d *draft) Commit(ctx context.Context, expect store.Expect) (store.Info, error) {
	if d.spent {
		return store.Info{}, fmt.Errorf("%q: the draft has been committed or given up", d.name)
	}
	info, err := d.commit(ctx, expect)
	if errors.Is(err, store.ErrConflict) {
		return info, err
	}
	if abortErr := d.Abort(ctx); abortErr != nil {
		d.s.opts.Logger.Warn("a temporary file stays until the next start", "name", d.name, "error", abortErr)
	}
	return info, err
}

func (d *draft) commit(ctx context.Context, expect store.Expect) (store.Info, error) {
	s := d.s
	if err := s.enter(); err != nil {
		return store.Info{}, err
	}
	defer s.leave()
	n, err := s.nodes.take(ctx, d.name)
	if err != nil {
		return store.Info{}, err
	}
	defer s.nodes.release(n)
	room := s.room()
	for tries := 0; tries < maxTries; tries++ {
		st, err := s.look(ctx, n)
		if err != nil {
			return store.Info{}, err
		}
		if st.entry.exists() && st.entry.grown != nil {
			tries += growingCost
		}
		if err := st.check(d.name, expect); err != nil {
			return store.Info{}, err
		}
		if err := d.stagedWell(); err != nil {
			return store.Info{}, err
		}
		if err := ctx.Err(); err != nil {
			return store.Info{}, context.Cause(ctx)
		}
		info, err := s.write(ctx, n, st, d)
		if room.found(s, n, err) {
			tries-- // it ends when there is no history left
		} else if !errors.Is(err, errMoved) {
			return info, err
		}
	}
	return store.Info{}, &changingError{d.name}
}

// check refuses to write where expect does not hold, a collection is, or nothing
// may be created.
func (st state) check(name string, expect store.Expect) error {
	if st.collection {
		return fmt.Errorf("%q: %w", name, store.ErrIsCollection)
	}
	if current := st.entry.current(); !expect.Holds(current.Revision) {
		return &store.ConflictError{Name: name, Expect: expect, Current: current}
	}
	if !st.entry.exists() {
		return store.CheckNewName(name)
	}
	return nil
}
