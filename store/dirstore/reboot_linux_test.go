package dirstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sys/unix"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// told is what clients have been told at some moment.
type told struct {
	history *storetest.History
	book    *book
}

// book is what the clients of one store know together: which content stands for which value,
// and which revision has it. A revision belongs to one content for ever, also after a loss of power.
type book struct {
	mu        sync.Mutex
	values    map[store.Digest]string
	revisions map[register]store.Revision // each value is written once
	failures  bool                        // the disk fails, and writes with it
	problems  []string
}

// register is a name with a value: names number their revisions without regard to others.
type register struct{ name, value string }

func newBook() *book {
	return &book{values: map[store.Digest]string{}, revisions: map[register]store.Revision{}}
}

func (b *book) copy() *book {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &book{values: maps.Clone(b.values), revisions: maps.Clone(b.revisions), failures: b.failures}
}

func (b *book) problem(format string, args ...any) {
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// seen notes what a client was told, and returns the value.
func (b *book) seen(op storetest.Op, info store.Info) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	value, ok := b.values[info.Digest]
	if !ok {
		b.problem("%v: there is content that nobody wrote: %+v", op, info)
	}
	at := register{op.Name, value}
	if known, ok := b.revisions[at]; ok && known != info.Revision {
		b.problem("%v: %s has revision %d, and had %d before", op, value, info.Revision, known)
	}
	b.revisions[at] = info.Revision
	return value
}

func (b *book) expect(op storetest.Op) store.Expect {
	if op.If.IsAnything() {
		return store.Any
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return store.At(b.revisions[register{op.Name, op.If.Value()}]) // 0 for Nothing
}

// bookClient is a client of s that takes turns with others.
type bookClient struct {
	*book
	s      *Store
	turns  *turns // nil if it is alone
	size   int
	reads  int
	number int
	record *storetest.History
}

// Do waits for its turn before the operation counts as begun.
func (c *bookClient) Do(ctx context.Context, op storetest.Op) storetest.Result {
	if c.turns != nil {
		c.turns.as(c.number)
		c.turns.gate(gateOp)
	}
	end := c.record.Begin(c.number, op)
	r := c.do(ctx, op)
	end(r)
	return r
}

func (c *bookClient) do(ctx context.Context, op storetest.Op) storetest.Result {
	switch op.Kind {
	case storetest.Read:
		return c.read(op)
	case storetest.Delete:
		return c.change(op, func() (store.Info, error) { return c.s.Delete(ctx, op.Name, c.expect(op)) })
	}
	content := storetest.Expand(op.Value, c.size)
	c.mu.Lock()
	c.values[sha256.Sum256([]byte(content))] = op.Value
	c.mu.Unlock()
	d, err := c.s.Stage(ctx, op.Name, strings.NewReader(content))
	if err != nil {
		return c.failed(op, err)
	}
	defer d.Abort(ctx)
	return c.change(op, func() (store.Info, error) { return d.Commit(ctx, c.expect(op)) })
}

// read reads the content every other time.
func (c *bookClient) read(op storetest.Op) storetest.Result {
	c.reads++
	info, content, err := readCurrent(c.s, op.Name)
	if c.reads%2 == 0 {
		info, err = c.s.Stat(context.Background(), op.Name)
	} else if err == nil && sha256.Sum256([]byte(content)) != info.Digest {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.problem("%v: %d bytes %.30q are not those of revision %d", op, len(content), content, info.Revision)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return storetest.Result{Outcome: storetest.Done}
	case err != nil:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.problem("%v: %v", op, err)
		return storetest.Result{Outcome: storetest.Failed}
	}
	return storetest.Result{Outcome: storetest.Done, Value: c.seen(op, info)}
}

func (c *bookClient) change(op storetest.Op, carryOut func() (store.Info, error)) storetest.Result {
	var info store.Info
	var err error
	if c.turns == nil {
		info, err = carryOut()
	} else {
		c.turns.commit(func() { info, err = carryOut() })
	}
	if err != nil {
		return c.failed(op, err)
	}
	value := c.seen(op, info)
	switch {
	case op.Kind == storetest.Delete:
		return storetest.Result{Outcome: storetest.Done, Seen: true, Value: value}
	case value != op.Value:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.problem("%v: the commit returned %s", op, value)
	}
	return storetest.Result{Outcome: storetest.Done}
}

// failed says what an error of a write means.
func (c *bookClient) failed(op storetest.Op, err error) storetest.Result {
	if errors.Is(err, store.ErrNotFound) {
		return storetest.Result{Outcome: storetest.NotFound}
	}
	if errors.Is(err, store.ErrUnknown) {
		return storetest.Result{Outcome: storetest.Unknown}
	}
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		r := storetest.Result{Outcome: storetest.Conflict, Seen: true}
		if conflict.Current.Exists() {
			r.Value = c.seen(op, conflict.Current)
		}
		return r
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.failures {
		c.problem("%v: %v", op, err)
	}
	return storetest.Result{Outcome: storetest.Failed}
}

// rebootNames are what the clients write to: few, so that they meet; but not too few, so that
// changes share syncs.
var rebootNames = []string{"a", "b", "d/a", "d/b"}

// rebootRun is a random history of several clients over a modelled disk, of which the power may
// be cut at any step.
type rebootRun struct {
	seed     uint64
	options  Options
	fail     step // fails once, and then succeeds
	mistaken bool // something is wrong, which is to be noticed
	deaf     step // does nothing, in the model
	spoil    func(*image)
	judged   int
	problems []string // of which the first is enough
}

// wallClock is the time outside of a synctest bubble.
func wallClock() time.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &ts); err != nil {
		panic(err)
	}
	return time.Unix(ts.Unix())
}

// perform lets the clients run, and returns what the disk has been through.
func (run *rebootRun) perform(t *testing.T) (events []event) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(run.seed, 1))
		o := run.options
		o.Now = wallClock
		rec, s := recording(t, dir, o)
		history, book := &storetest.History{}, newBook()
		book.failures = run.fail != ""
		rec.told = func() told { return told{history.Copy(), book.copy()} }
		q := &turns{rand: random, inside: map[int64]bool{}, numbers: map[int64]int64{}}
		nth := 1 + random.IntN(4)
		q.before = func(w *waiting) error {
			rec.note()
			rec.last, rec.by, rec.failed = w.at, w.by, false
			if w.at == run.fail {
				if nth--; nth == 0 {
					rec.failed = true
					return syscall.EIO
				}
			}
			return nil
		}
		s.opts.hook = q.hook
		s.journal.step = s.step
		run.clients(q, s, history, book, random)
		q.run()
		rec.note()
		rec.last = ""
		s.abandon()
		events = rec.events
		for _, problem := range book.problems {
			t.Errorf("before the power was cut: %s", problem)
		}
	})
	return events
}

// clients starts writers and readers, and who takes checkpoints.
func (run *rebootRun) clients(q *turns, s *Store, history *storetest.History, book *book, random *rand.Rand) {
	const writers, readers = 6, 2
	mixes := slices.Repeat([]storetest.Mix{storetest.DefaultMix}, writers)
	mixes = append(mixes, slices.Repeat([]storetest.Mix{{Read: 1}}, readers)...)
	for i, mix := range mixes {
		size := []int{10, 300, 2000, 70_000}[random.IntN(4)]
		c := &bookClient{book: book, s: s, turns: q, size: size, number: history.Client(), record: history, reads: i}
		w := storetest.Workload{Names: rebootNames, Ops: 10, Mix: mix, Seed: run.seed}
		choices := &storetest.History{} // numbers the client; what happens is recorded by c
		for range i {
			choices.Client()
		}
		q.begin(func() { w.Run(context.Background(), choices, []storetest.Client{c}) })
	}
	q.begin(func() {
		q.as(history.Client())
		for range 4 {
			q.gate(gateCheckpoint)
			_ = s.checkpoint(false) // may be made to fail
		}
	})
}

// judge cuts the power at random steps, so many times in all, and judges what the history has become
// when the machine is back: an operation that was under way has happened or not, and
// all that had been acknowledged has.
func (run *rebootRun) judge(t *testing.T, events []event, images int) {
	r := rand.New(rand.NewPCG(run.seed, 2))
	each := float64(images) / float64(len(events))
	spin(events, func(p *platter) {
		p.deaf, p.spoil = run.deaf, run.spoil
		for n := each; n > r.Float64() && len(run.problems) == 0 && !t.Failed(); n-- {
			run.judged++
			told := p.events[p.at].told
			history, book := told.history.Copy(), told.book.copy()
			book.failures = false
			history.Settle()
			p.judge(t, r, func(s *Store) { run.goOn(t, s, history, book, r) })
		}
	})
}

// goOn reads everything, changes some of it on conditions from before the loss of power, reads
// everything again, and judges the history up to here.
func (run *rebootRun) goOn(t *testing.T, s *Store, history *storetest.History, book *book, r *rand.Rand) {
	t.Helper()
	c := &bookClient{book: book, s: s, size: 100, number: history.Client(), record: history}
	readAll := func() {
		for _, name := range rebootNames {
			for range 2 { // by Open, and by Stat
				c.Do(t.Context(), storetest.Op{Name: name})
			}
		}
	}
	readAll()
	known := slices.SortedFunc(maps.Keys(book.revisions), func(a, b register) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
	for i := range r.IntN(3) {
		op := storetest.Op{Kind: storetest.Write, Name: rebootNames[0], Value: fmt.Sprintf("after%d-%d", c.number, i)}
		if len(known) > 0 {
			at := known[r.IntN(len(known))]
			op.Name, op.If = at.name, storetest.Exactly(at.value)
		}
		c.Do(t.Context(), op)
	}
	readAll()
	run.problems = append(run.problems, book.problems...)
	if ops := history.Operations(); !porcupine.CheckOperations(storetest.Model(), ops) {
		run.problems = append(run.problems, storetest.Explain(ops))
	}
	if run.mistaken {
		return
	}
	for _, problem := range run.problems {
		t.Errorf("%s", problem)
	}
	checkAfterLoss(t, s)
}

// TestLinearizableOverReboot records random histories of several writers and readers over a disk
// that loses what was not synced, cuts the power at any step, comes back with the same
// device number or another, goes on, and has one history over all of it judged.
func TestLinearizableOverReboot(t *testing.T) {
	images := wantedImages(t)
	const eachRun = 150
	fails := []step{"", "", "", stepSyncFS, stepJournalSync, stepJournalExtend, stepSync, stepSyncDir}
	judged := 0
	for seed := uint64(0); judged < images; seed++ {
		run := &rebootRun{seed: seed, options: Options{Keep: 1}, fail: fails[seed%uint64(len(fails))]}
		run.judge(t, run.perform(t), eachRun)
		if t.Failed() {
			t.Fatalf("seed %d, %q fails once", seed, run.fail)
		}
		judged += run.judged
	}
	t.Logf("%d images", judged)
}

// TestRebootTellsMistakes shows that TestLinearizableOverReboot fails when something is wrong.
func TestRebootTellsMistakes(t *testing.T) {
	for name, run := range map[string]rebootRun{
		"acknowledged before the sync":              {options: Options{Keep: 1, Sync: SyncNone}},
		"a sync of the journal that does nothing":   {options: Options{Keep: 1}, deaf: stepJournalSync},
		"a sync of large content that does nothing": {options: Options{Keep: 1}, deaf: stepSync},
		"a checkpoint that does nothing":            {options: Options{Keep: 1}, deaf: stepSyncFS},
		"a journal that is not read": {options: Options{Keep: 1}, spoil: func(img *image) {
			maps.DeleteFunc(img.names, func(name string, _ uint64) bool { return strings.HasPrefix(name, stateDir+"/journal") })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				run := run
				run.seed, run.mistaken = seed, true
				run.judge(t, run.perform(t), 150)
				if len(run.problems) > 0 {
					t.Logf("seed %d, image %d: %s", seed, run.judged, run.problems[0])
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}
