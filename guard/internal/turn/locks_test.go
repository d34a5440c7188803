package turn

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLocksStress: nobody who is alone is beside anybody, whatever is cancelled.
func TestLocksStress(t *testing.T) {
	ls := NewLocks(1000)
	var alone, shared atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				share := random.IntN(2) == 0
				if random.IntN(4) == 0 {
					cancel()
				}
				unlock, err := ls.Lock(ctx, "key", share)
				if err != nil {
					cancel()
					continue
				}
				if share {
					shared.Add(1)
				} else if alone.Add(1) != 1 {
					t.Error("two are alone")
				}
				if alone.Load() > 0 && shared.Load() > 0 {
					t.Error("one is alone, and others share")
				}
				if share {
					shared.Add(-1)
				} else {
					alone.Add(-1)
				}
				unlock()
				cancel()
			}
		})
	}
	all.Wait()
	if len(ls.held) > 0 {
		t.Errorf("%d locks are left", len(ls.held))
	}
}

// TestLocksAreFair: one who wants the lock alone is not passed by those who share it.
func TestLocksAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := NewLocks(2)
		first, _ := ls.Lock(t.Context(), "key", true)
		second, _ := ls.Lock(t.Context(), "key", true) // beside the first
		var order []string
		got := func(name string, shared bool) {
			unlock, err := ls.Lock(t.Context(), "key", shared)
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, name)
			unlock()
		}
		go got("alone", false)
		synctest.Wait()
		go got("later", true)
		synctest.Wait()
		if _, err := ls.Lock(t.Context(), "key", true); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
		errTooLong := errors.New("too long")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTooLong)
		defer cancel()
		ls.maxWaiters = 3
		if _, err := ls.Lock(ctx, "key", true); err != errTooLong {
			t.Errorf("got %v, want the cause", err)
		}
		first()
		synctest.Wait()
		if len(order) > 0 {
			t.Errorf("%v while one still shares", order)
		}
		second()
		synctest.Wait()
		if strings.Join(order, " ") != "alone later" {
			t.Errorf("got %v", order)
		}
	})
}
