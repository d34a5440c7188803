package origin

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/store"
)

// getRevision answers GET and HEAD for one revision that the query names.
func (x *exchange) getRevision() (done bool, err error) {
	rev := x.target.Revision
	if rev == 0 || x.target.Slash || x.history != nil && !x.seesHistory() {
		return false, noRevision()
	}
	c, err := x.store.Open(x.ctx, x.target.Name, rev)
	switch {
	case errors.Is(err, store.ErrGone):
		return false, x.goneOrNever(rev)
	case errors.Is(err, store.ErrIsCollection):
		return false, noRevision()
	case err != nil:
		return false, err
	}
	defer c.Close()
	return x.getResource(x.catalog.OfRevision(c.Info()))
}

// goneOrNever tells a revision that is not kept any more (410) from one that
// has not come to be (404).
func (x *exchange) goneOrNever(rev store.Revision) error {
	if info, err := x.store.Stat(x.ctx, x.target.Name); err == nil && rev > info.Revision {
		return noRevision()
	}
	return store.ErrGone
}

func noRevision() error {
	return condhttp.NewProblem(http.StatusNotFound, "no-such-revision",
		"there is no such revision of this resource", "the Link field of an answer names the revision before it")
}

// AsksForRevision reports whether a target URI is that of an earlier revision, or of
// all of them, rather than of what is current.
func AsksForRevision(u *url.URL) bool { return resource.AsksForRevision(u) }
