package guard

import (
	"maps"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// question is what a backend that is believed is asked, beside the request: whether
// it still has what the client has, or for a range. While it is not known whether it can be believed, it may be
// asked for what it cannot have.
type question struct {
	// tags are for If-None-Match.
	tags []etag.Tag
	// ranged and ifRange are the fields Range and If-Range; the latter may be zero.
	// One of the two parts of a question is empty.
	ranged  []string
	ifRange etag.Tag
	// probe says that the tag is one that the backend never gave out, so that there is but one right
	// answer.
	probe bool
}

// probeTag is a tag that no backend gives out.
var probeTag = etag.MustParse(`"there-is-no-such-version"`)

// sampleOfMatches is of how many questions for a tag one is not asked, and the content looked at.
const sampleOfMatches = 64

// questionOf returns what to ask, or nil.
func (x *exchange) questionOf(out *http.Request) *question {
	f := x.fields
	switch {
	case x.believes():
	case x.route.Validators == ValidatorsAuto && out.Method == http.MethodGet && out.Body == nil && x.route.learned.probe(x.r.URL.RequestURI()):
		return &question{tags: []etag.Tag{probeTag}, probe: true}
	default:
		return nil
	}
	if out.Body != nil || len(f.IfMatch) > 0 || len(f.IfUnmodifiedSince) > 0 {
		return nil
	}
	switch {
	case len(f.IfNoneMatch) > 0 && len(f.Range) == 0:
		return x.questionOfTags(f.IfNoneMatch)
	case len(f.Range) == 1 && len(f.IfNoneMatch) == 0 && out.Method == http.MethodGet:
		return questionOfRange(f)
	}
	return nil
}

func (x *exchange) questionOfTags(lines []string) *question {
	q := new(question)
	for m := range etag.Members(lines) {
		if m.Any {
			return nil
		}
		if m.Tag.IsZero() {
			continue
		}
		q.tags = append(q.tags, m.Tag)
		if base, ok := baseOf(m.Tag); ok {
			q.tags = append(q.tags, base)
		}
	}
	if len(q.tags) == 0 {
		return nil
	}
	x.sampled = x.route.Validators == ValidatorsAuto && x.isSampled()
	return q
}

// isSampled reports whether all of the content is to be looked at, as after a write, which the
// tag must not have survived.
func (x *exchange) isSampled() bool {
	l := x.route.learned
	return l.matches.due(sampleOfMatches) || l.isDue(x.r.URL.RequestURI(), x.route.MaxBuffer)
}

// baseOf undoes the mark of one of our codings.
func baseOf(t etag.Tag) (etag.Tag, bool) {
	base, _, ok := t.SplitCoding()
	return base, ok
}

func questionOfRange(f precondition.Fields) *question {
	switch {
	case strings.Contains(f.Range[0], ","):
		return nil // several are cut here
	case len(f.IfRange) == 0:
		return &question{ranged: f.Range}
	case len(f.IfRange) > 1:
		return nil
	}
	tag, err := etag.Parse(strings.Trim(f.IfRange[0], " \t"))
	if err != nil || tag.IsWeak() {
		return nil
	}
	if _, coded := baseOf(tag); coded {
		return nil
	}
	return &question{ranged: f.Range, ifRange: tag}
}

// asked returns the request with the question. The fields of out stay as they are, as it may be sent itself.
func (q *question) asked(out *http.Request) *http.Request {
	asked := *out
	asked.Header = maps.Clone(out.Header)
	q.apply(asked.Header)
	return &asked
}

func (q *question) apply(h http.Header) {
	if len(q.tags) == 0 {
		h["Range"] = q.ranged
		if !q.ifRange.IsZero() {
			h["If-Range"] = []string{q.ifRange.String()}
		}
		return
	}
	list := make([]string, len(q.tags))
	for i, t := range q.tags {
		list[i] = t.String()
	}
	h["If-None-Match"] = []string{strings.Join(list, ", ")}
}

// answeredBy reports whether res makes sense as an answer. If it is not about the
// whole, it is made what the client gets.
func (q *question) answeredBy(x *exchange, res *http.Response) bool {
	if q.probe {
		return q.provenBy(x, res)
	}
	switch res.StatusCode {
	case http.StatusNotModified:
		return len(q.tags) > 0 && q.notModified(x, res)
	case http.StatusPartialContent:
		return len(q.ranged) > 0 && q.partial(x, res)
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return false // the guard knows better how to say so
	}
	return true
}

// provenBy reports whether res is the content, and learns from it.
func (q *question) provenBy(x *exchange, res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusOK:
		x.route.learned.answered()
		return true
	case http.StatusNotModified:
		x.route.learned.misjudges("not-modified-whatever-is-asked")
		x.logTrust()
	}
	return false
}

// notModified takes a 304 that names one of the tags asked for.
func (q *question) notModified(x *exchange, res *http.Response) bool {
	v := x.readValidators(res)
	if v.tag.IsZero() && v.fault == "" && len(q.tags) == 1 {
		v.tag = q.tags[0]
	}
	if x.route.Validators == ValidatorsAuto && !x.usable(v) {
		return false
	}
	s := sight{exists: true, backend: v}
	c := x.current(s)
	if c.Tag.IsZero() {
		return false
	}
	c.LastModified = v.modified
	d := x.decide(c)
	if d.Outcome != precondition.NotModified || d.Matched.IsZero() {
		x.rec.Evaluated = false
		return false
	}
	c.Tag = d.Matched
	setValidators(res.Header, c)
	delete(res.Header, "Last-Modified")
	return true
}

// partial takes a 206 of the version that If-Range names, or of any that has a tag
// if there is none.
func (q *question) partial(x *exchange, res *http.Response) bool {
	h := res.Header
	v := x.readValidators(res)
	if !x.usable(v) || len(h["Content-Encoding"]) > 0 || !q.ifRange.IsZero() && !v.tag.StrongEqual(q.ifRange) {
		return false
	}
	if !answersRange(q.ranged, h["Content-Range"]) {
		return false
	}
	c := x.current(sight{exists: true, backend: v})
	if d := x.decide(c); d.Outcome != precondition.Perform || d.Range != precondition.RangeApplies {
		x.rec.Evaluated = false
		return false
	}
	setValidators(h, c)
	return true
}

// answersRange reports whether a Content-Range is what Range asks for.
func answersRange(ranged, contentRange []string) bool {
	if len(contentRange) != 1 {
		return false
	}
	got, err := byterange.ParseContentRange(contentRange[0])
	if err != nil || got.Size < 0 {
		return false
	}
	plan := byterange.Resolve(ranged, got.Size)
	return plan.Kind == byterange.Single && plan.Range == got.Range
}
