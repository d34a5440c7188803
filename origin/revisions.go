package origin

import (
	"errors"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/mediatype"
	"github.com/fourtwelve/fourtwelve/store"
)

// The link relations of RFC 5829 that lead from one revision to another.
const (
	relPredecessor = `rel="predecessor-version"`
	relLatest      = `rel="latest-version"`
)

// linkOf returns the Link field of an answer with res: to the revision before
// it, if one is kept, and from an earlier revision to the current one. It is worked out once.
func (x *exchange) linkOf(res *resource) []string {
	if res.content != nil || !x.seesHistory() {
		return nil
	}
	if known := res.predecessor.Load(); known != nil {
		return *known
	}
	link := x.findLink(res)
	res.predecessor.Store(&link)
	return link
}

// seesHistory reports whether who sent the request may see earlier revisions, if there
// are any.
func (x *exchange) seesHistory() bool {
	return x.history != nil && (x.options.History == nil || x.options.History(x.r))
}

func (x *exchange) findLink(res *resource) []string {
	links := res.link
	for info, err := range x.history.Revisions(x.ctx, res.info.Name) {
		if err != nil {
			x.log.WarnContext(x.ctx, "the earlier revisions could not be read", "name", res.info.Name, "error", err)
			break
		}
		if info.Revision < res.info.Revision {
			target := "<" + revisionPathOf(info.Name, info.Revision) + ">; " + relPredecessor
			return append(links[:len(links):len(links)], target)
		}
	}
	return links
}

// getRevision answers GET and HEAD for one revision that the query names.
func (x *exchange) getRevision() (done bool, err error) {
	rev := x.target.revision
	if rev == 0 || x.target.slash || x.history != nil && !x.seesHistory() {
		return false, noRevision()
	}
	c, err := x.store.Open(x.ctx, x.target.name, rev)
	switch {
	case errors.Is(err, store.ErrGone):
		return false, x.goneOrNever(rev)
	case errors.Is(err, store.ErrIsCollection):
		return false, noRevision()
	case err != nil:
		return false, err
	}
	defer c.Close()
	return x.getResource(x.revisionOf(c.Info()))
}

func (x *exchange) revisionOf(info store.Info) *resource {
	res := x.newResource(info, mediatype.Of(info.Name))
	res.link = []string{"<" + pathOf(info.Name) + ">; " + relLatest}
	return res
}

// goneOrNever tells a revision that is not kept any more (410) from one that
// has not come to be (404).
func (x *exchange) goneOrNever(rev store.Revision) error {
	if info, err := x.store.Stat(x.ctx, x.target.name); err == nil && rev > info.Revision {
		return noRevision()
	}
	return store.ErrGone
}

func noRevision() error {
	return condhttp.NewProblem(http.StatusNotFound, "no-such-revision",
		"there is no such revision of this resource", "the Link field of an answer names the revision before it")
}
