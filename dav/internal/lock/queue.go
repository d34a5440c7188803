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
	// holds are what nobody else may change as long as it lasts: the scope of a lock that is granted or removed, a
	// resource that a condition is about, or a whole tree that is changed. Two writes without any go together.
	holds []scope
}

// scope is a name, with all below it if infinite is set.
type scope struct {
	root     string
	infinite bool
}

// meets reports whether x and y could not go together.
func (x *turn) meets(y *turn) bool { return x.hinders(y) || y.hinders(x) }

// hinders reports whether x holds what y changes.
func (x *turn) hinders(y *turn) bool {
	return slices.ContainsFunc(x.holds, func(s scope) bool {
		return slices.ContainsFunc(y.claims, func(c Claim) bool { return c.touches(s.root, s.infinite) })
	})
}

// await is queueUp for those who do not hold mu, and done is leave.
func (t *Table) await(ctx context.Context, x *turn) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.queueUp(ctx, x)
}

func (t *Table) done(x *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(x)
}

// queueUp waits, under mu, until it is x's turn. If the error is not nil x is not in the queue. It is [ErrBusy] or that of ctx.
func (t *Table) queueUp(ctx context.Context, x *turn) error {
	t.queue = append(t.queue, x)
	if len(x.holds) > 0 {
		t.holding++
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
	if t.holding == 0 {
		return false
	}
	before := t.queue[:slices.Index(t.queue, x)]
	return slices.ContainsFunc(before, x.meets)
}

// leave takes x out of the queue, under mu, and wakes those who wait. If x is not in it nothing happens.
func (t *Table) leave(x *turn) {
	i := slices.Index(t.queue, x)
	if i < 0 {
		return
	}
	t.queue = slices.Delete(t.queue, i, i+1)
	if t.holding > 0 {
		close(t.changed)
		t.changed = make(chan struct{})
	}
	if len(x.holds) > 0 {
		t.holding--
	}
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
