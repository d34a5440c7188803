package logs

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// maxSamples bounds Cause.Samples.
const maxSamples = 3

// A finding is that a rule applies to a request, and why.
type finding struct {
	rule       string
	confidence diagnose.Confidence
	says       string
	evidence   []diagnose.Fact
	config     []diagnose.Config
}

// tallies count findings by the ID of their rule.
type tallies map[string]*tally

type tally struct {
	byConfidence [diagnose.Certain + 1]int64
	refusals     int64
	first, last  int64 // nanoseconds
	timed        bool
	// cases are those that convince most, best first.
	cases []instance
}

// An instance is a finding about one line.
type instance struct {
	finding
	at   int64
	file string
	line int64
	text string
}

// before orders instances: the surest first, then the earliest.
func (a *instance) before(b *instance) int {
	return cmp.Or(cmp.Compare(b.confidence, a.confidence), cmp.Compare(a.at, b.at), cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
}

// add counts a finding about e. explain is asked for the rest of it only if the case is among
// those that are kept.
func (ts tallies) add(rule string, c diagnose.Confidence, e *accesslog.Entry, explain func(f *finding)) {
	t := ts.of(rule)
	at, timed := e.UnixNano()
	t.count(c, at, timed)
	i := instance{finding: finding{rule: rule, confidence: c}, at: at, file: e.File().Name(), line: e.Line()}
	if len(t.cases) == maxSamples && i.before(&t.cases[maxSamples-1]) >= 0 {
		return
	}
	explain(&i.finding)
	i.text = e.Sample()
	t.keep(i)
}

// addFinding counts a finding that is complete.
func (ts tallies) addFinding(f finding, e *accesslog.Entry) {
	ts.add(f.rule, f.confidence, e, func(kept *finding) { *kept = f })
}

// addInstances counts a finding about n requests, of which some are known.
func (ts tallies) addInstances(n int64, list ...instance) {
	t := ts.of(list[0].rule)
	t.byConfidence[list[0].confidence] += n - int64(len(list))
	for _, i := range list {
		t.count(i.confidence, i.at, i.at != 0)
		t.keep(i)
	}
}

func (ts tallies) of(rule string) *tally {
	t := ts[rule]
	if t == nil {
		t = &tally{}
		ts[rule] = t
	}
	return t
}

func (t *tally) count(c diagnose.Confidence, at int64, timed bool) {
	t.byConfidence[c]++
	if timed {
		t.cover(at, at)
	}
}

// cover extends the time from first to last.
func (t *tally) cover(first, last int64) {
	if !t.timed {
		t.timed, t.first, t.last = true, first, last
	}
	t.first, t.last = min(t.first, first), max(t.last, last)
}

// keep puts i among the cases if it is one of the best.
func (t *tally) keep(i instance) {
	at, _ := slices.BinarySearchFunc(t.cases, i, func(a, b instance) int { return a.before(&b) })
	t.cases = slices.Insert(t.cases, at, i)
	t.cases = t.cases[:min(len(t.cases), maxSamples)]
}

func (ts tallies) merge(us tallies) {
	for rule, u := range us {
		t := ts.of(rule)
		for c, n := range u.byConfidence {
			t.byConfidence[c] += n
		}
		t.refusals += u.refusals
		if u.timed {
			t.cover(u.first, u.last)
		}
		for _, i := range u.cases {
			t.keep(i)
		}
	}
}

// causes returns the causes, most probable first.
func (ts tallies) causes() []Cause {
	list := []Cause{}
	for _, id := range slices.Sorted(maps.Keys(ts)) {
		list = append(list, ts[id].cause(id))
	}
	slices.SortStableFunc(list, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(a.place(), b.place()), cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(b.Rule.Level, a.Rule.Level),
			cmp.Compare(b.Count, a.Count))
	})
	return list
}

// place orders what explains refusals before what else the log shows, and what explains nothing last.
func (c *Cause) place() int {
	switch {
	case c.Confidence == diagnose.Insufficient:
		return 2
	case c.Refusals == 0:
		return 1
	}
	return 0
}

func (t *tally) cause(id string) Cause {
	best := t.cases[0]
	c := Cause{
		Rule: ruleByID(id), Confidence: best.confidence, Says: best.says, Evidence: best.evidence, Config: best.config,
		ByConfidence: map[diagnose.Confidence]int64{}, Refusals: t.refusals,
	}
	if c.Evidence == nil {
		c.Evidence = []diagnose.Fact{}
	}
	for confidence, n := range t.byConfidence {
		if n > 0 {
			c.ByConfidence[diagnose.Confidence(confidence)] = n
			c.Count += n
		}
	}
	if t.timed {
		c.First, c.Last = time.Unix(0, t.first).UTC(), time.Unix(0, t.last).UTC()
	}
	for _, i := range t.cases {
		c.Samples = append(c.Samples, Sample{File: i.file, Line: i.line, Text: i.text})
	}
	return c
}

// ruleByID returns the rule; one that only has its ID if the catalogue lacks it, which a test
// rules out.
func ruleByID(id string) *diagnose.Rule {
	if r, ok := diagnose.RuleByID(id); ok {
		return r
	}
	return &diagnose.Rule{ID: id, Level: diagnose.Info, Summary: id}
}
