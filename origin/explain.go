package origin

import (
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// reasonApplied is the reason of a refusal whose write had been applied before.
const reasonApplied = "already-applied"

// refuseRead answers the decision to refuse a GET or HEAD: 412.
func (x *exchange) refuseRead(res *resource, rep *representation) {
	current := x.currentOf(res, rep)
	x.refuse(x.explained(current), field{"Vary", res.vary})
}

// refuseWrite answers the decision to refuse a write: 412, or 400 if its
// precondition cannot be read.
func (x *exchange) refuseWrite(info store.Info, current precondition.Current, same func(store.Info) bool) {
	p := x.explained(current)
	if p.Status == 412 && same != nil && same(info) {
		if x.acceptsReplay() {
			x.succeeded(204, info)
			return
		}
		p.Reason = reasonApplied
	}
	x.refuse(p)
}

// explained is the problem for a decision that refuses a request.
func (x *exchange) explained(current precondition.Current) *condhttp.Problem {
	return x.withheld(condhttp.FromDecision(x.r.Method, x.fields, x.rec.Decision, current), current)
}

// withheld takes a modification date out of p that must not be given out yet.
func (x *exchange) withheld(p *condhttp.Problem, current precondition.Current) *condhttp.Problem {
	if p.Current == nil || published(current.LastModified, x.now) {
		return p
	}
	p.Current.LastModified = time.Time{}
	if x.rec.Decision.Reason == precondition.Modified {
		p.Detail = "the request has " + p.Precondition + ": " + p.Sent + ", but the resource was modified just now"
	}
	return p
}
