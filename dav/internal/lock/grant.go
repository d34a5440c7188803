package lock

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"
)

// Request is what a LOCK asks for.
type Request struct {
	Root             string
	Infinite, Shared bool
	// Owner is kept verbatim, up to [MaxOwner] bytes.
	Owner string
	// Timeout is how long the lock shall last, as [ReadTimeout] returns it; 0 is as long as it may.
	Timeout time.Duration
	// Writer is who asks. Its tokens count if the name does not exist yet: making it changes a collection.
	Writer
	// Client is whose locks are counted together: the principal, or the address of one that is not known.
	Client string
	// Holds are other names that must not be changed meanwhile, as a condition of the request is about them.
	Holds []string
}

// Place is where a lock is to be. Its functions are called while no write to the name is under way, and none that takes the
// collection above it away. They must not call the table.
type Place struct {
	// Look reports whether something exists there, and whether it is a collection.
	Look func() (exists, collection bool, err error)
	// Make makes an empty resource, as "a successful lock request to an unmapped URL MUST result in the
	// creation of a locked (non-collection) resource with empty content" (RFC 4918 §7.3). An error is returned as it is.
	Make func() error
}

// Lock grants a lock, and reports whether it made the resource for it. The error is a [*ConflictError] if another lock is in
// the way, a [*LockedError] if the name does not exist and its collection is locked, [ErrTooMany], [ErrTooManyOfClient], [ErrOwner],
// [ErrBusy] if writes do not end in time, that of ctx, of place, or of the Keeper. Of any number of requests for
// exclusive locks on a name one is granted.
func (t *Table) Lock(ctx context.Context, now time.Time, r Request, place Place) (l Lock, made bool, err error) {
	if len(r.Owner) > MaxOwner {
		return Lock{}, false, ErrOwner
	}
	// Where nothing exists yet the resource is made, which changes the collection.
	x := &turn{claims: []Claim{{Name: r.Root, Member: true}}, holds: append(held(r.Holds), scope{r.Root, r.Infinite})}
	e, err := t.begin(ctx, now, x, r)
	if err != nil {
		return Lock{}, false, err
	}
	granted := false
	defer func() { t.end(x, e, granted) }()
	exists, collection, err := place.Look()
	if err != nil {
		return Lock{}, false, err
	}
	if !exists {
		if err := t.mayMake(now, r); err != nil {
			return Lock{}, false, err
		}
		if err := place.Make(); err != nil {
			return Lock{}, false, err
		}
	}
	e.Collection = collection
	if err := t.keep(ctx, e, e.Lock); err != nil {
		return Lock{}, !exists, err
	}
	granted = true
	return e.Lock, !exists, nil
}

// begin waits for its turn, and looks for conflicts. After a success no write that the lock would refuse is under
// way, and none begins, until end.
func (t *Table) begin(ctx context.Context, now time.Time, x *turn, r Request) (*entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	if err := t.count(r.Client); err != nil {
		return nil, err
	}
	if err := t.queueUp(ctx, x); err != nil {
		t.discount(r.Client)
		return nil, err
	}
	if err := t.conflict(now, r); err != nil {
		t.discount(r.Client)
		t.leave(x)
		return nil, err
	}
	return &entry{client: r.Client, Lock: Lock{
		Token: newToken(), Root: r.Root, Infinite: r.Infinite, Shared: r.Shared,
		Owner: r.Owner, Principal: r.Principal, Expires: now.Add(t.lifetime(r.Timeout)),
	}}, nil
}

// count makes room for a lock of the client, under mu.
func (t *Table) count(client string) error {
	switch {
	case t.ofClient[client] >= t.options.MaxOfClient:
		return ErrTooManyOfClient
	case len(t.byToken)+t.granting >= t.options.MaxLocks:
		return ErrTooMany
	}
	t.ofClient[client]++
	t.granting++
	return nil
}

// discount gives the room back, under mu.
func (t *Table) discount(client string) {
	t.uncount(client)
	t.granting--
}

// conflict looks for locks that the new one is not compatible with (RFC 4918 §9.10.5), under mu.
func (t *Table) conflict(now time.Time, r Request) error {
	others := t.covering(now, r.Root)
	if r.Infinite {
		others = append(others, t.within(now, r.Root)...)
	}
	others = slices.DeleteFunc(others, func(e *entry) bool { return r.Shared && e.Shared })
	if len(others) > 0 {
		return &ConflictError{Locks: values(others)}
	}
	return nil
}

// mayMake reports whether the writer may make the name: locks on it do not conflict, but those on its collection may.
func (t *Table) mayMake(now time.Time, r Request) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	above, ok := parent(r.Root)
	if !ok {
		return nil
	}
	_, err := t.admit(now, r.Writer, []Claim{{Name: above}})
	return err
}

// end puts the lock into the table, if it was granted, and lets the others go on.
func (t *Table) end(x *turn, e *entry, granted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if granted {
		t.granting--
		t.insert(e)
	} else {
		t.discount(e.client)
	}
	t.leave(x)
}

// lifetime is how long a lock lasts that asks for d.
func (t *Table) lifetime(d time.Duration) time.Duration {
	if d <= 0 || d > t.options.MaxTimeout {
		return t.options.MaxTimeout
	}
	return d
}

// newToken makes a token of 122 random bits (RFC 9562 §5.4, version 4).
func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf(tokenPrefix+"%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
