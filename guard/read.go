package guard

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// conditionalFields are those that the guard evaluates, and the backend does not
// see unless it is trusted with them.
var conditionalFields = []string{
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
}

func deleteFields(h http.Header, names []string) {
	for _, name := range names {
		delete(h, name)
	}
}

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
func (x *exchange) read(out *http.Request) (*http.Response, error) {
	deleteFields(out.Header, conditionalFields)
	out.Header["Accept-Encoding"] = identityOnly
	key := turn.Key(x.route.backend.Host, out.URL.Path)
	for range maxOvertaken {
		x.watch(key)
		res, err := x.readOnce(out)
		if !errors.Is(err, errOvertaken) {
			return res, err
		}
		if x.glance.Busy() {
			break // what has begun before this read may take longer than three
		}
	}
	unlock, err := x.lock(out, false)
	if err != nil {
		return nil, err
	}
	defer unlock()
	x.watch(key)
	return x.readOnce(out)
}

// watch begins to read what has this key.
func (x *exchange) watch(key string) {
	x.asked = x.shared.writes.Look(key)
	var release func()
	x.glance, release = x.shared.writes.Watch(key)
	x.onEnd(release)
}

// readOnce asks the backend and makes the answer. The error is errOvertaken if a write through
// the guard may have spoilt the content that was read.
func (x *exchange) readOnce(out *http.Request) (*http.Response, error) {
	var head *trust.Known
	if out.Method == http.MethodHead {
		if head = x.headKnown(); head == nil {
			out.Method = http.MethodGet
		}
	}
	res, err := x.ask(out)
	if err != nil {
		return nil, err
	}
	if out.Method == http.MethodHead && res.StatusCode == http.StatusOK && !x.headWasEnough(res, head) {
		_ = res.Body.Close()
		out.Method = http.MethodGet
		return x.readOnce(out)
	}
	switch res.StatusCode {
	case http.StatusOK:
		return x.represent(out, res)
	case http.StatusSwitchingProtocols:
		return res, nil
	}
	return x.other(res)
}

// headKnown returns what the response to a HEAD has to fit, if one can be answered by the backend's, whose tags are then those
// that clients see: the zero observation if it is believed whatever it says, and nil if all of the content has to be looked at.
func (x *exchange) headKnown() *trust.Known {
	switch {
	case x.route.Validators == ValidatorsNone:
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
	if x.route.Validators == ValidatorsNone {
		return true
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

// believes reports whether the backend's tags are those that clients see, as far
// as they are any good.
func (x *exchange) believes() bool {
	switch x.route.Validators {
	case ValidatorsBackend:
		return true
	case ValidatorsAuto:
		return x.route.learned.IsTrusted()
	}
	return false
}

func (x *exchange) namesTags() bool {
	return len(x.fields.IfMatch) > 0 || len(x.fields.IfNoneMatch) > 0
}

// ask asks the backend, conditionally if it is believed. What it makes of that is
// checked, and if it makes no sense it is asked again without.
func (x *exchange) ask(out *http.Request) (*http.Response, error) {
	q := x.questionOf(out)
	if q == nil || x.sampled {
		return x.send(out)
	}
	res, err := x.send(q.asked(out))
	if err != nil || q.answeredBy(x, res) {
		return res, err
	}
	discardAndClose(res)
	return x.send(out)
}

// other passes on what is no 200. Without a question for it, a part or "not
// modified" is an answer to nothing.
func (x *exchange) other(res *http.Response) (*http.Response, error) {
	switch {
	case x.rec.Evaluated: // the backend answered the question
		return res, nil
	case res.StatusCode == http.StatusNotModified, res.StatusCode == http.StatusPartialContent:
		discardAndClose(res)
		return nil, x.refusal(nonsense(res.StatusCode))
	}
	x.readValidators(res)
	if !x.believes() {
		delete(res.Header, "Etag")
	}
	return x.withoutContent(res), nil
}

// withoutContent takes away the content of what is to be the response to a HEAD.
func (x *exchange) withoutContent(res *http.Response) *http.Response {
	if x.r.Method == http.MethodHead {
		_ = res.Body.Close()
		res.Body = http.NoBody
	}
	return res
}

// noCache is shared by all answers, to be read only.
var noCache = []string{"no-cache"}

// setFreshness sets the route's Cache-Control in the header of an answer to GET or HEAD that has none.
// Without one of the route's, what has a tag of ours is not to be used unasked: a browser would guess how
// long the content of a Last-Modified stays what it is, and could not write with the old tag (RFC 9111 §4.2.2).
func (x *exchange) setFreshness(h http.Header) {
	if x.route == nil || x.r.Method != http.MethodGet && x.r.Method != http.MethodHead || len(h["Cache-Control"]) > 0 {
		return
	}
	switch x.w.status {
	case http.StatusOK, http.StatusNotModified, http.StatusPartialContent:
	default:
		return
	}
	switch {
	case x.route.CacheControl == CacheControlOff:
	case x.route.CacheControl != "":
		h["Cache-Control"] = []string{x.route.CacheControl}
	case len(h["Etag"]) > 0 && len(h["Expires"]) == 0:
		h["Cache-Control"] = noCache
	}
}

// represent answers with the representation that the backend has sent, or by its
// validators.
func (x *exchange) represent(out *http.Request, res *http.Response) (*http.Response, error) {
	s := sight{exists: true, Seen: trust.Seen{Validators: x.readValidators(res), Shown: x.showing(res, res.ContentLength)}}
	wants := x.wantsContent(res, &s)
	if overtaken := x.glance.Overtaken(); !wants && overtaken && x.isStrong(s) {
		if s.TooLong {
			_ = res.Body.Close()
			return nil, errOvertaken
		}
		wants = true
	}
	switch {
	case !wants:
		return x.stream(out, res, s)
	case x.isReview(res, s):
		return x.review(out, res, s)
	}
	held, err := x.hold(res)
	if x.glance.Overtaken() && (err != nil || held.whole && !x.isWhole(held)) {
		_ = res.Body.Close()
		return nil, errOvertaken
	}
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	if !held.whole {
		s.TooLong = true
		res.Body = &joinedBody{io.MultiReader(held.reader(), res.Body), res.Body}
		return x.stream(out, res, s)
	}
	_ = res.Body.Close()
	s.content, s.digest, s.Sum, s.Size = held.tag(), held.digest, held.quick.Sum(), held.size
	s.Shown = x.showing(res, held.size)
	if !x.glance.Overtaken() {
		x.learn(s, held.inMemory())
	}
	return nil, x.serveHeld(res, s, held)
}

// isReview reports whether content is read only to see whether it is still that of its tag, and is not going to be sent: it need not
// be held, however long it is.
func (x *exchange) isReview(res *http.Response, s sight) bool {
	if !x.sampled || !x.isStrong(s) || res.ContentLength <= x.route.MaxBuffer || x.acceptsCoding() || x.namesOther(s.Tag) {
		return false
	}
	return x.r.Method == http.MethodHead || x.policy().Evaluate(precondition.Origin, x.r.Method, x.fields, x.current(s)).Outcome == precondition.NotModified
}

// review reads all of the content, and answers without it if it is right.
func (x *exchange) review(out *http.Request, res *http.Response, s sight) (*http.Response, error) {
	quick := trust.NewSummer()
	buffer := copyBuffers{}.Get()
	defer copyBuffers{}.Put(buffer)
	err := withTimeout(res.Body, func() error {
		_, err := io.CopyBuffer(&quick, struct{ io.Reader }{res.Body}, buffer)
		return err
	})
	_ = res.Body.Close()
	res.Body = http.NoBody
	switch {
	case x.glance.Overtaken():
		return nil, errOvertaken
	case err != nil:
		return nil, errIncomplete{fmt.Errorf("content of the response: %w", err)}
	}
	s.Sum = quick.Sum()
	if x.learn(s, nil); !x.isStrong(s) {
		return x.readOnce(out) // without trust
	}
	return x.stream(out, res, s)
}

// isWhole reports whether content that a write has overtaken is all of the version before that write.
func (x *exchange) isWhole(held *spool) bool {
	whole, ok := x.route.learned.WholeAt(x.r.URL.RequestURI(), x.asked)
	return ok && whole == held.quick.Sum()
}

// isStrong reports whether the client is told a strong tag of the backend, by which it could put parts together.
func (x *exchange) isStrong(s sight) bool {
	return x.route.Validators == ValidatorsAuto && x.usable(s.Validators)
}

// joinedBody is content of which the start has been read already.
type joinedBody struct {
	io.Reader
	io.Closer
}

// wantsContent reports whether all of the content must be at hand before the
// answer begins: for its tag, or to encode it. It says so in s if that cannot be.
func (x *exchange) wantsContent(res *http.Response, s *sight) bool {
	n := res.ContentLength
	switch {
	case len(res.Trailer) > 0, isEventStream(res.Header), x.route.Validators == ValidatorsNone:
		return false
	case res.Request.Method == http.MethodHead:
		return false
	case n > x.route.MaxBuffer+x.route.MaxSpool:
		s.TooLong = true
		return false
	case x.sampled, x.isMultiRange():
		return true
	case x.route.Validators == ValidatorsBackend:
		return x.acceptsCoding() && x.mayEncode(res, n)
	case x.usable(s.Validators):
		return n <= alwaysHeld || x.acceptsCoding() && x.mayEncode(res, n) || x.namesOther(s.Tag) ||
			n <= x.route.MaxBuffer && !x.route.learned.Knows(x.r.URL.RequestURI(), s.Tag)
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

func isEventStream(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
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

// hold reads the content of a response, as far as there is room.
func (x *exchange) hold(res *http.Response) (*spool, error) {
	s := x.newSpool()
	err := withTimeout(res.Body, func() error { return s.fill(res.Body, res.ContentLength) })
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, errNoSpace):
		return nil, err
	}
	return nil, errIncomplete{fmt.Errorf("content of the response: %w", err)}
}

// learn takes a whole response as evidence of what the backend's tags are worth. content is nil if
// it is not at hand any more.
func (x *exchange) learn(s sight, content []byte) {
	if x.route.learned.Observe(x.r.URL.RequestURI(), x.asked, s.Seen, content) {
		x.logTrust()
	}
}

// logTrust says what is thought of the backend from now on.
func (x *exchange) logTrust() {
	trust, why := x.route.learned.Status()
	x.log.InfoContext(x.r.Context(), "entity tags of a backend", "route", x.rec.Route, "trust", trust.String(),
		"why", why, "path", x.r.URL.Path, "etag", x.rec.Backend.ETag)
}

// decide evaluates the preconditions of a read.
func (x *exchange) decide(c precondition.Current) precondition.Decision {
	x.rec.Decision = x.policy().Evaluate(precondition.Origin, x.r.Method, x.fields, c)
	x.rec.Evaluated = true
	return x.rec.Decision
}

func (x *exchange) policy() precondition.Policy {
	return precondition.Policy{LenientTags: x.route.LenientTags, StaleIfRange: x.route.StaleIfRange}
}

func (x *exchange) checker() condhttp.Checker {
	return condhttp.Checker{Policy: x.policy(), Now: x.options.Now, Logger: x.log, Refuse: func(w http.ResponseWriter, _ *http.Request, p *condhttp.Problem) {
		x.refuse(w, p)
	}}
}

// serveHeld answers from content that is at hand, by all of RFC 9110 §13 and §14.
func (x *exchange) serveHeld(res *http.Response, s sight, held *spool) error {
	c := x.current(s)
	h := res.Header
	content := x.encode(res, &c, held)
	x.decide(c)
	delete(h, "Accept-Ranges") // whatever the backend can, the guard can
	delete(h, "Etag")
	delete(h, "Last-Modified")
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = nil // so that none is guessed
	}
	return &answer{func(w http.ResponseWriter) {
		maps.Copy(w.Header(), h)
		x.checker().Serve(w, x.r, c, content)
	}}
}
