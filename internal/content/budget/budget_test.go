package budget

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTryTake(t *testing.T) {
	b := New(10)
	if !b.TryTake(7) || b.TryTake(4) || !b.TryTake(3) || b.Used() != 10 {
		t.Errorf("7, 4 and 3 of 10: used %d", b.Used())
	}
	b.Give(7)
	if !b.TryTake(4) || b.Used() != 7 {
		t.Errorf("4 of what was given back: used %d", b.Used())
	}
}

func TestNilHasNoLimit(t *testing.T) {
	var b *Budget
	n, err := b.Take(t.Context(), 1<<60)
	if n != 1<<60 || err != nil || !b.TryTake(1<<60) || b.Used() != 0 {
		t.Errorf("got %d, %v", n, err)
	}
	b.Give(n)
}

// TestMoreThanThereIs: who wants more than the limit gets all of it, alone.
func TestMoreThanThereIs(t *testing.T) {
	b := New(10)
	if n, err := b.Take(t.Context(), 100); n != 10 || err != nil || b.TryTake(1) {
		t.Errorf("got %d, %v; used %d", n, err, b.Used())
	}
}

// TestTurns: who came first is served first, also if somebody who came later wants less.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(10)
		b.TryTake(10)
		var order []int64
		var mu sync.Mutex
		for _, n := range []int64{8, 1, 2} {
			go func() {
				taken, err := b.Take(t.Context(), n)
				mu.Lock()
				order = append(order, taken)
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		b.Give(5)
		synctest.Wait()
		if len(order) != 0 {
			t.Errorf("with 5 given back, %v had their turn before 8", order)
		}
		b.Give(4)
		synctest.Wait()
		if len(order) != 2 || order[0]+order[1] != 9 || b.Used() != 10 {
			t.Errorf("with 9 given back: %v, used %d", order, b.Used())
		}
		b.Give(10)
		synctest.Wait()
		if len(order) != 3 || b.Used() != 2 {
			t.Errorf("with all given back: %v, used %d", order, b.Used())
		}
	})
}

// TestPatience: nobody waits for ever, and who gives up does not stand in the way.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(10)
		b.TryTake(9)
		began := time.Now()
		go func() {
			time.Sleep(Patience / 2)
			if n, err := b.Take(t.Context(), 1); n != 1 || err != nil {
				t.Errorf("the one after: %d, %v", n, err)
			}
		}()
		n, err := b.Take(t.Context(), 5)
		if n != 0 || !errors.Is(err, ErrBusy) || time.Since(began) != Patience {
			t.Errorf("got %d, %v after %v", n, err, time.Since(began))
		}
		synctest.Wait()
		if b.Used() != 10 {
			t.Errorf("used %d: the one after was not served", b.Used())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Take(ctx, 5); !errors.Is(err, context.Canceled) {
			t.Errorf("a request that has ended: %v", err)
		}
	})
}

func TestTooManyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(1)
		b.TryTake(1)
		for range MaxWaiting {
			go func() { b.Take(t.Context(), 1) }()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := b.Take(t.Context(), 1); !errors.Is(err, ErrBusy) || time.Since(began) != 0 {
			t.Errorf("one more: %v after %v", err, time.Since(began))
		}
	})
}

// TestNeverMore: whatever is taken and given back by whom, the sum stays within the limit,
// and nobody is forgotten.
func TestNeverMore(t *testing.T) {
	const limit = 100
	b := New(limit)
	var held atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 500 {
				n := int64(1 + (i*31+j*17)%60)
				if j%3 == 0 {
					if !b.TryTake(n) {
						continue
					}
				} else if _, err := b.Take(t.Context(), n); err != nil {
					t.Error(err)
					return
				}
				if sum := held.Add(n); sum > limit {
					t.Errorf("%d are held", sum)
				}
				held.Add(-n)
				b.Give(n)
			}
		})
	}
	wg.Wait()
	if b.Used() != 0 {
		t.Errorf("%d are left over", b.Used())
	}
}

func BenchmarkTake(b *testing.B) {
	budget := New(1 << 40)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n, _ := budget.Take(context.Background(), 1000)
			budget.Give(n)
		}
	})
}
