package precondition

import (
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// Current is the state of the target resource that conditions are evaluated
// against.
type Current struct {
	// Exists reports whether the resource has a current representation.
	Exists bool
	// Tag is the entity tag of the selected representation (RFC 9110 §3.2), or
	// zero if it has none.
	Tag etag.Tag
	// Others are the tags of the same revision's other representations, such
	// as those in other content codings. If-Match and If-None-Match accept them;
	// If-Range does not.
	Others []etag.Tag
	// LastModified is the modification date, or zero if none is available. Parts
	// of a second are disregarded, as in a Last-Modified field. A cache passes the
	// stored response's Date when that has no Last-Modified (RFC 9111 §4.3.2).
	LastModified time.Time
	// Now is the server's time. It decides whether the second of LastModified has
	// passed, without which that date is no strong validator (§8.8.2.2), and the
	// century of two-digit years. Zero means that it has passed. A cache passes
	// the stored response's Date. The date is then as strong as the server is
	// careful: one that sends Last-Modified while that second still runs may have
	// sent it with two versions.
	Now time.Time
}

// Policy holds what a server may choose. The zero Policy is the strict one, and
// what the function [Evaluate] uses.
type Policy struct {
	// LenientTags accepts an entity tag without quotes in If-Match and
	// If-None-Match, as if it had them.
	LenientTags bool
	// StaleIfRange makes a false If-Range a 412 instead of 200 with the whole
	// representation, which §13.1.5 asks for.
	StaleIfRange bool
}

// Applies reports whether preconditions have a part in a request that would be
// answered with status without them: only if that is 2xx or 412 (RFC 9110
// §13.2.1). If not, status stays the answer and Evaluate is not to be called;
// see [ExplainIgnored].
func Applies(status int) bool { return status/100 == 2 || status == 412 }

// Evaluate decides a request with the zero [Policy].
func Evaluate(role Role, method string, fields Fields, current Current) Decision {
	return Policy{}.Evaluate(role, method, fields, current)
}

// Evaluate decides a request. It does not allocate, unless an unquoted tag is to
// be repaired or If-Range is malformed.
func (p Policy) Evaluate(role Role, method string, fields Fields, current Current) Decision {
	e := evaluation{policy: p, role: role, method: method, fields: fields, current: current}
	e.run()
	return e.decision
}

// Explain is Evaluate with a [Step] for each field that had a part in the
// decision, in the order of RFC 9110 §13.2.2.
func (p Policy) Explain(role Role, method string, fields Fields, current Current) (Decision, []Step) {
	steps := make([]Step, 0, 5)
	e := evaluation{policy: p, role: role, method: method, fields: fields, current: current, steps: &steps}
	e.run()
	return e.decision, steps
}

// Explain is [Policy.Explain] with the zero Policy.
func Explain(role Role, method string, fields Fields, current Current) (Decision, []Step) {
	return Policy{}.Explain(role, method, fields, current)
}

// evaluation is one walk through the steps of §13.2.2.
type evaluation struct {
	policy   Policy
	role     Role
	method   string
	fields   Fields
	current  Current
	decision Decision
	steps    *[]Step
}

// run walks the steps in order (§13.2.2) until one stops the method.
func (e *evaluation) run() {
	switch {
	case !e.selects(): // §13.2.1
		e.ignoreAll(MethodIgnores)
	case e.role == Cache && !e.stored(): // RFC 9111 §4.3.2
		e.ignoreAll(RoleIgnores)
	default:
		_ = e.ifMatch() && e.ifUnmodifiedSince() && e.ifNoneMatch() && e.ifModifiedSince() && e.ifRange()
	}
}

// selects reports whether the method involves the selection or modification of a
// representation (§13.2.1). An unknown one may.
func (e *evaluation) selects() bool { return method.Selects(e.method) }

// stored reports whether a cache could answer from what it has stored.
func (e *evaluation) stored() bool { return e.reads() && e.current.Exists }

// reads reports whether the method is one that conditions turn into 304.
func (e *evaluation) reads() bool { return method.Reads(e.method) }

// ifMatch is step 1.
func (e *evaluation) ifMatch() bool {
	if len(e.fields.IfMatch) == 0 {
		return true
	}
	if e.role != Origin {
		return e.ignore(IfMatch, RoleIgnores)
	}
	v := e.judgeIfMatch()
	if v.holds {
		return e.goOn(IfMatch, v)
	}
	if !e.reads() && (v.reason == Malformed || v.reason == MixedAny) {
		return e.stop(IfMatch, v, BadRequest)
	}
	return e.stop(IfMatch, v, PreconditionFailed)
}

// ifUnmodifiedSince is step 2.
func (e *evaluation) ifUnmodifiedSince() bool {
	if len(e.fields.IfUnmodifiedSince) == 0 {
		return true
	}
	if e.role != Origin {
		return e.ignore(IfUnmodifiedSince, RoleIgnores)
	}
	if len(e.fields.IfMatch) > 0 { // §13.1.4
		return e.ignore(IfUnmodifiedSince, Superseded)
	}
	since, reason := e.date(e.fields.IfUnmodifiedSince)
	if reason != Unconditional {
		return e.ignore(IfUnmodifiedSince, reason)
	}
	if e.lastModified().After(since) {
		return e.stop(IfUnmodifiedSince, verdict{reason: Modified}, PreconditionFailed)
	}
	return e.goOn(IfUnmodifiedSince, verdict{holds: true, reason: NotModifiedSince})
}

// ifNoneMatch is step 3.
func (e *evaluation) ifNoneMatch() bool {
	if len(e.fields.IfNoneMatch) == 0 {
		return true
	}
	v := e.judgeIfNoneMatch()
	switch {
	case v.holds:
		return e.goOn(IfNoneMatch, v)
	case v.reason == MixedAny:
		return e.stop(IfNoneMatch, v, BadRequest)
	case e.reads():
		return e.stop(IfNoneMatch, v, NotModified)
	}
	return e.stop(IfNoneMatch, v, PreconditionFailed)
}

// ifModifiedSince is step 4.
func (e *evaluation) ifModifiedSince() bool {
	if len(e.fields.IfModifiedSince) == 0 {
		return true
	}
	if !e.reads() { // §13.1.3
		return e.ignore(IfModifiedSince, MethodIgnores)
	}
	if len(e.fields.IfNoneMatch) > 0 { // §13.1.3
		return e.ignore(IfModifiedSince, Superseded)
	}
	since, reason := e.date(e.fields.IfModifiedSince)
	if reason != Unconditional {
		return e.ignore(IfModifiedSince, reason)
	}
	if e.lastModified().After(since) {
		return e.goOn(IfModifiedSince, verdict{holds: true, reason: Modified})
	}
	return e.stop(IfModifiedSince, verdict{reason: NotModifiedSince}, NotModified)
}

// ifRange is step 5.
func (e *evaluation) ifRange() bool {
	ranged := method.Ranges(e.method) && len(e.fields.Range) > 0 && e.current.Exists
	if ranged {
		e.decision.Range = RangeApplies
	}
	if len(e.fields.IfRange) == 0 {
		return true
	}
	if !method.Ranges(e.method) {
		return e.ignore(IfRange, MethodIgnores)
	}
	if !ranged {
		return e.ignore(IfRange, NoRange)
	}
	v := e.judgeIfRange()
	if v.holds {
		return e.goOn(IfRange, v)
	}
	if e.policy.StaleIfRange {
		return e.stop(IfRange, v, PreconditionFailed)
	}
	e.decision.Range = RangeIgnored
	return e.goOn(IfRange, v)
}

// goOn records that a condition was evaluated and lets the method be performed.
func (e *evaluation) goOn(f Field, v verdict) bool {
	e.record(f, v)
	e.trace(f, v, false)
	return true
}

// stop records the condition that keeps the method from being performed.
func (e *evaluation) stop(f Field, v verdict, o Outcome) bool {
	e.record(f, v)
	e.decision.Outcome, e.decision.Range = o, RangeAbsent
	e.trace(f, v, false)
	return false
}

func (e *evaluation) record(f Field, v verdict) {
	d := &e.decision
	d.Field, d.Reason, d.Matched = f, v.reason, v.matched
	d.Offending, d.Fault = v.offending, v.fault
	d.Guarded = d.Guarded || guards(f, v)
}

// guards reports whether a condition was one that a requirement to be
// conditional is met by. If-None-Match without a single readable tag is not: it
// would hold whatever the state.
func guards(f Field, v verdict) bool {
	switch f {
	case IfMatch, IfUnmodifiedSince:
		return true
	case IfNoneMatch:
		return v.reason != Malformed && v.reason != EmptyList && v.reason != MixedAny
	}
	return false
}

// ignore passes over a field that has no part in the decision.
func (e *evaluation) ignore(f Field, why Reason) bool {
	e.trace(f, verdict{reason: why}, true)
	return true
}

func (e *evaluation) ignoreAll(why Reason) {
	for _, f := range order {
		if len(e.fields.lines(f)) > 0 {
			e.ignore(f, why)
		}
	}
}

// order has the fields in the order of the steps.
var order = [...]Field{IfMatch, IfUnmodifiedSince, IfNoneMatch, IfModifiedSince, IfRange}
