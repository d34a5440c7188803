package precondition

import (
	"errors"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// verdict is what one condition comes to. offending and fault are as in Decision.
type verdict struct {
	holds     bool
	reason    Reason
	matched   etag.Tag
	offending string
	fault     etag.Fault
}

// judgeIfMatch evaluates If-Match: RFC 9110 §13.1.1. What is wrong with the list
// counts more than what matches in it.
func (e *evaluation) judgeIfMatch() verdict {
	if isAny(e.fields.IfMatch) {
		v := e.existence()
		v.holds = v.reason == Exists
		return v
	}
	best, malformed := verdict{reason: EmptyList}, verdict{}
	for m := range etag.Members(e.fields.IfMatch) {
		tag, ok := e.tag(m)
		switch {
		case m.Any:
			return verdict{reason: MixedAny}
		case ok:
			best = better(best, e.compareStrongly(tag))
		case malformed.reason != Malformed:
			malformed = verdict{reason: Malformed, offending: m.Raw, fault: m.Fault}
		}
	}
	if malformed.reason == Malformed {
		return malformed
	}
	best.holds = best.reason == Matched || best.reason == CodingMatched
	return best
}

// compareStrongly compares one tag with those of the current revision.
func (e *evaluation) compareStrongly(tag etag.Tag) verdict {
	v := e.compare(tag, etag.Tag.StrongEqual)
	if v.reason != NoneMatched {
		return v
	}
	if weakly := e.compare(tag, etag.Tag.WeakEqual); weakly.reason != NoneMatched {
		return verdict{reason: WeakTag, offending: tag.String()}
	}
	return v
}

// judgeIfNoneMatch evaluates If-None-Match: RFC 9110 §13.1.2. A malformed member
// matches nothing, so only a list without any well-formed member has the reason
// Malformed.
func (e *evaluation) judgeIfNoneMatch() verdict {
	if isAny(e.fields.IfNoneMatch) {
		v := e.existence()
		v.holds = v.reason == NoRepresentation
		return v
	}
	best, mixed := verdict{reason: EmptyList}, false
	for m := range etag.Members(e.fields.IfNoneMatch) {
		tag, ok := e.tag(m)
		switch {
		case m.Any:
			mixed = true
		case ok:
			best = better(best, e.compare(tag, etag.Tag.WeakEqual))
		default:
			best = better(best, verdict{reason: Malformed, offending: m.Raw, fault: m.Fault})
		}
	}
	if mixed && (best.reason == EmptyList || !e.reads()) {
		best = verdict{reason: MixedAny}
	}
	best.holds = best.reason != Matched && best.reason != CodingMatched && (best.reason != MixedAny || e.reads())
	return best
}

// compare compares one tag with those of the current revision.
func (e *evaluation) compare(tag etag.Tag, equal func(current, sent etag.Tag) bool) verdict {
	switch {
	case !e.current.Exists:
		return verdict{reason: NoRepresentation}
	case equal(e.current.Tag, tag):
		return verdict{reason: Matched, matched: e.current.Tag}
	}
	for _, other := range e.current.Others {
		if equal(other, tag) {
			return verdict{reason: CodingMatched, matched: other}
		}
	}
	if e.current.Tag.IsZero() {
		return verdict{reason: NoTag}
	}
	return verdict{reason: NoneMatched}
}

// better returns the verdict on a list that says more: next, if it outranks best.
func better(best, next verdict) verdict {
	if rank(next.reason) > rank(best.reason) {
		return next
	}
	return best
}

// rank orders what members of a list come to: a match explains more than a near
// miss, that more than a miss, and that more than a member that cannot be read.
func rank(r Reason) int {
	switch r {
	case Matched:
		return 5
	case CodingMatched:
		return 4
	case WeakTag:
		return 3
	case NoneMatched, NoTag, NoRepresentation:
		return 2
	case Malformed:
		return 1
	}
	return 0
}

// isAny reports whether the list is just "*".
func isAny(lines []string) bool {
	any := false
	for m := range etag.Members(lines) {
		if !m.Any || any {
			return false
		}
		any = true
	}
	return any
}

// existence is what "*" asks for.
func (e *evaluation) existence() verdict {
	if e.current.Exists {
		return verdict{reason: Exists, matched: e.current.Tag}
	}
	return verdict{reason: NoRepresentation}
}

// tag returns the entity tag that a member is, or is taken for.
func (e *evaluation) tag(m etag.Member) (etag.Tag, bool) {
	if e.policy.LenientTags {
		return m.Lenient()
	}
	return m.Tag, m.Fault == etag.None && !m.Any
}

// judgeIfRange evaluates If-Range: RFC 9110 §13.1.5. A tag is told from a date
// by the quote among the first three characters.
func (e *evaluation) judgeIfRange() verdict {
	value := trim(e.fields.IfRange[0])
	switch {
	case len(e.fields.IfRange) > 1:
		return verdict{reason: Malformed, offending: value, fault: etag.TextAfter}
	case quoteAhead(value):
		return e.judgeIfRangeTag(value)
	}
	return e.judgeIfRangeDate(value)
}

// judgeIfRangeTag is the case of an entity tag. The ranges of one content coding
// are not those of another, so Current.Others have no part in it.
func (e *evaluation) judgeIfRangeTag(value string) verdict {
	tag, err := etag.Parse(value)
	if syntax, ok := errors.AsType[*etag.SyntaxError](err); ok {
		return verdict{reason: Malformed, offending: value, fault: syntax.Fault}
	}
	switch {
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
