package origin

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/store"
)

// seesHistory reports whether who sent the request may see earlier revisions, if there
// are any.
func (x *exchange) seesHistory() bool {
	return x.history != nil && (x.options.History == nil || x.options.History(x.r))
}

// linkToLast sets the Link field of an answer without a resource, to the last revision kept of the one that was there. It
// reports whether there is one that the client may see.
func (x *exchange) linkToLast() bool {
	if !x.seesHistory() {
		return false
	}
	link := x.catalog.LinkToLast(x.ctx, x.target.Name)
	if link != nil {
		x.header["Link"] = link
	}
	return link != nil
}

// absent is the answer where nothing is: 404, with a way back if something was.
func (x *exchange) absent() error {
	if !x.linkToLast() {
		return store.ErrNotFound
	}
	return condhttp.NewProblem(http.StatusNotFound, "not-found", "there is no such resource any more",
		"the Link field leads to the last revision that is kept of it")
}

// linkOf returns the Link field of an answer with res.
func (x *exchange) linkOf(res *resource.Resource) []string {
	if !x.seesHistory() {
		return nil
	}
	return x.catalog.Link(x.ctx, res)
}
