package storetest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/store"
)

// The contract says nothing of contexts, so Go's custom counts: a call whose
// context is done may still succeed, but if it fails it says why, and a write
// that failed has not happened.
var contextCases = []testCase{
	{
		"Context/reads",
		"a read whose context is cancelled succeeds or returns context.Canceled",
		func(t *env) {
			t.put("a", "content")
			check := func(call string, err error) {
				if err != nil {
					t.wantErr(call, err, context.Canceled)
				}
			}
			_, err := t.store.Stat(t.cancelled(), "a")
			check("Stat", err)
			c, err := t.store.Open(t.cancelled(), "a", 0)
			check("Open", err)
			if err == nil {
				t.close(c)
			}
			_, err = t.collect(t.store.List(t.cancelled(), ""))
			check("List", err)
			if h, ok := t.store.(store.History); ok {
				_, err = t.collect(h.Revisions(t.cancelled(), "a"))
				check("Revisions", err)
			}
		},
	},
	{
		"Context/writes",
		"a write whose context is cancelled succeeds, or returns context.Canceled and has not happened",
		func(t *env) {
			for range 10 {
				before := t.put("a", "content")
				d := t.stage("a", "draft")
				info, err := d.Commit(t.cancelled(), store.Any)
				if err == nil {
					t.wantInfo("Stat after Commit", t.wantContent("a", "draft"), info)
				} else {
					t.wantErr("Commit", err, context.Canceled)
					t.wantInfo("Stat after cancelled Commit", t.wantContent("a", "content"), before)
				}
				t.abort(d)

				before = t.stat("a")
				if _, err := t.store.Delete(t.cancelled(), "a", store.Any); err == nil {
					t.wantNothing("a")
				} else {
					t.wantErr("Delete", err, context.Canceled)
					t.wantInfo("Stat after cancelled Delete", t.stat("a"), before)
				}
			}
		},
	},
	{
		"Context/content",
		"the context of Open governs the call alone: the content can be read after it is done",
		func(t *env) {
			t.put("a", "content")
			ctx, cancel := context.WithCancel(t.Context())
			c, err := t.store.Open(ctx, "a", 0)
			cancel()
			if err != nil {
				t.Fatalf("Open(a): %v", err)
			}
			defer t.close(c)
			if got, err := readAll(c); got != "content" || err != nil {
				t.Errorf("the content is %q, error %v; want %q", got, err, "content")
			}
		},
	},
	{
		"Context/draft",
		"the context of Stage governs the reading alone: the draft can be committed after it is done",
		func(t *env) {
			for _, content := range []string{"draft", pattern("draft", 1<<20)} {
				ctx, cancel := context.WithCancel(t.Context())
				d, err := t.store.Stage(ctx, "a", strings.NewReader(content))
				cancel()
				if err != nil {
					t.Fatalf("Stage(a): %v", err)
				}
				t.commit(d, store.Any)
				t.wantContent("a", content)
			}
		},
	},
	{
		"Context/stage",
		"Stage stops reading when its context is cancelled, returns context.Canceled and keeps nothing",
		func(t *env) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			d, err := t.store.Stage(ctx, "a", &cancellingReader{cancel: cancel, left: 8 << 20})
			t.wantErr("Stage", err, context.Canceled)
			if err == nil {
				t.abort(d)
			}
			t.wantNothing("a")
		},
	},
}

// cancellingReader calls cancel after the first read and goes on until left
// bytes were read.
type cancellingReader struct {
	cancel func()
	left   int
}

func (r *cancellingReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.left, 64<<10)
	clear(p[:n])
	r.left -= n
	r.cancel()
	return n, nil
}

// racers is how many take part in each race.
const racers = 32

var concurrentCases = []testCase{
	{
		"Concurrent/writers",
		"of any number of writers who saw the same revision exactly one commits, and what is stored is the winner's",
		func(t *env) {
			current := t.put("a", "the first")
			for round := range t.rounds() {
				current = t.race(round, "a", store.At(current.Revision), func(int) bool { return true })
			}
		},
	},
	{
		"Concurrent/creators",
		"of any number of creators exactly one commits, and what is stored is the winner's",
		func(t *env) {
			for round := range t.rounds() {
				name := fmt.Sprintf("d%d/a", round%2)
				t.race(round, name, store.Absent, func(int) bool { return true })
				t.remove(name)
			}
		},
	},
	{
		"Concurrent/deleters",
		"of any number of writers and deleters who saw the same revision exactly one succeeds",
		func(t *env) {
			for round := range t.rounds() {
				current := t.put("d/a", "content")
				t.race(round, "d/a", store.At(current.Revision), func(i int) bool { return i%2 == 0 })
			}
		},
	},
	{
		"Concurrent/readers",
		"readers during rewrites get the content of one revision, whole and unmixed, and are never refused",
		func(t *env) {
			const size = 4 << 20
			bodies := []string{pattern("even", size), pattern("odd", size), pattern("shorter", size-4096)}
			t.put("a", bodies[0])
			var stop atomic.Bool
			var readers, writer sync.WaitGroup
			writer.Go(func() {
				for i := 0; i < 12 || !stop.Load(); i++ {
					d, err := t.store.Stage(t.Context(), "a", strings.NewReader(bodies[i%len(bodies)]))
					if err == nil {
						_, err = d.Commit(t.Context(), store.Any)
					}
					if err != nil {
						t.Errorf("rewrite: %v", err)
						return
					}
				}
			})
			for i := range 4 {
				readers.Go(func() {
					for n := 0; n < 12 && !t.Failed(); n++ {
						t.readPinned("a", i%2 == 0)
					}
				})
			}
			readers.Wait()
			stop.Store(true)
			writer.Wait()
		},
	},
	{
		"Concurrent/collections",
		"members of one collection come and go independently of each other",
		func(t *env) {
			var stop atomic.Bool
			var lister, writers sync.WaitGroup
			for i := range 8 {
				writers.Go(func() {
					name := fmt.Sprintf("d/e/%d", i)
					for range 25 {
						if err := t.tryPut(name, store.Absent); err != nil {
							t.Errorf("creating %q: %v", name, err)
						}
						if _, err := t.store.Delete(t.Context(), name, store.Any); err != nil {
							t.Errorf("deleting %q: %v", name, err)
						}
					}
				})
			}
			lister.Go(func() {
				for !stop.Load() {
					members, err := t.list("d/e")
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						t.Errorf("List(d/e) while members come and go: %v", err)
					}
					for i := 1; i < len(members); i++ {
						if members[i-1].Name >= members[i].Name {
							t.Errorf("List(d/e) yields %q before %q", members[i-1].Name, members[i].Name)
						}
					}
				}
			})
			writers.Wait()
			stop.Store(true)
			lister.Wait()
			for i := range 8 {
				t.wantNothing(fmt.Sprintf("d/e/%d", i))
			}
		},
	},
	{
		"Concurrent/linearizable",
		"the operations on one name are linearizable",
		func(t *env) {
			for seed := range t.rounds() / 5 {
				h := new(History)
				w := Workload{
					// Both names in a collection of their own, so that it comes and goes.
					Names: []string{fmt.Sprintf("d%d/a", seed), fmt.Sprintf("d%d/b", seed)},
					Seed:  uint64(seed),
				}
				w.Run(t.Context(), h, StoreClients(t, t.store, 4, 0))
				Check(t, h)
				if t.Failed() {
					return
				}
			}
		},
	},
}

// outcome is what one racer got.
type outcome struct {
	wrote   bool // rather than deleted
	content string
	info    store.Info
	err     error
}

// race lets racers with the same expectation, which holds, loose on name at
// once. Those for whom writes is true commit content of their own, the others
// delete. It checks that exactly one succeeded and that the others were told of
// the state the winner made, and returns that.
func (t *env) race(round int, name string, expect store.Expect, writes func(i int) bool) store.Info {
	t.Helper()
	outcomes := make([]outcome, racers)
	start := make(chan struct{})
	var staged, done sync.WaitGroup
	for i := range outcomes {
		staged.Add(1)
		done.Go(func() {
			o := &outcomes[i]
			if o.wrote = writes(i); !o.wrote {
				staged.Done()
				<-start
				o.info, o.err = t.store.Delete(t.Context(), name, expect)
				return
			}
			o.content = fmt.Sprintf("round %d, racer %d", round, i)
			d, err := t.store.Stage(t.Context(), name, strings.NewReader(o.content))
			staged.Done()
			if err != nil {
				o.err = err
				return
			}
			defer d.Abort(t.Context())
			<-start
			o.info, o.err = d.Commit(t.Context(), expect)
		})
	}
	staged.Wait()
	close(start)
	done.Wait()
	return t.judge(round, name, expect, outcomes)
}

// judge checks the outcomes of a race and returns the state after it.
func (t *env) judge(round int, name string, expect store.Expect, outcomes []outcome) store.Info {
	t.Helper()
	var winners []outcome
	for _, o := range outcomes {
		if o.err == nil {
			winners = append(winners, o)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("round %d: %d of %d racers expecting %v succeeded, want exactly one: %+v", round, len(winners), len(outcomes), expect, winners)
	}
	winner, after := winners[0], store.Info{}
	if winner.wrote {
		after = t.wantContent(name, winner.content)
		t.wantInfo(fmt.Sprintf("round %d: Stat after the race", round), after, winner.info)
	} else {
		t.wantNothing(name)
	}
	for _, o := range outcomes {
		if o.err != nil {
			t.wantConflict(fmt.Sprintf("round %d: a loser", round), o.err, name, expect, after)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return after
}

// readPinned reads the current content of name whole, either in one go or piece
// by piece, and checks that it is that of the revision it claims to be.
func (t *env) readPinned(name string, whole bool) {
	c, err := t.store.Open(t.Context(), name, 0)
	if err != nil {
		t.Errorf("Open during rewrites: %v", err)
		return
	}
	defer t.close(c)
	h := sha256.New()
	var n int64
	if whole {
		n, err = c.WriteRange(h, 0, c.Info().Size)
	} else {
		n, err = readPieces(h, c, 256<<10)
	}
	info := c.Info()
	if got := store.Digest(h.Sum(nil)); err != nil || n != info.Size || got != info.Digest {
		t.Errorf("revision %d was read during rewrites as %d bytes with SHA-256 %v, error %v; want %d bytes with %v",
			info.Revision, n, got, err, info.Size, info.Digest)
	}
}

// readPieces copies c to w by ReadAt, size bytes at a time.
func readPieces(w io.Writer, c store.Content, size int64) (int64, error) {
	p := make([]byte, size)
	for off := int64(0); off < c.Info().Size; {
		n, err := c.ReadAt(p[:min(size, c.Info().Size-off)], off)
		w.Write(p[:n])
		off += int64(n)
		if err != nil && err != io.EOF || n == 0 {
			return off, cmp.Or(err, io.ErrNoProgress)
		}
	}
	return c.Info().Size, nil
}
