package precondition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/etag"
)

// Step is one field's part in a decision, for people. Its JSON form is stable.
type Step struct {
	// Number is the step of RFC 9110 §13.2.2, 1 to 5.
	Number int `json:"step"`
	// Field is the field evaluated or ignored, and Sent its combined value.
	Field Field  `json:"field"`
	Sent  string `json:"sent"`
	// Current is what Sent was compared with: a tag, a date, or "" if there is none.
	Current string `json:"current,omitempty"`
	// Result is "true", "false" or "ignored".
	Result string `json:"result"`
	Reason Reason `json:"reason"`
	// Section is the subsection of RFC 9110 that decides the step.
	Section string `json:"section"`
	// Text is the step in a sentence.
	Text string `json:"text"`
}

// ExplainIgnored is the explanation of a request whose preconditions are ignored
// because it would be answered with status even without them (§13.2.1): a Step
// for each precondition field that was sent.
func ExplainIgnored(fields Fields, status int) []Step {
	steps := make([]Step, 0, len(order))
	for _, f := range order {
		if len(fields.lines(f)) == 0 {
			continue
		}
		s := Step{
			Number: number(f), Field: f, Sent: strings.Join(fields.lines(f), ", "),
			Result: "ignored", Reason: Unconditional, Section: "13.2.1",
		}
		s.Text = fmt.Sprintf("%s is ignored: without it the answer is %d, which is neither 2xx nor 412", f, status)
		steps = append(steps, s)
	}
	return steps
}

// number is the step of §13.2.2 that f is evaluated in.
func number(f Field) int { return slices.Index(order[:], f) + 1 }

// trace records a step, if anyone asked for them.
func (e *evaluation) trace(f Field, v verdict, ignored bool) {
	if e.steps == nil {
		return
	}
	s := Step{
		Number: number(f), Field: f, Sent: strings.Join(e.fields.lines(f), ", "), Current: e.comparedWith(f),
		Result: strconv.FormatBool(v.holds), Reason: v.reason, Section: e.section(f),
	}
	if ignored {
		s.Result = "ignored"
	}
	s.Text = f.String() + " is " + s.Result + ": " + because(s, v)
	*e.steps = append(*e.steps, s)
}

// section is the one that decides what becomes of f.
func (e *evaluation) section(f Field) string {
	if !e.selects() || e.role == Cache && !e.stored() {
		return "13.2.1"
	}
	return f.Section()
}

// comparedWith is the validator of the current state that f is about.
func (e *evaluation) comparedWith(f Field) string {
	dated := f == IfModifiedSince || f == IfUnmodifiedSince ||
		f == IfRange && !quoteAhead(trim(e.fields.IfRange[0]))
	switch {
	case !e.current.Exists:
		return ""
	case !dated:
		return e.current.Tag.String()
	case e.lastModified().IsZero():
		return ""
	}
	return e.lastModified().UTC().Format(httpDate)
}

// httpDate is IMF-fixdate (RFC 9110 §5.6.7) as a layout of package time.
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// because says in words why a condition came out as it did.
func because(s Step, v verdict) string {
	switch v.reason {
	case Matched:
		if s.Field == IfRange {
			return "it is the current validator of the selected representation"
		}
		return fmt.Sprintf("%s is the current entity tag", v.matched)
	case CodingMatched:
		return fmt.Sprintf("%s is the current revision in another content coding", v.matched)
	case NoneMatched:
		if s.Field == IfRange {
			return fmt.Sprintf("the current validator is %s", s.Current)
		}
		return fmt.Sprintf("the current entity tag %s is not among those sent", s.Current)
	case WeakTag:
		return fmt.Sprintf("%s is a current entity tag only by the weak comparison, and %s takes the strong one", v.offending, s.Field)
	case NoTag:
		return "the selected representation has no entity tag"
	case EmptyList:
		return "the list is empty, so nothing in it can match"
	case Exists:
		return "a current representation exists"
	case NoRepresentation:
		return "no current representation exists"
	case Modified:
		return fmt.Sprintf("the representation was modified at %s, after the date sent", s.Current)
	case NotModifiedSince:
		return fmt.Sprintf("the representation was last modified at %s, not after the date sent", s.Current)
	case Malformed:
		return malformed(s.Field, v)
	case MixedAny:
		return `"*" must stand alone`
	case InvalidDate:
		return "its value is not an HTTP-date such as " + httpDateExample
	case SeveralDates:
		return "it was sent with more than one date"
	case NoDate:
		return "the resource has no modification date"
	case DateNotStrong:
		return fmt.Sprintf("the second %s has not passed, so that date may yet cover another version", s.Current)
	case Superseded:
		return superseded(s.Field)
	case MethodIgnores:
		return "it has no meaning with this method"
	case RoleIgnores:
		return "only the origin server evaluates it"
	case NoRange:
		return "there is no Range to apply it to"
	}
	return v.reason.String()
}

const httpDateExample = "Sun, 06 Nov 1994 08:49:37 GMT"

func malformed(f Field, v verdict) string {
	if f == IfRange && v.fault == etag.Unquoted {
		return fmt.Sprintf("%q is neither an entity tag (%s) nor an HTTP-date", v.offending, etag.Unquoted)
	}
	return fmt.Sprintf("%q is not an entity tag: %s", v.offending, v.fault)
}

func superseded(f Field) string {
	if f == IfUnmodifiedSince {
		return "If-Match was sent and is the more accurate one"
	}
	return "If-None-Match was sent and is the more accurate one"
}
