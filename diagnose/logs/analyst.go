package logs

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

const (
	// maxSeries bounds the series of 412s that are remembered, and maxStorms those that are
	// reported.
	maxSeries = 8192
	maxStorms = 64
	// stormFrom is how many 412s make a series a storm, and loopFrom how many make it a loop, if they are
	// the same.
	stormFrom = 5
	loopFrom  = 3
	// maxPending bounds the answers 409 that wait to be tried again, and patience is how long
	// they wait.
	maxPending = 4096
	patience   = time.Minute
	// raceWithin is how soon after each other two clients write if they have read at about the same time.
	raceWithin = time.Minute
	// flipWithin is how soon after a 412 another attempt belongs to it.
	flipWithin = time.Minute
)

// An analyst looks at refusals and writes, in the order of time.
type analyst struct {
	workers []*worker
	only    *accesslog.StatusSet
	history *history
	found   tallies
	times   *timeline // for the causes
	series  map[uint64]*series
	storms  []Storm
	pending map[uint64]instance // answers 409 of S3
	edge    map[uint64]edgeRequest
	flips   flips
	held    []heldRefusal
	live    func(Refusal)

	count          int64
	paths, clients *frequent
	methods        map[string]int64
	nodes          nodeCounts
	last           int64 // time
}

func newAnalyst(workers []*worker, only *accesslog.StatusSet) *analyst {
	return &analyst{
		workers: workers, only: only, history: newHistory(), found: tallies{}, times: newTimeline(), series: map[uint64]*series{},
		pending: map[uint64]instance{}, edge: map[uint64]edgeRequest{}, paths: newFrequent(maxRefused), clients: newFrequent(maxRefused),
		methods: map[string]int64{}, nodes: nodeCounts{of: map[string]*Count{}},
	}
}

// see looks at the next entry.
func (a *analyst) see(e *accesslog.Entry) {
	target := resourceOf(e)
	if at, ok := e.UnixNano(); ok {
		a.last = max(a.last, at)
	}
	counts := a.only.Empty() || a.only.Has(e.Status())
	again := a.passed(e, counts)
	if e.Status() == 412 {
		if counts {
			a.refused(e, target)
		}
		return
	}
	if again {
		return // it happened once
	}
	w := writeOf(e, target)
	a.wrote(e, &w, counts)
	a.history.add(w)
	if d := destinationOf(e); d != 0 && w.done() {
		w.target, w.method, w.etag, w.ifMatch = d, "PUT", "", "" // as far as the destination is concerned
		a.history.add(w)
	}
}

// resumed reports whether a client got a part of what it asks for not long before.
func (a *analyst) resumed(key, program uint64, at int64) bool {
	return slices.ContainsFunc(a.workers, func(w *worker) bool { return w.parts.resumed(key, at, func() uint64 { return program }) })
}

// resourceOf is a number for the resource that a request is about.
func resourceOf(e *accesslog.Entry) uint64 {
	h := hash(e.Text(accesslog.Path))
	if e.File().Format().Name() != "s3" {
		return targetOf(e, h)
	}
	for part := range strings.SplitSeq(e.Text(accesslog.Query), "&") {
		if part != "" && !strings.HasPrefix(part, "x-id=") { // x-id has the name of the operation
			h = mix(h, hash(part))
		}
	}
	return withHost(e, h)
}

// destinationOf is resourceOf for the Destination of a MOVE or COPY; 0 if that is not known.
func destinationOf(e *accesslog.Entry) uint64 {
	d := value(e, accesslog.Destination)
	if d == "" {
		return 0
	}
	u, err := url.Parse(d)
	if err != nil {
		return 0
	}
	return withHost(e, hash(u.EscapedPath()))
}

// An edgeRequest is what the log of one server says of a request that another server's log may have
// too, by its identifier.
type edgeRequest struct {
	file  *accesslog.File
	state accesslog.State // of If-Match
	value string
	place string
}

// passed looks for a write whose If-Match the log of one server has, and that of another, for the same
// request, has not. It reports whether another log has the request at all.
func (a *analyst) passed(e *accesslog.Entry, counts bool) bool {
	id := e.Text(accesslog.RequestID)
	state := e.State(accesslog.IfMatch)
	if id == "" {
		return false
	}
	key := mix(hash(id), hash(e.Text(accesslog.Path)))
	r, known := a.edge[key]
	if !known {
		if len(a.edge) >= maxPending {
			clear(a.edge)
		}
		a.edge[key] = edgeRequest{e.File(), state, keep(e.Text(accesslog.IfMatch)), place(e.File().Name(), e.Line())}
		return false
	}
	if r.file == e.File() {
		return false
	}
	if !counts || r.state == state || r.state == accesslog.NotLogged || state == accesslog.NotLogged {
		return true
	}
	a.found.add("gateway-drops-precondition", certain, e, func(f *finding) {
		f.says = "one server got this request with If-Match, and another without: something between them removed it"
		with, without := diagnose.Fact{Name: "If-Match", Value: r.value, Source: r.place}, facts(e, accesslog.IfMatch)
		if r.state == accesslog.Absent {
			with.Value = "absent"
		}
		f.evidence = append([]diagnose.Fact{with}, without...)
	})
	return true
}

// wrote looks at a write that was not refused, before it becomes part of the history.
func (a *analyst) wrote(e *accesslog.Entry, w *write, counts bool) {
	if e.Status() == 409 && counts {
		a.conflict(e, w)
	}
	if !w.done() {
		return
	}
	delete(a.pending, mix(w.target, hash(w.who.String())))
	if counts {
		a.forced(e, w)
	}
	a.end(w)
	if !counts {
		return
	}
	a.race(e, w)
	if (w.method == "MOVE" || w.method == "COPY") && w.status == 204 && w.ifMatch != "" && absent(e, accesslog.If) &&
		sign.Staging(e.Text(accesslog.Path)) == "" { // there it is known to be about the destination
		a.unguarded(e)
	}
	list := members(e, accesslog.IfMatch)
	if sign.WeakAlone(list) {
		a.found.add("strong-compare-accepts-weak", likely, e, func(f *finding) {
			f.says = "the write was accepted though its If-Match has weak tags alone, which no tag matches: the server compares weakly, or not at all"
			f.evidence = facts(e, accesslog.Method, accesslog.Status, accesslog.IfMatch, accesslog.ETag)
		})
	}
}

// forced looks at a write without any condition that its client has sent before with one, and that was refused then.
func (a *analyst) forced(e *accesslog.Entry, w *write) {
	s := a.series[seriesKey(w.target, w.who, w.method)]
	star := value(e, accesslog.IfMatch) == "*" && s != nil && s.ifMatch != "*"
	if s == nil || !s.versioned || !w.who.known() || w.at-s.last > int64(flipWithin) || !absent(e, accesslog.IfNoneMatch,
		accesslog.IfUnmodifiedSince) ||
		!star && !absent(e, accesslog.IfMatch) {
		return
	}
	c, with := possible, "without any precondition" // it may be what came of a merge
	if star {
		with = "with If-Match: *, which any version fulfils"
	}
	switch {
	case w.size >= 0 && s.size >= 0 && w.size != s.size:
		return
	case w.size >= 0 && s.size >= 0, w.at-s.last <= int64(grain):
		c = likely
	}
	a.found.add("retried-without-condition", c, e, func(f *finding) {
		f.says = fmt.Sprintf("%s was refused with %s, and sent the same %s again %s later %s: what the 412 protected is overwritten",
			w.who.subject(), s.sent, w.method, say(time.Duration(w.at-s.last)), with)
		f.evidence = append(facts(e, accesslog.IfMatch, accesslog.IfNoneMatch, accesslog.IfUnmodifiedSince, accesslog.UserAgent),
			diagnose.Fact{Name: "refused before", Value: s.method + " with " + s.sent, Source: s.place})
	})
}

// unguarded looks at a MOVE or COPY with If-Match that replaced something.
func (a *analyst) unguarded(e *accesslog.Entry) {
	a.found.add("if-match-guards-source-not-destination", possible, e, func(f *finding) {
		f.says = "204 says that the " + e.Text(accesslog.Method) +
			" replaced something at the destination, and If-Match was about the source alone: nothing guarded what was replaced"
		f.evidence = facts(e, accesslog.Method, accesslog.Path, accesslog.Destination, accesslog.IfMatch, accesslog.If, accesslog.Status)
	})
}

// conflict notes a 409 that S3 asks to try again.
func (a *analyst) conflict(e *accesslog.Entry, w *write) {
	if !strings.Contains(e.Text(accesslog.Reason), "ConditionalRequestConflict") {
		return
	}
	if len(a.pending) >= maxPending {
		a.giveUp(true)
	}
	i := instanceOf(e)
	i.finding = finding{
		rule: "s3-409-not-retried", confidence: likely,
		says:     "409 ConditionalRequestConflict means that another write was under way; " + w.who.subject() + " did not try again",
		evidence: facts(e, accesslog.Method, accesslog.Path, accesslog.Status, accesslog.Reason),
	}
	a.pending[mix(w.target, hash(w.who.String()))] = i
}

// giveUp reports the answers 409 that were not tried again; those that may still be stay, unless the log
// is at its end or there is no room.
func (a *analyst) giveUp(all bool) {
	for key, i := range a.pending {
		if a.last-i.at >= int64(patience) {
			a.found.addInstances(1, i)
		} else if !all {
			continue
		}
		delete(a.pending, key)
	}
	if len(a.pending) >= maxPending {
		clear(a.pending)
	}
}

// race looks for another write that was accepted with the same If-Match.
func (a *analyst) race(e *accesslog.Entry, w *write) {
	tag, err := etag.Parse(w.ifMatch)
	if err != nil || tag.IsWeak() {
		return
	}
	for p := range a.history.of(w.target) {
		if p.done() && p.etag == w.ifMatch || w.ago(p.at) < -24*time.Hour {
			return // the tag was made again, or this is too long ago
		}
		if !p.changes() {
			continue
		}
		if p.ifMatch != w.ifMatch {
			if p.etag == "" {
				return // it may have made the tag again
			}
			continue
		}
		c := p.raceConfidence(w)
		a.found.add("check-then-act-race", c, e, func(f *finding) {
			f.says = fmt.Sprintf("two writes were accepted with the same If-Match %s, %s apart: the second overwrote the first without having seen it",
				w.ifMatch, say(p.ago(w.at)))
			f.evidence = append([]diagnose.Fact{p.fact("first write")}, w.fact("second write"))
		})
		return
	}
}

// raceConfidence is how sure it is that w overwrote what p, accepted with the same If-Match, had made. If the
// log does not have the tag of that, both may have stored the same content, and the tag be made of it.
func (p *write) raceConfidence(w *write) diagnose.Confidence {
	switch {
	case p.etag != "":
		return certain
	case !p.who.is(w.who) && p.ago(w.at) <= raceWithin:
		return likely
	}
	return possible
}

// A series is what one client got for one target since its last success.
type series struct {
	who                   principal
	method, path          string
	sent                  string // the preconditions of the last one
	ifMatch               string
	run                   int64 // how many of the last ones had the same
	count                 int64
	first, last, runFirst int64
	same                  bool // all had the same
	node                  string
	untagged              bool             // the log has no If-Match
	versioned             bool             // the last named a version
	size                  int64            // of the content of the last; -1 if not known
	place                 string           // of the last
	refusal               *accesslog.Entry // the last, for flips
}

func seriesKey(target uint64, who principal, method string) uint64 {
	return mix(mix(target, who.key()^who.program()), mix(hash(who.user), hash(method)))
}

// refused looks at a 412.
func (a *analyst) refused(e *accesslog.Entry, target uint64) {
	r := newRefusal(a, e, target)
	f := r.explain()
	s := a.extend(r)
	before := int64(0)
	if s.run >= loopFrom && f.rule != "" {
		before = a.loop(r, s, &f)
	}
	if a.live != nil && e.File().Live(e) {
		a.live(r.seen(f))
	}
	if !a.hold(r, f, before) {
		a.settle(e, f, before)
	}
	a.count++
	path := e.Text(accesslog.Path)
	a.paths.add(hash(path), path, 1, 1)
	a.clients.add(mix(hash(r.who.client), hash(r.who.user)), r.who.String(), 1, 1)
	a.nodes.add(nodeOf(e), 1)
	countMethod(a.methods, r.method)
	if s.untagged = e.State(accesslog.IfMatch) == accesslog.NotLogged; s.untagged && s.node != "" && len(a.flips.cases) < maxSamples {
		s.refusal = e.Clone()
	}
}

// seen is the refusal with its cause, for whoever watches.
func (r *refusal) seen(f finding) Refusal {
	s := Refusal{
		Time: r.e.Time(), Client: secret.Text(r.who.client), User: secret.Text(r.who.user),
		Method: r.method, Path: secret.Text(keep(r.e.Text(accesslog.Path))),
		Rule: f.rule, Confidence: f.confidence, Says: secret.Text(f.says), Evidence: nonNil(f.evidence),
		Line: Sample{File: r.e.File().Name(), Line: r.e.Line(), Text: r.e.Sample()},
	}
	if r.e.File().Guessed() {
		s.Confidence = min(s.Confidence, likely)
	}
	for i := range s.Evidence {
		s.Evidence[i].Value = secret.Value(s.Evidence[i].Name, s.Evidence[i].Value)
	}
	return s
}

// settle puts a refusal down to a cause, to which before refusals before it belong too.
func (a *analyst) settle(e *accesslog.Entry, f finding, before int64) {
	a.found.add(f.rule, f.confidence, e, func(kept *finding) {
		if *kept = f; f.confidence < likely {
			kept.config = config(e.File())
		}
	})
	t := a.found[f.rule]
	t.byConfidence[f.confidence] += before
	t.refusals++
	if at, timed := e.UnixNano(); timed {
		a.times.at(at).cause(f.rule, 1)
	}
}

// extend adds r to its series.
func (a *analyst) extend(r *refusal) *series {
	key := seriesKey(r.target, r.who, r.method)
	s := a.series[key]
	if s == nil {
		if len(a.series) >= maxSeries {
			a.forget()
		}
		s = &series{who: r.who, method: r.method, path: keep(r.e.Text(accesslog.Path)), first: r.at, same: r.conditions != ""}
		a.series[key] = s
	}
	if s.count == 0 || s.sent != r.conditions {
		s.same = s.same && s.count == 0
		s.run, s.runFirst = 0, r.at
	}
	s.sent, s.ifMatch = r.conditions, keep(r.e.Text(accesslog.IfMatch))
	s.run++
	s.count++
	s.last, s.node = r.at, keep(nodeOf(r.e))
	s.versioned, s.size, s.place = len(r.ifMatch) > 0 || r.has(accesslog.IfUnmodifiedSince), sizeOf(r.e), place(r.e.File().Name(), r.e.Line())
	return s
}

// loop notes that a client repeats a request that was refused. It takes the place of a cause that
// says only that the 412 is right, or nothing. It returns how many refusals before this one belong to it.
func (a *analyst) loop(r *refusal, s *series, f *finding) int64 {
	c, what := likely, "the same "+s.method+" "+s.path
	switch {
	case s.sent == "" && r.e.State(accesslog.IfMatch) == accesslog.Absent:
		return 0 // it named no tag that could be stale
	case s.sent != "":
		what = s.method + " " + s.path + " with " + s.sent
		if f.confidence == certain && ruleByID(f.rule).Group == diagnose.Conflict {
			c = certain // what it names is known to be old
		}
	case !method.Writes(r.method):
		return 0
	}
	if !s.who.known() {
		c = possible
	}
	before := int64(0)
	if s.run == loopFrom {
		before = loopFrom - 1
	}
	l := finding{rule: "client-loops-on-stale-etag", confidence: c}
	l.says = fmt.Sprintf("%s sent %s %d times in %s, and was refused each time", s.who.subject(), what, s.run,
		say(time.Duration(s.last-s.runFirst)))
	l.evidence = append(facts(r.e, accesslog.IfMatch, accesslog.IfNoneMatch, accesslog.IfUnmodifiedSince, accesslog.ETag, accesslog.UserAgent),
		diagnose.Fact{Name: "refused in a row", Value: fmt.Sprint(s.run)})
	if f.confidence == diagnose.Insufficient || ruleByID(f.rule).Level == diagnose.Good {
		*f = l
		return before
	}
	if f.confidence >= likely && ruleByID(f.rule).Level >= diagnose.Warning {
		l.confidence = min(l.confidence, possible) // it is refused for another reason than an old tag
	}
	a.found.addFinding(l, r.e)
	a.found[l.rule].byConfidence[l.confidence] += before
	return 0
}

// end ends the series that a success of its client ends.
func (a *analyst) end(w *write) {
	key := seriesKey(w.target, w.who, w.method)
	s := a.series[key]
	if s == nil {
		return
	}
	if w.node != "" && s.node != "" && s.untagged && w.at-s.last <= int64(flipWithin) {
		a.flips.note(s, w)
	}
	a.storm(s)
	delete(a.series, key)
}

// flips are attempts that succeeded soon after a 412.
type flips struct {
	other, same int64 // on another node, or the same
	cases       []instance
}

func (f *flips) note(s *series, w *write) {
	if w.node == s.node {
		f.same++
		return
	}
	if f.other++; len(f.cases) < maxSamples && s.refusal != nil {
		i := instanceOf(s.refusal)
		i.finding = finding{evidence: []diagnose.Fact{
			{Name: "refused by " + s.node, Value: s.method + " " + s.path, Source: place(i.file, i.line)}, w.fact("accepted by " + w.node),
		}}
		f.cases = append(f.cases, i)
	}
}

// judgeFlips says whether attempts succeed on another node more often than chance has it.
func (a *analyst) judgeFlips(nodes int) {
	f := &a.flips
	if nodes < 2 || f.other == 0 {
		return
	}
	needed := int64(math.Ceil(math.Log(0.01) / math.Log(1-1/float64(nodes))))
	if f.other < needed+10*f.same {
		return
	}
	for i := range f.cases {
		c := &f.cases[i]
		c.rule, c.confidence = "farm-mtime-skew", likely
		c.says = fmt.Sprintf("%s a write that one of %d nodes refused was accepted soon after by another one, and %s by the same: the nodes do not agree on the tags",
			times(f.other), nodes, times(f.same))
	}
	a.found.addInstances(f.other, f.cases...)
}

// times says how often something happened.
func times(n int64) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// storm keeps s if it is one of the longest.
func (a *analyst) storm(s *series) {
	if s.count < stormFrom {
		return
	}
	a.storms = append(a.storms, Storm{
		Client: s.who.client, User: s.who.user, Method: s.method, Path: s.path, IfMatch: s.ifMatch, Same: s.same, Count: s.count,
		First: instant(s.first), Last: instant(s.last),
	})
	if len(a.storms) >= 2*maxStorms {
		a.storms = longest(a.storms)
	}
}

func longest(list []Storm) []Storm {
	slices.SortFunc(list, func(a, b Storm) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.First.Compare(b.First), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Client, b.Client),
			cmp.Compare(a.User, b.User))
	})
	return list[:min(len(list), maxStorms)]
}

// forget ends the half of all series that was extended longest ago.
func (a *analyst) forget() {
	times := make([]int64, 0, len(a.series))
	for _, s := range a.series {
		times = append(times, s.last)
	}
	slices.Sort(times)
	median := times[len(times)/2]
	for key, s := range a.series {
		if s.last <= median {
			a.storm(s)
			delete(a.series, key)
		}
	}
}

// finish looks at what is left when the log has ended.
func (a *analyst) finish(w *worker) {
	a.release(w)
	a.giveUp(true)
	for _, s := range a.series {
		a.storm(s)
	}
	a.storms = longest(a.storms)
	a.judgeFlips(len(w.nodes.of))
}
