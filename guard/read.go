package guard

import (
	"errors"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// identityOnly is shared by all requests, to be read only.
var identityOnly = []string{"identity"}

// errOvertaken says that a write through the guard was under way while a representation was
// read. Many backends look at a file, open it and read it in steps, and send the beginning of one version
// with the length, the tag or the end of another if it is replaced meanwhile. Some empty a file before they write it, and
// then each of many reads shows the same, which is none of its versions.
var errOvertaken = errors.New("a write came between")

// maxOvertaken is how often a read is tried that a write came between, before it takes the lock and keeps writes
// waiting for it. One that begins while a write is under way waits for that write at once.
const maxOvertaken = 3

// read answers GET and HEAD.
func (x *exchange) read(out *http.Request) answer {
	deleteFields(out.Header, conditionalFields)
	out.Header["Accept-Encoding"] = identityOnly
	for range maxOvertaken {
		x.watch()
		if a, overtaken := x.readOnce(out); !overtaken {
			return a
		}
		if x.glance.Busy() {
			break // what has begun before this read may take longer than three
		}
	}
	unlock, busy := x.lock(false)
	if busy != nil {
		return busy
	}
	defer unlock()
	x.watch()
	a, overtaken := x.readOnce(out)
	if overtaken {
		return failed{errOvertaken} // by one that holds another lock
	}
	return a
}

// readOnce asks the backend and makes the answer of what it sends. There is none if the read was overtaken: a write through
// the guard may have spoilt the content.
func (x *exchange) readOnce(out *http.Request) (a answer, overtaken bool) {
	var head *trust.Known
	if out.Method == http.MethodHead {
		if head = x.headKnown(); head == nil {
			out.Method = http.MethodGet
		}
	}
	res, short, err := x.ask(out)
	switch {
	case err != nil:
		return failed{err}, false
	case short, res.StatusCode == http.StatusSwitchingProtocols:
		return passed{res}, false
	case res.StatusCode != http.StatusOK:
		return x.other(res), false
	case out.Method == http.MethodHead && !x.headWasEnough(res, head):
		_ = res.Body.Close()
		out.Method = http.MethodGet
		return x.readOnce(out)
	}
	return x.represent(out, res)
}

// headKnown returns what the response to a HEAD has to fit, if one can be answered by the backend's, whose tags are then those
// that clients see: the zero observation if it is believed whatever it says, and nil if all of the content has to be looked at.
func (x *exchange) headKnown() *trust.Known {
	switch {
	case x.route.Validators == ValidatorsNone, x.route.isThrough():
		return new(trust.Known)
	case !x.believes() || x.namesTags():
		return nil
	case x.route.Validators == ValidatorsBackend:
		return new(trust.Known)
	}
	known, ok := x.route.learned.Believe(x.r.URL.RequestURI())
	if !ok {
		x.sampled = true
		return nil
	}
	return &known
}

// headWasEnough reports whether the response to a HEAD says what that to a GET would: the same tag, of the same coding, with
// the same length and type.
func (x *exchange) headWasEnough(res *http.Response, known *trust.Known) bool {
	switch {
	case x.route.Validators == ValidatorsNone:
		return true
	case x.route.isThrough():
		return isStored(res) || x.keepsOwn(res.Header) || x.usable(trust.ReadValidators(res, x.now))
	}
	if x.acceptsCoding() && (res.ContentLength < 0 || x.mayEncode(res, res.ContentLength)) {
		return false
	}
	if x.route.Validators == ValidatorsBackend {
		return true
	}
	v := x.readValidators(res)
	q := question{known: *known, learns: true}
	shown := x.showing(res, v.Size)
	return x.usable(v) && v.Size == known.Size && q.fits(v) && !x.glance.Overtaken() && *shown == *known.Shown
}

// ask asks the backend, conditionally if it is believed. short says that res answers that question, with what a client
// can be sent that has asked the same. If it makes no sense, the backend is asked again without.
func (x *exchange) ask(out *http.Request) (res *http.Response, short bool, err error) {
	if x.isConditional() {
		return x.askThrough(out)
	}
	q := x.questionOf(out)
	if q == nil || x.sampled {
		res, err = x.send(out)
		return res, false, err
	}
	res, err = x.send(q.asked(out))
	if err != nil {
		return nil, false, err
	}
	short, ok := x.readAnswer(q, res)
	if ok {
		return res, short, nil
	}
	discardAndClose(res)
	res, err = x.send(out)
	return res, false, err
}

// other passes on what is no 200. Without a question for it, a part or "not
// modified" is an answer to nothing.
func (x *exchange) other(res *http.Response) answer {
	if res.StatusCode == http.StatusNotModified || res.StatusCode == http.StatusPartialContent {
		discardAndClose(res)
		return refusal(nonsense(res.StatusCode))
	}
	x.readValidators(res)
	if !x.believes() && !x.keepsOwn(res.Header) {
		delete(res.Header, "Etag")
	}
	return passed{x.withoutContent(res)}
}

// represent answers with the representation that the backend has sent, or by its
// validators.
func (x *exchange) represent(out *http.Request, res *http.Response) (a answer, overtaken bool) {
	h := x.received(res)
	h.own = x.keepsOwn(res.Header)
	h.Shown = x.showing(res, res.ContentLength)
	if h.stored && (!h.own || h.Tag.IsZero()) && !x.usable(h.Validators) {
		x.takeDigest(h)
	}
	wants := x.wantsContent(h)
	if !wants && x.glance.Overtaken() && x.isStrong(h) {
		if h.TooLong {
			_ = res.Body.Close()
			return nil, true
		}
		wants = true
	}
	switch {
	case !wants:
		return x.stream(out, h), false
	case x.isReview(h):
		return x.review(out, h)
	}
	err := x.hold(h)
	if x.glance.Overtaken() && (err != nil || h.spool != nil && !x.isWhole(h)) {
		_ = res.Body.Close()
		return nil, true
	}
	switch {
	case err != nil:
		_ = res.Body.Close()
		return failed{err}, false
	case h.spool == nil:
		return x.stream(out, h), false
	case !x.glance.Overtaken():
		x.learn(h)
	}
	return x.serveHeld(h), false
}

// isReview reports whether content is read only to see whether it is still that of its tag, and is not going to be sent: it need not
// be held, however long it is.
func (x *exchange) isReview(h *held) bool {
	if !x.sampled || !x.isStrong(h) || h.res.ContentLength <= x.route.MaxBuffer || x.acceptsCoding() || x.namesOther(h.Tag) {
		return false
	}
	return x.r.Method == http.MethodHead || x.evaluate(x.stateOf(h)).Outcome == precondition.NotModified
}

// review reads all of the content, and answers without it if it is right.
func (x *exchange) review(out *http.Request, h *held) (a answer, overtaken bool) {
	err := h.sum()
	switch {
	case x.glance.Overtaken():
		return nil, true
	case err != nil:
		return failed{incomplete(err)}, false
	}
	if x.learn(h); !x.isStrong(h) {
		return x.readOnce(out) // without trust
	}
	return x.stream(out, h), false
}

// isWhole reports whether content that a write has overtaken is all of the version before that write.
func (x *exchange) isWhole(h *held) bool {
	whole, ok := x.route.learned.WholeAt(x.r.URL.RequestURI(), x.asked)
	return ok && whole == h.Sum
}

// wantsContent reports whether all of the content must be at hand before the
// answer begins: for its tag, or to encode it. It says so in h if that cannot be.
func (x *exchange) wantsContent(h *held) bool {
	res, n := h.res, h.res.ContentLength
	switch {
	case len(res.Trailer) > 0, isEventStream(res.Header), x.route.Validators == ValidatorsNone:
		return false
	case res.Request.Method == http.MethodHead:
		return false
	case n > x.route.MaxBuffer+x.route.MaxSpool:
		h.TooLong = true
		return false
	case x.sampled, x.isMultiRange():
		return true
	case h.own && !h.Tag.IsZero(), h.stored && !h.content.IsZero():
		return x.acceptsCoding() && x.mayEncode(res, n) || x.namesOther(h.Tag) && h.content.IsZero()
	case x.route.Validators == ValidatorsBackend:
		return x.acceptsCoding() && x.mayEncode(res, n)
	case x.usable(h.Validators):
		return n <= alwaysHeld || x.acceptsCoding() && x.mayEncode(res, n) || x.namesOther(h.Tag) ||
			n <= x.route.MaxBuffer && !x.route.learned.Knows(x.r.URL.RequestURI(), h.Tag)
	}
	return true
}

// alwaysHeld is the length in bytes up to which content of a backend that is trusted is looked at before any of it, and its tag,
// goes on. What has no length is held, too.
const alwaysHeld = 64 << 10

// isMultiRange reports whether several parts are asked for, which are cut here.
func (x *exchange) isMultiRange() bool {
	return x.r.Method == http.MethodGet && len(x.fields.Range) == 1 && strings.Contains(x.fields.Range[0], ",")
}

// namesOther reports whether conditions name a tag that is not this one. It may
// be a content tag.
func (x *exchange) namesOther(tag etag.Tag) bool {
	if x.route.Validators == ValidatorsBackend {
		return false
	}
	for _, lines := range [...][]string{x.fields.IfMatch, x.fields.IfNoneMatch} {
		for m := range etag.Members(lines) {
			if !m.Tag.IsZero() && !m.Tag.WeakEqual(tag) {
				return true
			}
		}
	}
	return false
}

// serveHeld answers from content that is at hand, by all of RFC 9110 §13 and §14.
func (x *exchange) serveHeld(h *held) answer {
	c := x.stateOf(h)
	header := h.res.Header
	content := x.encode(h, &c)
	x.decide(c)
	delete(header, "Accept-Ranges") // whatever the backend can, the guard can
	delete(header, "Etag")
	if h.toldDate() == nil {
		delete(header, "Last-Modified")
	}
	if len(header["Content-Type"]) == 0 {
		header["Content-Type"] = nil // so that none is guessed
	}
	return served{header, c.Current, content}
}
