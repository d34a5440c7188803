package guard

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/target"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// exchange is one request of a client on its way to an answer. It is the
// transport of its own [httputil.ReverseProxy], which sees to what any proxy does.
type exchange struct {
	*Handler
	route *route
	w     *answerWriter
	r     *http.Request
	// sent is the request as net/http made it, which is where that puts the trailer section.
	sent   *http.Request
	fields precondition.Fields
	// destination is nil if the request writes to its target alone.
	destination *destination
	// overridden says that the request names another method beside its own, which a backend may perform.
	overridden bool
	now        time.Time
	rec        observe.Record
	// source is the content of the request, if any of it was read.
	source *source
	// glance is the read of the representation, and asked its beginning, for what is remembered of it.
	glance turn.Glance
	asked  turn.Moment
	// sampled says that all of the content is looked at, though a question or a stream would do, to see
	// whether the backend still deserves its trust.
	sampled bool
	// repeated says that a write is sent for the second time, as the first was refused and has changed nothing.
	repeated bool
	// atEnd is what is to be released when the request has been answered.
	atEnd []func()
}

func newExchange(h *Handler, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Handler: h, r: r, sent: r, now: h.options.Now()}
	x.w = &answerWriter{ResponseWriter: w, x: x}
	x.fields = precondition.FieldsOf(r.Header)
	x.rec.Started = x.now
	return x
}

// end releases everything and tells the observer.
func (x *exchange) end() {
	for _, release := range x.atEnd {
		release()
	}
	x.boundRest()
	x.rec.Duration = x.options.Now().Sub(x.now)
	x.rec.Status, x.rec.Bytes = x.w.status, x.w.bytes
	if x.options.Observe != nil {
		x.options.Observe(x.r, &x.rec)
	}
}

// onEnd has release called at the end.
func (x *exchange) onEnd(release func()) { x.atEnd = append(x.atEnd, release) }

func (x *exchange) serve() {
	p := x.readTarget()
	if p == nil {
		p = x.inadmissible()
	}
	if p == nil {
		p = x.readDestination()
	}
	if p != nil {
		x.refuse(x.w, p)
		return
	}
	x.outlive()
	proxy := httputil.ReverseProxy{
		Rewrite:      x.rewrite,
		Transport:    x,
		ErrorHandler: x.answerError,
		ErrorLog:     discard,
	}
	proxy.ModifyResponse = func(res *http.Response) error {
		if len(res.Header["Content-Type"]) == 0 {
			x.w.Header()["Content-Type"] = nil // so that none is guessed
		}
		proxy.BufferPool = copyBuffers{lent: &x.shared.budgets.copying, length: res.ContentLength}
		return nil
	}
	proxy.ServeHTTP(x.w, x.r)
}

// readTarget brings the target into its normal form, of which all else is made: the route, the lock
// and what the backend is sent. Nobody looks at what the client sent after this, but for
// the log.
func (x *exchange) readTarget() *condhttp.Problem {
	fault := target.Check(x.r, x.clientScheme())
	if fault == nil {
		x.r, fault = target.Of(x.r)
	}
	if fault == nil {
		x.route, fault = x.routeOf(x.r.Method, x.r.Host, x.r.URL)
	}
	if fault != nil {
		return condhttp.NewProblem(http.StatusBadRequest, fault.Reason, fault.Detail, fault.Hint)
	}
	if x.route != nil {
		x.rec.Route = x.route.Name
	}
	x.overridden = namesMethod(x.r)
	return nil
}

// discard is for messages of ReverseProxy about clients that have gone.
var discard = log.New(io.Discard, "", 0)

// inadmissible says why the request goes nowhere, or is nil.
func (x *exchange) inadmissible() *condhttp.Problem {
	switch {
	case x.r.Method == http.MethodConnect:
		return condhttp.NewProblem(http.StatusMethodNotAllowed, "no-tunnel", "this is a gateway, and no proxy to tunnel through", "")
	case x.route == nil:
		return condhttp.NewProblem(http.StatusNotFound, "no-route", "no route is configured for this request", "")
	case x.lastHop():
		return condhttp.NewProblem(http.StatusMethodNotAllowed, "max-forwards",
			"the request has Max-Forwards: 0, and so is for this gateway, which has nothing to answer it with", "")
	}
	if field := x.crowded(); field != "" {
		return condhttp.NewProblem(http.StatusRequestHeaderFieldsTooLarge, "too-many-tags",
			fmt.Sprintf("%s lists more than %d entity tags", field, MaxTags), "send those of versions you still have")
	}
	return nil
}

// lastHop reports whether the request must not be forwarded (RFC 9110 §7.6.2).
func (x *exchange) lastHop() bool {
	if x.r.Method != http.MethodOptions && x.r.Method != http.MethodTrace {
		return false
	}
	n, err := strconv.Atoi(x.r.Header.Get("Max-Forwards"))
	return err == nil && n == 0
}

// crowded returns the name of a field with too many entity tags, or "".
func (x *exchange) crowded() string {
	for _, list := range []struct {
		name  string
		lines []string
	}{{"If-Match", x.fields.IfMatch}, {"If-None-Match", x.fields.IfNoneMatch}} {
		n := 0
		for range etag.Members(list.lines) {
			if n++; n > MaxTags {
				return list.name
			}
		}
	}
	return ""
}

// RoundTrip finds the response to a request that is ready for the backend. An
// answer of the guard's own is returned as an error that is an *answer.
func (x *exchange) RoundTrip(out *http.Request) (*http.Response, error) {
	if out.Header.Get("Upgrade") != "" && !mayUpgrade(out) {
		deleteFields(out.Header, []string{"Upgrade", "Connection", "Http2-Settings"})
	}
	out.Trailer = trailerOf(x.sent)
	switch {
	case isRPC(out) && !x.isJudged():
		return x.send(out)
	case method.Writes(out.Method):
		return x.write(out)
	case method.Reads(out.Method) && out.Method != method.Query:
		out.Trailer = nil // its content has no meaning (RFC 9110 §9.3.1)
		return x.read(out)
	}
	// What else is safe is about something other than the representation that a GET would
	// transfer, so that only the backend can evaluate its conditions.
	return x.passContent(out)
}

// mayUpgrade reports whether a change of protocol is passed on: one that begins with a
// GET, as that of WebSocket. Whoever asks for HTTP/2 by it can well go without (RFC 9110
// §7.8), and a write must not get past its precondition that way.
func mayUpgrade(out *http.Request) bool {
	return out.Method == http.MethodGet && !strings.EqualFold(out.Header.Get("Upgrade"), "h2c")
}

// isRPC reports whether the content is a stream of messages that are answered
// before it ends, so that it can be neither held back nor locked.
func isRPC(out *http.Request) bool {
	return out.Method == http.MethodPost && strings.HasPrefix(out.Header.Get("Content-Type"), "application/grpc")
}

// answer is an answer of the guard's own.
type answer struct {
	write func(w http.ResponseWriter)
}

func (*answer) Error() string { return "answered by the guard" }

// refusal returns p as an error for RoundTrip.
func (x *exchange) refusal(p *condhttp.Problem) error {
	return &answer{func(w http.ResponseWriter) { x.refuse(w, p) }}
}

// refuse writes a problem, and keeps its reason.
func (x *exchange) refuse(w http.ResponseWriter, p *condhttp.Problem) {
	x.rec.Reason = p.Reason
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	p.Write(w, x.r)
}

// answerError writes the answer that RoundTrip's error is.
func (x *exchange) answerError(w http.ResponseWriter, _ *http.Request, err error) {
	if a, ok := errors.AsType[*answer](err); ok {
		a.write(w)
		return
	}
	x.rec.Err = err
	if x.r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody waits for an answer
	}
	p := problemOf(err)
	x.log.WarnContext(x.r.Context(), "request failed", "route", x.rec.Route, "method", x.r.Method,
		"path", x.r.URL.Path, "status", p.Status, "reason", p.Reason, "error", err)
	x.refuse(w, p)
}

// answerWriter says how long what is sent to the client is fresh, and counts it.
type answerWriter struct {
	http.ResponseWriter
	x      *exchange
	status int
	bytes  int64
	moved  atomic.Int64 // how often something was sent
}

// Unwrap is for [http.ResponseController].
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
		w.x.setFreshness(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.moved.Add(1)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets the operating system copy files.
func (w *answerWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes += n
	return n, err
}
