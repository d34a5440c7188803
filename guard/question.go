package guard

import (
	"maps"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// question is what a backend that is believed is asked, beside the request: whether
// it still has what the client has, or for a range. While it is not known whether it can be believed, it may be
// asked for what it cannot have.
//
// Nothing is asked in a form whose answer cannot be checked. So If-Range is never sent: the tag of a part that comes without it
// tells of which version it is, while the 200 to one that is false is more than some caches get right.
type question struct {
	// tags are for If-None-Match.
	tags []etag.Tag
	// ranged is the field Range, and ifRange the tag that the part must have, or zero.
	// Either this or tags is empty.
	ranged  []string
	ifRange etag.Tag
	// known is what the guard has seen of the resource, and learns says that the answer must fit it.
	known  trust.Known
	learns bool
	// probe says that the tag is one that the backend never gave out, so that there is but one right
	// answer.
	probe bool
}

// probeTag is a tag that no backend gives out.
var probeTag = etag.MustParse(`"there-is-no-such-version"`)

// questionOf returns what to ask, or nil.
func (x *exchange) questionOf(out *http.Request) *question {
	f := x.fields
	switch {
	case x.believes():
	case x.route.Validators == ValidatorsAuto && x.route.Cache != CacheOn && out.Method == http.MethodGet && out.Body == nil &&
		x.route.learned.Probe(x.r.URL.RequestURI()):
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
	case len(f.Range) == 1 && len(f.IfNoneMatch) == 0 && len(f.IfModifiedSince) == 0 && out.Method == http.MethodGet:
		return x.questionOfRange(f)
	}
	return nil
}

// fit adds to q what the guard has seen of the resource. If that is not enough to hold an answer against, there is no
// question, and all of the content is looked at.
func (x *exchange) fit(q *question) *question {
	if x.route.Validators != ValidatorsAuto {
		return q
	}
	known, ok := x.route.learned.Believe(x.r.URL.RequestURI())
	if !ok {
		x.sampled = true
		return nil
	}
	q.known, q.learns = known, true
	return q
}

// questionOfTags asks for those of the tags that name what the guard has seen, or for all if it does not look.
func (x *exchange) questionOfTags(lines []string) *question {
	q := x.fit(new(question))
	if q == nil {
		return nil
	}
	add := func(t etag.Tag) {
		if !q.learns || t.WeakEqual(q.known.Tag) {
			q.tags = append(q.tags, t)
		}
	}
	for m := range etag.Members(lines) {
		if m.Any {
			return nil
		}
		if m.Tag.IsZero() {
			continue
		}
		add(m.Tag)
		if base, ok := baseOf(m.Tag); ok {
			add(base)
		}
	}
	if len(q.tags) == 0 {
		return nil
	}
	return q
}

// baseOf undoes the mark of one of our codings.
func baseOf(t etag.Tag) (etag.Tag, bool) {
	base, _, ok := t.SplitCoding()
	return base, ok
}

func (x *exchange) questionOfRange(f precondition.Fields) *question {
	if strings.Contains(f.Range[0], ",") {
		return nil // several are cut here
	}
	q := &question{ranged: f.Range}
	if len(f.IfRange) > 0 {
		tag, err := etag.Parse(strings.Trim(f.IfRange[0], " \t"))
		if err != nil || tag.IsWeak() || len(f.IfRange) > 1 {
			return nil
		}
		if _, coded := baseOf(tag); coded {
			return nil
		}
		q.ifRange = tag
	}
	if !x.route.learned.Parts.WorthAsking() {
		return nil
	}
	if q = x.fit(q); q != nil && q.learns && !q.ifRange.IsZero() && q.ifRange != q.known.Tag {
		return nil
	}
	return q
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
		return
	}
	list := make([]string, len(q.tags))
	for i, t := range q.tags {
		list[i] = t.String()
	}
	h["If-None-Match"] = []string{strings.Join(list, ", ")}
}

// fits reports whether a short answer with v speaks of what was seen, as far as the guard looks.
func (q *question) fits(v trust.Validators) bool {
	return !q.learns || q.known.Fits(v)
}

// readAnswer reads the answer to q, and makes it what the client gets. ok is false if it makes no sense; short says that it is not
// about the whole.
func (x *exchange) readAnswer(q *question, res *http.Response) (short, ok bool) {
	if q.probe {
		return false, x.isProof(res)
	}
	ok = true
	switch res.StatusCode {
	case http.StatusNotModified:
		ok = len(q.tags) > 0 && x.takeNotModified(q, res)
		short = ok
	case http.StatusPartialContent:
		ok = len(q.ranged) > 0 && x.takePart(q, res)
		short = ok
		x.route.learned.Parts.Answered(true)
	case http.StatusOK:
		if ok = len(q.ranged) == 0; !ok { // whether this is the whole, or what some servers make of it, does not show
			x.route.learned.Parts.Answered(false)
		}
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		ok = false // the guard knows better how to say so
	}
	if !ok {
		x.sampled = x.route.Validators == ValidatorsAuto && res.StatusCode != http.StatusOK
	}
	return short, ok
}

// isProof reports whether res is the content, in spite of a tag that the backend never gave out, and learns from it.
func (x *exchange) isProof(res *http.Response) bool {
	switch {
	case isStored(res): // the backend was not asked
		return res.StatusCode == http.StatusOK
	case res.StatusCode == http.StatusOK:
		x.route.learned.Answered()
		return true
	case res.StatusCode == http.StatusNotModified:
		x.route.learned.Misjudges(trust.NotModifiedToAny)
		x.logTrust()
	}
	return false
}

// takeNotModified takes a 304 that names one of the tags asked for.
func (x *exchange) takeNotModified(q *question, res *http.Response) bool {
	v := x.readValidators(res)
	switch {
	case !v.Tag.IsZero() || v.Fault != "":
	case q.learns:
		v.Tag = q.known.Tag
	case len(q.tags) == 1:
		v.Tag = q.tags[0]
	}
	if x.route.Validators == ValidatorsAuto && !x.usable(v) || !q.fits(v) || x.glance.Overtaken() {
		return false
	}
	c := x.stateOf(&held{exists: true, Seen: trust.Seen{Validators: v}})
	if c.Tag.IsZero() {
		return false
	}
	d := x.evaluate(c)
	if d.Outcome != precondition.NotModified || d.Matched.IsZero() {
		return false
	}
	x.note(c, d)
	condhttp.NewValidators(c.Tag, c.LastModified).SetNotModified(res.Header, d.Matched, c.Now)
	complete(res.Header, q.known.Shown, false)
	return true
}

// takePart takes a 206 of the version that If-Range names, or of any that has a tag
// if there is none.
func (x *exchange) takePart(q *question, res *http.Response) bool {
	h := res.Header
	v := x.readValidators(res)
	if !x.usable(v) || len(h["Content-Encoding"]) > 0 || !q.ifRange.IsZero() && !v.Tag.StrongEqual(q.ifRange) {
		return false
	}
	if !answersRange(q.ranged, h["Content-Range"], res.ContentLength) || !q.fits(v) || x.glance.Overtaken() {
		return false
	}
	c := x.stateOf(&held{exists: true, Seen: trust.Seen{Validators: v}})
	d := x.evaluate(c)
	if d.Outcome != precondition.Perform || d.Range != precondition.RangeApplies {
		return false
	}
	x.note(c, d)
	condhttp.SetValidators(h, c.Current)
	complete(h, q.known.Shown, true)
	if m := q.known.Modified; !m.IsZero() {
		addMissing(h, "Last-Modified", m.UTC().Format(http.TimeFormat))
	}
	x.watchOver(res, c.Tag)
	return true
}

// answersRange reports whether a Content-Range, and the length of the content, are what Range asks for.
func answersRange(ranged, contentRange []string, length int64) bool {
	if len(contentRange) != 1 {
		return false
	}
	got, err := byterange.ParseContentRange(contentRange[0])
	if err != nil || got.Size < 0 {
		return false
	}
	plan := byterange.Resolve(ranged, got.Size)
	return plan.Kind == byterange.Single && plan.Range == got.Range && length == got.Range.Length
}
