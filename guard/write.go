package guard

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// write answers a method that may change something. If it is judged, its
// precondition is evaluated while no other write through the guard can come between
// that and its own; the lock is held until the backend has answered, even if the client
// is gone by then.
func (x *exchange) write(out *http.Request) (*http.Response, error) {
	if p := x.unfitContent(); p != nil {
		return nil, x.refusal(p)
	}
	judged := x.isJudged()
	if judged && x.isAwaited() {
		// What was seen while another write was under way may be none of its versions.
		if _, err := x.verify(out, nil); err != nil && !x.asked.Overtaken() {
			return x.passed(err)
		}
	}
	up, err := x.receive(out)
	if err != nil {
		return nil, err
	}
	if !judged && x.route.Require != condhttp.RequireNone && x.contentNamesMethod(up) {
		x.overridden, judged = true, true
	}
	unlock, err := x.lock(out, !judged)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var seen sight
	if judged {
		if seen, err = x.verify(out, up); err != nil {
			return x.passed(err)
		}
	}
	return x.perform(out, up, seen, judged)
}

// isAwaited reports whether the client waits to be told that its content is
// welcome, or sends so much that it should be told early if not. In HTTP/2 and later it may always
// wait: net/http removes Expect from the request, and a stream can be answered before it ends.
func (x *exchange) isAwaited() bool {
	return x.r.ProtoMajor > 1 && x.r.ContentLength != 0 || x.r.Header.Get("Expect") != "" || x.r.ContentLength < 0 || x.r.ContentLength > x.route.MaxBuffer
}

// verify looks at the current state and evaluates the preconditions against it. The
// error is an *answer if they are false, and an *otherAnswer if the state cannot be seen.
func (x *exchange) verify(out *http.Request, up *upload) (s sight, err error) {
	if x.judgesTarget() {
		if s, err = x.check(out); err == nil {
			err = x.judge(up, s)
		}
		if p := x.unmet(out, s, err); p != nil {
			err = x.refusal(p)
		}
	}
	if err == nil {
		err = x.verifyDestination(out)
	}
	return s, err
}

// judge evaluates the preconditions against a state. The error is an *answer if they are false.
func (x *exchange) judge(up *upload, s sight) error {
	if !s.exists && x.r.Method == http.MethodDelete {
		// "if its response to the same request without those conditions ... would
		// have been a status code other than a 2xx or 412", they are ignored (RFC 9110 §13.2.1).
		return x.refusal(condhttp.NewProblem(http.StatusNotFound, "not-found", "there is no such resource", ""))
	}
	c := x.currentForWrite(s)
	r := x.strengthened(c, s)
	checker := x.checker()
	x.rec.Decision, x.rec.Evaluated = checker.Evaluate(r, c), true
	p, refused := errors.AsType[*condhttp.Problem](checker.Verify(r, c))
	if !refused {
		return nil
	}
	if p.Status == http.StatusPreconditionFailed && up.holds(s) && x.r.Method == http.MethodPut {
		p.Reason = reasonApplied
		p.Hint = "the content is what is stored already, perhaps by this very request, sent before: there is nothing left to do"
	}
	return x.refusal(p)
}

// currentForWrite is current, but a modification date whose second was not over counts as
// one later, since what the client has seen of that second may not be all.
func (x *exchange) currentForWrite(s sight) precondition.Current {
	c := x.current(s)
	if !s.Settled() {
		c.LastModified = c.LastModified.Add(time.Second)
	}
	return c
}

// passed returns the response of the backend that err is, if it is one.
func (x *exchange) passed(err error) (*http.Response, error) {
	if other, ok := errors.AsType[*otherAnswer](err); ok {
		return other.res, nil
	}
	return nil, err
}

// lock takes the lock of the target, and of the destination of MOVE and COPY.
func (x *exchange) lock(out *http.Request, shared bool) (unlock func(), err error) {
	began := time.Now()
	defer func() { x.rec.LockWait = time.Since(began) }()
	keys := x.lockKeys(out)
	if unlock := x.shared.tryLock(keys, shared); unlock != nil {
		return unlock, nil
	}
	ctx := x.r.Context()
	if d := x.route.Timeouts.Lock; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errLockTimeout)
		defer cancel()
	}
	var held []func()
	unlock = func() {
		for _, release := range held {
			release()
		}
	}
	for _, key := range keys {
		release, err := x.shared.locker.Lock(ctx, key, shared)
		if err != nil {
			unlock()
			return nil, x.lockError(err)
		}
		held = append(held, release)
	}
	return unlock, nil
}

// tryLock takes a single lock that is free, with nothing to wait or set a timer for; nil if it has to
// be waited for.
func (s *Shared) tryLock(keys []string, shared bool) (unlock func()) {
	if l, ok := s.locker.(*turn.Locks); ok && len(keys) == 1 {
		unlock, _ = l.TryLock(keys[0], shared)
	}
	return unlock
}

var errLockTimeout = errors.New("the writes before this one took too long")

func (x *exchange) lockError(err error) error {
	x.rec.Err = err
	switch {
	case errors.Is(err, errLockTimeout), errors.Is(err, ErrBusy):
		return x.refusal(condhttp.NewProblem(http.StatusServiceUnavailable, reasonBusy,
			"too many writes to this resource are under way; nothing was changed", "try again"))
	case x.r.Context().Err() != nil:
		return err
	}
	return x.refusal(condhttp.NewProblem(http.StatusServiceUnavailable, "no-lock",
		"the lock on this resource cannot be had; nothing was changed", "try again later"))
}

// lockKeys are sorted, so that two requests never wait for each other.
func (x *exchange) lockKeys(out *http.Request) []string {
	keys := []string{turn.Key(x.route.backend.Host, out.URL.Path)}
	if x.destination != nil {
		keys = append(keys, turn.Key(x.route.backend.Host, x.route.backend.Path+x.destination.url.Path))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// perform sends the write to the backend and makes of its response what the client is
// told.
func (x *exchange) perform(out *http.Request, up *upload, seen sight, judged bool) (*http.Response, error) {
	request, passes := x.forwarding(out, up, seen, judged)
	before := x.shared.writes.Look(turn.Key(x.route.backend.Host, out.URL.Path))
	answered, ended := x.shared.writes.Begin(x.lockKeys(out))
	defer ended()
	res, err := x.send(request)
	answered()
	switch {
	case err != nil:
		return nil, x.forwardError(err, up)
	case passes && isRefusal(res.StatusCode):
		discardAndClose(res)
		return x.settle(out, up, seen, res)
	case passes && res.StatusCode/100 == 2:
		x.accepted(up, seen)
	}
	if judged {
		x.finishResponse(res)
		x.sayReplaced(res, seen)
	}
	x.setWritten(out, up, res, before)
	return res, nil
}

// forwarding makes the request that performs the write. passes reports whether it has a
// precondition.
func (x *exchange) forwarding(out *http.Request, up *upload, seen sight, judged bool) (request *http.Request, passes bool) {
	request = out.Clone(context.WithoutCancel(out.Context()))
	h := request.Header
	delete(h, "Expect")
	if judged {
		deleteFields(h, conditionalFields)
		passes = x.passPrecondition(h, seen)
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
func (x *exchange) passPrecondition(h http.Header, seen sight) bool {
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

// forwardError is the error of a write that may have reached the backend.
func (x *exchange) forwardError(err error, up *upload) error {
	switch {
	case isA[errUnsent](err):
		return err
	case up != nil && up.err() != nil:
		x.rec.Err = up.err()
		p := up.problem()
		p.Detail = strings.ReplaceAll(p.Detail, nothingChanged, partSent)
		return x.refusal(p)
	}
	return errUnknown{err}
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
func (x *exchange) sayReplaced(res *http.Response, seen sight) {
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

// setWritten replaces the validators in the response to a write by the one that
// the new representation has, if that is known to be what was sent: "An origin server
// MUST NOT send a validator field ... unless the request's representation data was
// saved without any transformation" (RFC 9110 §9.3.4). before is a moment before the write.
func (x *exchange) setWritten(out *http.Request, up *upload, res *http.Response, before turn.Moment) {
	if x.route.Validators == ValidatorsBackend && res.StatusCode/100 == 2 {
		if v := x.readValidators(res); v.Strong() {
			x.rec.New = v.Tag
			return
		}
	}
	answered := res.Header["Etag"]
	delete(res.Header, "Etag")
	delete(res.Header, "Last-Modified")
	if x.route.Validators == ValidatorsNone || x.r.Method != http.MethodPut || !isStored(res.StatusCode) {
		return
	}
	made, ok := x.made(out, up, answered, before)
	if !ok || made.Tag.IsZero() || made.Tag.IsWeak() {
		return
	}
	x.rec.New = made.Tag
	setValidators(res.Header, made)
}

// made returns the state that a PUT has made; ok is false unless it is that of what was sent. From a backend that is
// known to store what it is sent, it is not read back if the tag that the next GET will have is known without: a
// content tag names just these bytes, whatever may be stored by now, and so does a digest. answered is the ETag in the answer to the PUT.
func (x *exchange) made(out *http.Request, up *upload, answered []string, before turn.Moment) (c precondition.Current, ok bool) {
	if up == nil || !up.held.whole {
		return c, false
	}
	believes := x.believes()
	if sure, tagged := x.route.learned.Stored.AsSent(x.r, believes); sure {
		if tag := x.foretold(up, answered, tagged); !tag.IsZero() {
			return precondition.Current{Exists: true, Tag: tag, Now: x.now}, true
		}
	}
	rec := x.rec
	s, err := x.check(out)
	c = x.current(s)
	x.rec.Current, x.rec.Validator, x.rec.Why, x.rec.Backend.Status = rec.Current, rec.Validator, rec.Why, rec.Backend.Status
	if err != nil {
		return c, false
	}
	same := up.holds(s)
	if same || before.Alone() && !(s.exists && s.content.IsZero()) {
		x.route.learned.Stored.Learn(x.r, same, same && believes && c.Tag != s.content)
	}
	return c, same
}

// foretold returns the tag that what was sent has if it is stored as it is, or zero if that is not known. tagged says that
// what was just written was seen to have a tag of the backend, which can be known if it is a digest.
func (x *exchange) foretold(up *upload, answered []string, tagged bool) etag.Tag {
	if !tagged {
		return up.held.tag()
	}
	tag, _ := trust.ReadTag(answered)
	if content := up.held.inMemory(); content != nil && x.route.learned.IsDigestOf(tag, content) {
		return tag
	}
	return etag.Tag{}
}

// isStored reports whether a PUT was performed.
func isStored(status int) bool {
	return status == http.StatusOK || status == http.StatusCreated || status == http.StatusNoContent
}
