package condhttp

import (
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Requirement says which writes need a precondition (RFC 6585 §3). One that
// guards nothing, such as an If-Unmodified-Since that is not a date, does not
// count.
type Requirement uint8

const (
	// RequireNone refuses no write.
	RequireNone Requirement = iota
	// RequireOverwrite refuses a write that would replace, change or delete
	// something. It leaves POST alone, which mostly creates something under a
	// name that the server chooses.
	RequireOverwrite
	// RequireAlways refuses every method that is not safe.
	RequireAlways
)

// misses reports whether a request has to be refused.
func (q Requirement) misses(m string, guarded, exists bool) bool {
	if guarded || !q.covers(m) {
		return false
	}
	return q == RequireAlways || exists
}

func (q Requirement) covers(m string) bool {
	switch {
	case !method.Writes(m):
		return false
	case m == http.MethodPost:
		return q == RequireAlways
	}
	return q != RequireNone
}

// Require returns a middleware that refuses writes without a precondition: 428
// (RFC 6585 §3). It looks at the fields alone; whether the condition is true is
// for the handler to see.
//
// Whether there is something to overwrite it learns from [Preconditions], if
// that is around it. Otherwise it takes every write for one that overwrites. A
// handler that uses [Checker.Check] or [Checker.Verify] sets [Checker.Require]
// in place of this middleware, as it knows best.
func Require(q Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if p := q.refusal(r); p != nil {
				p.Write(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func (q Requirement) refusal(r *http.Request) *Problem {
	fields := precondition.FieldsOf(r.Header)
	if e, ok := FromContext(r.Context()); ok {
		if q.misses(r.Method, e.Decision.Guarded, e.Current.Exists) {
			return Required(r.Method, fields, e.Current)
		}
		return nil
	}
	if q.misses(r.Method, couldGuard(r.Method, fields), true) {
		return requiredOfUnknown(r.Method, fields)
	}
	return nil
}

// couldGuard reports whether fields hold a precondition that guards some state of
// the resource: one with all validators that there can be.
func couldGuard(method string, fields precondition.Fields) bool {
	some := precondition.Current{Exists: true, LastModified: time.Unix(0, 0)}
	return precondition.Evaluate(precondition.Origin, method, fields, some).Guarded
}
