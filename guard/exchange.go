package guard

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/internal/target"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// exchange is one request of a client on its way to an answer.
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
	// key names the target among locks, and keys are all that the request writes to.
	key  string
	keys []string
	// overridden says that the request names another method beside its own, which a backend may perform.
	overridden bool
	now        time.Time
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

	notes
}

// notes are what the record is made of. Nothing is decided by them.
type notes struct {
	// told is the state that the client is told of, decision what was decided by it, if evaluated, and made the tag of the
	// state that a write has made.
	told      state
	decision  precondition.Decision
	evaluated bool
	made      etag.Tag
	reason    string
	err       error
	lockWait  time.Duration
	backend   observe.Backend
}

func newExchange(h *Handler, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Handler: h, r: r, sent: r, now: h.options.Now()}
	x.w = &answerWriter{ResponseWriter: w, x: x}
	x.fields = precondition.FieldsOf(r.Header)
	return x
}

// end releases everything and tells the observer.
func (x *exchange) end() {
	for _, release := range x.atEnd {
		release()
	}
	x.boundRest()
	if x.options.Observe != nil {
		x.options.Observe(x.r, x.record())
	}
}

// record is what the observer is told.
func (x *exchange) record() *observe.Record {
	rec := &observe.Record{
		Started: x.now, Duration: x.options.Now().Sub(x.now), Status: x.w.status, Bytes: x.w.bytes,
		Decision: x.decision, Evaluated: x.evaluated, Current: x.told.Tag, New: x.made, Reason: x.reason, Err: x.err,
		Validator: x.told.from, Why: x.told.why, LockWait: x.lockWait, Backend: x.backend,
	}
	if x.route != nil {
		rec.Route = x.route.Name
	}
	return rec
}

// loggedPath is the path of the target for the log, without what lets a reader in.
func (x *exchange) loggedPath() string { return secret.Text(x.r.URL.Path) }

// onEnd has release called at the end.
func (x *exchange) onEnd(release func()) { x.atEnd = append(x.atEnd, release) }

// serve finds the answer, and sends it.
func (x *exchange) serve() {
	for _, refuses := range [...]func() *condhttp.Problem{x.readTarget, x.inadmissible, x.readDestination} {
		if p := refuses(); p != nil {
			x.refuse(x.w, p)
			return
		}
	}
	x.outlive()
	out := x.outbound()
	x.nameLocks(out)
	a := x.find(out)
	x.w.endInterim()
	a.send(x)
}

// find returns the answer to a request that is ready for the backend.
func (x *exchange) find(out *http.Request) answer {
	switch {
	case isRPC(out) && !x.isJudged():
		res, err := x.send(out)
		if err != nil {
			return failed{err}
		}
		return passed{res}
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

// readTarget brings the target into its normal form, of which all else is made: the route, the lock
// and what the backend is sent. Nobody looks at what the client sent after this, but for
// the log.
func (x *exchange) readTarget() *condhttp.Problem {
	if !isToken(x.r.Method) {
		return condhttp.NewProblem(http.StatusBadRequest, "invalid-method",
			fmt.Sprintf("%.40q is no method: it has characters that no method has", x.r.Method), "send a method such as GET or PUT")
	}
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
	x.overridden = namesMethod(x.r)
	return nil
}

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

// mayUpgrade reports whether a change of protocol is passed on: one that begins with a
// GET, as that of WebSocket. Whoever asks for HTTP/2 by it can well go without (RFC 9110
// §7.8), and a write must not get past its precondition that way.
func mayUpgrade(method, protocol string) bool {
	return method == http.MethodGet && !strings.EqualFold(protocol, "h2c") && !hasControl(protocol)
}

// isRPC reports whether the content is a stream of messages that are answered
// before it ends, so that it can be neither held back nor locked.
func isRPC(out *http.Request) bool {
	return out.Method == http.MethodPost && strings.HasPrefix(out.Header.Get("Content-Type"), "application/grpc")
}
