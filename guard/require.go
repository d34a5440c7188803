package guard

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// What require asks for is a condition that has been judged: by the guard, or by a backend
// that is known to do so. One that nobody evaluates does not count.

// judgesTarget reports whether the write depends on the state of its target: it has a precondition,
// or may need one.
func (x *exchange) judgesTarget() bool {
	f := x.fields
	return len(f.IfMatch) > 0 || len(f.IfNoneMatch) > 0 || len(f.IfUnmodifiedSince) > 0 ||
		x.tagsOfTarget() || x.requirement() != condhttp.RequireNone
}

// isJudged reports whether the write depends on what is there now.
func (x *exchange) isJudged() bool {
	return x.judgesTarget() || x.tagsInIf() || x.destination != nil && x.destination.require != condhttp.RequireNone
}

// requirement is the route's, where it makes sense: POST creates something as a rule, and some methods of
// WebDAV overwrite nothing at the target, or not its content. A request that names another method beside its own may
// well be that one.
func (x *exchange) requirement() condhttp.Requirement {
	if x.overridden {
		return x.route.Require
	}
	switch x.r.Method {
	case "MKCOL", method.Lock, method.Unlock, "COPY":
		return condhttp.RequireNone
	case http.MethodPost, method.Proppatch, method.ACL:
		if x.route.Require == condhttp.RequireOverwrite {
			return condhttp.RequireNone
		}
	}
	return x.route.Require
}

// unmet is the refusal of a write for want of a precondition that was evaluated, or nil. d is what came of
// those that there are, by the state h.
func (x *exchange) unmet(out *http.Request, h *held, d precondition.Decision) answer {
	require := x.requirement()
	if require == condhttp.RequireNone || d.Guarded || require == condhttp.RequireOverwrite && !h.exists {
		return nil
	}
	c := x.stateForWrite(h)
	if x.submits(out, x.r.URL, h) {
		return nil
	}
	p := condhttp.Required(x.r.Method, x.fields, c.Current)
	if x.overridden {
		p.Detail += "; the request names another method beside its own, which a backend may perform in its place"
	}
	if len(x.r.Header["If"]) > 0 {
		p.Detail += "; its If field holds no condition that is known to be evaluated and true"
	}
	return refusal(p)
}

// verifyDestination evaluates what there is to say about the destination of COPY or MOVE: nobody
// overwrites what he has not seen. Overwrite: F is a condition, too (RFC 4918 §10.6), and
// the guard holds a write to it.
func (x *exchange) verifyDestination(out *http.Request) answer {
	d := x.destination
	if d == nil || d.require == condhttp.RequireNone {
		return nil
	}
	exists, unseen := x.existsAt(out, d.url)
	if unseen != nil {
		return unseen
	}
	keeps := x.keepsDestination()
	switch {
	case exists && keeps:
		return refusal(condhttp.NewProblem(http.StatusPreconditionFailed, "destination-exists",
			"the request has Overwrite: F, and there is something at its destination", "choose another destination"))
	case keeps, !exists && d.require == condhttp.RequireOverwrite, x.submits(out, d.url, x.ifStates[d.url.EscapedPath()]):
		return nil
	}
	p := condhttp.Required(x.r.Method, x.fields, precondition.Current{Exists: exists})
	p.Detail, p.Hint, p.Current = p.Detail+" at its destination", "send Overwrite: F", nil
	if exists {
		p.Hint = "fetch what is there, delete it with If-Match, and send the request again with Overwrite: F"
	}
	return refusal(p)
}
