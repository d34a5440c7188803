package condhttp

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// StateFunc finds out the current state of a request's target. It is called on
// the request's goroutine, so from many at once, and does not read the body. To
// answer 403, 404 or the like it returns a [*Problem]; any other error makes a
// 500 that tells the client nothing.
type StateFunc func(r *http.Request) (precondition.Current, error)

// Evaluation is what [Checker.Preconditions] has found about a request.
type Evaluation struct {
	// Decision is Perform, with Guarded saying whether a precondition was true.
	Decision precondition.Decision
	// Current is the state that was evaluated, and so, if the request is guarded, the
	// state that a write has to find still: Current.Tag, or nothing if not
	// Current.Exists.
	Current precondition.Current
}

type evaluationKey struct{}

// FromContext returns what [Checker.Preconditions] has found about a request,
// given its context. ok is false if the request did not come through it.
func FromContext(ctx context.Context) (e Evaluation, ok bool) {
	e, ok = ctx.Value(evaluationKey{}).(Evaluation)
	return e, ok
}

// Preconditions is [Checker.Preconditions] of the zero Checker.
func Preconditions(state StateFunc) func(http.Handler) http.Handler {
	return Checker{}.Preconditions(state)
}

// Preconditions returns a middleware that evaluates the preconditions of each
// request against the state that the callback finds, as [Checker.Check] does, and
// calls the handler only if the method is to be performed. OPTIONS, TRACE and
// CONNECT, which have no preconditions, reach the handler as they are.
//
// For writes this is a courtesy and no guard. It refuses early what is stale
// already, before the content is read, but another client may write between the
// answer of the callback and the handler's own write. The handler closes that
// window with one of these:
//
//   - [Checker.Verify] in its transaction, with the state it finds there;
//   - a write that carries the condition, such as UPDATE … WHERE etag = ?, with the
//     tag of the [Evaluation] that [FromContext] returns.
//
// For reads it sets ETag and Last-Modified before it calls the handler, and a
// handler may set better ones. When the header of a 200 or 206 goes out the
// callback is asked again, and the fields are removed if the state has changed:
// the handler may have read either version. So a handler that does not set its
// own ETag reads all of its content before it writes any. Other answers, such
// as a 404, lose the fields too.
func (c Checker) Preconditions(state StateFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !method.Selects(r.Method) {
				next.ServeHTTP(w, r)
				return
			}
			current, err := state(r)
			if err != nil {
				c.WriteError(w, r, err)
				return
			}
			c.guard(w, r, current, state, next)
		})
	}
}

// guard calls next if the preconditions of r let it.
func (c Checker) guard(w http.ResponseWriter, r *http.Request, current precondition.Current, state StateFunc, next http.Handler) {
	d, current := c.decide(r, current)
	if !c.act(w, r, d, current) {
		return
	}
	inner := r.WithContext(context.WithValue(r.Context(), evaluationKey{}, Evaluation{d, current}))
	if !method.Reads(r.Method) || !current.Exists {
		next.ServeHTTP(w, inner)
		return
	}
	rw := &rereadWriter{
		ResponseWriter: w, request: r, state: state, before: current,
		tag: w.Header().Get("Etag"), date: w.Header().Get("Last-Modified"),
	}
	next.ServeHTTP(rw, inner)
	rw.header(http.StatusOK) // of a handler that wrote nothing
}

// rereadWriter removes the validators that the middleware has set if, when the
// header goes out, they are not those of the content for certain.
type rereadWriter struct {
	http.ResponseWriter
	request *http.Request
	state   StateFunc
	before  precondition.Current
	// tag and date are the fields as the middleware has set them, or "".
	tag, date string
	done      bool // the header has gone out
}

// header looks after the fields, once, before the header goes out.
func (w *rereadWriter) header(status int) {
	if w.done {
		return
	}
	w.done = true
	switch status {
	case http.StatusNotModified:
		return
	case http.StatusOK, http.StatusPartialContent:
		if w.unchanged() {
			return
		}
	}
	deleteIf(w.Header(), "Etag", w.tag)
	deleteIf(w.Header(), "Last-Modified", w.date)
}

// deleteIf removes a field if its value is still the one given.
func deleteIf(h http.Header, name, value string) {
	if h.Get(name) == value {
		delete(h, name)
	}
}

// unchanged asks for the state again. Of a state without a tag the date has to
// do: it is only sent once its second has passed.
func (w *rereadWriter) unchanged() bool {
	now, err := w.state(w.request)
	return err == nil && now.Exists && now.Tag == w.before.Tag && now.LastModified.Equal(w.before.LastModified)
}

func (w *rereadWriter) WriteHeader(status int) {
	if !isInformational(status) {
		w.header(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *rereadWriter) Write(p []byte) (int, error) {
	w.header(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets the operating system copy a file, if it can.
func (w *rereadWriter) ReadFrom(src io.Reader) (int64, error) {
	w.header(http.StatusOK)
	return io.Copy(w.ResponseWriter, src)
}

func (w *rereadWriter) Flush() { _ = w.FlushError() }

func (w *rereadWriter) FlushError() error {
	w.header(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *rereadWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.done = true
	}
	return conn, buf, err
}

// Unwrap is for http.ResponseController.
func (w *rereadWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// isInformational reports whether a status is that of an interim response, which
// another one follows: 1xx, save 101 (RFC 9110 §15.2).
func isInformational(status int) bool {
	return 100 <= status && status <= 199 && status != http.StatusSwitchingProtocols
}
