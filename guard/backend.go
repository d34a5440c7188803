package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// errUnsent wraps the error of a request of which nothing was sent: it has not been
// performed.
type errUnsent struct{ error }

func (e errUnsent) Unwrap() error { return e.error }

// send sends a request of the client's to the backend. Interim responses go on to the client.
func (x *exchange) send(out *http.Request) (*http.Response, error) { return x.roundTrip(out, true) }

// peek sends a request by which the guard looks for itself.
func (x *exchange) peek(out *http.Request) (*http.Response, error) { return x.roundTrip(out, false) }

// roundTrip sends a request to the backend and returns its response, made fit to be
// passed on. If the backend does not answer in time the error is errResponseTimeout; it is
// an errUnsent if no connection was to be had.
func (x *exchange) roundTrip(out *http.Request, interim bool) (*http.Response, error) {
	if interim && !x.sampled {
		if res := x.fromCache(out); res != nil {
			return res, nil
		}
	}
	out = x.patient(out)
	ctx, watch := newWatch(out.Context(), x.route.Timeouts.Response)
	x.onEnd(watch.end)
	ctx, unsent := x.trace(ctx, out.Method, interim)
	ctx, use := x.withCache(ctx, !interim || x.sampled || x.besideWrite(out.Method))
	out = out.WithContext(ctx)
	if out.Body != nil && !isShortAndHeld(out) {
		out.Body = &watchedBody{ReadCloser: out.Body, watch: watch}
	}
	began := time.Now()
	if x.mayChange(out.Method) {
		x.shared.writing.Add(1)
		defer x.shared.writing.Add(-1)
	}
	res, err := x.route.transport.RoundTrip(out)
	watch.pause()
	if use != nil {
		x.noteCache(&use.status)
	}
	if err == nil && isStored(res) && (use == nil || use.status.Forwarded == "" || use.status.Collapsed) {
		x.mapResponse(res)
		return res, nil
	}
	x.backend.Duration += time.Since(began)
	x.backend.Requests++
	if err != nil {
		x.backend.Status = 0
		err = causeOf(ctx, err, unsent(err))
		if _, never := errors.AsType[errUnsent](err); x.mayChange(out.Method) {
			x.forget(nil, !never)
		}
		return nil, err
	}
	x.backend.Status = res.StatusCode
	if !isStatus(res.StatusCode) {
		_ = res.Body.Close()
		return nil, fmt.Errorf("the backend answered with the status code %03d, which there is not", res.StatusCode)
	}
	x.mapResponse(res)
	if x.mayChange(out.Method) && !x.changesNothing(res.StatusCode) {
		x.forget(res, res.StatusCode >= 500)
	}
	if res.StatusCode != http.StatusSwitchingProtocols && !isStored(res) {
		pruneTrailer(res.Trailer)
		res.Body = &watchedBody{res.Body, watch, res}
	}
	return res, nil
}

// besideWrite reports whether a read began while a write was under way that may change what it reads, and the cache is coherent.
// The backend may have carried that out already, and have told others of it. So it is asked, and nothing is stored of its answer.
func (x *exchange) besideWrite(m string) bool {
	if x.route.Cache != CacheCoherent || !method.Reads(m) {
		return false
	}
	if m == method.Query {
		x.watch() // others have been watched from the start
	}
	return x.glance.Busy()
}

// watch begins to read the target.
func (x *exchange) watch() {
	var release func()
	x.glance, x.asked, release = x.shared.writes.Watch(x.key)
	x.onEnd(release)
}

// mayChange reports whether a request to the backend may change something.
func (x *exchange) mayChange(m string) bool { return method.Writes(m) || x.overridden }

// isStored reports whether a response was kept from an earlier one by a transport that stands between the guard and the
// backend, as the type of its content says. The guard judges it as it judges what was fetched, but learns nothing of
// the backend by it.
func isStored(res *http.Response) bool {
	_, ok := res.Body.(interface{ Stored() })
	return ok
}

// isStatus reports whether a status code is one of a final response (RFC 9110 §15), or 101.
func isStatus(code int) bool {
	return code >= 200 && code <= 599 || code == http.StatusSwitchingProtocols
}

// isShortAndHeld reports whether the content of a request is all here, and so short that
// the system takes it at once: there is no moving to be watched. net/http, which sees by its
// type that it need not wait for such content, sends it in one piece with the header section.
func isShortAndHeld(out *http.Request) bool {
	const short = 64 << 10
	return out.GetBody != nil && out.ContentLength >= 0 && out.ContentLength <= short
}

// trace has interim responses passed on to the client, and returns what tells, once the request has failed, whether
// nothing of it was sent. For a safe method, where little depends on it, it is enough that the error says so.
func (x *exchange) trace(ctx context.Context, m string, interim bool) (_ context.Context, unsent func(error) bool) {
	safe := method.IsSafe(m)
	if safe && !interim {
		return ctx, isDialError
	}
	var hooks httptrace.ClientTrace
	if interim {
		hooks.Got1xxResponse = x.w.passInterim
	}
	unsent = isDialError
	if !safe {
		var connected atomic.Bool
		// The transport tries again if nothing was sent on a connection that turned out to
		// be closed.
		hooks.GetConn = func(string) { connected.Store(false) }
		hooks.GotConn = func(httptrace.GotConnInfo) { connected.Store(true) }
		unsent = func(error) bool { return !connected.Load() }
	}
	return httptrace.WithClientTrace(ctx, &hooks), unsent
}

func isDialError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

func causeOf(ctx context.Context, err error, unsent bool) error {
	if cause := context.Cause(ctx); cause == errResponseTimeout {
		err = cause
	}
	if unsent {
		return errUnsent{err}
	}
	return err
}

// watch ends a request to the backend when nothing moves for too long. It may be
// used from several goroutines, as the content of a request is read on another.
type watch struct {
	timeout time.Duration
	cancel  context.CancelCauseFunc

	mu     sync.Mutex
	timer  *time.Timer // nil if there is no bound
	paused bool
}

func newWatch(ctx context.Context, timeout time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{timeout: timeout, cancel: cancel}
	if timeout > 0 {
		w.timer = time.AfterFunc(timeout, func() { cancel(errResponseTimeout) })
	}
	return ctx, w
}

// touch starts the time anew, unless it is paused.
func (w *watch) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil && !w.paused {
		w.timer.Reset(w.timeout)
	}
}

// pause stops the time until resume.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watch) resume() {
	w.mu.Lock()
	w.paused = false
	w.mu.Unlock()
	w.touch()
}

func (w *watch) end() {
	w.pause()
	w.cancel(nil)
}

// watchedBody is content that moves.
type watchedBody struct {
	io.ReadCloser
	watch *watch
	res   *http.Response // nil if it is a request's
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.watch.touch()
	if err == io.EOF && b.res != nil {
		pruneTrailer(b.res.Trailer) // now all of it is there
	}
	return n, err
}

// withTimeout has reading from a response's content end when the backend stops for
// too long. Without it, a slow client may take its time.
func withTimeout(body io.ReadCloser, read func() error) error {
	w, ok := body.(*watchedBody)
	if !ok {
		return read()
	}
	w.watch.resume()
	defer w.watch.pause()
	return read()
}

// errIncomplete wraps the error of a response that ended early.
type errIncomplete struct{ error }

func (e errIncomplete) Unwrap() error { return e.error }

// discardAndClose ends a response whose content is not wanted. What is short is
// read, so that the connection can be used again.
func discardAndClose(res *http.Response) {
	const short = 64 << 10
	if res.ContentLength >= 0 && res.ContentLength <= short {
		_, _ = io.CopyN(io.Discard, res.Body, short)
	}
	_ = res.Body.Close()
}

// errIsTimeout reports whether a backend was too slow.
func errIsTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || isNetTimeout(err)
}

func isNetTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}
