package origin

import (
	"errors"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// purge answers DELETE for one earlier revision, or for all of them. Who may do so is
// asked first: whoever has no right to it is not told what there is.
func (x *exchange) purge() {
	purger, ok := x.store.(store.Purger)
	switch {
	case !ok || x.options.MayPurge == nil:
		x.methodNotAllowed(KindRevision)
		return
	case !x.options.MayPurge(x.r):
		x.refuse(condhttp.NewProblem(http.StatusForbidden, "purge-not-allowed",
			"earlier revisions protect what was written from those who may write, and only some may destroy them",
			"ask whoever runs this server to purge them, or to let you"))
		return
	case x.target.Slash, x.target.Revision == 0 && !x.target.Earlier:
		x.fail(noRevision())
		return
	}
	if !x.admitsPurge() {
		return
	}
	_, err := purger.Purge(x.ctx, x.target.Name, x.target.Revision)
	switch {
	case errors.Is(err, store.ErrGone):
		x.fail(x.notEarlier(x.target.Revision))
	case err != nil:
		x.fail(err)
	default:
		x.noContent(http.StatusNoContent)
	}
}

// admitsPurge evaluates the preconditions against the revision, or against nothing if all are
// meant: together they have no representation. None is required: a revision's number names
// the same content for ever. If the request is not to be performed it answers, and returns false.
func (x *exchange) admitsPurge() bool {
	current := precondition.Current{Now: x.now}
	if x.target.Revision != 0 {
		if c, err := x.store.Open(x.ctx, x.target.Name, x.target.Revision); err == nil {
			res := x.catalog.OfRevision(c.Info())
			current = res.Current(&res.Identity, x.fields, x.now)
			c.Close()
		}
	}
	x.rec.Evaluated, x.rec.Current = true, current.Tag
	x.rec.Decision = x.policy.Evaluate(precondition.Origin, x.r.Method, x.fields, current)
	if x.rec.Decision.Outcome == precondition.Perform {
		return true
	}
	x.refuse(x.explained(current))
	return false
}

// notEarlier says why a revision is none that could be purged.
func (x *exchange) notEarlier(rev store.Revision) error {
	info, err := x.store.Stat(x.ctx, x.target.Name)
	if err == nil && info.Exists() && info.Revision == rev {
		return condhttp.NewProblem(http.StatusConflict, "revision-is-current",
			"this revision is the current one, and only earlier ones can be purged",
			"delete or replace the resource first: "+resource.PathOf(x.target.Name))
	}
	return x.goneOrNever(rev)
}
