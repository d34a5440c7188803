package condhttp

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Checker is how conditional requests are answered. The zero Checker is that of an
// origin server by the letter of RFC 9110; it is what the functions of the package
// use. A Checker may be used from any number of goroutines, and must not be
// changed meanwhile.
type Checker struct {
	// Role is whose evaluation it is: the origin's, or a cache's, which leaves
	// If-Match, If-Unmodified-Since and writes alone (RFC 9110 §13.2.2).
	Role precondition.Role
	// Policy holds what a server may choose.
	Policy precondition.Policy
	// Require says which writes are refused with 428 for want of a precondition.
	Require Requirement
	// Now is the clock, used where a [precondition.Current] has no Now. Nil
	// stands for time.Now.
	Now func() time.Time
	// Refuse writes a refusal. It may change its copy of the problem or send
	// another form of content, but not another status. Nil stands for
	// [Problem.Write].
	Refuse func(w http.ResponseWriter, r *http.Request, p *Problem)
	// Logger is told of errors that the client gets a bare 500 for. Nil stands
	// for slog.Default().
	Logger *slog.Logger
}

// Check is [Checker.Check] of the zero Checker.
func Check(w http.ResponseWriter, r *http.Request, current precondition.Current) bool {
	return Checker{}.Check(w, r, current)
}

// Check evaluates the preconditions of r against the current state of its target
// and reports whether the method is to be performed. If not, it has written the
// response, and the handler returns:
//
//   - 304 (RFC 9110 §15.4.5) with the fields that the handler has set, save those
//     that describe content, and save Last-Modified if there is an ETag;
//   - 412 or 400 with a [Problem] that explains it;
//   - 428, if c requires a precondition and there is none.
//
// If it returns true on GET, HEAD or QUERY, it has set ETag and Last-Modified for the 200
// that follows. Last-Modified is left out as long as the second it names
// has not passed, and so it never names a time to come: a date that was sent never
// covers two versions. Range may then be ignored, or use [Checker.Serve]
// in place of Check, which does not.
//
// Call it when the request would succeed without its preconditions, since they
// are to be ignored otherwise (§13.2.1): first 401, 403, 404, 405 and the like.
// For that reason, too, Check returns true on a read of what does not exist,
// and the handler answers 404.
//
// Before a write, Check is no guard by itself: the state may change before the
// write does. Call it where nobody else can write, in the transaction or under
// the lock, or use [Checker.Verify] there, which writes no response.
func (c Checker) Check(w http.ResponseWriter, r *http.Request, current precondition.Current) bool {
	d, current := c.decide(r, current)
	return c.act(w, r, d, current)
}

// Verify is [Checker.Verify] of the zero Checker.
func Verify(r *http.Request, current precondition.Current) error {
	return Checker{}.Verify(r, current)
}

// Verify evaluates the preconditions of r against the current state of its target,
// and returns nil if the method is to be performed, or else the [*Problem] to be
// written once the transaction is rolled back: see [Checker.WriteError]. It never
// asks for a 304; for reads use [Checker.Check].
func (c Checker) Verify(r *http.Request, current precondition.Current) error {
	d, current := c.decide(r, current)
	if p := c.refusal(r, d, current); p != nil {
		return p
	}
	return nil
}

// Evaluate is the decision that Check and Verify act on, for handlers that act
// otherwise.
func (c Checker) Evaluate(r *http.Request, current precondition.Current) precondition.Decision {
	d, _ := c.decide(r, current)
	return d
}

// WriteError is [Checker.WriteError] of the zero Checker.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	Checker{}.WriteError(w, r, err)
}

// WriteError answers r with err. If err is a [*Problem] or wraps one, that is
// written. Any other error is logged, and the client gets a 500 that says
// nothing of it. It must be called before anything else is written.
func (c Checker) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	if p, ok := errors.AsType[*Problem](err); ok {
		c.refuse(w, r, p)
		return
	}
	c.logger().ErrorContext(r.Context(), "cannot answer a request", "method", r.Method, "path", r.URL.Path, "error", err)
	c.refuse(w, r, NewProblem(http.StatusInternalServerError, "internal-error",
		"the server could not answer the request", "try again later"))
}

// decide evaluates r. It returns current with its Now filled in.
func (c Checker) decide(r *http.Request, current precondition.Current) (precondition.Decision, precondition.Current) {
	if current.Now.IsZero() {
		current.Now = c.now()
	}
	if !current.Exists && method.Reads(r.Method) {
		return precondition.Decision{}, current // a 404, whatever the preconditions
	}
	return c.Policy.Evaluate(c.Role, r.Method, precondition.FieldsOf(r.Header), current), current
}

// act does what d asks for, and reports whether the method is to be performed.
func (c Checker) act(w http.ResponseWriter, r *http.Request, d precondition.Decision, current precondition.Current) bool {
	if !c.permit(w, r, d, current) {
		return false
	}
	if method.Reads(r.Method) {
		validatorsOf(current).setOver(w.Header(), current.Now)
	}
	return true
}

// permit is act without the validators.
func (c Checker) permit(w http.ResponseWriter, r *http.Request, d precondition.Decision, current precondition.Current) bool {
	if d.Outcome == precondition.NotModified {
		writeNotModified(w, d, current)
		return false
	}
	if p := c.refusal(r, d, current); p != nil {
		c.refuse(w, r, p)
		return false
	}
	return true
}

// refusal explains why r is refused; it is nil if r is not.
func (c Checker) refusal(r *http.Request, d precondition.Decision, current precondition.Current) *Problem {
	if p := FromDecision(r.Method, precondition.FieldsOf(r.Header), d, current); p != nil {
		return p
	}
	if c.Require.misses(r.Method, d.Guarded, current.Exists) {
		return Required(r.Method, precondition.FieldsOf(r.Header), current)
	}
	return nil
}

func (c Checker) refuse(w http.ResponseWriter, r *http.Request, p *Problem) {
	if c.Refuse != nil {
		own := *p // p may be shared, as errors are
		c.Refuse(w, r, &own)
		return
	}
	p.Write(w, r)
}

func (c Checker) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c Checker) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return slog.Default()
}

// writeNotModified writes a 304: RFC 9110 §15.4.5. It carries the tag that the
// client's copy has, which may be that of another content coding.
func writeNotModified(w http.ResponseWriter, d precondition.Decision, current precondition.Current) {
	h := w.Header()
	if !d.Matched.IsZero() {
		current.Tag = d.Matched
	}
	validatorsOf(current).setOver(h, current.Now)
	ToNotModified(h)
	w.WriteHeader(http.StatusNotModified)
}
