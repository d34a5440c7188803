package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// judge says whether the status is right, and evaluates the preconditions if the state is
// known.
func (e *examination) judge() {
	e.evaluate()
	v := e.verdict
	if why := e.unjudgeable(); why != "" {
		v.Why = why
		return
	}
	if e.onlyDAVIf() {
		e.judgeDAVIf()
		return
	}
	if len(e.standard()) == 0 {
		e.judgeUnconditional()
		return
	}
	var own State
	if e.witnessed {
		own = v.State
	}
	j, expected := e.judgeAgainst(e.worlds(own))
	if p := e.missingBefore(); j == Right && p != nil {
		v.Why = fmt.Sprintf("by what the response tells, 304 would be right; but preconditions count only for a request that would otherwise succeed (RFC 9110 §13.2.1), "+
			"and %s was %d: either the resource was made after that, or the server does not look for it first", p.place("response"), p.status())
		return
	}
	if p := e.wholeOf(); j == Wrong && p != nil {
		v.Why = "the part has a tag of its own, and the date and length of the version that If-Range names, which " + p.place("response") +
			" told; so the part may be sent, but with the tag of the whole (RFC 9110 §15.3.7)"
		return
	}
	j = e.doubt(j)
	if j != Unknown {
		v.Judgement, v.Expected = j, expected
		v.Why = e.whyDecided(own)
		return
	}
	e.judgeByHistory()
}

// evaluate fills in Decision and Steps if all that the preconditions ask for is known.
func (e *examination) evaluate() {
	v := e.verdict
	if len(e.standard()) == 0 || !v.State.Known && e.status() != 0 && e.applies() || e.cut() {
		return
	}
	if !e.applies() {
		if before := e.status(); before/100 == 3 || before/100 == 4 && before != 409 && before != 428 {
			v.Steps = precondition.ExplainIgnored(e.fields, before)
		}
		return
	}
	if w := e.worlds(v.State); len(w) == 1 {
		v.Decision, v.Steps = precondition.Explain(precondition.Origin, e.method(), e.fields, w[0])
	}
}

// applies reports whether the preconditions can have had a part in the answer: 304 is theirs
// alone, and 400 may be about a malformed one.
func (e *examination) applies() bool {
	return precondition.Applies(e.status()) || e.status() == 304 || e.status() == 400
}

// standard returns the preconditions that HTTP defines.
func (e *examination) standard() []capture.Line {
	return slices.DeleteFunc(slices.Clone(e.verdict.Preconditions), func(l capture.Line) bool { return !isStandard(l.Name) })
}

// cut reports whether the capture lacks the end of a precondition.
func (e *examination) cut() bool {
	return slices.ContainsFunc(e.verdict.Preconditions, func(l capture.Line) bool { return l.Cut })
}

// unjudgeable says why the answer cannot be judged at all; "" if it can.
func (e *examination) unjudgeable() string {
	switch {
	case e.status() == 0 && e.writes():
		return "the capture has no response; whether the write was performed is not known"
	case e.status() == 0:
		return "the capture has no response to judge"
	case e.method() == "":
		return "the capture has no request, so it cannot be told what the response answers"
	case e.blind() && e.status() != 304:
		return "the capture lacks header fields of the request, and so perhaps a precondition"
	case e.cut():
		return "a precondition is cut off or hidden in the capture"
	case e.x.Cache != "":
		return fmt.Sprintf("the %s cache of the client answered, and not the server", e.x.Cache)
	case !e.conditional():
		return ""
	case e.status() >= 500:
		return fmt.Sprintf("%d says nothing about the preconditions, nor whether the request was performed", e.status())
	case len(e.standard()) == 0 && !e.onlyDAVIf():
		return fmt.Sprintf("%s is not one of HTTP's preconditions; the specification that defines it decides", clip(e.foreign()[0].Name))
	case !e.applies():
		return fmt.Sprintf("%d is decided before the preconditions: they count only for a request that would otherwise succeed (RFC 9110 §13.2.1)", e.status())
	}
	return ""
}

func (e *examination) judgeUnconditional() {
	v := e.verdict
	switch {
	case e.status() == 304 && e.blind():
		v.Why = "a 304 answers a conditional request, but the capture lacks header fields of the request"
	case e.status() == 304:
		v.Judgement, v.Expected = Wrong, performed(e.method(), precondition.Decision{})
		v.Why = "a 304 answers a conditional GET, HEAD or QUERY, and this request has no precondition (RFC 9110 §15.4.5)"
	case e.status() == 412:
		v.Judgement = Unconditional
		v.Why = "the request has no precondition, so this 412 does not say that one failed; something else uses the status code"
	default:
		v.Judgement = Unconditional
		v.Why = "the request has no precondition"
	}
}

// judgeAgainst compares the status with what each of the states asks for.
func (e *examination) judgeAgainst(worlds []precondition.Current) (Judgement, []int) {
	asked, tolerated := 0, 0
	var expected []int
	for _, w := range worlds {
		d := precondition.Evaluate(precondition.Origin, e.method(), e.fields, w)
		codes := e.codes(d)
		for _, c := range codes {
			if !slices.Contains(expected, c) {
				expected = append(expected, c)
			}
		}
		switch {
		case e.asks(d):
			asked++
		case e.tolerates(d):
			tolerated++
		}
	}
	switch {
	case asked == len(worlds):
		return Right, expected
	case asked+tolerated == 0:
		return Wrong, expected
	}
	return Unknown, nil
}

// codes are the status codes that go with a decision, the best first.
func (e *examination) codes(d precondition.Decision) []int {
	switch d.Outcome {
	case precondition.PreconditionFailed:
		return []int{412}
	case precondition.BadRequest:
		return []int{400, 412}
	case precondition.NotModified:
		if d.Field == precondition.IfModifiedSince { // §13.1.3: only SHOULD
			return []int{304, 200}
		}
		return []int{304}
	}
	return performed(e.method(), d)
}

// performed are the usual status codes of a method that succeeds.
func performed(m string, d precondition.Decision) []int {
	switch m {
	case "GET", method.Query:
		if d.Range == precondition.RangeApplies {
			return []int{206, 200}
		}
		return []int{200}
	case "HEAD":
		return []int{200}
	case "PUT":
		return []int{200, 201, 204}
	case "DELETE":
		return []int{200, 202, 204}
	}
	return []int{200, 204}
}

// asks reports whether the status is one that the standard asks for with the decision.
func (e *examination) asks(d precondition.Decision) bool {
	status := e.status()
	if d.Outcome != precondition.Perform {
		return slices.Contains(e.codes(d), status) || status == 206 && d.Field == precondition.IfModifiedSince
	}
	return status != 304 && status != 412 && (status != 206 || d.Range != precondition.RangeIgnored)
}

// tolerates reports whether the status can be justified otherwise.
//
// A write may be answered with 2xx although If-Match is false, if the server can tell that the
// change has been made already (§13.1.1, §13.1.4); servers that follow OData also
// take weak tags there. Caches may ignore If-Match and If-Unmodified-Since.
func (e *examination) tolerates(d precondition.Decision) bool {
	switch {
	case !e.succeeded():
		return false
	case d.Outcome == precondition.BadRequest:
		return true
	case d.Outcome != precondition.PreconditionFailed || d.Field == precondition.IfNoneMatch:
		return false
	}
	return !e.reads() || e.cached().Name != ""
}

// doubt takes back a judgement that something our evaluation does not cover may explain.
func (e *examination) doubt(j Judgement) Judgement {
	switch {
	case j != Wrong:
		return j
	case e.status() == 412 && len(e.foreign()) > 0:
		return Unknown // that one may have failed
	case e.status() == 200 && e.x.Source.Format == capture.HAR:
		return Unknown // browsers export 200 for a stored response that a 304 confirmed
	case e.otherForm():
		return Unknown // the server may know it for the same
	}
	return j
}

// otherForm reports whether a tag was sent that is the current one but for the mark of a content
// coding, the quotes and the like.
func (e *examination) otherForm() bool {
	return slices.ContainsFunc(e.verdict.Tags, func(c Comparison) bool { return c.Relation.Kind == etag.SameButForm })
}

// judgeByHistory judges with the state that an earlier exchange told, and otherwise says what is
// missing.
func (e *examination) judgeByHistory() {
	v := e.verdict
	if e.witnessed || !v.State.Known || e.otherForm() {
		v.Why = e.whyUnknown()
		return
	}
	j, expected := e.judgeAgainst(e.worlds(v.State))
	switch {
	case j == Right:
		v.Judgement, v.Expected = Right, expected
		v.Why = fmt.Sprintf("by the state that %s told, %d is right: %s", v.State.Source, e.status(), e.decidingText())
	case j == Wrong:
		v.Why = fmt.Sprintf("by the state that %s told, %s would be right; either the resource changed after that, or the server evaluates it otherwise",
			v.State.Source, codeList(expected))
	default:
		v.Why = e.whyUnknown()
	}
}

// whyDecided says how the judgement comes about.
func (e *examination) whyDecided(own State) string {
	v := e.verdict
	if len(v.Steps) > 0 && own.Known {
		text := e.decidingText()
		if v.Judgement == Right {
			return text + e.hence(v.Decision)
		}
		return fmt.Sprintf("%s, so the answer should be %s and not %d", text, codeList(v.Expected), e.status()) + e.popularError()
	}
	if v.Judgement == Right {
		why := fmt.Sprintf("whatever the state of the resource, %s allows no other answer than %s", e.fieldNames(), codeList(v.Expected))
		if e.status() == 412 && len(e.fields.IfMatch) > 0 && e.weakByOData() {
			why += " by RFC 9110; under OData a weak tag may match, too, and then the version is another"
		}
		return why
	}
	return fmt.Sprintf("whatever the state of the resource, %s cannot be answered %d; %s would be right", e.fieldNames(), e.status(),
		codeList(v.Expected)) + e.popularError()
}

// popularError corrects what is often said of such an answer, and wrong.
func (e *examination) popularError() string {
	switch {
	case e.status() != 412:
		return ""
	case len(e.standard()) == len(e.fields.IfRange):
		return "; If-Range never causes a 412, since a Range whose If-Range does not hold is ignored (RFC 9110 §13.1.5)"
	case e.reads() && len(e.fields.IfNoneMatch) > 0:
		return "; a matching If-None-Match is a 304 for GET, HEAD and QUERY, and a 412 for other methods only (RFC 9110 §13.1.2)"
	}
	return ""
}

// hence ends the sentence that explains a right answer.
func (e *examination) hence(d precondition.Decision) string {
	switch {
	case d.Outcome != precondition.Perform:
		return fmt.Sprintf(", so %d is right", e.status())
	case e.status() == 206:
		return ", so the part that was asked for may be sent"
	case d.Range == precondition.RangeIgnored:
		return ", so the Range is ignored and all of it is sent"
	case e.reads():
		return ", so the representation is sent"
	}
	return ", so the method is performed"
}

// decidingText is the text of the step that decided.
func (e *examination) decidingText() string {
	v := e.verdict
	for _, s := range slices.Backward(v.Steps) {
		if s.Field == v.Decision.Field {
			return clip(s.Text)
		}
	}
	if len(v.Steps) > 0 {
		return clip(v.Steps[len(v.Steps)-1].Text)
	}
	return "whatever else the state is"
}

// whyUnknown says what is missing.
func (e *examination) whyUnknown() string {
	v := e.verdict
	missing := "the current ETag"
	switch {
	case e.anyMember("If-Match"), e.anyMember("If-None-Match"):
		missing = "whether there was a representation"
	case len(e.fields.IfMatch)+len(e.fields.IfNoneMatch) == 0:
		missing = "the current Last-Modified"
	}
	switch {
	case e.status() == 412 && len(e.foreign()) > 0:
		return fmt.Sprintf("%s may be what failed, and its own specification decides about it", clip(e.foreign()[0].Name))
	case e.otherForm():
		return "a tag that was sent is the current one in another form, and servers differ in whether they take it for the same"
	case v.State.Known && e.tolerated():
		return "by the state that " + v.State.Source + " told, the precondition was false; but the resource may have changed after that, a server may answer 2xx if the change was made already, and some take weak tags"
	case e.status() == 200 && e.x.Source.Format == capture.HAR && e.witnessed:
		return "the stored response is still current; a browser may show a 304 from the server as 200"
	case e.writes() && e.succeeded():
		return fmt.Sprintf("whether the precondition held depends on %s before the write, which no earlier exchange tells",
			strings.Replace(missing, "current ", "", 1))
	}
	return fmt.Sprintf("whether %d is right depends on %s, which the response does not tell", e.status(), missing)
}

func (e *examination) tolerated() bool {
	return e.tolerates(e.verdict.Decision)
}

func (e *examination) fieldNames() string {
	var names []string
	for _, l := range e.standard() {
		if !slices.Contains(names, l.Name) {
			names = append(names, l.Name)
		}
	}
	return strings.Join(names, " with ") + " in " + e.method()
}

// codeList is a list of status codes for people, as in "304 or 200".
func codeList(codes []int) string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = fmt.Sprint(c)
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}
