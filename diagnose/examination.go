package diagnose

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// An examination is all that the check of a rule sees of an exchange.
type examination struct {
	x *capture.Exchange
	// verdict is complete when rules are asked.
	verdict *Verdict
	// index is the position of the exchange among those given; alone is set if it is the only one.
	index int
	alone bool
	// fields are the preconditions of HTTP, and Range.
	fields precondition.Fields
	// after is the state that this exchange left behind, as far as it tells.
	after State
	// witnessed is set if verdict.State was read from this exchange itself, and not from an
	// earlier one, so that it is the very state that the preconditions were evaluated against.
	witnessed bool
	// earlier are exchanges with the same target URI that took place before, oldest first.
	earlier []*examination
	// found are the findings of the rules that were asked before.
	found []Finding

	// all knows which exchange first had a tag, whatever the resource; see given.
	all map[string]*examination

	values map[string]string // see value

	told *problem // see problemDetails

	text  string // see body
	lower bool   // text is set
}

// prepare completes the verdict.
func (e *examination) prepare() {
	v := e.verdict
	e.fields = precondition.FieldsOf(e.x.Request.Header.Map())
	v.Preconditions = preconditionsOf(e.x)
	v.Between = partiesOf(e.x)
	e.after = e.stateAfter()
	v.State, e.witnessed = e.stateBefore()
	v.Tags = e.compare()
	e.judge()
}

// The request and the response.

func (e *examination) method() string { return e.x.Request.Method }
func (e *examination) status() int    { return e.x.Response.Status }

// reads reports whether the method is one that a condition turns into 304.
func (e *examination) reads() bool { return method.Reads(e.method()) }

// writes reports whether the method is known, and may change something.
func (e *examination) writes() bool { return method.Writes(e.method()) }

// succeeded reports whether the response is a 2xx.
func (e *examination) succeeded() bool { return e.status()/100 == 2 }

// req and resp return a field value of the request or response, "" if there is none.
func (e *examination) req(name string) string  { return e.value(e.x.Request.Header, "> ", name) }
func (e *examination) resp(name string) string { return e.value(e.x.Response.Header, "< ", name) }

// value returns a field value. If there are several lines it is remembered, since they may be many and
// long, and later exchanges ask for it, too.
func (e *examination) value(h capture.Header, side, name string) string {
	if v, ok := e.values[side+name]; ok {
		return v
	}
	lines := h.Values(name)
	if len(lines) < 2 {
		return strings.Join(lines, "")
	}
	if e.values == nil {
		e.values = map[string]string{}
	}
	v := strings.Join(lines, ", ")
	e.values[side+name] = v
	return v
}

// blind reports whether the capture lacks some of the request header, so that the absence of
// a field proves nothing.
func (e *examination) blind() bool { return e.x.Missing(capture.RequestHeader) }

// blindResponse is blind for the response.
func (e *examination) blindResponse() bool { return e.x.Missing(capture.ResponseHeader) }

// conditional reports whether there was a precondition of any kind.
func (e *examination) conditional() bool { return len(e.verdict.Preconditions) > 0 }

// members returns the members of a list of tags in the request, at most maxTags, and
// none that is too long or was cut by the capture.
func (e *examination) members(field string) []etag.Member {
	var list []etag.Member
	for _, line := range e.x.Request.Header.Named(field) {
		if line.Cut || line.Redacted {
			continue
		}
		for m := range etag.Members([]string{line.Value}) {
			if len(list) == maxTags {
				return list
			}
			if len(m.Raw) <= maxTag {
				list = append(list, m)
			}
		}
	}
	return list
}

// hasAll reports whether members returns all members of the field, so that what is not among them was not
// sent.
func (e *examination) hasAll(field string) bool {
	n := 0
	for _, line := range e.x.Request.Header.Named(field) {
		if line.Cut || line.Redacted {
			return false
		}
		for m := range etag.Members([]string{line.Value}) {
			if n++; n > maxTags || len(m.Raw) > maxTag {
				return false
			}
		}
	}
	return true
}

// body returns the beginning of the content of the response in lower case, to search in.
func (e *examination) body() string {
	if !e.lower {
		data := e.x.Response.Content.Data
		e.text, e.lower = strings.ToLower(string(data[:min(len(data), maxSearched)])), true
	}
	return e.text
}

// at is when the exchange took place, to the second at worst, or zero.
func (e *examination) at() time.Time {
	if !e.x.Started.IsZero() {
		return e.x.Started
	}
	return parseDate(e.resp("Date"))
}

// parseDate reads an HTTP-date; it is zero if s is none.
func parseDate(s string) time.Time {
	date, _ := precondition.ParseDate(s, time.Time{})
	return date
}

// History.

// last returns the latest of the earlier exchanges that fits, or nil.
func (e *examination) last(fits func(*examination) bool) *examination {
	for _, p := range slices.Backward(e.earlier) {
		if fits(p) {
			return p
		}
	}
	return nil
}

// minted returns the latest earlier exchange in which the server sent the tag, or nil.
func (e *examination) minted(tag string) *examination {
	return e.last(func(p *examination) bool { return tag != "" && p.resp("ETag") == tag })
}

// maxGiven is how many tags are remembered beyond a resource.
const maxGiven = 4096

// given returns the earlier exchange, with whatever resource, in which the server gave the tag, or nil.
func (e *examination) given(tag string) *examination { return e.all[tag] }

// bodyTag is a tag that OData names in content.
var bodyTag = lazyregexp.New(`"(?:@odata\.etag|odata\.etag|etag|eTag|__etag)"\s*:\s*"((?:[^"\\]|\\.){1,200})"`)

// remember notes the tags that the response gives, for exchanges with other resources.
func (e *examination) remember() {
	if !e.succeeded() || len(e.all) > maxGiven {
		return
	}
	tags := []string{e.resp("ETag")}
	data := e.x.Response.Content.Data
	// The first one is that of the resource if nothing is nested before it; those of a list are of its members.
	if at := bodyTag.FindSubmatchIndex(data[:min(len(data), maxSearched)]); at != nil && bytes.Count(data[:at[0]], []byte("{")) == 1 {
		tags = append(tags, strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\u0022`, `"`).Replace(string(data[at[2]:at[3]])))
	}
	for _, tag := range tags {
		if _, known := e.all[tag]; tag != "" && len(tag) <= maxTag && !known {
			e.all[tag] = e
		}
	}
}

// sameClient reports whether nothing the two exchanges tell speaks against one client having made
// both. Captures are usually made at the client, which then made all of them.
func (e *examination) sameClient(p *examination) bool {
	for _, name := range []string{"User-Agent", "X-Forwarded-For", "Forwarded", "X-Real-IP"} {
		if a, b := e.req(name), p.req(name); a != b && a != "" && b != "" {
			return false
		}
	}
	return true
}

// Findings.

// finding is a finding of the rule that asks; see Finding.
func finding(c Confidence, says string, evidence ...Fact) Finding {
	return Finding{Confidence: c, Says: says, Evidence: slices.DeleteFunc(evidence, func(f Fact) bool { return f.Name == "" })}
}

// one is the usual result of a check: one finding. A Fact without a name is left out.
func one(c Confidence, says string, evidence ...Fact) []Finding {
	return []Finding{finding(c, says, evidence...)}
}

// sent is the fact that the request has a field; it has no name if the request has not.
func (e *examination) sent(name string) Fact {
	return fieldFact(e.x.Request.Header, name, e.req(name), e.place("request"))
}

// got is the fact that the response has a field; it has no name if the response has not.
func (e *examination) got(name string) Fact {
	return fieldFact(e.x.Response.Header, name, e.resp(name), e.place("response"))
}

func fieldFact(h capture.Header, name, value, source string) Fact {
	for l := range h.Lines() {
		if strings.EqualFold(l.Name, name) {
			return Fact{Name: clip(l.Name), Value: clip(value), Source: source}
		}
	}
	return Fact{}
}

// answered is the fact of the status code.
func (e *examination) answered() Fact {
	if e.status() == 0 {
		return Fact{}
	}
	return Fact{Name: "status", Value: strconv.Itoa(e.status()), Source: e.place("response")}
}

// asked is the fact of the method and target.
func (e *examination) asked() Fact {
	if e.method() == "" {
		return Fact{}
	}
	return Fact{Name: "request", Value: clip(e.method() + " " + e.x.Request.Target), Source: e.place("request")}
}

// current is the fact of the current tag, or else of the modification date.
func (e *examination) current() Fact {
	s := e.verdict.State
	switch {
	case s.ETag != "":
		return Fact{Name: "current ETag", Value: clip(s.ETag), Source: s.Source}
	case s.LastModified != "":
		return Fact{Name: "current Last-Modified", Value: clip(s.LastModified), Source: s.Source}
	}
	return Fact{}
}

// fact is any other fact about this exchange.
func (e *examination) fact(name, value string) Fact {
	return Fact{Name: name, Value: clip(value), Source: e.place("")}
}

// gap is the fact of the time between an earlier exchange and this one; it has no name if that is
// not known.
func (e *examination) gap(p *examination) Fact {
	d, ok := e.since(p)
	if !ok {
		return Fact{}
	}
	return Fact{Name: "time between", Value: d.String()}
}

// since is the time from an earlier exchange to this one, and whether it is known.
func (e *examination) since(p *examination) (time.Duration, bool) {
	from, to := p.at(), e.at()
	if from.IsZero() || to.IsZero() {
		return 0, false
	}
	return to.Sub(from), true
}

// place names a part of this exchange for people, as in "response" or, among several
// exchanges, "response 2".
func (e *examination) place(part string) string {
	switch {
	case e.alone && part == "":
		return "this exchange"
	case e.alone:
		return part
	case part == "":
		part = "exchange"
	}
	return fmt.Sprintf("%s %d", part, e.index+1)
}

// clip cuts a long value, between characters.
func clip(s string) string {
	if len(s) <= maxValue {
		return s
	}
	end := maxValue
	for end > maxValue-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// contains reports whether the content of the response has one of the texts, which are in lower
// case; it returns the first that it has.
func (e *examination) contains(texts ...string) (string, bool) {
	for _, t := range texts {
		if strings.Contains(e.body(), t) {
			return t, true
		}
	}
	return "", false
}

// sameContent reports whether two exchanges sent the same complete content in the request.
func (e *examination) sameContent(p *examination) bool {
	a, b := e.x.Request.Content, p.x.Request.Content
	return a.Complete() && b.Complete() && bytes.Equal(a.Data, b.Data)
}
