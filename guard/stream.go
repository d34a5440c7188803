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
func (x *exchange) stream(out *http.Request, h *held) answer {
	res, c := h.res, x.stateOf(h)
	if x.mayEncode(res, res.ContentLength) && !c.Tag.IsWeak() && !c.Tag.IsZero() {
		addVary(res.Header, "Accept-Encoding") // others get it in a coding
	}
	if h.TooLong && x.isStrong(h) {
		x.learn(h) // what it is sent with, as nobody can look at all of it
	}
	d := x.decide(c)
	if d.Outcome != precondition.Perform {
		x.leave(res)
		delete(res.Header, "Etag")
		delete(res.Header, "Last-Modified")
		return decided{res.Header, c.Current}
	}
	if h.stored && len(res.Header["Accept-Ranges"]) == 0 && res.ContentLength >= 0 {
		res.Header["Accept-Ranges"] = []string{byterange.Unit}
	}
	date := h.toldDate()
	condhttp.SetValidators(res.Header, c.Current)
	if date != nil {
		res.Header["Last-Modified"] = date
	}
	if d.Range == precondition.RangeApplies && x.r.Method == http.MethodGet {
		return x.streamRange(out, h, c)
	}
	x.watchWhole(h)
	return passed{x.withoutContent(res)}
}

// leave ends a response whose content the client does not need. What is short can be stored all the same; nobody waits for what does
// not say how long it is.
func (x *exchange) leave(res *http.Response) {
	if x.route.Cache == CacheOff || res.ContentLength >= 0 || isEventStream(res.Header) {
		discardAndClose(res)
		return
	}
	go func() {
		_, _ = io.CopyN(io.Discard, res.Body, leftToStore)
		_ = res.Body.Close()
	}()
}

// leftToStore is how much content is read only to be stored, in bytes.
const leftToStore = 64 << 10

// watchWhole has content of a backend that is trusted looked at as it passes, to see whether the backend still deserves
// that. It is not complete to the client if its tag was that of other content, or if a write came between, unless it is known to be
// all of the version before that.
func (x *exchange) watchWhole(h *held) {
	if x.r.Method != http.MethodGet || h.stored || !h.own && !x.isStrong(h) {
		return
	}
	quick := trust.NewSummer()
	h.TooLong = false
	whole, known := x.route.learned.WholeAt(x.r.URL.RequestURI(), x.asked)
	h.res.Body = &checkedBody{ReadCloser: h.res.Body, sum: &quick, check: func() error {
		h.Sum = quick.Sum()
		switch {
		case x.glance.Overtaken() && known && whole == h.Sum:
			return nil
		case x.glance.Overtaken():
			return errOvertaken
		}
		if x.learn(h); !h.own && !x.usable(h.Validators) {
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
func (x *exchange) streamRange(out *http.Request, h *held, c state) answer {
	res := h.res
	plan := byterange.Resolve(x.fields.Range, res.ContentLength)
	switch plan.Kind {
	case byterange.Unsatisfiable:
		_ = res.Body.Close()
		return unsatisfiable(res.Header, plan)
	case byterange.Single:
		part := x.askPart(out, plan, h.Validators)
		if part != nil {
			_ = res.Body.Close()
			res.Body = part
		} else {
			res.Body = &skippingBody{ReadCloser: res.Body, skip: plan.Range.Start, left: plan.Range.Length}
		}
		makePartial(res, plan)
		x.watchOver(res, c.Tag)
	}
	return passed{res}
}

// makePartial makes a 200 the 206 for plan.
func makePartial(res *http.Response, plan byterange.Plan) {
	res.StatusCode, res.Status = http.StatusPartialContent, ""
	res.ContentLength = plan.Range.Length
	res.Header["Content-Range"] = []string{plan.ContentRange()}
	res.Header["Content-Length"] = []string{strconv.FormatInt(plan.Range.Length, 10)}
	deleteFields(res.Header, []string{"Content-Md5", "Digest", "Content-Digest"})
}

func unsatisfiable(h http.Header, plan byterange.Plan) answer {
	p := condhttp.NewProblem(http.StatusRequestedRangeNotSatisfiable, plan.Reason.String(),
		fmt.Sprintf("the resource has %d bytes, and none of the ranges begins within them", plan.Size),
		"the part you have is whole, or of another version: fetch the resource without Range")
	tag := h.Get("Etag")
	p.Current = &condhttp.State{Exists: true, ETag: tag}
	h["Content-Range"] = []string{plan.ContentRange()}
	return refused{p, h}
}

// skipCheaply is up to how many bytes are rather read and thrown away than asked
// for anew.
const skipCheaply = 256 << 10

// askPart asks the backend for the part of plan alone, if what it sends can be
// known to be of the same version: by its validator, as If-Range is not passed on. It returns nil if not.
func (x *exchange) askPart(out *http.Request, plan byterange.Plan, v trust.Validators) io.ReadCloser {
	if plan.Range.Start <= skipCheaply || partValidator(v) == "" || out.Body != nil || !x.route.learned.Parts.WorthAsking() {
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
	if !isPart(res, plan, v) {
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
