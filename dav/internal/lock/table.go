package lock

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// MaxOwner bounds, in bytes, what a client may say of a lock's owner.
const MaxOwner = 4 << 10

// The values that stand for a field of [Options] that is 0.
const (
	DefaultMaxLocks     = 16 << 10
	DefaultMaxOfClient  = 1 << 10
	DefaultMaxTimeout   = time.Hour
	DefaultWait         = 10 * time.Second
	maxNamed            = 16
	recordPrefix        = "dav-lock/"
	tokenPrefix         = "urn:uuid:"
	maxStalePerMutation = 4
)

// Options configures a table.
type Options struct {
	// Keeper keeps the locks over a restart. Nil keeps them in memory alone.
	Keeper store.Keeper
	// MaxLocks bounds how many locks there are, and MaxOfClient how many one client has.
	MaxLocks, MaxOfClient int
	// MaxTimeout bounds how long a lock lasts without being refreshed, and is how long one lasts that does
	// not ask for less.
	MaxTimeout time.Duration
	// Wait bounds how long a lock waits for writes under way, and a write for a lock that is being granted.
	Wait time.Duration
}

// Table has the locks of one store. It may be used from any number of goroutines.
type Table struct {
	options Options

	mu sync.Mutex
	// locks are all that were not removed; some of them may have expired.
	byToken map[string]*entry
	byRoot  map[string][]*entry
	// ofClient counts the locks of each client, and those being granted.
	ofClient map[string]int
	// soonest is not after the time at which the first lock expires.
	soonest time.Time
	// queue has the requests that are under way or wait for their turn, in the order in which they came. holding counts those
	// that hold something, and granting those among them that are to become locks.
	queue             []*turn
	holding, granting int
	// changed is closed and made anew when one leaves the queue for which others wait.
	changed chan struct{}
	// stale are the keys of records of locks that are gone already.
	stale []string
}

// entry is a lock in the table. The Lock in it is changed under Table.mu.
type entry struct {
	Lock
	client string
	// keeping is held while the record of the lock is changed, so that records change in the order in which
	// the lock does. It comes before Table.mu.
	keeping sync.Mutex
}

// Open returns a table with the locks that o.Keeper has kept. exists reports whether something exists under a name: a lock
// on what is gone is forgotten, and so is one that has expired.
func Open(ctx context.Context, now time.Time, o Options, exists func(ctx context.Context, name string) (bool, error)) (*Table, error) {
	if o.MaxLocks == 0 {
		o.MaxLocks = DefaultMaxLocks
	}
	if o.MaxOfClient == 0 {
		o.MaxOfClient = DefaultMaxOfClient
	}
	if o.MaxTimeout == 0 {
		o.MaxTimeout = DefaultMaxTimeout
	}
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	t := &Table{
		options:  o,
		byToken:  map[string]*entry{},
		byRoot:   map[string][]*entry{},
		ofClient: map[string]int{},
		changed:  make(chan struct{}),
	}
	if o.Keeper == nil {
		return t, nil
	}
	return t, t.load(ctx, now, exists)
}

// Covering returns the locks that name is in the scope of.
func (t *Table) Covering(now time.Time, name string) []Lock {
	t.mu.Lock()
	defer t.mu.Unlock()
	var locks []Lock
	for _, e := range t.covering(now, name) {
		locks = append(locks, e.Lock)
	}
	return locks
}

// All returns the locks that hold, in the order of the names that were locked.
func (t *Table) All(now time.Time) []Lock {
	t.mu.Lock()
	defer t.mu.Unlock()
	var locks []Lock
	for _, e := range t.byToken {
		if now.Before(e.Expires) {
			locks = append(locks, e.Lock)
		}
	}
	slices.SortFunc(locks, func(a, b Lock) int { return cmp.Or(cmp.Compare(a.Root, b.Root), cmp.Compare(a.Token, b.Token)) })
	return locks
}

// covering is Covering, under mu.
func (t *Table) covering(now time.Time, name string) []*entry {
	if len(t.byToken) == 0 {
		return nil
	}
	var found []*entry
	for at, ok := name, true; ok; at, ok = parent(at) {
		for _, e := range t.byRoot[at] {
			if now.Before(e.Expires) && e.Covers(name) {
				found = append(found, e)
			}
		}
	}
	return found
}

// within returns the locks whose roots lie below name, under mu. There are few enough to look at all.
func (t *Table) within(now time.Time, name string) []*entry {
	var found []*entry
	for root, entries := range t.byRoot {
		if !inside(root, name) {
			continue
		}
		for _, e := range entries {
			if now.Before(e.Expires) {
				found = append(found, e)
			}
		}
	}
	return found
}

// insert puts a lock into the table, under mu. It has been counted before.
func (t *Table) insert(e *entry) {
	t.byToken[e.Token] = e
	t.byRoot[e.Root] = append(t.byRoot[e.Root], e)
	if t.soonest.IsZero() || e.Expires.Before(t.soonest) {
		t.soonest = e.Expires
	}
}

// drop takes a lock out of the table, under mu, if it is still in it.
func (t *Table) drop(e *entry) {
	if t.byToken[e.Token] != e {
		return
	}
	delete(t.byToken, e.Token)
	rest := t.byRoot[e.Root][:0:0]
	for _, other := range t.byRoot[e.Root] {
		if other != e {
			rest = append(rest, other)
		}
	}
	if len(rest) > 0 {
		t.byRoot[e.Root] = rest
	} else {
		delete(t.byRoot, e.Root)
	}
	t.uncount(e.client)
}

func (t *Table) uncount(client string) {
	if t.ofClient[client]--; t.ofClient[client] <= 0 {
		delete(t.ofClient, client)
	}
}

// sweep drops the locks that have expired, under mu.
func (t *Table) sweep(now time.Time) {
	if t.soonest.IsZero() || now.Before(t.soonest) {
		return
	}
	t.soonest = time.Time{}
	for _, e := range t.byToken {
		switch {
		case !now.Before(e.Expires):
			t.drop(e)
			t.stale = append(t.stale, e.key())
		case t.soonest.IsZero() || e.Expires.Before(t.soonest):
			t.soonest = e.Expires
		}
	}
}
