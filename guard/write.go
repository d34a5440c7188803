package guard

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// write answers a method that may change something. If it is judged, its
// precondition is evaluated while no other write through the guard can come between
// that and its own; the lock is held until the backend has answered, even if the client
// is gone by then.
func (x *exchange) write(out *http.Request) answer {
	if p := x.unfitContent(); p != nil {
		return refusal(p)
	}
	key, unfit := x.readKey()
	if unfit != nil {
		return unfit
	}
	x.keyed = key
	judged := x.isJudged()
	if judged && x.isAwaited() && !x.isKnown(key) {
		// What was seen while another write was under way may be none of its versions.
		if _, early := x.verify(out, nil); early != nil && !x.asked.Overtaken() && !x.isKnown(key) {
			return early
		}
	}
	up, unread := x.receive(out)
	if unread != nil {
		return unread
	}
	if !judged && x.route.Require != condhttp.RequireNone && x.contentNamesMethod(up) {
		x.overridden, judged = true, true
	}
	unlock, busy := x.lock(!judged)
	if busy != nil {
		return busy
	}
	defer unlock()
	return x.performOnce(key, up, func() answer {
		if !judged {
			return x.perform(out, up, nil)
		}
		seen, refused := x.verify(out, up)
		if refused != nil {
			return refused
		}
		return x.perform(out, up, seen)
	})
}

// isAwaited reports whether the client waits to be told that its content is
// welcome, or sends so much that it should be told early if not. In HTTP/2 and later it may always
// wait: net/http removes Expect from the request, and a stream can be answered before it ends.
func (x *exchange) isAwaited() bool {
	n := x.r.ContentLength
	return x.r.ProtoMajor > 1 && n != 0 || x.r.Header.Get("Expect") != "" || n < 0 || n > x.route.MaxBuffer
}

// verify looks at the current state and evaluates the preconditions against it. There is an answer if they are false, or
// if the state cannot be seen. What it saw has no state if only the destination is judged.
func (x *exchange) verify(out *http.Request, up *upload) (seen *held, refused answer) {
	seen = new(held)
	judges := x.judgesTarget()
	if judges {
		if seen, refused = x.check(out); refused != nil {
			return nil, refused
		}
	}
	if refused = x.verifyIf(out, seen); refused != nil { // before all others (RFC 4918 §10.4.3)
		return nil, refused
	}
	if judges {
		d, refused := x.judge(up, seen)
		if refused == nil {
			refused = x.unmet(out, seen, d)
		}
		if refused != nil {
			return nil, refused
		}
	}
	return seen, x.verifyDestination(out)
}

// perform sends the write to the backend and makes of its response what the client is
// told. seen is nil if nobody has looked, as nothing depends on it.
func (x *exchange) perform(out *http.Request, up *upload, seen *held) answer {
	a, again := x.attempt(out, up, seen)
	if again != nil {
		x.repeated = true
		a, _ = x.attempt(out, up, again)
	}
	return a
}

// attempt sends the write. If it is to be sent once more, there is no answer, but the state that it is then to name.
func (x *exchange) attempt(out *http.Request, up *upload, seen *held) (a answer, again *held) {
	request, passes := x.forwarding(out, up, seen)
	before := x.shared.writes.Look(x.key)
	answered, ended := x.begin()
	defer ended()
	res, err := x.send(request)
	answered()
	switch {
	case err != nil:
		return x.unanswered(err, up), nil
	case res.StatusCode < http.StatusBadRequest:
		if err := x.confirm(); err != nil {
			discardAndClose(res)
			return failed{errUnknown{err}}, nil
		}
	}
	switch {
	case passes && isRefusal(res.StatusCode):
		discardAndClose(res)
		return x.settle(out, up, seen, res)
	case passes && res.StatusCode/100 == 2:
		x.accepted(up, seen)
	}
	status := res.StatusCode
	if seen != nil {
		x.finishResponse(res)
		x.sayReplaced(res, seen)
	}
	x.setWritten(out, up, res, before)
	x.backend.Status = status // whatever was asked since
	return passed{res}, nil
}

// begin says that a write is about to be sent, so that no read is believed until it has ended. One that changes locks, properties or
// access rights has no part in what is read.
func (x *exchange) begin() (answered, ended func()) {
	if method.Annotates(x.r.Method) && !x.overridden {
		nothing := func() {}
		return nothing, nothing
	}
	return x.shared.writes.Begin(x.keys, x.changesTrees())
}

// forwarding makes the request that performs the write. passes reports whether it has a
// precondition.
func (x *exchange) forwarding(out *http.Request, up *upload, seen *held) (request *http.Request, passes bool) {
	request = out.Clone(context.WithoutCancel(out.Context()))
	h := request.Header
	delete(h, "Expect")
	if seen != nil {
		deleteFields(h, conditionalFields)
		passes = x.passPrecondition(h, seen)
		if x.ifSent != "" {
			h["If"] = []string{x.mapTagged(x.ifSent)}
		}
	}
	// net/http would send a request with one of these again after it was sent once, and
	// knows them by the spelling of their keys.
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if lines := h[name]; len(lines) > 0 {
			delete(h, name)
			h[strings.ToLower(name)] = lines
		}
	}
	up.attach(request, x.sent)
	return request, passes
}

// passPrecondition sets the precondition that names the state the guard saw, for a
// backend that evaluates it. It reports whether there is one.
func (x *exchange) passPrecondition(h http.Header, seen *held) bool {
	switch x.route.Preconditions {
	case PreconditionsCheck:
		return false
	case PreconditionsAuto:
		if !x.believes() || !x.route.learned.Passing.Allows(x.preconditionFor(seen), x.r.Method) {
			return false
		}
	}
	switch {
	case !seen.exists && x.r.Method == http.MethodPut:
		h["If-None-Match"] = []string{"*"}
	case seen.exists && seen.Strong():
		h["If-Match"] = []string{seen.Tag.String()}
	default:
		return false
	}
	return true
}

// unanswered is the answer to a write that may have reached the backend.
func (x *exchange) unanswered(err error, up *upload) answer {
	switch {
	case isA[errUnsent](err):
		return failed{err}
	case up != nil && up.err() != nil:
		x.err = up.err()
		return refusal(up.problem(partSent))
	}
	return failed{errUnknown{err}}
}

// finishResponse reads the content of a short response while the lock is held: a backend
// may begin to answer before it has finished. A client that reads slowly holds
// nothing up that way.
func (x *exchange) finishResponse(res *http.Response) {
	if res.ContentLength <= 0 || res.ContentLength > x.route.MaxBuffer {
		return
	}
	held := x.newSpool()
	err := withTimeout(res.Body, func() error { return held.fill(res.Body, res.ContentLength) })
	rest := io.Reader(res.Body)
	if err != nil {
		rest = failingReader{err}
	}
	res.Body = &joinedBody{io.MultiReader(held.reader(), rest), res.Body}
}

// sayReplaced makes the 201 for a PUT a 204 if there was something to be replaced: "if the target resource does have a
// current representation ... the origin server MUST send either a 200 (OK) or a 204" (RFC 9110 §9.3.4). The content
// of a 201 is about what was created. One with a Location may have created something else.
func (x *exchange) sayReplaced(res *http.Response, seen *held) {
	if x.r.Method != http.MethodPut || res.StatusCode != http.StatusCreated || !seen.exists || len(res.Header["Location"]) > 0 {
		return
	}
	discardAndClose(res)
	res.StatusCode, res.Status, res.Body, res.ContentLength, res.Trailer = http.StatusNoContent, "", http.NoBody, 0, nil
	for name := range res.Header {
		if strings.HasPrefix(name, "Content-") && name != "Content-Location" {
			delete(res.Header, name)
		}
	}
}

// failingReader is content that ends with an error.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
