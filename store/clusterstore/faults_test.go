package clusterstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/enginetest"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// fleet is several Stores on one engine, as if in several processes, used in turn. What is throttled is
// tried again, since surely nothing was done.
type fleet struct {
	stores []*clusterstore.Store
	next   atomic.Uint64
}

func openFleet(tb testing.TB, n int, f *enginetest.Faulty, o clusterstore.Options) *fleet {
	tb.Helper()
	all := new(fleet)
	for range n {
		s, err := clusterstore.New(f.Heads(), f.Contents(), o)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { s.Close() })
		all.stores = append(all.stores, s)
	}
	return all
}

func (f *fleet) pick() *clusterstore.Store { return f.stores[f.next.Add(1)%uint64(len(f.stores))] }

// insist calls f until it is not refused for the time being.
func insist[T any](all *fleet, f func(*clusterstore.Store) (T, error)) (T, error) {
	for {
		v, err := f(all.pick())
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknown) {
			return v, err
		}
	}
}

func (f *fleet) Stat(ctx context.Context, name string) (store.Info, error) {
	return insist(f, func(s *clusterstore.Store) (store.Info, error) { return s.Stat(ctx, name) })
}

func (f *fleet) Open(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
	return insist(f, func(s *clusterstore.Store) (store.Content, error) { return s.Open(ctx, name, rev) })
}

func (f *fleet) Stage(ctx context.Context, name string, content io.Reader) (store.Draft, error) {
	data, err := io.ReadAll(content)
	if err != nil {
		return nil, err
	}
	return &fleetDraft{fleet: f, name: name, data: string(data)}, nil
}

func (f *fleet) Delete(ctx context.Context, name string, e store.Expect) (store.Info, error) {
	return insist(f, func(s *clusterstore.Store) (store.Info, error) { return s.Delete(ctx, name, e) })
}

func (f *fleet) List(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return f.pick().List(ctx, name)
}

func (f *fleet) MakeCollection(ctx context.Context, name string) (store.Info, error) {
	return insist(f, func(s *clusterstore.Store) (store.Info, error) { return s.MakeCollection(ctx, name) })
}

func (f *fleet) DeleteCollection(ctx context.Context, name string) error {
	_, err := insist(f, func(s *clusterstore.Store) (any, error) { return nil, s.DeleteCollection(ctx, name) })
	return err
}

func (f *fleet) Move(ctx context.Context, from string, ef store.Expect, to string, et store.Expect) (store.Info, error) {
	return insist(f, func(s *clusterstore.Store) (store.Info, error) { return s.Move(ctx, from, ef, to, et) })
}

func (f *fleet) Copy(ctx context.Context, from string, ef store.Expect, to string, et store.Expect) (store.Info, error) {
	return insist(f, func(s *clusterstore.Store) (store.Info, error) { return s.Copy(ctx, from, ef, to, et) })
}

func (f *fleet) CopyCollection(ctx context.Context, from, to string, et store.Expect) (store.Info, error) {
	return insist(f, func(s *clusterstore.Store) (store.Info, error) { return s.CopyCollection(ctx, from, to, et) })
}

func (f *fleet) Properties(ctx context.Context, name string) (map[string]string, error) {
	return insist(f, func(s *clusterstore.Store) (map[string]string, error) { return s.Properties(ctx, name) })
}

func (f *fleet) SetProperties(ctx context.Context, name string, e store.Expect, changes map[string]*string) error {
	_, err := insist(f, func(s *clusterstore.Store) (any, error) { return nil, s.SetProperties(ctx, name, e, changes) })
	return err
}

// fleetDraft stages its content anew for each try.
type fleetDraft struct {
	*fleet
	name, data string
}

func (d *fleetDraft) Size() int64                 { return int64(len(d.data)) }
func (d *fleetDraft) Digest() store.Digest        { return digest(d.data) }
func (d *fleetDraft) Abort(context.Context) error { return nil }

func (d *fleetDraft) Commit(ctx context.Context, expect store.Expect) (store.Info, error) {
	return insist(d.fleet, func(s *clusterstore.Store) (store.Info, error) { return put(ctx, s, d.name, d.data, expect) })
}

// TestHistoriesUnderFaults: with answers that are lost, requests that are lost or come late, and sweeps all
// the time, what several processes do to one engine is linearizable, and no content that a head names is gone.
func TestHistoriesUnderFaults(t *testing.T) {
	for _, mix := range []struct {
		name string
		mix  storetest.Mix
		ops  int
	}{{"names", storetest.DefaultMix, 60}, {"trees", storetest.TreeMix, 12}} {
		t.Run(mix.name, func(t *testing.T) {
			for seed := range uint64(histories()) {
				runHistory(t, seed, mix.mix, mix.ops, enginetest.Faults{
					Seed: seed, LostAnswers: 0.05, LostRequests: 0.05, Delayed: 0.05, Throttled: 0.02,
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

// histories is how many are judged of each kind: .ci/clusterhistories has many.
func histories() int {
	if n, err := strconv.Atoi(os.Getenv("FOURTWELVE_CLUSTER_HISTORIES")); err == nil {
		return n
	}
	return rounds(10)
}

func rounds(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

func runHistory(t *testing.T, seed uint64, mix storetest.Mix, ops int, faults enginetest.Faults) {
	e := enginetest.NewEngine()
	f := enginetest.NewFaulty(e.Heads(), e.Contents(), faults)
	all := openFleet(t, 3, f, clusterstore.Options{
		Inline: -1, GarbageAge: -1, GarbageGrace: -1, Patience: 20 * time.Millisecond,
	})
	ctx, stop := context.WithCancel(t.Context())
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		for ctx.Err() == nil {
			all.pick().Sweep(ctx)
			time.Sleep(time.Millisecond)
		}
	})
	h := new(storetest.History)
	w := storetest.Workload{Names: []string{"d/a", "d/b", "e/a"}, Seed: seed, Ops: ops, Mix: mix}
	w.Run(ctx, h, storetest.StoreClients(t, all, 3, 0))
	stop()
	sweeping.Wait()
	f.Settle()
	storetest.Check(t, h)
	for _, name := range w.Names {
		if c, err := all.Open(t.Context(), name, 0); err == nil {
			if _, err := c.WriteRange(io.Discard, 0, c.Info().Size); err != nil {
				t.Errorf("%q has lost its content: %v", name, err)
			}
			c.Close()
		} else if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Open(%q): %v", name, err)
		}
	}
}

// TestNothingAcknowledgedIsLost: of writers who count one number up by conditional writes, through several
// processes and with all faults, each success is in the end.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	e := enginetest.NewEngine()
	n, least, unknown := countUp(t, e.Heads(), e)
	if n < least || n > least+unknown || least == 0 {
		t.Errorf("the number is %d; %d increments were acknowledged, and %d are unknown", n, least, unknown)
	}
	if unknown > 0 {
		t.Errorf("%d outcomes stayed unknown, though the engine answers again", unknown)
	}
}

// careless is an engine that takes a condition and does not heed it.
type careless struct{ clusterstore.Heads }

func (c careless) Swap(ctx context.Context, name string, old clusterstore.Token, record []byte) (clusterstore.Token, error) {
	for {
		_, now, err := c.Get(ctx, name, "")
		if err != nil {
			return "", err
		}
		if token, err := c.Heads.Swap(ctx, name, now, record); !errors.Is(err, clusterstore.ErrSwapped) {
			return token, err
		}
	}
}

// TestCarelessEngineIsFoundOut: the test above fails on an engine that ignores conditions.
func TestCarelessEngineIsFoundOut(t *testing.T) {
	e := enginetest.NewEngine()
	if n, least, _ := countUp(t, careless{e.Heads()}, e); n >= least {
		t.Errorf("the number is %d after %d increments, though the engine ignores conditions", n, least)
	}
}

// countUp has writers count one number up, and returns it, and how many increments were acknowledged and
// how many stayed unknown.
func countUp(t *testing.T, heads clusterstore.Heads, e *enginetest.Engine) (n, least, unknowns int64) {
	t.Helper()
	often := enginetest.Faults{Seed: 1, LostAnswers: 0.1, LostRequests: 0.1, Delayed: 0.1, Throttled: 0.1}
	f := enginetest.NewFaulty(heads, e.Contents(), often)
	all := openFleet(t, 3, f, clusterstore.Options{})
	ctx := t.Context()
	if _, err := insist(all, func(s *clusterstore.Store) (store.Info, error) { return put(ctx, s, "n", "0", store.Absent) }); err != nil {
		t.Fatal(err)
	}
	var acknowledged, unknown atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range rounds(50) {
				n, rev := readNumber(t, all, "n")
				_, err := insist(all, func(s *clusterstore.Store) (store.Info, error) {
					return put(ctx, s, "n", fmt.Sprint(n+1), store.At(rev))
				})
				switch {
				case err == nil:
					acknowledged.Add(1)
				case errors.Is(err, store.ErrUnknown):
					unknown.Add(1)
				case !errors.Is(err, store.ErrConflict):
					t.Errorf("a writer: %v", err)
				}
			}
		})
	}
	wg.Wait()
	f.Settle()
	number, _ := readNumber(t, all, "n")
	return int64(number), acknowledged.Load(), unknown.Load()
}

func readNumber(t *testing.T, all *fleet, name string) (n int, rev store.Revision) {
	c, err := all.Open(t.Context(), name, 0)
	if err != nil {
		t.Errorf("Open: %v", err)
		return 0, 0
	}
	defer c.Close()
	data := make([]byte, c.Info().Size)
	c.ReadAt(data, 0)
	fmt.Sscan(string(data), &n)
	return n, c.Info().Revision
}
