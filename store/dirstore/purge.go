package dirstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// Selection says which earlier revisions [Store.PurgeAll] forgets: those that meet all
// of it. The zero Selection is every one.
type Selection struct {
	// Names are those of resources and of collections, which stand for all in them. None
	// stands for all.
	Names []string
	// OlderThan is how long ago a revision must have been replaced or deleted.
	OlderThan time.Duration
	// Revision is the only one that is meant, unless it is 0.
	Revision store.Revision
}

// Purged is what was forgotten.
type Purged struct {
	Names     int // of resources
	Revisions int
	Bytes     int64
}

// Purge forgets revision rev of name, or every earlier one if rev is 0, and returns how
// many those were. The error is [store.ErrGone] if rev is no earlier revision that is kept.
func (s *Store) Purge(ctx context.Context, name string, rev store.Revision) (int, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	done, err := s.purge(ctx, []string{name}, Selection{Revision: rev})
	if err == nil && done.Revisions == 0 && rev != 0 {
		err = gone(name, rev)
	}
	return done.Revisions, err
}

// PurgeAll forgets the earlier revisions that are selected. When it returns without an
// error, no file of the state folder has their content any more: neither as files, which
// have been removed, nor in the journal, which has been written over. What the file system
// itself still has of removed files is beyond its reach. The index may have names and
// digests in places it does not use any more.
func (s *Store) PurgeAll(ctx context.Context, which Selection) (Purged, error) {
	s.clearAsides()
	names, err := s.namesWithHistory()
	if err != nil {
		return Purged{}, err
	}
	return s.purge(ctx, slices.DeleteFunc(names, func(name string) bool { return !which.has(name) }), which)
}

// has reports whether name is among the names.
func (w Selection) has(name string) bool {
	return len(w.Names) == 0 || slices.ContainsFunc(w.Names, func(n string) bool {
		return n == "" || n == name || strings.HasPrefix(name, strings.TrimSuffix(n, "/")+"/")
	})
}

// namesWithHistory returns the names of which earlier revisions are kept.
func (s *Store) namesWithHistory() ([]string, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	var names []string
	collect := func(k keptRef) bool { names = append(names, k.name); return true }
	// In this order: what is flushed meanwhile is seen in both places, or in one.
	unflushed, _ := s.index.unflushedKept()
	for _, k := range unflushed {
		collect(k)
	}
	if err := s.index.eachKept(0, collect); err != nil {
		return nil, fmt.Errorf("the earlier revisions cannot be listed: %w", err)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// purge forgets what is selected of the names.
func (s *Store) purge(ctx context.Context, names []string, which Selection) (done Purged, err error) {
	if err := s.enter(); err != nil {
		return done, err
	}
	defer s.leave()
	if s.opts.ReadOnly {
		return done, fmt.Errorf("%w: history cannot be purged", store.ErrReadOnly)
	}
	for _, name := range names {
		n, err := s.nodes.take(ctx, name)
		if err != nil {
			return done, err
		}
		dropped := s.purgeHeld(n, which)
		s.nodes.release(n)
		if len(dropped) > 0 {
			done.Names++
		}
		for _, k := range dropped {
			done.Revisions++
			done.Bytes += k.size
		}
	}
	return done, s.awaitScrub(ctx)
}

// purgeHeld forgets what is selected of n, whose turn the caller has.
func (s *Store) purgeHeld(n *node, which Selection) (dropped []kept) {
	e := s.lastKnown(n)
	if e == nil {
		return nil
	}
	now, rest := s.clock.read(), *e
	rest.kept = nil
	for _, k := range e.kept {
		if which.Revision != 0 && k.revision != which.Revision || which.OlderThan > 0 && k.age(now) < which.OlderThan {
			rest.kept = append(rest.kept, k)
		} else {
			dropped = append(dropped, k)
		}
	}
	if len(dropped) == 0 {
		return nil
	}
	s.publish(n, &rest)
	for _, k := range dropped {
		s.drop(k)
		s.contents.forget(k.digest)
	}
	return dropped
}

// awaitScrub waits until the journal has nothing of changes that are over.
func (s *Store) awaitScrub(ctx context.Context) error {
	wanted := s.scrubs.wanted.Add(1)
	if s.opts.manual {
		if err := s.checkpoint(false); err != nil {
			return err
		}
		return s.scrub()
	}
	for s.scrubs.done.Load() < wanted {
		if err := s.awaitCheckpoint(ctx); err != nil {
			return err
		}
	}
	return nil
}

// scrub writes over both files of the journal, one after the other, if somebody waits for
// it. It follows a checkpoint.
func (s *Store) scrub() error {
	wanted := s.scrubs.wanted.Load()
	if s.scrubs.done.Load() == wanted {
		return nil
	}
	for range 2 {
		if err := s.rotate(); err != nil {
			return err
		}
		if err := s.syncOrDistrust(); err != nil {
			return err
		}
		if err := s.flush(false); err != nil {
			return err
		}
		if err := s.Health(); err != nil {
			return err
		}
		s.checkpoints.settled = s.checkpoints.epoch
		if err := s.journal.erase(1 - s.journal.active); err != nil {
			return fmt.Errorf("the journal cannot be written over: %w", bare(err))
		}
	}
	s.scrubs.done.Store(wanted)
	return nil
}

// erase writes zeros over one of the files, which must not be in use.
func (j *journal) erase(file int) error {
	if err := j.step(stepJournalErase); err != nil {
		return err
	}
	f, zeros := j.files[file], make([]byte, min(j.size[file], journalStep))
	for off := int64(0); off < j.size[file]; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), j.size[file]-off)], off); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.epochs[file] = 0
	return nil
}
