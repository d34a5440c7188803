package dirstore

import (
	"sync"
	"time"
)

const (
	// checkpointDelay is how long a change may wait to be written to the index.
	checkpointDelay = 2 * time.Second
	// checkpointSize is how many changed entries may wait.
	checkpointSize = 20_000
	// revisionLease is how far ahead of the clock, in microseconds, the bound
	// for revision numbers is set.
	revisionLease = uint64(time.Hour / time.Microsecond)
)

// checkpointer writes to the index what has changed, from time to time.
type checkpointer struct {
	kick chan struct{} // something has changed; capacity 1
	full chan struct{} // much has; capacity 1
	stop chan struct{}
	done sync.WaitGroup
}

func (s *Store) startCheckpoints() {
	c := &s.checkpoints
	c.kick, c.full, c.stop = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	c.done.Go(s.checkpointLoop)
}

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
	for {
		select {
		case <-c.kick:
		case <-c.stop:
			return
		}
		timer := time.NewTimer(checkpointDelay)
		select {
		case <-timer.C:
		case <-c.full:
		case <-c.stop:
		}
		timer.Stop()
		if err := s.checkpoint(false); err != nil {
			s.opts.Logger.Error("the index cannot be written; it will be tried again", "error", err)
			signal(c.kick)
		}
	}
}

// checkpoint writes what has changed to the index. The last one, when nothing
// can change any more, sets the bound for revisions to what was given out.
func (s *Store) checkpoint(last bool) error {
	if err := s.step(stepIndex); err != nil {
		return err
	}
	s.index.begin()
	return s.index.flush(s.meta(last))
}

func (s *Store) meta(exact bool) meta {
	m := meta{seq: s.seq.Load(), keptBytes: s.keptBytes.Load(), revisions: s.clock.given.Load()}
	if !exact {
		m.revisions = max(m.revisions, uint64(s.clock.read()/1000)) + revisionLease
	}
	return m
}
