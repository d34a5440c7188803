package dirstore

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing/synctest"
	"time"
)

// turns lets several goroutines use a store one step at a time, in a random order that a seed
// decides: whoever comes to a step of the disk, or to a gate, waits there until
// nobody can run, and then one of them goes on. So a recorder sees the disk between
// any two steps, and knows whose step it was. All of it runs in a synctest bubble, which
// tells when nobody can run.
type turns struct {
	rand   *rand.Rand
	before func(w *waiting) error // is told who goes on, when all stand still

	mu       sync.Mutex
	waiting  []*waiting
	numbers  map[int64]int64 // of the goroutines, by which those that wait are put in order
	inside   map[int64]bool  // who may hold off a checkpoint
	alive    int             // goroutines that have not ended
	finished bool

	// wanted says that a checkpoint is to begin when no change is under way, and sole, unless
	// 0, is the goroutine that has begun it and that no other must disturb: it has a
	// mutex, and who waits for one does not stand still to synctest.
	wanted bool
	sole   int64
}

// waiting is a goroutine at a step or at a gate.
type waiting struct {
	by   int64
	at   step
	goOn chan error
}

// Gates are where a goroutine waits that is about to do something else than a step.
const (
	gateOp         step = "gate: operation"
	gateCommit     step = "gate: commit"
	gateCheckpoint step = "gate: checkpoint"
)

// as gives the calling goroutine a number.
func (q *turns) as(number int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.numbers[goroutine()] = int64(number)
}

// hook is where each step waits.
func (q *turns) hook(at step) error {
	q.mu.Lock()
	by := q.numbers[goroutine()]
	if q.finished {
		q.mu.Unlock()
		return nil
	}
	if q.sole == by && (at == stepSyncFS || at == stepIndex || at == gateCheckpoint) {
		q.sole = 0 // the journal has been switched, or could not be
	}
	w := &waiting{by, at, make(chan error)}
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	return <-w.goOn
}

// gate waits for the turn to go on, and says that what follows holds off checkpoints.
func (q *turns) gate(at step) {
	_ = q.hook(at)
}

// begin starts a goroutine.
func (q *turns) begin(f func()) {
	q.mu.Lock()
	q.alive++
	q.mu.Unlock()
	go func() {
		f()
		q.mu.Lock()
		defer q.mu.Unlock()
		q.alive--
		if q.sole == q.numbers[goroutine()] {
			q.sole = 0
		}
	}()
}

// commit runs a change, during which no checkpoint begins.
func (q *turns) commit(change func()) {
	q.gate(gateCommit)
	q.mu.Lock()
	by := q.numbers[goroutine()]
	q.inside[by] = true
	q.mu.Unlock()
	change()
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.inside, by)
}

// run gives turns until all have ended.
func (q *turns) run() {
	for last := (*waiting)(nil); ; {
		synctest.Wait()
		q.mu.Lock()
		next := q.next(last)
		if next == nil && q.alive == 0 {
			q.finished = true
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		if next == nil {
			time.Sleep(time.Millisecond) // somebody waits for the clock
			continue
		}
		next.goOn <- q.before(next)
		last = next
	}
}

// next chooses who goes on. q.mu is held, and nobody runs.
func (q *turns) next(last *waiting) *waiting {
	slices.SortFunc(q.waiting, func(a, b *waiting) int { return cmp.Compare(a.by, b.by) })
	if last != nil && last.at == stepReuse {
		// The file is leased until its content is written: nobody can look at it.
		for i, w := range q.waiting {
			if w.by == last.by {
				return q.take(i)
			}
		}
	}
	for i, w := range q.waiting {
		if w.at == stepJournalNew { // has a mutex
			return q.take(i)
		}
	}
	if q.wanted = q.wanted || q.rand.IntN(25) == 0; q.wanted && q.sole == 0 && len(q.inside) == 0 {
		for i, w := range q.waiting {
			if w.at == gateCheckpoint {
				q.wanted, q.sole = false, w.by
				return q.take(i)
			}
		}
		q.wanted = false
	}
	var may []int
	for i, w := range q.waiting {
		switch {
		case q.sole != 0 && w.by != q.sole, w.at == gateCheckpoint, w.at == gateCommit && q.wanted:
		default:
			may = append(may, i)
		}
	}
	if len(may) == 0 {
		q.wanted = q.wanted || len(q.waiting) > 0
		return nil
	}
	return q.take(may[q.rand.IntN(len(may))])
}

func (q *turns) take(i int) *waiting {
	w := q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return w
}

// goroutine returns the number of the one that calls it.
func goroutine() int64 {
	buf := make([]byte, 64)
	buf = bytes.TrimPrefix(buf[:runtime.Stack(buf, false)], []byte("goroutine "))
	text, _, _ := bytes.Cut(buf, []byte(" "))
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}
