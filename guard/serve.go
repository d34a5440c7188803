package guard

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/target"
)

// serve finds the answer, and sends it.
func (x *exchange) serve() {
	for _, refuses := range [...]func() *condhttp.Problem{x.readTarget, x.inadmissible, x.readDestination} {
		if p := refuses(); p != nil {
			x.refuse(x.w, p)
			return
		}
	}
	x.readIf()
	if !x.asksCache(x.r) { // else when that has nothing
		x.outlive()
	}
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
