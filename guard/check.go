package guard

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// check asks the backend for the current representation of the target, as the writer would
// get it: with the writer's own fields, credentials and preferences included, and with
// nobody else's. If that cannot be seen, there is an answer in its place.
func (x *exchange) check(out *http.Request) (*held, answer) {
	res, confirmed, err := x.askState(lookOf(out))
	switch {
	case err != nil && (x.r.Context().Err() != nil || isA[errUnsent](err)):
		return nil, failed{err}
	case err != nil:
		return nil, x.uncheckable(err, "it did not answer")
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusNonAuthoritativeInfo:
		return x.look(res)
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		if x.isCollection(out) {
			discardAndClose(res)
			return &held{exists: true, Seen: trust.Seen{Validators: trust.Validators{Date: x.now}}}, nil
		}
	}
	switch res.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		discardAndClose(res)
		return &held{Seen: trust.Seen{Validators: trust.Validators{Date: x.now}}}, nil
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		deleteFields(res.Header, []string{"Etag", "Last-Modified"})
		return nil, passed{res}
	}
	discardAndClose(res)
	if confirmed || res.StatusCode == http.StatusNoContent {
		return x.received(res), nil
	}
	return nil, x.uncheckable(nil, fmt.Sprintf("it answered %d to GET", res.StatusCode))
}

// askState sends the look at the target of a write. A backend that is believed is asked whether what the
// writer names is still current, so that it need not be read; confirmed says that it is. One that may refuse what is
// passed on to it wrongly is read, so that it shows what it has done.
func (x *exchange) askState(look *http.Request) (res *http.Response, confirmed bool, err error) {
	x.asked = x.shared.writes.Look(x.key)
	var q *question
	if len(x.fields.IfMatch) > 0 && x.believes() && !x.mayMisjudge() {
		q = x.questionOfTags(x.fields.IfMatch)
	}
	if q == nil {
		res, err = x.peek(look)
		return res, false, err
	}
	res, err = x.peek(q.asked(look))
	switch {
	case err != nil || res.StatusCode == http.StatusOK:
		return res, false, err
	case res.StatusCode == http.StatusNotModified:
		v := x.readValidators(res)
		if x.usable(v) && slices.ContainsFunc(q.tags, v.Tag.StrongEqual) && q.fits(v) {
			return res, true, nil
		}
	}
	discardAndClose(res)
	res, err = x.peek(look)
	return res, false, err
}

// lookOf makes the request that looks at the target of a write.
func lookOf(out *http.Request) *http.Request {
	look := out.Clone(out.Context())
	look.Method, look.Body, look.GetBody, look.ContentLength = http.MethodGet, nil, nil, 0
	look.TransferEncoding, look.Trailer = nil, nil
	maps.DeleteFunc(look.Header, func(name string, _ []string) bool {
		return strings.HasPrefix(name, "Content-") || isWriteField[name]
	})
	deleteFields(look.Header, conditionalFields)
	deleteFields(look.Header, methodFields)
	look.Header["Accept-Encoding"] = identityOnly
	look.Header["Cache-Control"] = []string{"no-cache"}
	return look
}

// isWriteField has the fields that say how a write is to be performed.
var isWriteField = map[string]bool{
	"Expect": true, "If": true, "Destination": true, "Overwrite": true, "Depth": true, "Lock-Token": true, "Timeout": true,
	"Te": true, "Connection": true, "Digest": true, "Repr-Digest": true, "Prefer": true,
	"Idempotency-Key": true, "X-Idempotency-Key": true,
}

// look reads a representation for its tag.
func (x *exchange) look(res *http.Response) (*held, answer) {
	h := x.received(res)
	if err := x.digest(h); err != nil {
		return nil, x.uncheckable(err, "it broke off its answer")
	}
	if !h.TooLong && !x.asked.Overtaken() {
		x.learn(h)
	}
	return h, nil
}

// uncheckable refuses a write whose precondition cannot be evaluated. It fails
// closed: nothing is written that might overwrite something.
func (x *exchange) uncheckable(err error, why string) answer {
	status := http.StatusBadGateway
	if err != nil {
		x.err = err
		if errIsTimeout(err) {
			status = http.StatusGatewayTimeout
		}
	}
	return refusal(condhttp.NewProblem(status, reasonUncheckable,
		"the server behind this gateway was asked for the current state, to evaluate the precondition, but "+why+"; nothing was changed",
		"try again later, or, if this resource cannot be fetched by GET, write it without a precondition"))
}

// existsAt asks the backend, as the writer, whether there is a resource. u is in normal form, as the client
// says it. It is asked for its properties first: to GET and HEAD of a collection, Apache's mod_dav answers 404.
func (x *exchange) existsAt(out *http.Request, u *url.URL) (exists bool, unseen answer) {
	status := 0
	for _, verb := range [...]string{method.Propfind, http.MethodHead} {
		var err error
		if status, err = x.statusOf(out, verb, u); err != nil {
			if x.r.Context().Err() != nil || isA[errUnsent](err) {
				return false, failed{err}
			}
			return false, x.uncheckable(err, "it did not answer")
		}
		switch {
		case status/100 == 2:
			return true, nil
		case status == http.StatusNotFound, status == http.StatusGone:
			return false, nil
		}
	}
	return false, x.uncheckable(nil, fmt.Sprintf("it answered %d when it was asked what is at the destination", status))
}

// isCollection reports whether the target is a collection of WebDAV, which need have no content of its own: it has
// properties. What content is sent to is none; and a backend is asked only if the client takes it for one that speaks WebDAV, as it
// may make anything of a method that it does not know.
func (x *exchange) isCollection(out *http.Request) bool {
	switch x.r.Method {
	case http.MethodPut, http.MethodPost, http.MethodPatch:
		return false
	case http.MethodDelete:
		if !strings.HasSuffix(x.r.URL.Path, "/") && len(x.r.Header["Depth"]) == 0 && len(x.r.Header["If"]) == 0 {
			return false
		}
	}
	status, err := x.statusOf(out, method.Propfind, x.r.URL)
	return err == nil && status == http.StatusMultiStatus
}

func (x *exchange) statusOf(out *http.Request, verb string, u *url.URL) (int, error) {
	res, err := x.peek(x.lookAt(out, verb, u, ""))
	if err != nil {
		return 0, err
	}
	discardAndClose(res)
	return res.StatusCode, nil
}

// lookAt makes a request by which the guard looks at a resource that need not be the target.
func (x *exchange) lookAt(out *http.Request, verb string, u *url.URL, content string) *http.Request {
	look := lookOf(out)
	at, _ := url.Parse(x.atBackend(u))
	look.Method, look.URL.Path, look.URL.RawPath, look.URL.RawQuery = verb, at.Path, at.RawPath, at.RawQuery
	if verb == method.Propfind {
		look.Header["Depth"] = []string{"0"}
	}
	if content != "" {
		look.Header["Content-Type"] = []string{"application/xml"}
		look.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
		look.Body, _ = look.GetBody()
		look.ContentLength = int64(len(content))
	}
	return look
}

// mayMisjudge reports whether a PUT may be passed on with a precondition to a backend that has yet to show that it evaluates it
// before it writes.
func (x *exchange) mayMisjudge() bool {
	p := &x.route.learned.Passing
	return x.route.Preconditions != PreconditionsCheck && x.r.Method == http.MethodPut && !p.Stopped() && !p.Accepted(trust.IfMatchTag)
}

// glimpse reads a resource that need not be the target, for its tag; nil if it cannot be seen.
func (x *exchange) glimpse(out *http.Request, u *url.URL) *held {
	res, err := x.peek(x.lookAt(out, http.MethodGet, u, ""))
	if err != nil {
		return nil
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusNonAuthoritativeInfo:
		if h := x.received(res); x.digest(h) == nil {
			return h
		}
		return nil
	case http.StatusNotFound, http.StatusGone:
		discardAndClose(res)
		return &held{Seen: trust.Seen{Validators: trust.Validators{Date: x.now}}}
	}
	discardAndClose(res)
	return nil
}
