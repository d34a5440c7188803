package diagnose

import (
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
)

// maxUnknown bounds how many facts that a capture does not tell a field If is evaluated for, in all combinations.
const maxUnknown = 10

// noLock is the token that "is known to never represent a current lock token" (RFC 4918 §10.4.8).
const noLock = "DAV:no-lock"

// davIf reads the field If.
func (e *examination) davIf() (ifheader.Header, error) {
	var lines []string
	for l := range e.x.Request.Header.Lines() {
		if strings.EqualFold(l.Name, "If") {
			lines = append(lines, l.Value)
		}
	}
	return ifheader.Parse(lines)
}

// davFact is something that a condition asks of a resource: a lock with the token, or an entity tag with the opaque text.
type davFact struct {
	uri, token, opaque string
}

// davWorlds evaluates a field If against every combination of the facts that the capture does not tell, by both comparisons that
// RFC 4918 §10.4.4 leaves to servers. The answer is beyond doubt if it is the same in all of them.
type davWorlds struct {
	e       *examination
	header  ifheader.Header
	unknown []davFact
	known   map[davFact]bool
}

// ifDecision returns what every server has to make of the field If, whatever the capture does not tell. sure is
// false if that depends.
func (e *examination) ifDecision() (d ifheader.Decision, sure bool) {
	h, err := e.davIf()
	if err != nil || !h.Sent() || e.blind() || e.cut() {
		return d, false
	}
	w := &davWorlds{e: e, header: h, known: map[davFact]bool{}}
	for _, l := range h.Lists {
		for _, c := range l.Conditions {
			w.ask(davFact{uri: w.uri(l.Resource), token: c.Token, opaque: c.Tag.Opaque()})
		}
	}
	if len(w.unknown) > maxUnknown {
		return d, false
	}
	return w.decide()
}

// onlyDAVIf reports whether the field If is the only precondition.
func (e *examination) onlyDAVIf() bool {
	lines := e.verdict.Preconditions
	return len(lines) > 0 && !slices.ContainsFunc(lines, func(l capture.Line) bool { return !strings.EqualFold(l.Name, "If") })
}

// judgeDAVIf says whether a 412, or a success, is what the field If asks for (RFC 4918 §10.4.3). Locks decide beside it, with 423.
func (e *examination) judgeDAVIf() {
	v := e.verdict
	d, sure := e.ifDecision()
	done := e.status()/100 == 2
	switch {
	case !sure || !done && e.status() != 412:
		v.Why = "If is WebDAV's condition on locks and versions (RFC 4918 §10.4), and what it asks for is not in the capture"
	case d.Holds == done:
		v.Judgement = Right
		v.Why = "a list in If holds, so the request may be performed (RFC 4918 §10.4.3)"
		if !done {
			v.Why = "no list in If holds, so the request must be refused with 412 (RFC 4918 §10.4.3)"
		}
	default:
		v.Judgement, v.Expected = Wrong, []int{412}
		v.Why = "no list in If holds, so the request must be refused with 412 (RFC 4918 §10.4.3)"
		if !done {
			v.Expected = performed(e.method(), precondition.Decision{})
			v.Why = "a list in If holds, so that is not why the request was refused (RFC 4918 §10.4.3)"
		}
	}
}

// uri is that of the resource which a list is about, so that two spellings of one are the same.
func (w *davWorlds) uri(resource string) string {
	at := &capture.Exchange{Request: w.e.x.Request, Scheme: w.e.x.Scheme}
	if resource != "" {
		at.Request.Target = resource
	}
	return targetURI(at)
}

// ask notes a fact, and whether it is known.
func (w *davWorlds) ask(f davFact) {
	if _, ok := w.known[f]; ok || slices.Contains(w.unknown, f) {
		return
	}
	if f.token == noLock {
		w.known[f] = false
		return
	}
	if has, ok := w.told(f); ok {
		w.known[f] = has
		return
	}
	w.unknown = append(w.unknown, f)
}

// told says whether the exchange itself tells a fact about the entity tag of its target.
func (w *davWorlds) told(f davFact) (has, ok bool) {
	s := w.e.verdict.State
	if f.token != "" || f.uri != w.uri("") || !w.e.witnessed || !s.Known {
		return false, false
	}
	if !s.Exists {
		return false, true
	}
	tag, err := etag.Parse(s.ETag)
	if err != nil || tag.IsWeak() {
		return false, false
	}
	current := tag.Opaque()
	if current == f.opaque {
		return true, true
	}
	// Content codings of one version can have tags that differ by what stands at their ends.
	related := strings.HasPrefix(current, f.opaque) || strings.HasPrefix(f.opaque, current)
	return false, !related
}

// decide evaluates the field in each world.
func (w *davWorlds) decide() (first ifheader.Decision, sure bool) {
	for world := range 1 << len(w.unknown) {
		for _, p := range []ifheader.Policy{{}, {WeakComparison: true}} {
			d := p.Evaluate(w.header, "", func(uri string) ifheader.State { return w.state(uri, world) })
			if world == 0 && !p.WeakComparison {
				first = d
			}
			if d.Holds != first.Holds {
				return first, false
			}
		}
	}
	return first, true
}

// state is that of a resource in a world, whose bits say which of the unknown facts are so.
func (w *davWorlds) state(uri string, world int) ifheader.State {
	uri = w.uri(uri)
	s := ifheader.State{Name: uri, Exists: true}
	add := func(f davFact) {
		switch tag, err := etag.Strong(f.opaque); {
		case f.uri != uri:
		case f.token != "":
			s.Locks = append(s.Locks, f.token)
		case err == nil:
			s.Tags = append(s.Tags, tag)
		}
	}
	for i, f := range w.unknown {
		if world>>i&1 == 1 {
			add(f)
		}
	}
	for f, has := range w.known {
		if has {
			add(f)
		}
	}
	return s
}
