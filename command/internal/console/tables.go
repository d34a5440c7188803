package console

import (
	"cmp"
	"slices"
	"time"
)

const (
	// maxCounted bounds the keys of each table.
	maxCounted = 256
	// halfLife is after how long what was counted counts half.
	halfLife = time.Minute
	// loopFrom is how often a client must repeat a refused request without a change to be called a loop.
	loopFrom = 3
	// loopQuiet is after how long of silence a loop is over.
	loopQuiet = 2 * time.Minute
)

// counts of one key: of all requests, of those that are refused, and of those answered 304.
type counted struct {
	key                      string
	all, refused, unmodified float64
	writes                   float64
	last                     time.Time
}

// table counts by key, the most frequent ones of lately: when it is full, the least counted key gives way.
type table struct{ keys map[string]*counted }

func (t *table) at(key string) *counted {
	if c := t.keys[key]; c != nil {
		return c
	}
	if t.keys == nil {
		t.keys = make(map[string]*counted)
	}
	if len(t.keys) >= maxCounted {
		var least *counted
		for _, c := range t.keys {
			if least == nil || c.all < least.all {
				least = c
			}
		}
		delete(t.keys, least.key)
	}
	c := &counted{key: key}
	t.keys[key] = c
	return c
}

// halve makes what was counted count half, and forgets what is next to nothing.
func (t *table) halve() {
	for key, c := range t.keys {
		c.all, c.refused, c.unmodified, c.writes = c.all/2, c.refused/2, c.unmodified/2, c.writes/2
		if c.all < 0.5 {
			delete(t.keys, key)
		}
	}
}

// top returns the n keys that count most.
func (t *table) top(n int) []*counted {
	all := make([]*counted, 0, len(t.keys))
	for _, c := range t.keys {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *counted) int { return cmp.Or(cmp.Compare(b.all, a.all), cmp.Compare(a.key, b.key)) })
	return all[:min(n, len(all))]
}

// loop is a client that is refused again and again with the same request.
type loop struct {
	client, method, target, sent string
	status, times                int
	since, last                  time.Time
}

type loopKey struct{ client, method, target string }

// loops are the runs of refusals by client and target.
type loops struct{ runs map[loopKey]*loop }

// see goes on with a run, begins one, or ends it.
func (l *loops) see(e *event, sent string) {
	key := loopKey{e.client, e.method, e.target}
	run := l.runs[key]
	switch {
	case e.kind != failedPrecondition && e.kind != neededPrecondition && e.kind != refused:
		delete(l.runs, key)
		return
	case run != nil && run.status == e.status && run.sent == sent:
		run.times, run.last = run.times+1, e.at
		return
	case run == nil && len(l.runs) >= maxCounted:
		l.evict()
	}
	if l.runs == nil {
		l.runs = make(map[loopKey]*loop)
	}
	l.runs[key] = &loop{e.client, e.method, e.target, sent, e.status, 1, e.at, e.at}
}

// evict forgets the run that has been silent for longest.
func (l *loops) evict() {
	var oldest loopKey
	var at time.Time
	for key, run := range l.runs {
		if at.IsZero() || run.last.Before(at) {
			oldest, at = key, run.last
		}
	}
	delete(l.runs, oldest)
}

// expire forgets the runs that are over.
func (l *loops) expire(now time.Time) {
	for key, run := range l.runs {
		if now.Sub(run.last) > loopQuiet {
			delete(l.runs, key)
		}
	}
}

// top returns the n longest loops.
func (l *loops) top(n int) []*loop {
	var all []*loop
	for _, run := range l.runs {
		if run.times >= loopFrom {
			all = append(all, run)
		}
	}
	slices.SortFunc(all, func(a, b *loop) int {
		return cmp.Or(b.times-a.times, b.last.Compare(a.last), cmp.Compare(a.target, b.target))
	})
	return all[:min(n, len(all))]
}
