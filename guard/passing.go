package guard

import (
	"net/http"
	"strconv"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
)

func (x *exchange) preconditionFor(seen *held) trust.Passed {
	if seen.exists {
		return trust.IfMatchTag
	}
	return trust.IfNoneMatchAny
}

// accepted notes that a write with a true precondition was accepted though it changed the state: one that is held against the
// state afterwards would have been refused.
func (x *exchange) accepted(up *upload, seen *held) {
	if seen.exists && x.r.Method == http.MethodPut && (seen.content.IsZero() || up == nil || up.is(seen)) {
		return
	}
	if trust.CanBeSeen(x.r.Method) {
		x.route.learned.Passing.Accepts(x.preconditionFor(seen))
	}
}

// isRefusal reports whether a backend says by this status that a precondition is false. A 304 is no answer to a write, but some give it.
func isRefusal(status int) bool {
	return status == http.StatusPreconditionFailed || status == http.StatusNotModified
}

// settle answers a write whose precondition held when the guard looked, and which the backend refused. Either somebody has
// written around the guard meanwhile, or the backend cannot judge its own tags, and may have performed the write all the
// same. What is there now tells, and no more is said than that. If that is what was there before, the write can be sent
// again.
func (x *exchange) settle(out *http.Request, up *upload, seen *held, res *http.Response) (a answer, again *held) {
	p := &x.route.learned.Passing
	proven := p.Accepted(x.preconditionFor(seen)) && res.StatusCode == http.StatusPreconditionFailed
	now, unseen := x.check(out)
	switch {
	case unseen != nil:
		return x.doubtful("the state cannot be seen"), nil
	case !proven && x.isDone(up, now):
		x.misjudged("performed what it refused")
		return x.performed(up, seen, now, res), nil
	case isUnchanged(seen, now) && trust.CanBeSeen(x.r.Method):
		if a := x.mayRepeat(up, seen, now); a != nil {
			return a, nil
		}
		return nil, now
	case proven || x.route.Preconditions == PreconditionsPass && res.StatusCode == http.StatusPreconditionFailed:
		if _, refused := x.judge(up, now); refused != nil {
			return refused, nil
		}
	}
	return x.doubtful("what is there does not tell whether it was performed"), nil
}

// mayRepeat refuses to send a write again that was refused without need, and has changed nothing; nil if it is sent: by another tag
// if the content has another one now, and else without a precondition, as the guard has evaluated it. Of a write that may be
// repeated (RFC 9110 §9.2.2) nothing can come of that but what it asks for. Where the operator wants preconditions passed
// on, none is sent without.
func (x *exchange) mayRepeat(up *upload, seen, now *held) answer {
	retagged := seen.exists && seen.Strong() && now.Strong() && now.Tag != seen.Tag
	if !retagged {
		x.misjudged("refused a precondition that holds")
	}
	if x.repeated || up != nil && !up.content.whole || !retagged && x.route.Preconditions == PreconditionsPass {
		return refusal(condhttp.NewProblem(http.StatusBadGateway, reasonRefused,
			"the server behind this gateway refused a precondition that holds; nothing was changed", "try again"))
	}
	return nil
}

// isDone reports whether now is what the write would make.
func (x *exchange) isDone(up *upload, now *held) bool {
	switch x.r.Method {
	case http.MethodPut:
		return up.is(now) || up == nil && now.exists && now.content == etag.Of(nil)
	case http.MethodDelete:
		return !now.exists
	}
	return false
}

// isUnchanged reports whether the state is for certain the one before the write.
func isUnchanged(seen, now *held) bool {
	if seen.exists != now.exists {
		return false
	}
	if !seen.exists {
		return true
	}
	if !seen.content.IsZero() {
		return seen.content == now.content
	}
	return seen.Strong() && seen.Tag == now.Tag
}

// misjudged has no preconditions passed on any more.
func (x *exchange) misjudged(what string) {
	x.route.learned.Passing.Stop()
	x.log.WarnContext(x.r.Context(), "the backend misjudges preconditions: none are passed on to it any more", "route", x.route.Name,
		"path", x.loggedPath(), "method", x.r.Method, "it", what)
}

// doubtful says that the outcome of a refused write is not known.
func (x *exchange) doubtful(why string) answer {
	x.misjudged("refused a precondition that held; " + why)
	return refusal(condhttp.NewProblem(http.StatusBadGateway, reasonUnknown,
		"the server behind this gateway refused a precondition that held when it was asked, and "+why+
			": the write may or may not have been performed", "fetch the resource to see whether it was before you try again"))
}

// performed is the response to a write that was performed, in the place of the one that denies it.
func (x *exchange) performed(up *upload, seen, now *held, res *http.Response) answer {
	status := http.StatusNoContent
	if !seen.exists {
		status = http.StatusCreated
	}
	done := &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Via": res.Header["Via"], "Date": {x.now.UTC().Format(http.TimeFormat)}}, Body: http.NoBody, Request: res.Request,
	}
	if now.exists && x.route.Validators != ValidatorsNone {
		x.told = x.stateOf(now)
		if tag := x.told.Tag; !tag.IsZero() && !tag.IsWeak() {
			x.made = tag
			condhttp.SetValidators(done.Header, x.told.Current)
		}
	}
	return passed{done}
}
