package clusterstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Swept is what a sweep found.
type Swept struct {
	Looked  int   // contents that were looked at
	Removed int   // of them, named by no head
	Bytes   int64 // of those
}

// Sweep removes contents that no head names: of uploads that broke, of writers that lost or died, and of
// revisions that are no longer kept. Any number of processes may sweep at any time; content that a
// writer is about to name is safe, however slow that writer is. It returns when it has looked at all
// contents, or ctx is done, and has waited Options.GarbageGrace for readers of what it removes.
func (s *Store) Sweep(ctx context.Context) (Swept, error) {
	var swept Swept
	var doomed []Stored
	for group, err := range s.groups(ctx) {
		if err != nil {
			return swept, fmt.Errorf("sweep: %w", err)
		}
		swept.Looked += len(group)
		garbage, err := s.condemn(ctx, group)
		if err != nil {
			return swept, fmt.Errorf("sweep: %w", err)
		}
		if doomed = append(doomed, garbage...); len(doomed) >= page {
			if err := s.removeAll(ctx, doomed, &swept); err != nil {
				return swept, fmt.Errorf("sweep: %w", err)
			}
			doomed = nil
		}
	}
	if err := s.removeAll(ctx, doomed, &swept); err != nil {
		return swept, fmt.Errorf("sweep: %w", err)
	}
	return swept, nil
}

// groups yields all contents, those of one head together.
func (s *Store) groups(ctx context.Context) func(yield func([]Stored, error) bool) {
	return func(yield func([]Stored, error) bool) {
		var group []Stored
		for cursor, first := "", true; first || cursor != ""; first = false {
			contents, next, err := s.contents.List(ctx, "", cursor, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, c := range contents {
				if len(group) > 0 && (group[0].Head != c.Head || len(group) >= page) {
					if !yield(group, nil) {
						return
					}
					group = nil
				}
				group = append(group, c)
			}
			cursor = next
		}
		if len(group) > 0 {
			yield(group, nil)
		}
	}
}

// condemn returns which contents of one head nobody names, and sees that nobody ever will.
//
// All of group was put before this call. A draft that put one of them noted Swept before that, and
// commits only on a head with the same Swept; the swap below raises it. So after the swap nobody can
// name a content of group that the swapped head does not name. A content that is put later is not in group.
func (s *Store) condemn(ctx context.Context, group []Stored) ([]Stored, error) {
	old := s.now().Add(-s.options.GarbageAge)
	for try := 0; try < tries; try++ {
		st, err := s.current(ctx, group[0].Head)
		if err != nil {
			return nil, err
		}
		var garbage []Stored
		for _, c := range group {
			if !st.stored.names(c.ID) && (s.options.GarbageAge == 0 || putAt(c.ID).Before(old)) {
				garbage = append(garbage, c)
			}
		}
		if len(garbage) == 0 {
			return nil, nil
		}
		next := *st.head
		next.Swept++
		if _, err = s.swap(ctx, st, &next); err == nil {
			return garbage, nil
		}
		if !errors.Is(err, ErrSwapped) {
			return nil, err
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
	return nil, nil // a name that is so busy is for the next sweep
}

// putAt returns when the content was put, by the clock of who did; what is no identifier is old.
func putAt(id string) time.Time {
	milliseconds, err := strconv.ParseInt(id[:min(len(id), 12)], 16, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds)
}

// removeAll removes what is condemned, after a while in which those may end who read it.
func (s *Store) removeAll(ctx context.Context, doomed []Stored, swept *Swept) error {
	if len(doomed) == 0 {
		return nil
	}
	timer := time.NewTimer(s.options.GarbageGrace)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	for _, c := range doomed {
		if err := s.contents.Remove(ctx, c.ContentID); err != nil {
			return err
		}
		swept.Removed++
		swept.Bytes += c.Size
	}
	return nil
}
