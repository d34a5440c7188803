package dirstore

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/fourtwelve/fourtwelve/store"
)

// History is what is kept of revisions that were replaced or deleted. It is bounded by
// number, size and age, it leaves a part of the file system free, and it gives way to a
// write that would find no space otherwise: the oldest goes first.

const (
	// trimBatch is how many revisions are dropped before the index is told.
	trimBatch = 256
	// reserveShare is the part of the file system, of its bytes and of its files, that
	// history leaves free; maxReserve and maxReserveFiles are the most that it is.
	reserveShare    = 20
	maxReserve      = 1 << 30
	maxReserveFiles = 10_000
)

// space is what there is on a file system, and what of it is free. A total of 0 is not
// bounded.
type space struct{ bytes, freeBytes, files, freeFiles uint64 }

// short reports whether less is free than history has to leave.
func (s space) short() bool {
	return s.freeBytes < min(s.bytes/reserveShare, maxReserve) || s.freeFiles < min(s.files/reserveShare, maxReserveFiles)
}

func (s *Store) spaceIsShort() bool {
	free := s.opts.space
	if free == nil {
		free = func() (space, error) { return freeSpace(s.top) }
	}
	found, err := free()
	return err == nil && found.short()
}

// keepsTooMuch reports whether history is larger than the options allow.
func (s *Store) keepsTooMuch() bool {
	return s.keptBytes.Load() > s.opts.KeepBytes || s.keptFiles.Load() > int64(s.opts.KeepFiles)
}

// ageLoop has history looked through although nothing changes.
func (s *Store) ageLoop() {
	c := &s.checkpoints
	ticker := time.NewTicker(max(min(s.opts.KeepAge/10, time.Hour), time.Second))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			signal(c.full)
		case <-c.stop:
			return
		}
	}
}

// trim drops kept revisions that the options leave no room or no time for.
func (s *Store) trim() error {
	if err := s.trimExcess(); err != nil || s.opts.KeepAge <= 0 {
		return err
	}
	return s.trimAged()
}

// trimExcess drops the oldest kept revisions while there are too many, and while all together are
// too large. If the file system is nearly full, it drops some at a time, as what is dropped is not
// always free at once.
func (s *Store) trimExcess() error {
	for forSpace := 0; ; {
		oldest, err := s.index.oldestKept(0, trimBatch)
		if err != nil {
			return err
		}
		gone, enough := 0, false
		for _, k := range oldest {
			if !s.keepsTooMuch() {
				if enough = forSpace >= trimBatch || !s.spaceIsShort(); enough {
					break
				}
				forSpace++
			}
			if s.forget(k, 0) == dropped {
				gone++
			}
		}
		if gone > 0 {
			if err := s.flush(false); err != nil {
				return err
			}
		}
		if enough || gone == 0 { // the rest was not flushed yet, or is busy
			return nil
		}
	}
}

// trimAged drops the kept revisions that are too old. It begins after those of which it is known
// that they are spared.
func (s *Store) trimAged() error {
	for from, settled := s.spared, true; ; {
		oldest, err := s.index.oldestKept(from, trimBatch)
		if err != nil || len(oldest) == 0 {
			return err
		}
		gone, enough := 0, false
		for _, k := range oldest {
			what := s.forget(k, s.opts.KeepAge)
			if enough = what == young; enough {
				break
			}
			if what == dropped {
				gone++
			}
			if settled = settled && what != busy; settled {
				s.spared = k.seq + 1
			}
			from = k.seq + 1
		}
		if gone > 0 {
			if err := s.flush(false); err != nil {
				return err
			}
		}
		if enough {
			return nil
		}
	}
}

// fate is what forget did with a kept revision, or found.
type fate int

const (
	dropped fate = iota
	absent       // it is kept no more
	young        // it was replaced not long enough ago
	spared       // its age does not count
	busy         // its name is in use: who uses it may be waiting for a checkpoint
)

// forget drops the revision in the file of k, if it was replaced age ago or more.
func (s *Store) forget(k keptRef, age time.Duration) fate {
	s.giving.Lock()
	defer s.giving.Unlock()
	n := s.nodes.tryTake(k.name)
	if n == nil {
		return busy
	}
	defer s.nodes.release(n)
	return s.forgetHeld(n, k.seq, age)
}

// forgetHeld is forget for the caller who has the turn of n.
func (s *Store) forgetHeld(n *node, seq uint64, age time.Duration) fate {
	e := s.lastKnown(n)
	if e == nil {
		return absent
	}
	rest, k := e.withoutKept(seq)
	switch {
	case k == nil:
		return absent
	case age > 0 && k.age(s.clock.read()) < age:
		return young
	case age > 0 && k.spared:
		return spared
	}
	s.publish(n, rest)
	s.drop(*k)
	s.gaveWay.Add(1)
	return dropped
}

// age is how long ago the revision was replaced or deleted: that moved its file.
func (k kept) age(now int64) time.Duration { return time.Duration(now - k.id.ctime) }

// room is how far history had given way when a write last looked for space.
type room uint64

// room is taken before the write is tried.
func (s *Store) room() room { return room(s.gaveWay.Load()) }

// found reports whether what failed with err is worth another try: history has given way since
// r was taken, be it to others, or does now. n, unless nil, is whose turn the caller has.
func (r *room) found(s *Store, n *node, err error) bool {
	if s.Health() != nil { // dropping what is kept does not mend the disk
		return false
	}
	if errors.Is(err, store.ErrUnknown) || !errors.Is(err, store.ErrNoSpace) && !isNoSpace(err) {
		return false
	}
	gave, busy := r.make(s, n)
	if !gave && busy != "" && s.awaitTurn(busy) {
		gave, _ = r.make(s, n)
	}
	return gave
}

// make lets history give way, and reports whether it has since r was taken. busy is a name whose
// history would have, if it has not.
func (r *room) make(s *Store, n *node) (gave bool, busy string) {
	s.giving.Lock() // what others are dropping is free then
	defer s.giving.Unlock()
	if s.room() == *r {
		busy = s.giveWay(n)
	}
	before := *r
	*r = s.room()
	return *r != before, busy
}

// busyPatience is how long a write that finds no space waits for those who use a name with history.
const busyPatience = time.Second

// awaitTurn waits until the name is not in use. Its user does not wait for the caller, whose own name
// has no history left: else that would have given way. Within a change a checkpoint may
// come between them, and then patience ends.
func (s *Store) awaitTurn(name string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), busyPatience)
	defer cancel()
	n, err := s.nodes.take(ctx, name)
	if err != nil {
		return false
	}
	s.nodes.release(n)
	return true
}

// giveWay drops earlier revisions, for a write that found no space: the oldest, and an eighth of
// all. n, unless nil, is whose turn the caller has. inUse is the name of the oldest that is in use,
// and so stays. s.giving is held.
func (s *Store) giveWay(n *node) (inUse string) {
	if s.opts.ReadOnly {
		return ""
	}
	s.clearAsides()
	want := max(16, int(s.keptFiles.Load()/8))
	gone := 0
	for _, k := range s.oldestHistory(want) {
		if gone == want {
			break
		}
		what := absent
		if n != nil && k.name == n.name {
			what = s.forgetHeld(n, k.seq, 0)
		} else if other := s.nodes.tryTake(k.name); other != nil {
			what = s.forgetHeld(other, k.seq, 0)
			s.nodes.release(other)
		} else {
			inUse = cmp.Or(inUse, k.name)
		}
		if what == dropped {
			gone++
		}
	}
	if gone > 0 {
		s.opts.Logger.Info("no space left: earlier revisions were dropped for a write", "revisions", gone)
	}
	return inUse
}

// oldestHistory returns kept files, the oldest first, among them the oldest want of all. Of a name
// whose entry waits to be written, the index may list what is kept no more: those would
// stand in the place of what still is.
func (s *Store) oldestHistory(want int) []keptRef {
	all, waiting := s.index.unflushedKept()
	err := s.index.eachKept(0, func(k keptRef) bool {
		if !waiting[k.name] {
			all = append(all, k)
			want--
		}
		return want > 0
	})
	if err != nil {
		s.opts.Logger.Warn("the earlier revisions could not be listed", "error", err)
	}
	slices.SortFunc(all, func(a, b keptRef) int { return cmp.Compare(a.seq, b.seq) })
	return slices.Compact(all)
}

// unflushedKept returns the kept files of entries that wait to be written, and the names of all
// such entries.
func (x *index) unflushedKept() (list []keptRef, names map[string]bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	names = make(map[string]bool)
	for _, m := range []map[string]*entry{x.flushing, x.dirty} {
		for name, e := range m {
			names[name] = true
			for _, k := range e.kept {
				list = append(list, keptRef{k.seq, name})
			}
		}
	}
	return list, names
}

// eachKept calls do for each kept file that has been flushed and is numbered from or above, the
// oldest first, while it returns true.
func (x *index) eachKept(from uint64, do func(k keptRef) bool) error {
	if x.db == nil {
		return nil
	}
	return x.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketKept)
		if b == nil {
			return fmt.Errorf("%w: no list of kept files", errCodec)
		}
		c := b.Cursor()
		for k, v := c.Seek(seqKey(from)); k != nil; k, v = c.Next() {
			if len(k) != len(seqKey(0)) {
				return &damageError{fmt.Sprintf("a kept file is listed under %x", k)}
			}
			if !do(keptRef{binary.BigEndian.Uint64(k), string(v)}) {
				break
			}
		}
		return nil
	})
}
