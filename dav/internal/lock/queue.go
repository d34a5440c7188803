package lock

import (
	"context"
	"slices"
	"time"
)

// turn is the place of a request in the queue. It waits for those before it which it could not go together with, and
// for none behind it, so that nobody waits in a circle and nobody waits for ever.
type turn struct {
	// claims are what it changes.
	claims []Claim
	// grants is set if it grants a lock, on root. Two writes go together; a grant and what its lock concerns do not.
	grants   bool
	root     string
	infinite bool
}

// meets reports whether x and y could not go together.
func (x *turn) meets(y *turn) bool {
	return x.grants && x.concerns(y) || y.grants && y.concerns(x)
}

// concerns reports whether the lock that x grants would have a say in what y does.
func (x *turn) concerns(y *turn) bool {
	return slices.ContainsFunc(y.claims, func(c Claim) bool { return c.touches(x.root, x.infinite) })
}

// queueUp waits, under mu, until it is x's turn. If the error is not nil x is not in the queue. It is [ErrBusy] or that of ctx.
func (t *Table) queueUp(ctx context.Context, x *turn) error {
	t.queue = append(t.queue, x)
	if x.grants {
		t.granting++
	}
	if !t.blocked(x) {
		return nil
	}
	timeout := time.NewTimer(t.options.Wait)
	defer timeout.Stop()
	for t.blocked(x) {
		if err := t.wait(ctx, timeout.C); err != nil {
			t.leave(x)
			return err
		}
	}
	return nil
}

// blocked reports whether someone before x in the queue keeps it waiting, under mu.
func (t *Table) blocked(x *turn) bool {
	if t.granting == 0 {
		return false
	}
	before := t.queue[:slices.Index(t.queue, x)]
	return slices.ContainsFunc(before, x.meets)
}

// leave takes x out of the queue, under mu, and wakes those who wait. It reports whether x was in it.
func (t *Table) leave(x *turn) bool {
	i := slices.Index(t.queue, x)
	if i < 0 {
		return false
	}
	t.queue = slices.Delete(t.queue, i, i+1)
	if t.granting > 0 {
		close(t.changed)
		t.changed = make(chan struct{})
	}
	if x.grants {
		t.granting--
	}
	return true
}

// wait gives up mu until something has changed. The error is [ErrBusy] or that of ctx.
func (t *Table) wait(ctx context.Context, timeout <-chan time.Time) error {
	changed := t.changed
	t.mu.Unlock()
	defer t.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-timeout:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}
