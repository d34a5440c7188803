package dirstore

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/store"
)

// After a sync has failed, nothing that was written since the last good one is known to be on
// the disk. Linux marks the pages clean all the same: they are not written again,
// and the next sync succeeds without them. So a failed sync is never repeated and
// believed. Instead
//
//  1. writes are refused, and Health says why;
//  2. the journal, which has been synced, is kept, and marked so that no later start
//     believes what the memory of the system shows either;
//  3. what the journal has is written again, into new files, which are synced and put in
//     the place of those that may be lost;
//  4. when that has succeeded, writes are accepted again. Until then it is tried anew with
//     each checkpoint.
type trouble struct {
	why   atomic.Pointer[refusal]
	times atomic.Uint64 // how often a sync has failed

	mu    sync.Mutex
	names map[string]*entry // whose files do not have the content that was written
}

type refusal struct{ err error }

// Health returns nil while s accepts writes, as far as the disk is concerned, or why it
// refuses them all: a sync has failed, or a file does not read as it was written. errors.Is
// tells whether that was for want of space ([store.ErrNoSpace]) or for another reason
// ([store.ErrUnavailable]). Reads are answered meanwhile.
//
// The state ends by itself: within ten seconds s writes again what may be lost, and tries anew
// every ten seconds until that has been synced. Then Health is nil again. So a server
// is not ready for writes while the state lasts, and need not be started again.
//
// A write that finds no space is refused by itself and does not show here. A read-only store is
// always healthy. Health costs one atomic read and may be called from any number of
// goroutines, after Close too.
func (s *Store) Health() error {
	if r := s.trouble.why.Load(); r != nil {
		return r.err
	}
	return nil
}

// distrustDisk refuses writes from now on, because of err, until a rescue has succeeded.
func (s *Store) distrustDisk(err error) {
	kind := store.ErrUnavailable
	if isNoSpace(err) {
		kind = store.ErrNoSpace
	}
	s.trouble.times.Add(1)
	r := &refusal{fmt.Errorf("%w: the disk has lost what was written to it, which is being written again (%w)", kind, bare(err))}
	if !s.trouble.why.CompareAndSwap(nil, r) {
		return
	}
	s.opts.Logger.Error("writes are refused until what the journal has is written again and synced", "error", err)
	if err := s.journal.mark(lostIn(s.journal.session)); err != nil {
		s.opts.Logger.Error("the journal cannot be marked: do not stop the server before it accepts writes again", "error", err)
	}
}

// stagedWell returns an error if a sync of the file system has failed since d was begun. Its own sync
// may have come after that one, and found nothing left to write: whether it then
// fails, too, is up to the file system.
func (d *draft) stagedWell() error {
	if d.file == nil || d.troubles == d.s.trouble.times.Load() {
		return nil
	}
	return fmt.Errorf("%q: %w: the disk failed while the content was written; send it again", d.name, store.ErrUnavailable)
}

// distrust is told that the file of e has other content than e says, though it looks as it did. If
// the content was written by this process, the disk has lost it.
func (s *Store) distrust(e *entry) {
	if !e.settled {
		return
	}
	if id, err := s.identify(e.info.Name); err != nil || id != e.id {
		return
	}
	if !e.unsynced || s.opts.Sync != SyncFull {
		s.unsettleEntry(e)
		return
	}
	s.distrustDisk(fmt.Errorf("%q does not read as it was written", e.info.Name))
	s.trouble.mu.Lock()
	defer s.trouble.mu.Unlock()
	if s.trouble.names == nil {
		s.trouble.names = make(map[string]*entry)
	}
	s.trouble.names[e.info.Name] = e
	signal(s.checkpoints.full)
}

// unsettleEntry lets the next look hash the file of e, unless more is known by now.
func (s *Store) unsettleEntry(e *entry) {
	if n := s.nodes.find(e.info.Name); n != nil {
		unsure := *e
		unsure.settled, unsure.unsynced = false, false
		n.entry.CompareAndSwap(e, &unsure)
	}
}

// rescue writes again what the journal has. It runs between checkpoints, and changes are
// refused, so that whoever has the turn of a name will give it back.
func (s *Store) rescue() error {
	s.awaitChanges()
	log, err := s.readJournal(s.checkpoints.settled)
	if err == nil {
		err = s.journal.readsBack(log.files, s.checkpoints.settled)
	}
	if err != nil {
		return fmt.Errorf("what was lost cannot be written again: %w", err)
	}
	log.crashed, log.lost = true, true
	if err := s.repeat(log, s.checkpoints.seq); err != nil {
		return fmt.Errorf("what was lost cannot be written again: %w", err)
	}
	if err := s.syncPlain(); err != nil {
		return fmt.Errorf("what was written again is lost too: %w", err)
	}
	if err := s.journal.mark(s.journal.session); err != nil {
		return err
	}
	s.trouble.mu.Lock()
	defer s.trouble.mu.Unlock()
	for _, e := range s.trouble.names {
		s.unsettleEntry(e) // what the journal did not have is as it is
	}
	s.trouble.names = nil
	s.trouble.why.Store(nil)
	s.opts.Logger.Info("what the journal had has been written again and synced: writes are accepted", "records", len(log.records))
	return nil
}

// awaitChanges returns when the changes that were under way have ended.
func (s *Store) awaitChanges() {
	s.barrier.Lock()
	defer s.barrier.Unlock()
}

// errSync wraps what keeps a sync from succeeding.
var errSync = errors.New("what was written cannot be made durable")

// syncSpare makes the file rel of the state folder durable.
func (s *Store) syncSpare(rel string) error {
	if err := s.step(stepSync); err != nil {
		return fmt.Errorf("%w: %w", errSync, err)
	}
	f, err := openFile(s.state, rel)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("%w: %w", errSync, bare(err))
	}
	return nil
}

// sessionLost stands in the journal for a session in which a sync has failed: what the
// records speak of is not on the disk, whatever the files show.
const sessionLost = "a sync has failed"

// lostIn returns sessionLost for the directory of session.
func lostIn(session string) string {
	if _, place, ok := strings.Cut(session, sessionPlace); ok {
		return sessionLost + sessionPlace + place
	}
	return sessionLost
}

// mark sets the session in the headers of the files that are in use, so that the next start
// finds it there.
func (j *journal) mark(session string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.brand = session
	var errs []error
	for i, f := range j.files {
		if epoch := j.epochs[i]; epoch != 0 {
			errs = append(errs, j.writeHead(f, epoch))
		}
	}
	return errors.Join(errs...)
}

func (j *journal) writeHead(f *os.File, epoch uint64) error {
	if err := j.step(stepJournalNew); err != nil {
		return err
	}
	if _, err := f.WriteAt(journalHead(epoch, j.brand), 0); err != nil {
		return bare(err)
	}
	if !j.sync {
		return nil
	}
	return bare(syncData(f))
}

// readsBack returns an error if records that were appended since epoch first are missing
// from what was read.
func (j *journal) readsBack(read []journalFile, first uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, epoch := range j.epochs {
		end := j.ends[i]
		if i == j.active {
			end = j.pos
		}
		if epoch == 0 || epoch < first {
			continue
		}
		if !slices.ContainsFunc(read, func(f journalFile) bool { return f.epoch == epoch && f.end() >= end }) {
			return fmt.Errorf("the journal of epoch %d does not read back to %d", epoch, end)
		}
	}
	return nil
}

// end is where the records of f end.
func (f journalFile) end() int64 {
	end := int64(journalHeader)
	for _, r := range f.records {
		end += recordOverhead + int64(len(r))
	}
	return end
}
