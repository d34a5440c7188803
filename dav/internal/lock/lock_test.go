package lock_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/dav/internal/lock"
	"github.com/fourtwelve/fourtwelve/store"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// keeper keeps records in memory. With broken it fails.
type keeper struct {
	mu      sync.Mutex
	records map[string][]byte
	broken  error
}

func (k *keeper) Keep(_ context.Context, key string, value []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.broken != nil:
		return k.broken
	case value == nil:
		delete(k.records, key)
	default:
		k.records[key] = slices.Clone(value)
	}
	return nil
}

func (k *keeper) Kept(_ context.Context, prefix string) iter.Seq2[store.Record, error] {
	k.mu.Lock()
	defer k.mu.Unlock()
	records := maps.Clone(k.records)
	return func(yield func(store.Record, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(records)) {
			if strings.HasPrefix(key, prefix) && !yield(store.Record{Key: key, Value: records[key]}, nil) {
				return
			}
		}
	}
}

func newKeeper() *keeper { return &keeper{records: map[string][]byte{}} }

func always(context.Context, string) (bool, error) { return true, nil }

func open(t testing.TB, o lock.Options) *lock.Table {
	t.Helper()
	table, err := lock.Open(t.Context(), now, o, always)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// there is the place of a name that exists.
var there = lock.Place{
	Look: func() (bool, bool, error) { return true, false, nil },
	Make: func() error { return errors.New("made what exists") },
}

// grant locks, and fails the test if that is refused.
func grant(t testing.TB, table *lock.Table, r lock.Request) lock.Lock {
	t.Helper()
	l, _, err := table.Lock(t.Context(), now, r, there)
	if err != nil {
		t.Fatalf("LOCK %+v: %v", r, err)
	}
	return l
}

// enter enters a write to the names.
func enter(ctx context.Context, table *lock.Table, now time.Time, w lock.Writer, claims ...lock.Claim) (*lock.Passage, error) {
	return table.Enter(ctx, now, lock.Write{Writer: w, Claims: claims})
}

func exclusive(root string) lock.Request { return lock.Request{Root: root} }
func infinite(root string) lock.Request  { return lock.Request{Root: root, Infinite: true} }
func shared(root string) lock.Request    { return lock.Request{Root: root, Shared: true} }

// TestCompatibility is the table of RFC 4918 §9.10.5, for locks on one resource and on collections around and in it.
func TestCompatibility(t *testing.T) {
	for _, c := range []struct {
		name     string
		has, new lock.Request
		ok       bool
	}{
		{"shared after shared", shared("a"), shared("a"), true},
		{"exclusive after shared", shared("a"), exclusive("a"), false},
		{"shared after exclusive", exclusive("a"), shared("a"), false},
		{"exclusive after exclusive", exclusive("a"), exclusive("a"), false},
		{"another resource", exclusive("a"), exclusive("b"), true},
		{"a name that begins alike", infinite("a"), exclusive("ab"), true},
		{"in a collection locked with depth infinity", infinite("c"), exclusive("c/d/e"), false},
		{"in a collection locked with depth 0", exclusive("c"), exclusive("c/d"), true},
		{"the collection of a locked resource, depth infinity", exclusive("c/d/e"), infinite("c"), false},
		{"the collection of a locked resource, depth 0", exclusive("c/d"), exclusive("c"), true},
		{"everything, where something is locked", exclusive("c/d"), infinite(""), false},
		{"something, where everything is locked", infinite(""), exclusive("c/d"), false},
		{"the root alone", exclusive("c/d"), exclusive(""), true},
		{"shared in shared", lock.Request{Root: "c", Infinite: true, Shared: true}, shared("c/d"), true},
		{"exclusive in shared", lock.Request{Root: "c", Infinite: true, Shared: true}, exclusive("c/d"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := open(t, lock.Options{})
			has := grant(t, table, c.has)
			_, _, err := table.Lock(t.Context(), now, c.new, there)
			if c.ok {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			conflict, ok := errors.AsType[*lock.ConflictError](err)
			if !ok || len(conflict.Locks) != 1 || conflict.Locks[0] != has {
				t.Errorf("got %v, want a conflict with %+v", err, has)
			}
		})
	}
}

// TestWrites: what a write needs, given one lock (RFC 4918 §7).
func TestWrites(t *testing.T) {
	for _, c := range []struct {
		name  string
		has   lock.Request
		claim lock.Claim
		free  bool // it needs no token
	}{
		{"a locked resource", exclusive("a"), lock.Claim{Name: "a"}, false},
		{"a resource with a shared lock", shared("a"), lock.Claim{Name: "a"}, false},
		{"another", exclusive("a"), lock.Claim{Name: "b"}, true},
		{"a member of a collection locked with depth infinity", infinite("c"), lock.Claim{Name: "c/d/e"}, false},
		{"a new member of it", infinite("c"), lock.Claim{Name: "c/new", Member: true}, false},
		{"a member of a collection locked with depth 0", exclusive("c"), lock.Claim{Name: "c/d"}, true},
		{"a new member of it", exclusive("c"), lock.Claim{Name: "c/new", Member: true}, false},
		{"a new member deep in it", exclusive("c"), lock.Claim{Name: "c/d/new", Member: true}, true},
		{"the collection around a locked member, itself", exclusive("c/d"), lock.Claim{Name: "c"}, true},
		{"the collection around a locked member, whole", exclusive("c/d"), lock.Claim{Name: "c", Tree: true}, false},
		{"a member of the root collection", exclusive(""), lock.Claim{Name: "new", Member: true}, false},
		{"the root collection whole", exclusive("c/d/e"), lock.Claim{Name: "", Tree: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := open(t, lock.Options{})
			l := grant(t, table, c.has)
			p, err := enter(t.Context(), table, now, lock.Writer{}, c.claim)
			if c.free {
				if err != nil {
					t.Fatal(err)
				}
				p.Leave()
				return
			}
			locked, ok := errors.AsType[*lock.LockedError](err)
			if !ok || len(locked.Locks) != 1 || locked.Locks[0] != l {
				t.Errorf("without the token: got %v, want %+v in the way", err, l)
			}
			if _, err := enter(t.Context(), table, now, lock.Writer{Tokens: []string{"urn:uuid:other"}}, c.claim); err == nil {
				t.Error("another token lets it through")
			}
			if _, err := enter(t.Context(), table, now, lock.Writer{Principal: "eve", Tokens: []string{l.Token}}, c.claim); err == nil {
				t.Error("the token lets another principal through")
			}
			p, err = enter(t.Context(), table, now, lock.Writer{Tokens: []string{"urn:uuid:other", l.Token}}, c.claim)
			if err != nil || len(p.Opened) != 1 || p.Opened[0] != l {
				t.Fatalf("with the token: got %+v, %v", p, err)
			}
			p.Leave()
		})
	}
}

// TestOneOfTheSharedTokens: each holder of a shared lock may write, and each resource takes a token of its own.
func TestOneOfTheSharedTokens(t *testing.T) {
	table := open(t, lock.Options{})
	a, b := grant(t, table, shared("c/a")), grant(t, table, shared("c/a"))
	other := grant(t, table, exclusive("c/x"))
	for _, l := range []lock.Lock{a, b} {
		p, err := enter(t.Context(), table, now, lock.Writer{Tokens: []string{l.Token}}, lock.Claim{Name: "c/a"})
		if err != nil {
			t.Fatal(err)
		}
		p.Leave()
	}
	whole := lock.Claim{Name: "c", Member: true, Tree: true}
	_, err := enter(t.Context(), table, now, lock.Writer{Tokens: []string{a.Token}}, whole)
	if locked, ok := errors.AsType[*lock.LockedError](err); !ok || len(locked.Locks) != 1 || locked.Locks[0] != other {
		t.Errorf("got %v, want %+v in the way", err, other)
	}
	p, err := enter(t.Context(), table, now, lock.Writer{Tokens: []string{a.Token, other.Token}}, whole)
	if err != nil {
		t.Fatal(err)
	}
	p.Leave()
}

// TestTime: a lock ends by the time that is the argument, is refreshed, and lasts no longer than it may.
func TestTime(t *testing.T) {
	table := open(t, lock.Options{MaxTimeout: time.Minute})
	l, _, err := table.Lock(t.Context(), now, lock.Request{Root: "a", Timeout: 10 * time.Second}, there)
	if err != nil || !l.Expires.Equal(now.Add(10*time.Second)) {
		t.Fatalf("got %+v, %v", l, err)
	}
	l, err = table.Refresh(t.Context(), now.Add(9*time.Second), "a", l.Token, "", time.Hour)
	if err != nil || !l.Expires.Equal(now.Add(69*time.Second)) {
		t.Fatalf("got %+v, %v; want a minute from then", l, err)
	}
	late := l.Expires
	if got := table.Covering(late.Add(-1), "a"); len(got) != 1 || got[0] != l {
		t.Errorf("just before the end: got %+v", got)
	}
	if got := table.Covering(late, "a"); len(got) != 0 {
		t.Errorf("at the end: got %+v", got)
	}
	if _, err := table.Refresh(t.Context(), late, "a", l.Token, "", 0); !errors.Is(err, lock.ErrNoLock) {
		t.Errorf("refresh at the end: got %v", err)
	}
	if err := table.Unlock(t.Context(), late, "a", l.Token, ""); !errors.Is(err, lock.ErrNoLock) {
		t.Errorf("unlock at the end: got %v", err)
	}
	p, err := enter(t.Context(), table, late, lock.Writer{}, lock.Claim{Name: "a"})
	if err != nil {
		t.Fatalf("a write at the end: %v", err)
	}
	p.Leave()
	if _, _, err := table.Lock(t.Context(), late, exclusive("a"), there); err != nil {
		t.Errorf("the next lock at the end: %v", err)
	}
}

// TestUnlock: the token alone counts, on any name in the scope, for who made the lock.
func TestUnlock(t *testing.T) {
	table := open(t, lock.Options{})
	r := infinite("c")
	r.Principal = "ann"
	l := grant(t, table, r)
	for _, c := range []struct {
		name, token, principal string
		want                   error
	}{
		{"c", "urn:uuid:other", "ann", lock.ErrNoLock},
		{"d", l.Token, "ann", lock.ErrNoLock},
		{"c", l.Token, "eve", lock.ErrNotCreator},
		{"c", l.Token, "", lock.ErrNotCreator},
		{"c/d/e", l.Token, "ann", nil},
		{"c/d/e", l.Token, "ann", lock.ErrNoLock},
	} {
		if err := table.Unlock(t.Context(), now, c.name, c.token, c.principal); !errors.Is(err, c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
	if got := table.Covering(now, "c"); len(got) != 0 {
		t.Errorf("still there: %+v", got)
	}
}

// TestMakes: a lock on a name at which nothing exists makes a resource, for which the collection's token is needed.
func TestMakes(t *testing.T) {
	table := open(t, lock.Options{})
	made := 0
	place := lock.Place{
		Look: func() (bool, bool, error) { return false, false, nil },
		Make: func() error { made++; return nil },
	}
	if _, ok, err := table.Lock(t.Context(), now, exclusive("c/new"), place); err != nil || !ok || made != 1 {
		t.Fatalf("got %v, %v, made %d", ok, err, made)
	}
	c := grant(t, table, exclusive("c"))
	_, _, err := table.Lock(t.Context(), now, exclusive("c/newer"), place)
	if locked, ok := errors.AsType[*lock.LockedError](err); !ok || locked.Locks[0] != c || made != 1 {
		t.Fatalf("got %v, made %d; want %+v in the way", err, made, c)
	}
	r := exclusive("c/newer")
	r.Tokens = []string{c.Token}
	if _, ok, err := table.Lock(t.Context(), now, r, place); err != nil || !ok || made != 2 {
		t.Fatalf("got %v, %v, made %d", ok, err, made)
	}
	failed := errors.New("no such collection")
	place.Make = func() error { return failed }
	if _, _, err := table.Lock(t.Context(), now, exclusive("d/new"), place); !errors.Is(err, failed) {
		t.Errorf("got %v, want %v", err, failed)
	}
	if got := table.Covering(now, "d/new"); len(got) != 0 {
		t.Errorf("a lock was granted on what could not be made: %+v", got)
	}
}

// TestUnmapped: what a write takes away loses its locks, and what it replaces keeps those on itself.
func TestUnmapped(t *testing.T) {
	k := newKeeper()
	table := open(t, lock.Options{Keeper: k})
	for _, root := range []string{"src", "src/x", "src2", "dst", "dst/x/y"} {
		grant(t, table, exclusive(root))
	}
	p, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "free"})
	if err != nil {
		t.Fatal(err)
	}
	p.Unmapped(t.Context(), "src")
	p.Replaced(t.Context(), "dst")
	p.Leave()
	for root, want := range map[string]int{"src": 0, "src/x": 0, "src2": 1, "dst": 1, "dst/x/y": 0} {
		if got := table.Covering(now, root); len(got) != want {
			t.Errorf("%s: got %d locks, want %d", root, len(got), want)
		}
	}
	if len(k.records) != 2 {
		t.Errorf("%d records are kept, want 2", len(k.records))
	}
}

// TestRestart: locks outlive the table, but not their time, nor what they were on, nor an UNLOCK.
func TestRestart(t *testing.T) {
	k := newKeeper()
	table := open(t, lock.Options{Keeper: k, MaxOfClient: 4})
	r := lock.Request{
		Root: "c", Infinite: true, Shared: true, Owner: "<D:owner xmlns:D=\"DAV:\">A &amp; <b/></D:owner>",
		Writer: lock.Writer{Principal: "ann"}, Client: "ann",
	}
	want := grant(t, table, r)
	short, gone, undone := exclusive("short"), exclusive("gone"), exclusive("undone")
	short.Timeout, short.Client, gone.Client, undone.Client = time.Second, "ann", "ann", "ann"
	grant(t, table, short)
	grant(t, table, gone)
	if err := table.Unlock(t.Context(), now, "undone", grant(t, table, undone).Token, ""); err != nil {
		t.Fatal(err)
	}
	k.records["dav-lock/junk"] = []byte("{")
	k.records["other/record"] = []byte("not ours")

	exists := func(_ context.Context, name string) (bool, error) { return name != "gone", nil }
	again, err := lock.Open(t.Context(), now.Add(time.Minute), lock.Options{Keeper: k, MaxOfClient: 2}, exists)
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{"c/d": 1, "short": 0, "gone": 0, "undone": 0} {
		if got := again.Covering(now.Add(time.Minute), name); len(got) != n || n == 1 && got[0] != want {
			t.Errorf("%s: got %+v, want %d", name, got, n)
		}
	}
	if keys := slices.Sorted(maps.Keys(k.records)); len(keys) != 2 || keys[1] != "other/record" {
		t.Errorf("records are %q", keys)
	}
	// The locks of a client are counted after a restart, too.
	for i, want := range []error{nil, lock.ErrTooManyOfClient} {
		r := exclusive(fmt.Sprint("more", i))
		r.Client = "ann"
		if _, _, err := again.Lock(t.Context(), now, r, there); !errors.Is(err, want) {
			t.Errorf("lock %d: got %v, want %v", i, err, want)
		}
	}
}

// TestKeeperFails: what could not be made durable was not done.
func TestKeeperFails(t *testing.T) {
	k := newKeeper()
	table := open(t, lock.Options{Keeper: k})
	l := grant(t, table, exclusive("a"))
	k.broken = errors.New("disk full")
	if _, _, err := table.Lock(t.Context(), now, exclusive("b"), there); !errors.Is(err, k.broken) {
		t.Errorf("LOCK: got %v", err)
	}
	if _, err := table.Refresh(t.Context(), now, "a", l.Token, "", time.Second); !errors.Is(err, k.broken) {
		t.Errorf("refresh: got %v", err)
	}
	if err := table.Unlock(t.Context(), now, "a", l.Token, ""); !errors.Is(err, k.broken) {
		t.Errorf("UNLOCK: got %v", err)
	}
	if got := table.Covering(now, "b"); len(got) != 0 {
		t.Errorf("b is locked: %+v", got)
	}
	if got := table.Covering(now, "a"); len(got) != 1 || got[0] != l {
		t.Errorf("a: got %+v, want %+v", got, l)
	}
	// What a DELETE took away has no lock whatever the disk says; its record goes with the next change.
	p, err := enter(t.Context(), table, now, lock.Writer{Tokens: []string{l.Token}}, lock.Claim{Name: "a", Member: true})
	if err != nil {
		t.Fatal(err)
	}
	p.Unmapped(t.Context(), "a")
	p.Leave()
	k.broken = nil
	b := grant(t, table, exclusive("b"))
	if len(k.records) != 1 || len(table.Covering(now, "a")) != 0 {
		t.Errorf("records %q, want that of %s alone", slices.Collect(maps.Keys(k.records)), b.Token)
	}
}

// TestBounds: one client cannot take the room of all, and expired locks take none.
func TestBounds(t *testing.T) {
	table := open(t, lock.Options{MaxLocks: 5, MaxOfClient: 3, MaxTimeout: time.Minute})
	ask := func(at time.Time, client string, i int) error {
		_, _, err := table.Lock(t.Context(), at, lock.Request{Root: fmt.Sprint(client, i), Client: client}, there)
		return err
	}
	for i, want := range []error{nil, nil, nil, lock.ErrTooManyOfClient, lock.ErrTooManyOfClient} {
		if err := ask(now, "greedy", i); !errors.Is(err, want) {
			t.Errorf("greedy %d: got %v, want %v", i, err, want)
		}
	}
	for i, want := range []error{nil, nil, lock.ErrTooMany} {
		if err := ask(now, "other", i); !errors.Is(err, want) {
			t.Errorf("other %d: got %v, want %v", i, err, want)
		}
	}
	for i := range 3 {
		if err := ask(now.Add(time.Minute), "greedy", i); err != nil {
			t.Errorf("greedy %d, after a minute: %v", i, err)
		}
	}
	long := lock.Request{Root: "o", Owner: strings.Repeat("x", lock.MaxOwner+1)}
	if _, _, err := table.Lock(t.Context(), now, long, there); !errors.Is(err, lock.ErrOwner) {
		t.Errorf("a long owner: got %v", err)
	}
	// A refused request takes no room.
	for range 10 {
		if err := ask(now.Add(time.Minute), "greedy", 0); errors.Is(err, lock.ErrTooMany) {
			t.Fatal(err)
		}
	}
	if err := ask(now.Add(time.Minute), "new", 0); err != nil {
		t.Errorf("another client: %v", err)
	}
}

// TestTokens are URNs of random UUIDs, all different.
func TestTokens(t *testing.T) {
	form := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	table := open(t, lock.Options{})
	seen := map[string]bool{}
	for i := range 100 {
		l := grant(t, table, exclusive(fmt.Sprint(i)))
		if !form.MatchString(l.Token) || seen[l.Token] {
			t.Fatalf("got token %q", l.Token)
		}
		seen[l.Token] = true
	}
}

// TestReadTimeout is RFC 4918 §10.7, with what clients make of it.
func TestReadTimeout(t *testing.T) {
	const most = (1<<32 - 1) * time.Second
	for value, want := range map[string]time.Duration{
		"Second-180":                  180 * time.Second, // LibreOffice
		"second-180":                  180 * time.Second,
		"Infinite":                    0,
		"Infinite, Second-4100000000": 0, // npm webdav
		"Second-4100000000, Infinite": 4100000000 * time.Second,
		"Second-4294967296":           most,
		"Second-99999999999999999999": most,
		"Second-0":                    time.Second,
		"Extend, Second-5":            5 * time.Second,
		" Second-7 ,Second-9":         7 * time.Second,
		"Second-":                     0,
		"Second--5":                   0,
		"Second- 5":                   0,
		"5":                           0,
		"":                            0,
	} {
		if got := lock.ReadTimeout([]string{value}); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
	if got := lock.ReadTimeout([]string{"Never", "Second-3"}); got != 3*time.Second {
		t.Errorf("two lines: got %v", got)
	}
	if got := lock.ReadTimeout(nil); got != 0 {
		t.Errorf("none: got %v", got)
	}
}
