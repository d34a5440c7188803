package precondition

import (
	"errors"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
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
	// century of two-digit years. Zero means that it has passed.
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

// verdict is what one condition comes to. offending and fault are as in Decision.
type verdict struct {
	holds     bool
	reason    Reason
	matched   etag.Tag
	offending string
	fault     etag.Fault
}

// run walks the steps in order (§13.2.2) until one stops the method.
func (e *evaluation) run() {
	switch e.method {
	case "OPTIONS", "TRACE", "CONNECT": // §13.2.1: no selected representation
		e.ignoreAll(MethodIgnores)
		return
	}
	if e.role == Cache && !(e.reads() && e.current.Exists) {
		e.ignoreAll(RoleIgnores)
		return
	}
	if e.ifMatch() && e.ifUnmodifiedSince() && e.ifNoneMatch() && e.ifModifiedSince() {
		e.ifRange()
	}
}

// reads reports whether the method is one that conditions turn into 304.
func (e *evaluation) reads() bool { return e.method == "GET" || e.method == "HEAD" }

// ifMatch is step 1.
func (e *evaluation) ifMatch() bool {
	if len(e.fields.IfMatch) == 0 {
		return true
	}
	if e.role != Origin {
		return e.ignore(1, IfMatch, RoleIgnores)
	}
	v := e.judgeIfMatch()
	if v.holds {
		return e.goOn(1, IfMatch, v)
	}
	if !e.reads() && (v.reason == Malformed || v.reason == MixedAny) {
		return e.stop(1, IfMatch, v, BadRequest)
	}
	return e.stop(1, IfMatch, v, PreconditionFailed)
}

// ifUnmodifiedSince is step 2.
func (e *evaluation) ifUnmodifiedSince() bool {
	if len(e.fields.IfUnmodifiedSince) == 0 {
		return true
	}
	if e.role != Origin {
		return e.ignore(2, IfUnmodifiedSince, RoleIgnores)
	}
	if len(e.fields.IfMatch) > 0 { // §13.1.4
		return e.ignore(2, IfUnmodifiedSince, Superseded)
	}
	since, reason := e.date(e.fields.IfUnmodifiedSince)
	if reason != Unconditional {
		return e.ignore(2, IfUnmodifiedSince, reason)
	}
	if e.lastModified().After(since) {
		return e.stop(2, IfUnmodifiedSince, verdict{reason: Modified}, PreconditionFailed)
	}
	return e.goOn(2, IfUnmodifiedSince, verdict{holds: true, reason: NotModifiedSince})
}

// ifNoneMatch is step 3.
func (e *evaluation) ifNoneMatch() bool {
	if len(e.fields.IfNoneMatch) == 0 {
		return true
	}
	v := e.judgeIfNoneMatch()
	switch {
	case v.holds:
		return e.goOn(3, IfNoneMatch, v)
	case v.reason == MixedAny:
		return e.stop(3, IfNoneMatch, v, BadRequest)
	case e.reads():
		return e.stop(3, IfNoneMatch, v, NotModified)
	}
	return e.stop(3, IfNoneMatch, v, PreconditionFailed)
}

// ifModifiedSince is step 4.
func (e *evaluation) ifModifiedSince() bool {
	if len(e.fields.IfModifiedSince) == 0 {
		return true
	}
	if !e.reads() { // §13.1.3
		return e.ignore(4, IfModifiedSince, MethodIgnores)
	}
	if len(e.fields.IfNoneMatch) > 0 { // §13.1.3
		return e.ignore(4, IfModifiedSince, Superseded)
	}
	since, reason := e.date(e.fields.IfModifiedSince)
	if reason != Unconditional {
		return e.ignore(4, IfModifiedSince, reason)
	}
	if e.lastModified().After(since) {
		return e.goOn(4, IfModifiedSince, verdict{holds: true, reason: Modified})
	}
	return e.stop(4, IfModifiedSince, verdict{reason: NotModifiedSince}, NotModified)
}

// ifRange is step 5.
func (e *evaluation) ifRange() bool {
	ranged := e.method == "GET" && len(e.fields.Range) > 0 && e.current.Exists
	if ranged {
		e.decision.Range = RangeApplies
	}
	if len(e.fields.IfRange) == 0 {
		return true
	}
	if e.method != "GET" {
		return e.ignore(5, IfRange, MethodIgnores)
	}
	if !ranged {
		return e.ignore(5, IfRange, NoRange)
	}
	v := e.judgeIfRange()
	if v.holds {
		return e.goOn(5, IfRange, v)
	}
	if e.policy.StaleIfRange {
		return e.stop(5, IfRange, v, PreconditionFailed)
	}
	e.decision.Range = RangeIgnored
	return e.goOn(5, IfRange, v)
}

// judgeIfMatch evaluates If-Match: RFC 9110 §13.1.1.
func (e *evaluation) judgeIfMatch() verdict {
	if v, alone := e.wildcard(e.fields.IfMatch); alone {
		v.holds = v.reason == Exists
		return v
	}
	v := verdict{reason: EmptyList}
	var malformed, mixed bool
	for m := range etag.Members(e.fields.IfMatch) {
		tag, ok := e.tag(m)
		switch {
		case m.Any:
			mixed = true
		case !ok:
			if !malformed {
				malformed, v.offending, v.fault = true, m.Raw, m.Fault
			}
		default:
			e.compareStrongly(&v, tag)
		}
	}
	switch {
	case mixed:
		return verdict{reason: MixedAny}
	case malformed:
		return verdict{reason: Malformed, offending: v.offending, fault: v.fault}
	case v.reason != EmptyList && !e.current.Exists:
		return verdict{reason: NoRepresentation}
	}
	v.holds = v.reason == Matched || v.reason == CodingMatched
	return v
}

// compareStrongly takes one more tag of If-Match into account: what matches
// outranks what would have matched weakly, and that outranks what differs.
func (e *evaluation) compareStrongly(v *verdict, tag etag.Tag) {
	switch {
	case v.reason == Matched || v.reason == CodingMatched:
	case tag.StrongEqual(e.current.Tag):
		v.reason, v.matched = Matched, e.current.Tag
	case e.other(tag, etag.Tag.StrongEqual) != etag.Tag{}:
		v.reason, v.matched = CodingMatched, tag
	case v.reason == WeakTag:
	case tag.WeakEqual(e.current.Tag):
		v.reason, v.offending = WeakTag, tag.String()
	default:
		v.reason = e.noneMatched()
	}
	if v.matched != (etag.Tag{}) {
		v.offending = ""
	}
}

// judgeIfNoneMatch evaluates If-None-Match: RFC 9110 §13.1.2. A malformed member matches nothing, so
// only a list without any well-formed member has the reason Malformed.
func (e *evaluation) judgeIfNoneMatch() verdict {
	if v, alone := e.wildcard(e.fields.IfNoneMatch); alone {
		v.holds = v.reason == NoRepresentation
		return v
	}
	v := verdict{holds: true, reason: EmptyList}
	var mixed bool
	for m := range etag.Members(e.fields.IfNoneMatch) {
		tag, ok := e.tag(m)
		switch {
		case m.Any:
			mixed = true
		case !ok:
			if v.reason == EmptyList {
				v.reason, v.offending, v.fault = Malformed, m.Raw, m.Fault
			}
		case !v.holds: // already matched
		case e.current.Exists && tag.WeakEqual(e.current.Tag):
			v = verdict{reason: Matched, matched: e.current.Tag}
		case e.current.Exists && e.other(tag, etag.Tag.WeakEqual) != etag.Tag{}:
			v = verdict{reason: CodingMatched, matched: e.other(tag, etag.Tag.WeakEqual)}
		default:
			v = verdict{holds: true, reason: e.noneMatched()}
		}
	}
	if mixed && !e.reads() {
		return verdict{reason: MixedAny}
	}
	if mixed && v.reason == EmptyList {
		v.reason = MixedAny
	}
	return v
}

// judgeIfRange evaluates If-Range: RFC 9110 §13.1.5. A tag is told from a date
// by the quote among the first three characters.
func (e *evaluation) judgeIfRange() verdict {
	value := e.fields.IfRange[0]
	if len(e.fields.IfRange) > 1 {
		return verdict{reason: Malformed, offending: value, fault: etag.TextAfter}
	}
	value = trim(value)
	if !quoteAhead(value) {
		return e.judgeIfRangeDate(value)
	}
	tag, err := etag.Parse(value)
	switch {
	case err != nil:
		return verdict{reason: Malformed, offending: value, fault: faultOf(err)}
	case e.current.Tag.IsZero():
		return verdict{reason: NoTag}
	case tag.StrongEqual(e.current.Tag):
		return verdict{holds: true, reason: Matched, matched: tag}
	case tag.WeakEqual(e.current.Tag):
		return verdict{reason: WeakTag, offending: value}
	}
	return verdict{reason: NoneMatched}
}

// judgeIfRangeDate is the case of an HTTP-date: it must be the modification date
// exactly, and be strong by §8.8.2.2.
func (e *evaluation) judgeIfRangeDate(value string) verdict {
	date, ok := ParseDate(value, e.current.Now)
	modified := e.lastModified()
	switch {
	case !ok:
		return verdict{reason: Malformed, offending: value, fault: etag.Unquoted}
	case modified.IsZero():
		return verdict{reason: NoDate}
	case !date.Equal(modified):
		return verdict{reason: NoneMatched}
	case !e.current.Now.IsZero() && e.current.Now.Before(modified.Add(time.Second)):
		return verdict{reason: DateNotStrong}
	}
	return verdict{holds: true, reason: Matched}
}

// wildcard judges a list that is just "*"; alone is false for every other list.
func (e *evaluation) wildcard(lines []string) (v verdict, alone bool) {
	members := 0
	for m := range etag.Members(lines) {
		members++
		alone = m.Any && members == 1
	}
	if !alone {
		return verdict{}, false
	}
	if e.current.Exists {
		return verdict{reason: Exists, matched: e.current.Tag}, true
	}
	return verdict{reason: NoRepresentation}, true
}

// tag returns the entity tag that a member is, or is taken for.
func (e *evaluation) tag(m etag.Member) (etag.Tag, bool) {
	if e.policy.LenientTags {
		return m.Lenient()
	}
	return m.Tag, m.Fault == etag.None && !m.Any
}

// other returns the tag of the current revision's other representations that
// equals tag, or the zero Tag.
func (e *evaluation) other(tag etag.Tag, equal func(etag.Tag, etag.Tag) bool) etag.Tag {
	for _, o := range e.current.Others {
		if equal(o, tag) {
			return o
		}
	}
	return etag.Tag{}
}

func (e *evaluation) noneMatched() Reason {
	switch {
	case !e.current.Exists:
		return NoRepresentation
	case e.current.Tag.IsZero():
		return NoTag
	}
	return NoneMatched
}

// date reads the one date of If-Modified-Since or If-Unmodified-Since. The
// reason is Unconditional if there is a date to compare with, or says why the
// field is to be ignored.
func (e *evaluation) date(lines []string) (time.Time, Reason) {
	if len(lines) > 1 {
		return time.Time{}, SeveralDates
	}
	date, ok := ParseDate(trim(lines[0]), e.current.Now)
	switch {
	case !ok:
		return time.Time{}, InvalidDate
	case e.lastModified().IsZero():
		return time.Time{}, NoDate
	}
	return date, Unconditional
}

// lastModified is the modification date in the resolution of HTTP-date, or zero.
func (e *evaluation) lastModified() time.Time {
	if !e.current.Exists || e.current.LastModified.IsZero() {
		return time.Time{}
	}
	return e.current.LastModified.Truncate(time.Second)
}

// goOn records that a condition was evaluated and lets the method be performed.
func (e *evaluation) goOn(step int, f Field, v verdict) bool {
	e.record(f, v)
	e.trace(step, f, v, false)
	return true
}

// stop records the condition that keeps the method from being performed.
func (e *evaluation) stop(step int, f Field, v verdict, o Outcome) bool {
	e.record(f, v)
	e.decision.Outcome, e.decision.Range = o, RangeAbsent
	e.trace(step, f, v, false)
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
func (e *evaluation) ignore(step int, f Field, why Reason) bool {
	e.trace(step, f, verdict{reason: why}, true)
	return true
}

func (e *evaluation) ignoreAll(why Reason) {
	for step, lines := range [...][]string{
		e.fields.IfMatch, e.fields.IfUnmodifiedSince, e.fields.IfNoneMatch, e.fields.IfModifiedSince, e.fields.IfRange,
	} {
		if len(lines) > 0 {
			e.ignore(step+1, stepFields[step], why)
		}
	}
}

// stepFields are the fields in the order of the steps.
var stepFields = [...]Field{IfMatch, IfUnmodifiedSince, IfNoneMatch, IfModifiedSince, IfRange}

func faultOf(err error) etag.Fault {
	if syntax, ok := errors.AsType[*etag.SyntaxError](err); ok {
		return syntax.Fault
	}
	return etag.None
}

// quoteAhead reports whether one of the first three characters is a quote.
func quoteAhead(s string) bool {
	for i := 0; i < len(s) && i < 3; i++ {
		if s[i] == '"' {
			return true
		}
	}
	return false
}

func trim(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
