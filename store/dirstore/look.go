package dirstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// state is what is under a name at one moment: content (entry.exists), a
// collection, or nothing.
type state struct {
	entry      *entry    // the last known, even if gone, as it is where there is a collection now
	file       *fileStat // of content that was recognised, if it is no link
	collection bool
	modified   time.Time // of a collection
}

// look finds out what is under the name of n, and publishes what has changed.
// The caller has the turn.
func (s *Store) look(ctx context.Context, n *node) (state, error) {
	for range maxTries {
		since := s.watch()
		st, err := s.lookOnce(ctx, n)
		if !s.disturbed(since, n.name) {
			return st, err
		}
	}
	return state{}, &changingError{n.name}
}

// lookOnce is look where no trees change meanwhile.
func (s *Store) lookOnce(ctx context.Context, n *node) (state, error) {
	last := s.lastKnown(n)
	if last.exists() && last.settled {
		if st, err := statAt(s.top, n.name); err == nil && st.id == last.id {
			return state{entry: last, file: &st}, nil
		}
		if id, err := s.identify(n.name); err == nil && id == last.id {
			return state{entry: last}, nil // a link
		}
	}
	for try := range maxTries {
		r, err := s.resolve(n.name)
		switch {
		case err != nil && isAbsent(err):
			return state{entry: s.vanished(n, last)}, nil
		case err != nil:
			return state{}, readError(n.name, err)
		}
		seen, err := s.hashResolved(ctx, r, try >= growingAfter)
		r.close()
		switch {
		case r.stat.mode.IsDir():
			return state{entry: s.vanished(n, last), collection: true, modified: second(time.Unix(0, r.stat.id.mtime))}, nil
		case !r.stat.mode.IsRegular():
			return state{}, notPlain(n.name)
		}
		switch {
		case errors.Is(err, errMoved) || isAbsent(err):
			continue
		case err != nil:
			return state{}, readError(n.name, err)
		}
		return state{entry: s.observed(n, last, seen)}, nil
	}
	return state{}, &changingError{n.name}
}

func notPlain(name string) error {
	return &store.NameError{Name: name, Reason: "is neither a plain file nor a directory"}
}

// changingError says that a file did not hold still for as long as it takes to
// hash it.
type changingError struct{ name string }

func (e *changingError) Error() string {
	return fmt.Sprintf("%q: another program keeps changing it", e.name)
}

func (e *changingError) Unwrap() error { return store.ErrChanged }

func (s *Store) rootState() (state, error) {
	fi, err := s.root.Stat(".")
	if err != nil {
		return state{}, readError("", err)
	}
	return state{collection: true, modified: second(fi.ModTime())}, nil
}

// lastKnown returns the entry of n, from the index if need be. The caller has
// the turn.
func (s *Store) lastKnown(n *node) *entry {
	if n.loaded {
		return s.known(n, n.entry.Load())
	}
	e, err := s.index.load(n.name)
	if err != nil {
		s.opts.Logger.Warn("an index entry cannot be read and is forgotten", "name", n.name, "error", err)
		e = nil
	}
	n.loaded = true
	if e != nil {
		n.entry.Store(e)
	}
	return s.known(n, e)
}

// publish makes e what is known of n.
func (s *Store) publish(n *node, e *entry) {
	n.entry.Store(e)
	if !s.opts.ReadOnly {
		s.changed(s.index.put(e))
	}
}

// vanished publishes that nothing is under the name any more.
func (s *Store) vanished(n *node, last *entry) *entry {
	if !last.exists() {
		return last
	}
	e := *last
	e.gone, e.settled, e.unsynced = true, false, false
	s.publish(n, &e)
	return &e
}

// observed publishes the content seen under the name. The same bytes as before
// are the same revision, whatever happened to the file.
func (s *Store) observed(n *node, last *entry, seen sighting) *entry {
	e := entry{id: seen.id, settled: seen.settled}
	if last != nil {
		e.kept = last.kept
	}
	if last.exists() && last.info.Digest == seen.digest && last.info.Size == seen.id.size {
		e.info, e.unsynced = last.info, last.unsynced
	} else {
		e.info = store.Info{
			Name: n.name, Revision: s.clock.revision(last), Size: seen.id.size,
			Digest: seen.digest, Modified: s.clock.seen(last, seen.id.mtime),
		}
	}
	if seen.sums != nil {
		e.grown = &grown{info: e.info, id: e.id, sums: seen.sums}
		if last.exists() {
			e.grown.before = last.grown.atMost(maxGrown - 1)
		}
	}
	s.publish(n, &e)
	return &e
}

// sighting is the content of a file that did not change while it was read.
type sighting struct {
	id      fileID
	settled bool
	digest  store.Digest
	data    []byte    // of small content
	sums    []partSum // of a growing file
}

// hashName reads and hashes the file under name. The error errMoved means that
// it was changed meanwhile.
func (s *Store) hashName(ctx context.Context, name string) (sighting, error) {
	r, err := s.resolve(name)
	if err != nil {
		return sighting{}, err
	}
	defer r.close()
	return s.hashResolved(ctx, r, false)
}

// growingAfter is how often a large file is read in the hope that it holds still.
const growingAfter = 2

// hashResolved is hashName for what a name led to. If the file is large, and may be growing,
// what is there of it is enough.
func (s *Store) hashResolved(ctx context.Context, r resolved, growing bool) (sighting, error) {
	if !r.stat.mode.IsRegular() {
		return sighting{}, errMoved
	}
	f, err := openPlain(r.dir, r.base)
	if err != nil {
		return sighting{}, err
	}
	defer f.Close()
	if growing && r.stat.id.size > smallSize {
		return s.hashGrowing(ctx, f)
	}
	return s.hashFile(ctx, f)
}

// hashFile reads and hashes f. Large content is not read before the times of
// the file have settled: whoever is sent it relies on them to notice a change.
func (s *Store) hashFile(ctx context.Context, f *os.File) (sighting, error) {
	before, wait, err := s.statSettling(f)
	for tries := 0; err == nil && wait > 0 && before.id.size > smallSize; tries++ {
		if err := sleep(ctx, wait); err != nil {
			return sighting{}, err
		}
		was := before.id
		if before, wait, err = s.statSettling(f); tries == maxTries || before.id != was {
			return sighting{}, errMoved
		}
	}
	if err != nil {
		return sighting{}, err
	}
	if !before.mode.IsRegular() {
		return sighting{}, errMoved
	}
	seen := sighting{id: before.id, settled: wait == 0}
	if err := seen.read(ctx, f); err != nil {
		return sighting{}, err
	}
	after, err := statFile(f)
	if err != nil {
		return sighting{}, err
	}
	if after.id != before.id {
		return sighting{}, errMoved
	}
	s.contents.put(seen.digest, seen.data)
	return seen, nil
}

// statSettling looks at f, and says how long to wait until its times have settled. From
// before the look on, each change of the content shows in the times. After a wait that has
// to be made sure of again: a page that was changed since then does not show its next change.
func (s *Store) statSettling(f *os.File) (fileStat, time.Duration, error) {
	if err := showChanges(f); err != nil {
		return fileStat{}, 0, err
	}
	now := fileClock()
	st, err := statFile(f)
	if err != nil {
		return st, 0, err
	}
	return st, s.unsettled(st.id, now), nil
}

// unsettled is fileID.unsettled for a file of this store.
func (s *Store) unsettled(id fileID, now int64) time.Duration {
	granularity := s.granularity
	if id.dev != s.dev {
		granularity = coarseGranularity // of a file system we know nothing about
	}
	return id.unsettled(now, granularity)
}

// read reads all of f, from its beginning.
func (c *sighting) read(ctx context.Context, f io.ReaderAt) error {
	if c.id.size <= smallSize {
		c.data = make([]byte, c.id.size)
		if n, err := f.ReadAt(c.data, 0); n < len(c.data) {
			return shortRead(err)
		}
		c.digest = sha256.Sum256(c.data)
		return nil
	}
	h := sha256.New()
	n, err := copyHashing(ctx, h, io.Discard, io.NewSectionReader(f, 0, c.id.size))
	if err != nil || n < c.id.size {
		return shortRead(err)
	}
	h.Sum(c.digest[:0])
	return nil
}

// shortRead returns err, or errMoved if all that happened is that the file
// became shorter.
func shortRead(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return errMoved
	}
	return err
}

// chunkSize is how much is read, hashed and written at a time.
const chunkSize = 256 << 10

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// copyHashing copies r to w and into h until r ends or ctx does.
func copyHashing(ctx context.Context, h hash.Hash, w io.Writer, r io.Reader) (int64, error) {
	buf := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(buf)
	var total int64
	for {
		if ctx.Err() != nil {
			return total, context.Cause(ctx)
		}
		n, err := r.Read(buf[:])
		h.Write(buf[:n])
		if _, err := w.Write(buf[:n]); err != nil {
			return total, err
		}
		total += int64(n)
		switch {
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		}
	}
}

// sleep waits for d or for ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
