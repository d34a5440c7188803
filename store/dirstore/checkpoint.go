package dirstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

const (
	// checkpointDelay is how long a change may wait to be written to the index.
	checkpointDelay = 2 * time.Second
	// rescueDelay is after how long a rescue that has failed is tried again.
	rescueDelay = 10 * time.Second
	// checkpointSize is how many changed entries may wait.
	checkpointSize = 20_000
	// revisionLease is how far ahead of the clock, in microseconds, the bound
	// for revision numbers is set.
	revisionLease = uint64(time.Hour / time.Microsecond)
)

// A checkpoint makes the plain files durable and writes to the index what has
// changed; what the journal says until then is of no more use. Checkpoints
// follow changes after a delay, or at once when there are many. They do not
// overlap.
type checkpointer struct {
	kick chan struct{} // something has changed; capacity 1
	full chan struct{} // much has; capacity 1
	stop chan struct{}
	done sync.WaitGroup

	// epoch is the journal's current epoch, settled the first whose records are
	// still needed; seq was the last sequence number when epoch began.
	epoch, settled, seq uint64

	mu    sync.Mutex
	ended chan struct{} // closed when the checkpoint under way, or the next, ends
	err   error         // how the last one ended
}

func (s *Store) startCheckpoints() {
	c := &s.checkpoints
	c.kick, c.full, c.stop = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	c.ended = make(chan struct{})
	if s.keepsTooMuch() || s.opts.KeepAge > 0 {
		signal(c.full) // the options allow less than they did, or time has passed
	}
	if !s.opts.manual {
		c.done.Go(s.checkpointLoop)
		if s.opts.KeepAge > 0 {
			c.done.Go(s.ageLoop)
		}
	}
}

// stopCheckpoints writes the last one, when nothing can change any more.
func (s *Store) stopCheckpoints() error {
	c := &s.checkpoints
	if c.stop == nil {
		return nil
	}
	close(c.stop)
	c.done.Wait()
	return s.checkpoint(true)
}

// changed is told how many entries wait to be written.
func (s *Store) changed(pending int) {
	signal(s.checkpoints.kick)
	if pending >= checkpointSize {
		signal(s.checkpoints.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *Store) checkpointLoop() {
	c := &s.checkpoints
	delay := checkpointDelay
	for {
		timer := time.NewTimer(delay)
		select {
		case <-c.full:
		case <-c.stop:
			timer.Stop()
			return
		case <-timer.C:
			select {
			case <-c.kick:
			case <-c.full:
			case <-c.stop:
				return
			}
		}
		timer.Stop()
		err := s.checkpoint(false)
		s.clearAsides()
		if err != nil {
			s.opts.Logger.Error("changes cannot be written to the index; it will be tried again", "error", err)
			signal(c.kick)
		}
		if err == nil {
			err = s.scrub()
		}
		if delay = checkpointDelay; s.Health() != nil {
			delay = rescueDelay
		}
		c.mu.Lock()
		c.err = err
		close(c.ended)
		c.ended = make(chan struct{})
		c.mu.Unlock()
		if err := s.trim(); err != nil {
			s.opts.Logger.Error("earlier revisions take more room than they should", "error", err)
		}
	}
}

// beginChange waits until the journal has room, and holds off its rotation
// until endChange.
func (s *Store) beginChange(ctx context.Context) error {
	for {
		s.barrier.RLock()
		if err := s.Health(); err != nil {
			s.barrier.RUnlock()
			return err
		}
		used := s.journal.used()
		if used > journalSoft {
			signal(s.checkpoints.full)
		}
		if used < s.opts.journalLimit {
			return nil
		}
		s.barrier.RUnlock()
		if err := s.awaitCheckpoint(ctx); err != nil {
			return err
		}
	}
}

func (s *Store) endChange() { s.barrier.RUnlock() }

func (s *Store) awaitCheckpoint(ctx context.Context) error {
	c := &s.checkpoints
	c.mu.Lock()
	ended := c.ended
	c.mu.Unlock()
	if err := s.Health(); err != nil { // the next checkpoint may wait for the turn we have
		return err
	}
	signal(c.full)
	select {
	case <-ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return fmt.Errorf("%w: the journal is full and cannot be emptied: %w", store.ErrNoSpace, c.err)
	}
	return nil
}

// checkpoint disposes of the journal's current epoch, or of the one before if
// the last checkpoint failed. last says that no change can follow; the bound
// for revisions is then set to what was given out.
func (s *Store) checkpoint(last bool) error {
	c := &s.checkpoints
	if s.Health() != nil {
		if err := s.rescue(); err != nil {
			return err
		}
	}
	if s.journal.used() > journalHeader || c.settled < c.epoch {
		if err := s.rotate(); err != nil {
			return err
		}
		if err := s.syncOrDistrust(); err != nil {
			return err
		}
	}
	if err := s.flush(last); err != nil {
		return err
	}
	if err := s.Health(); err != nil { // the journal may be needed yet
		return err
	}
	if err := s.journal.forget(); err != nil {
		return err
	}
	c.settled = c.epoch
	s.trees.synced(c.epoch)
	return nil
}

// syncOrDistrust is syncPlain, which is not believed again once it has failed.
func (s *Store) syncOrDistrust() error {
	err := s.syncPlain()
	if err != nil {
		s.distrustDisk(err)
	}
	return err
}

// rotate begins a new epoch, unless the one before is still needed.
func (s *Store) rotate() error {
	c := &s.checkpoints
	if c.settled < c.epoch {
		return nil
	}
	s.barrier.Lock()
	defer s.barrier.Unlock()
	if err := s.journal.rotate(c.epoch + 1); err != nil {
		return err
	}
	c.epoch++
	c.seq = s.seq.Load()
	return nil
}

// flush writes to the index what has changed.
func (s *Store) flush(last bool) error {
	if err := s.step(stepIndex); err != nil {
		return err
	}
	m := s.meta(last)
	// The next start looks for what could not be removed.
	if least := s.discardStrays(m.seq + 1); least <= m.seq {
		m.seq = least - 1
	}
	s.index.begin()
	return s.index.flush(m)
}

func (s *Store) meta(last bool) meta {
	c := &s.checkpoints
	m := meta{
		seq: c.seq, epoch: c.epoch,
		keptBytes: s.keptBytes.Load(), revisions: s.clock.given.Load(), sessions: s.sessions,
	}
	if !last {
		m.revisions = max(m.revisions, uint64(s.clock.read()/1000)) + revisionLease
	}
	return m
}

// syncPlain makes the plain files durable that have been written.
func (s *Store) syncPlain() error {
	if s.opts.Sync == SyncNone {
		return nil
	}
	err := s.step(stepSyncFS)
	if err == nil {
		err = syncFileSystem(s.top)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		err = s.syncEach(s.index.unsynced())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errSync, bare(err))
	}
	return nil
}

// syncEach syncs the files with the given names, and the directories above.
func (s *Store) syncEach(names []string) error {
	dirs := map[string]bool{stateDir: true, stateDir + "/" + asideDir: true}
	for _, name := range s.trees.touchedNames(false) {
		for dir := path.Dir(name); !dirs[dir]; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	for _, name := range names {
		f, err := s.root.OpenFile(name, openFlags, 0)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil && !isAbsent(err) {
			return bare(err)
		}
		for dir := path.Dir(name); !dirs[dir]; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		d, err := openFolder(s.root, dir)
		if err == nil {
			err = errors.Join(syncDir(d), d.Close())
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return bare(err)
		}
	}
	return nil
}
