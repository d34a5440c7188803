package guard

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/internal/idempotency"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// An answer is what the client is sent. It is found first and sent then: while it is sent, which may take long, no
// lock is held.
type answer interface {
	// send sends the answer. It panics with [http.ErrAbortHandler] if it cannot be sent whole.
	send(x *exchange)
}

// passed is a response of the backend that goes on, with its content as that arrives.
type passed struct{ res *http.Response }

func (a passed) send(x *exchange) {
	res, body := a.res, a.res.Body
	defer func() { _ = body.Close() }()
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.switchProtocols(res)
		return
	}
	h := x.w.Header()
	appendFields(h, res.Header)
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = nil // so that none is guessed
	}
	announced := len(res.Trailer)
	for name := range res.Trailer {
		h["Trailer"] = append(h["Trailer"], name)
	}
	x.w.WriteHeader(res.StatusCode)
	if err := x.copyContent(res); err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = body.Close() // now the trailer section is there
	if len(res.Trailer) == 0 {
		return
	}
	_ = http.NewResponseController(x.w).Flush() // so that short content does not get a length in its place
	if len(res.Trailer) == announced {
		appendFields(h, res.Trailer)
		return
	}
	for name, lines := range res.Trailer {
		h[http.TrailerPrefix+name] = lines
	}
}

// withoutContent takes away the content of what is to be the response to a HEAD.
func (x *exchange) withoutContent(res *http.Response) *http.Response {
	if x.r.Method == http.MethodHead {
		_ = res.Body.Close()
		res.Body = http.NoBody
	}
	return res
}

// copyContent copies the content to the client, and at once what has no known end.
func (x *exchange) copyContent(res *http.Response) error {
	buffers := copyBuffers{lent: &x.shared.budgets.copying, length: res.ContentLength}
	buffer := buffers.Get()
	defer buffers.Put(buffer)
	var w io.Writer = writerOnly{x.w}
	if res.ContentLength < 0 || isEventStream(res.Header) {
		w = &flushingWriter{x.w, http.NewResponseController(x.w)}
		_, _ = w.Write(nil)
	}
	_, err := io.CopyBuffer(w, struct{ io.Reader }{res.Body}, buffer)
	return err
}

// writerOnly hides ReadFrom: content that comes over a connection is copied through our buffer, and counted as it moves.
type writerOnly struct{ io.Writer }

// flushingWriter keeps nothing back.
type flushingWriter struct {
	io.Writer
	control *http.ResponseController
}

func (w *flushingWriter) Write(p []byte) (n int, err error) {
	if len(p) > 0 {
		n, err = w.Writer.Write(p)
	}
	if err == nil {
		_ = w.control.Flush()
	}
	return n, err
}

// switchProtocols lets client and backend talk to each other directly (RFC 9110 §7.8), until both have ended.
func (x *exchange) switchProtocols(res *http.Response) {
	tunnel := httputil.ReverseProxy{
		Rewrite:      func(*httputil.ProxyRequest) {},
		Transport:    answered{res},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { failed{err}.send(x) },
		ErrorLog:     discard,
	}
	tunnel.ServeHTTP(x.w, x.r)
}

// discard is for messages of ReverseProxy about clients that have gone.
var discard = log.New(io.Discard, "", 0)

// answered is a transport for a request that has been answered already.
type answered struct{ res *http.Response }

func (a answered) RoundTrip(*http.Request) (*http.Response, error) { return a.res, nil }

// served is content that is at hand, of which the client gets what it asked for (RFC 9110 §13 and §14).
type served struct {
	header  http.Header
	current precondition.Current
	content io.ReadSeeker
}

func (a served) send(x *exchange) {
	maps.Copy(x.w.Header(), a.header)
	x.checker().Serve(x.w, x.r, a.current, a.content)
}

// decided is the answer to a precondition that is false.
type decided struct {
	header  http.Header
	current precondition.Current
}

func (a decided) send(x *exchange) {
	maps.Copy(x.w.Header(), a.header)
	x.checker().Check(x.w, x.r, a.current)
}

// refused is a refusal of the guard's own. header has what it says beside the problem.
type refused struct {
	problem *condhttp.Problem
	header  http.Header
}

func refusal(p *condhttp.Problem) answer { return refused{problem: p} }

func (a refused) send(x *exchange) {
	maps.Copy(x.w.Header(), a.header)
	x.refuse(x.w, a.problem)
}

// refuse writes a problem, and keeps its reason.
func (x *exchange) refuse(w http.ResponseWriter, p *condhttp.Problem) {
	x.reason = p.Reason
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	if p.Status == http.StatusPreconditionFailed && x.keyed != nil && !x.shared.once.Knows(x.keyed.id) {
		w.Header().Set(idempotency.FieldReplayed, "false")
	}
	p.Write(w, x.r)
}

// failed is the answer where an error came in the place of one.
type failed struct{ err error }

func (a failed) send(x *exchange) {
	x.err = a.err
	if x.r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody waits for an answer
	}
	p := problemOf(a.err)
	x.log.WarnContext(x.r.Context(), "request failed", "route", x.route.Name, "method", x.r.Method,
		"path", x.loggedPath(), "status", p.Status, "reason", p.Reason, "error", secret.Text(a.err.Error()))
	x.refuse(x.w, p)
}

// policy is what the route says of the evaluation.
func (x *exchange) policy() precondition.Policy {
	return precondition.Policy{LenientTags: x.route.LenientTags, StaleIfRange: x.route.StaleIfRange}
}

// checker evaluates, and writes what comes of it.
func (x *exchange) checker() condhttp.Checker {
	refuse := func(w http.ResponseWriter, _ *http.Request, p *condhttp.Problem) { x.refuse(w, p) }
	return condhttp.Checker{Policy: x.policy(), Now: x.options.Now, Logger: x.log, Refuse: refuse}
}
