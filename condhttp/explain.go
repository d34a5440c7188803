package condhttp

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// FromDecision explains a decision that refuses a request: the outcomes
// [precondition.PreconditionFailed] and [precondition.BadRequest]. method, f and
// cur are what the decision was made of. It returns nil for the other outcomes.
//
// The entity tags and dates of cur go to the client; a date only once its
// second has passed.
func FromDecision(method string, f precondition.Fields, d precondition.Decision, cur precondition.Current) *Problem {
	switch d.Outcome {
	case precondition.PreconditionFailed, precondition.BadRequest:
	default:
		return nil
	}
	x := refusal{method: method, decision: d, current: cur, sent: safe(sentIn(f, d.Field))}
	p := NewProblem(d.Outcome.Status(), d.Reason.String(), x.detail(), x.hint())
	if section := d.Field.Section(); section != "" {
		p.Type = sectionURL(section)
	}
	p.Rule = strings.ToLower(d.Field.String()) + "-" + d.Reason.String()
	p.Precondition, p.Sent, p.Current = d.Field.String(), x.sent, StateOf(cur)
	return p
}

// ReasonRequired is the reason of a 428.
const ReasonRequired = "precondition-required"

// Required explains a 428 (RFC 6585 §3): the request was refused because no
// precondition guards it. If f holds one that was ignored, such as an
// If-Unmodified-Since that is not a date, the problem says so.
func Required(method string, f precondition.Fields, cur precondition.Current) *Problem {
	detail := safe(method) + " without a precondition could overwrite what another client has written"
	if !cur.Exists {
		detail = safe(method) + " without a precondition could overwrite what another client is about to create"
	}
	p := NewProblem(http.StatusPreconditionRequired, ReasonRequired, detail, requiredHint(cur))
	p.Current = StateOf(cur)
	p.addUnguarding(f)
	return p
}

// RequiredWhereLost is Required for a server on which what is overwritten is kept, unless it is as
// large as what is there, in bytes.
func RequiredWhereLost(method string, f precondition.Fields, cur precondition.Current, size int64) *Problem {
	p := Required(method, f, cur)
	p.Detail += fmt.Sprintf("; that has %d bytes, more than is kept of earlier revisions here, and would be lost", size)
	return p
}

// requiredOfUnknown is Required where the state is not known.
func requiredOfUnknown(method string, f precondition.Fields) *Problem {
	p := NewProblem(http.StatusPreconditionRequired, ReasonRequired,
		safe(method)+" without a precondition could overwrite what another client has written",
		"to change the resource, send the ETag you got with it in If-Match; to create it, send If-None-Match: *")
	p.addUnguarding(f)
	return p
}

// addUnguarding tells of a field that was sent on a write and yet guards nothing.
func (p *Problem) addUnguarding(f precondition.Fields) {
	field, why := unguarding(f)
	if field == precondition.NoField {
		return
	}
	p.Precondition, p.Sent = field.String(), safe(sentIn(f, field))
	p.Detail += fmt.Sprintf("; %s guards nothing, as %s", field, why)
	if field == precondition.IfNoneMatch {
		// Who sends this wants to get past caches, and has no tag to send.
		p.Hint += "; a client that cannot do so needs a server that requires no precondition (fourtwelve serve --require=never)"
	}
}

// requiredHint does not spell out the current tag: a client that copied it from
// here would overwrite a version it has never seen.
func requiredHint(cur precondition.Current) string {
	switch {
	case !cur.Exists:
		return "to create the resource, send the request with If-None-Match: *"
	case cur.Tag.IsZero() || cur.Tag.IsWeak():
		if !cur.LastModified.IsZero() {
			return "fetch the resource, make your change, and send it with the Last-Modified you got in If-Unmodified-Since"
		}
		return "send the request with If-Match: *, or with If-None-Match: * if the resource should be new"
	}
	return "fetch the resource, make your change, and send it with the ETag you got in If-Match"
}

// unguarding finds a field that was sent on a write and yet guards nothing.
func unguarding(f precondition.Fields) (precondition.Field, string) {
	switch {
	case len(f.IfUnmodifiedSince) > 1:
		return precondition.IfUnmodifiedSince, "more than one date was sent"
	case len(f.IfUnmodifiedSince) == 1:
		if _, ok := precondition.ParseDate(strings.Trim(f.IfUnmodifiedSince[0], " \t"), time.Time{}); !ok {
			return precondition.IfUnmodifiedSince, "its value is not an HTTP-date such as " + dateExample
		}
		return precondition.IfUnmodifiedSince, "the resource has no modification date"
	case len(f.IfNoneMatch) > 0:
		for m := range etag.Members(f.IfNoneMatch) {
			if m.Fault != etag.None {
				return precondition.IfNoneMatch, fmt.Sprintf("%s is no entity tag and so differs from every one", safe(m.Raw))
			}
		}
		return precondition.IfNoneMatch, "it lists no entity tag"
	case len(f.IfModifiedSince) > 0:
		return precondition.IfModifiedSince, "it has a meaning on GET, HEAD and QUERY alone"
	case len(f.IfRange) > 0:
		return precondition.IfRange, "it has a meaning on GET and QUERY alone"
	}
	return precondition.NoField, ""
}

const dateExample = "Sun, 06 Nov 1994 08:49:37 GMT"

// refusal is what the texts about a refused request are made of.
type refusal struct {
	method   string
	decision precondition.Decision
	current  precondition.Current
	sent     string // fit to be shown
}

func (x *refusal) field() precondition.Field { return x.decision.Field }

func (x *refusal) reads() bool { return method.Reads(x.method) }

// detail says what was sent, and what is.
func (x *refusal) detail() string {
	sent := fmt.Sprintf("the request has %s: %s", x.field(), x.sent)
	if x.sent == "" {
		sent = fmt.Sprintf("the request has an empty %s", x.field())
	}
	return sent + ", but " + x.because()
}

// because is the second half of the detail.
func (x *refusal) because() string {
	switch x.decision.Reason {
	case precondition.NoneMatched:
		if x.field() == precondition.IfRange {
			return x.outdated()
		}
		return "the current entity tag is " + x.tag()
	case precondition.Matched, precondition.CodingMatched:
		return safe(x.decision.Matched.String()) + " is the current entity tag"
	case precondition.WeakTag:
		return fmt.Sprintf("the current entity tag is %s, one of the two is weak, and %s takes the strong comparison", x.tag(), x.field())
	case precondition.NoTag:
		return "the resource has no entity tag"
	case precondition.EmptyList:
		return "a list without entity tags matches nothing"
	case precondition.Exists:
		return "the resource exists" + x.tagged()
	case precondition.NoRepresentation:
		return "the resource does not exist"
	case precondition.Modified:
		return "the resource was " + x.modified()
	case precondition.Malformed:
		return x.malformed()
	case precondition.MixedAny:
		return `"*" must stand alone`
	case precondition.NoDate:
		return "the resource has no modification date"
	case precondition.DateNotStrong:
		return "the second it names has not passed, so that date may yet cover another version"
	}
	return "the condition is false"
}

func (x *refusal) malformed() string {
	raw := safe(x.decision.Offending)
	if x.field() == precondition.IfRange && x.decision.Fault == etag.Unquoted {
		return fmt.Sprintf("%s is neither an entity tag, which needs quotes, nor an HTTP-date", raw)
	}
	return fmt.Sprintf("its member %s is not an entity tag", raw)
}

// hint says what to do now.
func (x *refusal) hint() string {
	switch x.decision.Reason {
	case precondition.Malformed:
		return x.malformedHint()
	case precondition.MixedAny:
		return fmt.Sprintf("send either %s: * or a list of entity tags", x.field())
	case precondition.NoRepresentation:
		return x.missingHint()
	}
	switch {
	case x.field() == precondition.IfRange:
		return "the part you have is of another version, or cannot be told from one: fetch the resource whole, without Range"
	case x.reads():
		return "the version you ask for is not the current one: fetch the resource whole, without " + x.field().String()
	case x.field() == precondition.IfNoneMatch:
		return x.existsHint()
	}
	return x.againHint()
}

// malformedHint shows the tag as it should have been written, if that can be told.
func (x *refusal) malformedHint() string {
	m := etag.Member{Raw: x.decision.Offending, Fault: x.decision.Fault}
	if t, ok := m.Lenient(); ok {
		return "entity tags need quotes: " + safe(t.String())
	}
	return x.decision.Fault.String()
}

// missingHint is for a condition that wants a representation where there is none.
func (x *refusal) missingHint() string {
	switch {
	case x.reads():
		return "the resource is gone: drop the copy you have"
	case x.method == http.MethodDelete:
		return "there is nothing left to delete"
	case x.method == http.MethodPut:
		return "it may have been deleted or renamed; to create it anew, send the request with If-None-Match: *"
	}
	return "it may have been deleted or renamed: look for it before you try again"
}

// existsHint is for a write that wants no representation, or another one.
func (x *refusal) existsHint() string {
	if x.decision.Reason == precondition.Exists {
		return "choose another name, or fetch the resource, merge your change, and send it with " + x.guard()
	}
	return "if this is the version you mean to change, send the request with " + x.guard()
}

// againHint is for a write that came too late.
func (x *refusal) againHint() string {
	if x.method == http.MethodDelete {
		return "fetch the resource again, and if it is still to go, delete it with " + x.guard()
	}
	return "fetch the resource again, merge your change, and send it with " + x.guard()
}

// guard is the field line that would let the write through, by the best
// validator there is.
func (x *refusal) guard() string {
	switch {
	case !x.current.Tag.IsZero() && !x.current.Tag.IsWeak():
		return "If-Match: " + x.tag()
	case x.dated():
		return "If-Unmodified-Since: " + x.date()
	case !x.current.LastModified.IsZero():
		return "the Last-Modified you got in If-Unmodified-Since"
	}
	return "If-Match: *, as the resource has no validator that could tell versions apart"
}

func (x *refusal) tag() string { return safe(x.current.Tag.String()) }

func (x *refusal) tagged() string {
	if x.current.Tag.IsZero() {
		return ""
	}
	return " with the entity tag " + x.tag()
}

// dated reports whether there is a date that may be told.
func (x *refusal) dated() bool {
	return Published(x.current.LastModified, x.current.Now)
}

func (x *refusal) date() string {
	return seconds(x.current.LastModified).Format(http.TimeFormat)
}

func (x *refusal) modified() string {
	if !x.dated() {
		return "modified just now"
	}
	return "last modified at " + x.date()
}

// outdated says what If-Range was compared with.
func (x *refusal) outdated() string {
	if strings.Contains(x.sent, `"`) || x.current.LastModified.IsZero() {
		return "the current validator is " + x.tag()
	}
	return "the resource was " + x.modified()
}

// sentIn returns the combined value of a field.
func sentIn(f precondition.Fields, field precondition.Field) string {
	var lines []string
	switch field {
	case precondition.IfMatch:
		lines = f.IfMatch
	case precondition.IfNoneMatch:
		lines = f.IfNoneMatch
	case precondition.IfModifiedSince:
		lines = f.IfModifiedSince
	case precondition.IfUnmodifiedSince:
		lines = f.IfUnmodifiedSince
	case precondition.IfRange:
		lines = f.IfRange
	}
	return joined(lines)
}

// joined combines field lines (RFC 9110 §5.2).
func joined(lines []string) string { return strings.Join(lines, ", ") }

// maxShown bounds in bytes how much of a request's field a response repeats.
const maxShown = 200

// Shown is text from a request as a [Problem] may repeat it: at most 200 bytes, with
// everything escaped that a terminal or a log would not print as it is.
func Shown(s string) string { return safe(s) }

// safe makes text from a request fit to be shown: at most maxShown bytes of it,
// and then "…", with everything that a terminal or a log would not
// print as it is escaped as in a Go string.
func safe(s string) string {
	if len(s) <= maxShown && plain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		piece := s[i : i+n]
		switch {
		case r == utf8.RuneError && n == 1:
			piece = fmt.Sprintf(`\x%02x`, s[i])
		case !unicode.IsPrint(r):
			quoted := strconv.QuoteRune(r)
			piece = quoted[1 : len(quoted)-1]
		}
		if b.Len()+len(piece) > maxShown {
			return b.String() + "…"
		}
		b.WriteString(piece)
		i += n
	}
	return b.String()
}

// plain reports whether s is of printable ASCII alone.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
