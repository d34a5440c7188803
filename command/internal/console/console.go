package console

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/store"
)

const (
	// maxSampled bounds how many ordinary requests of a second are looked at closer, and maxRemarkable how many that
	// were refused or overwrote blindly.
	maxSampled    = 250
	maxRemarkable = 40
	// maxRefusals bounds the latest refusals that are kept, and maxRecent the requests of which something is known, so
	// that a refusal can be explained by what came before.
	maxRefusals = 50
	maxRecent   = 512
)

// Options are what New needs. What is nil is not shown.
type Options struct {
	// Title says what is watched, as in "serve /srv/site".
	Title string
	// Site is what revisions are shown of and restored in.
	Site *Site
	// Routes are those of a guard, and Usage what its cache keeps.
	Routes func() []guard.RouteStatus
	Usage  func() cache.Usage
	// Locks are those of WebDAV that hold now.
	Locks func() []Lock
	// Log says that events come from a log, by [Console.Follow], whose times count.
	Log bool
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// Site is a store with the handler that serves it.
type Site struct {
	Store store.Store
	// Handler answers reads of revisions, and the writes that restore them, by the rules of the site: preconditions
	// and locks hold for them as for everybody. A request keeps the context of the one that asked for it.
	Handler http.Handler
	// ReadOnly says that nothing can be restored.
	ReadOnly bool
}

// Lock is a lock of WebDAV.
type Lock struct {
	Name             string
	Infinite, Shared bool
	Owner            string
	Expires          time.Time
}

// Console collects what is shown. Its methods may be called from any number of goroutines.
type Console struct {
	options Options
	started time.Time
	counts  [numKinds]atomic.Int64
	cached  cached

	// every is of how many ordinary requests one is looked at, seen how many there were, and room how many remarkable
	// ones may be looked at in this second; those beyond are counted in unseen.
	every, seen, room, unseen atomic.Int64

	mu        sync.Mutex
	series    series
	before    [numKinds]int64
	resources table
	blind     table
	loops     loops
	refusals  []*refusal // newest last
	recent    ring
	numbers   int
	halved    time.Time
	// offset is what the log's clock is behind ours, newest being the time of its latest line; zero for none.
	offset time.Duration
	newest time.Time

	frames frames
	over   chan struct{}
	ended  sync.WaitGroup
}

// refusal is an event with what is said of it.
type refusal struct {
	*event
	number int
	// before are the events of the same client and target before it, and writer is the latest write of the target by
	// another one, or nil.
	before []*event
	writer *event
	once   sync.Once
	told   told
}

// cached counts what the cache of a guard did.
type cached struct {
	stored, validated, asked, bytes atomic.Int64
}

// ring has the latest events.
type ring struct {
	events [maxRecent]*event
	next   int
}

// New returns a console, which works until Close.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Console{options: o, started: o.Now(), over: make(chan struct{})}
	c.every.Store(1)
	c.room.Store(maxRemarkable)
	if !o.Log {
		c.series.start(c.started)
	}
	c.halved = c.started
	c.ended.Go(c.run)
	return c
}

// Close ends it, and the pages that watch.
func (c *Console) Close() {
	close(c.over)
	c.ended.Wait()
}

// run does each second what is not to be done while somebody waits for an answer.
func (c *Console) run() {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			c.tick(c.options.Now())
		case <-c.over:
			c.frames.close()
			return
		}
	}
}

func (c *Console) tick(now time.Time) {
	c.mu.Lock()
	var total int64
	for k := range c.counts {
		n := c.counts[k].Load()
		if !c.options.Log {
			c.series.add(now, kind(k), n-c.before[k])
		}
		total += n - c.before[k]
		c.before[k] = n
	}
	c.every.Store(max(1, total/maxSampled))
	c.room.Store(maxRemarkable)
	if now.Sub(c.halved) >= halfLife {
		c.halved = now
		c.resources.halve()
		c.blind.halve()
	}
	c.loops.expire(c.clock(now))
	c.mu.Unlock()
	if c.frames.watched() {
		c.frames.send(c.render(now))
	}
}

// clock is the time that events have: ours, or that of the log. It is called under mu.
func (c *Console) clock(now time.Time) time.Time { return now.Add(-c.offset) }

// Observe is told of every request. It is an [observe.Observer].
func (c *Console) Observe(r *http.Request, rec *observe.Record) {
	k := kindOf(r.Method, rec.Status)
	c.counts[k].Add(1)
	if rec.Backend.Cache != "" {
		c.cached.count(rec)
	}
	blind := observe.Unguarded(r, rec) == "overwrite"
	if blind || k >= failedPrecondition {
		if c.room.Add(-1) < 0 {
			c.unseen.Add(1)
			return
		}
	} else if every := c.every.Load(); every > 1 && c.seen.Add(1)%every != 0 {
		return
	}
	e := eventOf(r, rec, k, blind)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.see(e)
}

func (s *cached) count(rec *observe.Record) {
	switch rec.Backend.Cache {
	case "hit", "stale", "collapsed":
		s.stored.Add(1)
		s.bytes.Add(rec.Bytes)
	case "validated":
		s.validated.Add(1)
		s.bytes.Add(rec.Bytes)
	default:
		s.asked.Add(1)
	}
}

// see keeps what an event tells. It is called under mu.
func (c *Console) see(e *event) {
	weight := 1.0
	if e.kind < failedPrecondition && !e.blind {
		weight = float64(c.every.Load())
	}
	r := c.resources.at(e.target)
	r.all, r.last = r.all+weight, e.at
	switch {
	case e.kind == unmodified:
		r.unmodified += weight
	case e.kind == written:
		r.writes += weight
	case e.kind >= failedPrecondition:
		r.refused += weight
	}
	if e.blind {
		b := c.blind.at(e.client)
		b.all, b.last = b.all+1, e.at
	}
	c.loops.see(e, e.sent())
	if e.isRefusal() {
		c.numbers++
		c.refusals = append(c.refusals, c.recent.refusal(e, c.numbers))
		if len(c.refusals) > maxRefusals {
			c.refusals = append(c.refusals[:0], c.refusals[len(c.refusals)-maxRefusals:]...)
		}
	}
	c.recent.add(e)
}

// isRefusal reports whether an event is shown as a refusal: of a precondition, or of a write.
func (e *event) isRefusal() bool {
	switch {
	case e.kind == failedPrecondition, e.kind == neededPrecondition:
		return true
	case e.kind != refused:
		return false
	}
	return replaces(e.method, http.StatusOK) || e.method == http.MethodPost || e.method == "LOCK" || e.method == "MOVE" || e.method == "COPY"
}

// sent is the precondition by which a write names what it has seen.
func (e *event) sent() string {
	for _, f := range e.fields {
		if f.Name == "If-Match" || f.Name == "If-None-Match" || f.Name == "If-Unmodified-Since" || f.Name == "If" {
			return f.Value
		}
	}
	return ""
}

func (r *ring) add(e *event) {
	r.events[r.next] = e
	r.next = (r.next + 1) % len(r.events)
}

// maxBefore bounds what a refusal is explained with.
const maxBefore = 8

// refusal finds out what came before an event that is one. What explain reads is what one client saw.
func (r *ring) refusal(of *event, number int) *refusal {
	found := &refusal{event: of, number: number}
	for i := range r.events {
		e := r.events[(r.next+len(r.events)-1-i)%len(r.events)]
		switch {
		case e == nil:
			return found
		case e.target != of.target:
		case e.client == of.client && len(found.before) < maxBefore:
			found.before = slices.Insert(found.before, 0, e)
		case e.client != of.client && e.kind == written && found.writer == nil:
			found.writer = e
		}
	}
	return found
}

// exchanges are the refusal and what came before it, the refusal last.
func (r *refusal) exchanges(source string) []*capture.Exchange {
	var all []*capture.Exchange
	for i, e := range r.before {
		all = append(all, e.exchange(source, i+1))
	}
	return append(all, r.exchange(source, len(r.before)+1))
}
