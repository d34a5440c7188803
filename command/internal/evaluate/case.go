package evaluate

import (
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Case is a request and the state that it meets.
type Case struct {
	Policy  precondition.Policy
	Role    precondition.Role
	Method  string
	Fields  precondition.Fields
	Current precondition.Current
	// Size is the length of the selected representation in bytes, or negative if
	// it is not known.
	Size int64
	// BaseStatus is what the request would be answered with without its
	// preconditions and Range, or 0 for the usual: see [Case.Unconditional].
	BaseStatus int
}

// Answer is what a server answers, and why.
type Answer struct {
	Status int
	// Field is the field that decided, or "" if the request was answered as it
	// would be without any. Reason and Section (of RFC 9110) say why.
	Field, Reason, Section string
	// ContentRange is the value of that field in a 206 of one range and a 416.
	ContentRange string
	// Trace has a step for each field that had a part, in the order of §13.2.2.
	Trace []Step
}

// Step is one field's part in an answer. It is a [precondition.Step], or what
// became of Range.
type Step struct {
	Number                                              int
	Field, Sent, Current, Result, Reason, Section, Text string
}

// Unconditional is the status that c would be answered with if it had neither
// preconditions nor Range: BaseStatus, or what a server answers that can do what
// is asked. Of a resource that does not exist, GET, HEAD, QUERY, DELETE and PATCH get
// 404. PUT gets 201 or 204, DELETE and PATCH get 204, everything else 200.
func (c *Case) Unconditional() int {
	if c.BaseStatus != 0 {
		return c.BaseStatus
	}
	exists := c.Current.Exists
	switch {
	case method.Reads(c.Method):
		return either(exists, 200, 404)
	case c.Method == "PUT":
		return either(exists, 204, 201)
	case c.Method == "DELETE", c.Method == "PATCH":
		return either(exists, 204, 404)
	}
	return 200
}

func either(condition bool, then, otherwise int) int {
	if condition {
		return then
	}
	return otherwise
}

// Answer decides c. Preconditions come first (§13.2.2), and if they let the
// method be performed and the answer would be 200, Range (§14.2).
func (c *Case) Answer() Answer {
	base := c.Unconditional()
	if !precondition.Applies(base) {
		return Answer{
			Status: base, Reason: precondition.Unconditional.String(), Section: "13.2.1",
			Trace: steps(precondition.ExplainIgnored(c.Fields, base)),
		}
	}
	d, trace := c.Policy.Explain(c.Role, c.Method, c.Fields, c.Current)
	a := Answer{
		Status: base, Field: d.Field.String(), Reason: d.Reason.String(), Section: d.Section(),
		Trace: steps(trace),
	}
	if d.Outcome != precondition.Perform {
		a.Status = d.Outcome.Status()
		return a
	}
	if len(c.Fields.Range) > 0 {
		c.answerRange(&a, d)
	}
	return a
}

func steps(trace []precondition.Step) []Step {
	all := make([]Step, len(trace), len(trace)+1)
	for i, s := range trace {
		all[i] = Step{s.Number, s.Field.String(), s.Sent, s.Current, s.Result, s.Reason.String(), s.Section, s.Text}
	}
	return all
}

// rangeStep is the number of the step that Range is looked at in: "perform the
// requested method".
const rangeStep = 6

// answerRange makes of a what Range makes of it, and adds the step that says so.
func (c *Case) answerRange(a *Answer, d precondition.Decision) {
	s := Step{Number: rangeStep, Field: "Range", Sent: strings.Join(c.Fields.Range, ", "), Result: "ignored", Section: "14.2"}
	switch {
	case !byterange.Applies(c.Method):
		s.Reason, s.Text = "method-ignores", "it has a meaning with GET and QUERY alone"
	case d.Range == precondition.RangeIgnored:
		s.Reason, s.Section, s.Text = "if-range-false", "13.1.5", "If-Range is false, so the whole is sent"
	case a.Status != 200:
		s.Reason, s.Text = "not-200", fmt.Sprintf("without it the answer is %d, and only a 200 can be sent in part", a.Status)
	default:
		c.resolve(a, &s)
	}
	s.Text = "Range is " + s.Result + ": " + s.Text
	a.Trace = append(a.Trace, s)
}

// resolve holds Range against the representation.
func (c *Case) resolve(a *Answer, s *Step) {
	plan := byterange.Resolve(c.Fields.Range, c.Size)
	a.Status, a.ContentRange = plan.Kind.Status(), plan.ContentRange()
	s.Reason, s.Section = plan.Reason.String(), plan.Reason.Section()
	switch plan.Kind {
	case byterange.Whole:
		s.Text = "the whole is sent, " + whyWhole(plan)
		return
	case byterange.Single:
		s.Result, s.Text = "applied", a.ContentRange+" is sent"
	case byterange.Multi:
		s.Result, s.Text = "applied", fmt.Sprintf("%d ranges are sent as multipart/byteranges", len(plan.Parts))
	case byterange.Unsatisfiable:
		s.Result, s.Text = "unsatisfiable", fmt.Sprintf("the representation has %d bytes", c.Size)
	}
	if a.Field != precondition.IfRange.String() || plan.Kind == byterange.Unsatisfiable {
		a.Field, a.Reason, a.Section = s.Field, s.Reason, s.Section
	}
}

// whyWhole says why Range does not count.
func whyWhole(plan byterange.Plan) string {
	switch plan.Reason {
	case byterange.Empty:
		return "which has no bytes"
	case byterange.UnknownSize:
		return "for its size is not known"
	case byterange.MoreThanWhole:
		return "which is shorter than the ranges together"
	}
	return fmt.Sprintf("for this is no set of ranges to be honoured: %v", plan.Err)
}
