package origin

import (
	"context"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// stateOf is what a write's preconditions are evaluated against: the content as it
// is, and the tags that the same revision has in content codings.
func (x *exchange) stateOf(info store.Info) precondition.Current {
	if !info.Exists() {
		return precondition.Current{Now: x.now}
	}
	res := x.catalog.Of(info)
	return res.Current(&res.Identity, x.fields, x.now)
}

// requires reports whether the write is one that needs a precondition and has
// none that could have stopped it.
func (x *exchange) requires(info store.Info) bool {
	switch {
	case x.guarded() || x.requirement() == RequireNever:
		return false
	case x.requirement() == RequireAlways:
		return true
	case x.requirement() == RequireWhereLost:
		return x.r.Method != http.MethodDelete && info.Exists() && !store.CanSpare(x.store, info)
	}
	return info.Exists()
}

// writing is the context of a write: what a write without a precondition replaces is to be spared.
func (x *exchange) writing() context.Context {
	if x.guarded() {
		return x.ctx
	}
	return store.Sparing(x.ctx)
}

// guarded reports whether the write has a precondition that could have stopped it.
func (x *exchange) guarded() bool { return x.rec.Decision.Guarded || x.unlocked }

// required is the refusal of a write without a precondition, over what was seen.
func (x *exchange) required(seen store.Info, current precondition.Current) *condhttp.Problem {
	p := condhttp.Required(x.r.Method, x.fields, current)
	if x.requirement() == RequireWhereLost {
		p = condhttp.RequiredWhereLost(x.r.Method, x.fields, current, seen.Size)
	}
	return x.withheld(p, current)
}

// requirement says whether this write needs a precondition.
func (x *exchange) requirement() Require {
	if x.options.RequireOf != nil {
		return x.options.RequireOf(x.r)
	}
	return x.options.Require
}
