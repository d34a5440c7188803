package lock_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fourtwelve/fourtwelve/dav/internal/lock"
)

// together runs f n times at once, and returns when all are done.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}

// TestOneOf32Locks: of 32 requests for exclusive locks on one name one is granted, and one resource is made for it.
func TestOneOf32Locks(t *testing.T) {
	for range 200 {
		table := open(t, lock.Options{Keeper: newKeeper()})
		var granted, made atomic.Int32
		place := lock.Place{
			Look: func() (bool, bool, error) {
				exists := made.Load() > 0
				runtime.Gosched()
				return exists, false, nil
			},
			Make: func() error { made.Add(1); return nil },
		}
		together(32, func(i int) {
			_, _, err := table.Lock(t.Context(), now, lock.Request{Root: "c/a", Infinite: i%2 == 0}, place)
			switch {
			case err == nil:
				granted.Add(1)
			case !errors.As(err, new(*lock.ConflictError)):
				t.Error(err)
			}
		})
		if granted.Load() != 1 || made.Load() != 1 {
			t.Fatalf("%d locks were granted, %d resources made", granted.Load(), made.Load())
		}
	}
}

// TestNoWriteBesideALock: while a client holds the lock nobody else is inside, and no lock is granted while others are.
func TestNoWriteBesideALock(t *testing.T) {
	table := open(t, lock.Options{})
	claims := []lock.Claim{
		{Name: "c/a"}, {Name: "c/a", Member: true}, {Name: "c", Tree: true}, {Name: "c/a/b", Member: true}, {Name: "", Tree: true},
	}
	var inside atomic.Int32 // writers without a token
	together(16, func(i int) {
		for round := range 100 {
			if i < 4 {
				l, _, err := table.Lock(t.Context(), now, lock.Request{Root: "c/a", Infinite: true}, there)
				if err != nil {
					continue
				}
				if n := inside.Load(); n != 0 {
					t.Errorf("a lock was granted while %d were writing", n)
				}
				p, err := enter(t.Context(), table, now, lock.Writer{Tokens: []string{l.Token}}, claims[round%len(claims)])
				if err != nil {
					t.Errorf("the holder was refused: %v", err)
				} else {
					p.Leave()
				}
				if n := inside.Load(); n != 0 {
					t.Errorf("%d were writing beside the lock", n)
				}
				if err := table.Unlock(t.Context(), now, "c/a", l.Token, ""); err != nil {
					t.Error(err)
				}
				continue
			}
			p := table.EnterFree("c/a")
			if p == nil || round%2 == 0 {
				if p != nil {
					p.Leave()
				}
				var err error
				if p, err = enter(t.Context(), table, now, lock.Writer{}, claims[(i+round)%len(claims)]); err != nil {
					continue
				}
			}
			inside.Add(1)
			runtime.Gosched()
			inside.Add(-1)
			p.Leave()
		}
	})
}

// TestWaits: a lock waits for the write that is under way, a write that comes later waits for the lock, and both are bounded.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := open(t, lock.Options{})
		first, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		var locked, refused atomic.Bool
		var all sync.WaitGroup
		all.Go(func() {
			_, _, err := table.Lock(t.Context(), now, exclusive("a"), there)
			locked.Store(err == nil)
		})
		synctest.Wait()
		all.Go(func() {
			_, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "a"})
			refused.Store(errors.As(err, new(*lock.LockedError)))
		})
		synctest.Wait()
		if locked.Load() || refused.Load() {
			t.Errorf("while a write is under way: locked %v, refused %v", locked.Load(), refused.Load())
		}
		other, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "b"}) // does not wait
		if err != nil {
			t.Fatal(err)
		}
		other.Leave()
		first.Leave()
		all.Wait()
		if !locked.Load() || !refused.Load() {
			t.Errorf("afterwards: locked %v, refused %v", locked.Load(), refused.Load())
		}
	})
}

// TestEnterFree: who enters without a look waits for nobody and is waited for; beside a lock, or a write that holds something, nobody
// enters so.
func TestEnterFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := open(t, lock.Options{})
		for _, root := range []string{"c/a", "c"} {
			p := table.EnterFree("c/a")
			if p == nil || len(p.Opened) > 0 {
				t.Fatalf("nobody is there, and %v was entered", p)
			}
			var granted atomic.Pointer[lock.Lock]
			var all sync.WaitGroup
			all.Go(func() {
				l := grant(t, table, exclusive(root))
				granted.Store(&l)
			})
			synctest.Wait()
			if granted.Load() != nil || table.EnterFree("other") != nil {
				t.Errorf("a lock on %q was granted beside the write, or another write passed one that waits", root)
			}
			p.Leave()
			p.Leave()
			all.Wait()
			if table.EnterFree("other") != nil {
				t.Error("a write entered without a look where there is a lock")
			}
			if err := table.Unlock(t.Context(), now, root, granted.Load().Token, ""); err != nil {
				t.Fatal(err)
			}
		}
		holder, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "c", Member: true, Tree: true})
		if err != nil || table.EnterFree("c/a") != nil {
			t.Errorf("error %v, or a write entered a tree that is being taken away", err)
		}
		holder.Leave()
		if p := table.EnterFree("c/a"); p == nil {
			t.Error("nobody is there any more")
		}
	})
}

// TestWaitsNotForEver: a write that does not end keeps a lock waiting until the bound, and a client that goes away waits no longer.
func TestWaitsNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := open(t, lock.Options{Wait: time.Second})
		p, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, _, err := table.Lock(t.Context(), now, exclusive("a"), there); !errors.Is(err, lock.ErrBusy) || time.Since(began) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := table.Lock(gone, now, exclusive("a"), there); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		p.Leave()
		grant(t, table, exclusive("a"))
	})
}

// TestNobodyStarves: a write gets its turn however many locks are asked for, and a lock however many write.
func TestNobodyStarves(t *testing.T) {
	table := open(t, lock.Options{Wait: time.Minute})
	var done atomic.Bool
	var crowd sync.WaitGroup
	for i := range 8 {
		crowd.Go(func() {
			for !done.Load() {
				if i%2 == 0 {
					if l, _, err := table.Lock(t.Context(), now, exclusive("a"), there); err == nil {
						_ = table.Unlock(t.Context(), now, "a", l.Token, "")
					}
				} else if p, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "a"}); err == nil {
					p.Leave()
				}
			}
		})
	}
	for range 200 {
		if p, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "a"}); err == nil {
			p.Leave()
		} else if errors.Is(err, lock.ErrBusy) {
			t.Error(err)
		}
		if l, _, err := table.Lock(t.Context(), now, exclusive("a"), there); err == nil {
			_ = table.Unlock(t.Context(), now, "a", l.Token, "")
		} else if errors.Is(err, lock.ErrBusy) {
			t.Error(err)
		}
	}
	done.Store(true)
	crowd.Wait()
}

// TestHolds: what a condition is about is not written while the write that it belongs to is under way, and a lock whose token
// it names is not removed.
func TestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := open(t, lock.Options{})
		l := grant(t, table, exclusive("a"))
		checked := false
		p, err := table.Enter(t.Context(), now, lock.Write{
			Writer: lock.Writer{Tokens: []string{l.Token}}, Claims: []lock.Claim{{Name: "a"}}, Holds: []string{"other"},
			Check: func() error { checked = true; return nil },
		})
		if err != nil || !checked {
			t.Fatal(err, checked)
		}
		var done atomic.Int32
		var all sync.WaitGroup
		for _, c := range []lock.Claim{{Name: "other"}, {Name: "other", Tree: true}, {Name: "other", Member: true}} {
			all.Go(func() {
				p, err := enter(t.Context(), table, now, lock.Writer{Tokens: []string{l.Token}}, c)
				if err != nil {
					t.Errorf("%+v: %v", c, err)
					return
				}
				done.Add(1)
				p.Leave()
			})
		}
		synctest.Wait()
		all.Go(func() {
			if err := table.Unlock(t.Context(), now, "a", l.Token, ""); err != nil {
				t.Error(err)
			}
			done.Add(1)
		})
		synctest.Wait()
		free, err := enter(t.Context(), table, now, lock.Writer{}, lock.Claim{Name: "free"})
		if err != nil || done.Load() != 0 {
			t.Fatalf("%v; %d did not wait", err, done.Load())
		}
		free.Leave()
		p.Leave()
		all.Wait()
		if done.Load() != 4 {
			t.Errorf("%d of 4 got through afterwards", done.Load())
		}
	})
}

// TestCheckFails: the error of a check is the answer, before that of a lock, and nothing stays behind.
func TestCheckFails(t *testing.T) {
	table := open(t, lock.Options{Wait: time.Millisecond})
	l := grant(t, table, exclusive("a"))
	failed := errors.New("412")
	w := lock.Write{Claims: []lock.Claim{{Name: "a"}}, Check: func() error { return failed }}
	if _, err := table.Enter(t.Context(), now, w); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if err := table.Unlock(t.Context(), now, "a", l.Token, ""); err != nil {
		t.Errorf("the write is still in the way: %v", err)
	}
}
