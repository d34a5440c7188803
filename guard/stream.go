package guard

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// stream answers with content as it arrives, by validators that are known
// without it.
func (x *exchange) stream(out *http.Request, res *http.Response, s sight) (*http.Response, error) {
	c := x.current(s)
	if x.mayEncode(res, res.ContentLength) && !c.Tag.IsWeak() && !c.Tag.IsZero() {
		addVary(res.Header, "Accept-Encoding") // others get it in a coding
	}
	if s.TooLong && x.isStrong(s) {
		x.learn(s, nil) // what it is sent with, as nobody can look at all of it
	}
	d := x.decide(c)
	if d.Outcome != precondition.Perform {
		_ = res.Body.Close()
		delete(res.Header, "Etag")
		delete(res.Header, "Last-Modified")
		return nil, &answer{func(w http.ResponseWriter) {
			maps.Copy(w.Header(), res.Header)
			x.checker().Check(w, x.r, c)
		}}
	}
	setValidators(res.Header, c)
	if d.Range == precondition.RangeApplies && x.r.Method == http.MethodGet {
		return x.streamRange(out, res, c, s)
	}
	x.watchWhole(res, s)
	return x.withoutContent(res), nil
}

// watchWhole has content of a backend that is trusted looked at as it passes, to see whether the backend still deserves
// that. It is not complete to the client if its tag was that of other content, or if a write came between, unless it is known to be
// all of the version before that.
func (x *exchange) watchWhole(res *http.Response, s sight) {
	if x.r.Method != http.MethodGet || !x.isStrong(s) {
		return
	}
	quick := trust.NewSummer()
	s.TooLong = false
	whole, known := x.route.learned.WholeAt(x.r.URL.RequestURI(), x.asked)
	res.Body = &checkedBody{ReadCloser: res.Body, sum: &quick, check: func() error {
		if x.glance.Overtaken() {
			if known && whole == quick.Sum() {
				return nil
			}
			return errOvertaken
		}
		s.Sum = quick.Sum()
		x.learn(s, nil)
		if !x.usable(s.Validators) {
			return errOtherContent
		}
		return nil
	}}
}

// watchOver has a part with this tag end before its last byte if a write comes between.
func (x *exchange) watchOver(res *http.Response, tag etag.Tag) {
	if x.route.Validators != ValidatorsAuto || tag.IsZero() || tag.IsWeak() {
		return
	}
	res.Body = &checkedBody{ReadCloser: res.Body, check: func() error {
		if x.glance.Overtaken() {
			return errOvertaken
		}
		return nil
	}}
}

// errOtherContent says that a tag which has gone out is that of other content, too.
var errOtherContent = errors.New("the backend has sent other content under the same entity tag")

// streamRange sends one range. Several, or any of content whose length is not known,
// are ignored, which is always right (RFC 9110 §14.2).
func (x *exchange) streamRange(out *http.Request, res *http.Response, c precondition.Current, s sight) (*http.Response, error) {
	plan := byterange.Resolve(x.fields.Range, res.ContentLength)
	switch plan.Kind {
	case byterange.Unsatisfiable:
		_ = res.Body.Close()
		return nil, x.unsatisfiable(res.Header, plan)
	case byterange.Single:
		part := x.askPart(out, plan, s)
		if part != nil {
			_ = res.Body.Close()
			res.Body = part
		} else {
			res.Body = &skippingBody{ReadCloser: res.Body, skip: plan.Range.Start, left: plan.Range.Length}
		}
		x.makePartial(res, plan)
		x.watchOver(res, c.Tag)
	}
	return res, nil
}

// makePartial makes a 200 the 206 for plan.
func (x *exchange) makePartial(res *http.Response, plan byterange.Plan) {
	res.StatusCode, res.Status = http.StatusPartialContent, ""
	res.ContentLength = plan.Range.Length
	res.Header["Content-Range"] = []string{plan.ContentRange()}
	res.Header["Content-Length"] = []string{strconv.FormatInt(plan.Range.Length, 10)}
	deleteFields(res.Header, []string{"Content-Md5", "Digest", "Content-Digest"})
}

func (x *exchange) unsatisfiable(h http.Header, plan byterange.Plan) error {
	p := condhttp.NewProblem(http.StatusRequestedRangeNotSatisfiable, plan.Reason.String(),
		fmt.Sprintf("the resource has %d bytes, and none of the ranges begins within them", plan.Size),
		"the part you have is whole, or of another version: fetch the resource without Range")
	tag := h.Get("Etag")
	p.Current = &condhttp.State{Exists: true, ETag: tag}
	return &answer{func(w http.ResponseWriter) {
		maps.Copy(w.Header(), h)
		w.Header()["Content-Range"] = []string{plan.ContentRange()}
		x.refuse(w, p)
	}}
}

// skipCheaply is up to how many bytes are rather read and thrown away than asked
// for anew.
const skipCheaply = 256 << 10

// askPart asks the backend for the part of plan alone, if what it sends can be
// known to be of the same version: by its validator, as If-Range is not passed on. It returns nil if not.
func (x *exchange) askPart(out *http.Request, plan byterange.Plan, s sight) io.ReadCloser {
	if plan.Range.Start <= skipCheaply || partValidator(s.Validators) == "" || out.Body != nil || !x.route.learned.Parts.WorthAsking() {
		return nil
	}
	asked := *out
	asked.Header = maps.Clone(out.Header)
	asked.Header["Range"] = []string{fmt.Sprintf("bytes=%d-%d", plan.Range.Start, plan.Range.End()-1)}
	res, err := x.send(&asked)
	if err != nil {
		return nil
	}
	x.route.learned.Parts.Answered(res.StatusCode == http.StatusPartialContent)
	if !isPart(res, plan, s.Validators) {
		_ = res.Body.Close()
		return nil
	}
	return res.Body
}

// partValidator is what binds a part to a version, or "".
func partValidator(v trust.Validators) string {
	switch {
	case v.Strong():
		return v.Tag.String()
	case !v.Modified.IsZero() && v.Settled():
		return v.Modified.UTC().Format(http.TimeFormat)
	}
	return ""
}

// isPart reports whether res is the part that plan is about, of the version that has v.
func isPart(res *http.Response, plan byterange.Plan, v trust.Validators) bool {
	h := res.Header
	if res.StatusCode != http.StatusPartialContent || len(h["Content-Encoding"]) > 0 || len(h["Content-Range"]) != 1 {
		return false
	}
	got, err := byterange.ParseContentRange(h["Content-Range"][0])
	if err != nil || got.Range != plan.Range || got.Size != plan.Size || res.ContentLength != plan.Range.Length {
		return false
	}
	if !v.Strong() {
		return h.Get("Last-Modified") == partValidator(v)
	}
	tag, err := etag.Parse(h.Get("Etag"))
	return err == nil && tag.StrongEqual(v.Tag)
}

// skippingBody is a part of content that is read from its start.
type skippingBody struct {
	io.ReadCloser
	skip, left int64
}

func (b *skippingBody) Read(p []byte) (int, error) {
	if b.skip > 0 {
		n, err := io.CopyN(io.Discard, b.ReadCloser, b.skip)
		b.skip -= n
		if err != nil {
			return 0, unexpected(err)
		}
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); b.left == 0 {
		return n, io.EOF
	}
	return n, unexpected(err)
}

// unexpected is what an end that comes too early is.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
