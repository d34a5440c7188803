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

// read answers GET and HEAD.
func (x *exchange) read(out *http.Request) (*http.Response, error) {
	deleteFields(out.Header, conditionalFields)
	out.Header["Accept-Encoding"] = identityOnly
	if out.Method == http.MethodHead && !x.headIsEnough() {
		out.Method = http.MethodGet
	}
	for range maxOvertaken {
		x.asked = x.shared.writes.look(lockKey(x.route.backend, out.URL.Path))
		x.since = x.asked
		if res, err := x.readOnce(out); !errors.Is(err, errOvertaken) {
			return res, err
		}
	}
	unlock, err := x.lock(out, false)
	if err != nil {
		return nil, err
	}
	defer unlock()
	x.since, x.asked = moment{}, x.shared.writes.look(lockKey(x.route.backend, out.URL.Path))
	return x.readOnce(out)
}

// readOnce asks the backend and makes the answer. The error is errOvertaken if a write through
// the guard may have spoilt the content that was read.
func (x *exchange) readOnce(out *http.Request) (*http.Response, error) {
	res, err := x.ask(out)
	if err != nil {
		return nil, err
	}
	if out.Method == http.MethodHead && res.StatusCode == http.StatusOK && !x.headWasEnough(res) {
		_ = res.Body.Close()
		out.Method = http.MethodGet
		return x.readOnce(out)
	}
	x.addCacheControl(res)
	switch res.StatusCode {
	case http.StatusOK:
		return x.represent(out, res)
	case http.StatusSwitchingProtocols:
		return res, nil
	}
	return x.other(res)
}

// headIsEnough reports whether a HEAD can be answered by the backend's HEAD: if its
// tags are those that clients see.
func (x *exchange) headIsEnough() bool {
	return x.route.Validators == ValidatorsNone || x.believes() && !x.namesTags()
}

// headWasEnough reports whether the tag in the response to a HEAD is one that a GET would get, too.
func (x *exchange) headWasEnough(res *http.Response) bool {
	return x.route.Validators != ValidatorsAuto || x.usable(x.readValidators(res))
}

// believes reports whether the backend's tags are those that clients see, as far
// as they are any good.
func (x *exchange) believes() bool {
	switch x.route.Validators {
	case ValidatorsBackend:
		return true
	case ValidatorsAuto:
		return x.route.learned.isTrusted()
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

// addCacheControl adds the route's Cache-Control to answers that have none.
func (x *exchange) addCacheControl(res *http.Response) {
	switch res.StatusCode {
	case http.StatusOK, http.StatusNotModified, http.StatusPartialContent:
		if x.route.CacheControl != "" && len(res.Header["Cache-Control"]) == 0 {
			res.Header["Cache-Control"] = []string{x.route.CacheControl}
		}
	}
}

// represent answers with the representation that the backend has sent, or by its
// validators.
func (x *exchange) represent(out *http.Request, res *http.Response) (*http.Response, error) {
	s := sight{exists: true, backend: x.readValidators(res)}
	if !x.wantsContent(res, &s) {
		return x.stream(out, res, s)
	}
	held, err := x.hold(res)
	if x.since.overtaken() && !x.agrees(held, err) {
		_ = res.Body.Close()
		return nil, errOvertaken
	}
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	if !held.whole {
		s.tooLong = true
		res.Body = &joinedBody{io.MultiReader(held.reader(), res.Body), res.Body}
		return x.stream(out, res, s)
	}
	_ = res.Body.Close()
	s.content, s.digest, s.backend.size = held.tag(), held.digest, held.size
	x.learn(s, held.inMemory())
	return nil, x.serveHeld(res, s, held)
}

// agrees reports whether content that a write has overtaken may be used all the same: if the read
// before had the same, or if there is too much of it to be judged.
func (x *exchange) agrees(held *spool, err error) bool {
	if err != nil {
		return false
	}
	if !held.whole || held.digest == x.before {
		return true
	}
	x.before = held.digest
	held.close()
	return false
}

// joinedBody is content of which the start has been read already.
type joinedBody struct {
	io.Reader
	io.Closer
}

// wantsContent reports whether all of the content must be at hand before the
// answer begins: for its tag, or to encode it. It says so in s if that cannot be.
func (x *exchange) wantsContent(res *http.Response, s *sight) bool {
	switch {
	case len(res.Trailer) > 0, isEventStream(res.Header), x.route.Validators == ValidatorsNone:
		return false
	case res.Request.Method == http.MethodHead:
		return false
	case x.sampled && res.ContentLength >= 0 && res.ContentLength <= x.route.MaxBuffer:
		return true
	case res.ContentLength > x.route.MaxBuffer+x.route.MaxSpool:
		s.tooLong = true
		return false
	case x.route.Validators == ValidatorsBackend || x.usable(s.backend):
		return x.acceptsCoding() && x.mayEncode(res, res.ContentLength) || x.usable(s.backend) && x.namesOther(s.backend.tag)
	}
	return true
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
	if x.route.learned.observe(x.r.URL.RequestURI(), x.asked, s.backend, s.digest, content) {
		x.logTrust()
	}
}

// logTrust says what is thought of the backend from now on.
func (x *exchange) logTrust() {
	trust, why := x.route.learned.status()
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
