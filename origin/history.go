package origin

import "github.com/fourtwelve/fourtwelve/internal/resource"

// seesHistory reports whether who sent the request may see earlier revisions, if there
// are any.
func (x *exchange) seesHistory() bool {
	return x.history != nil && (x.options.History == nil || x.options.History(x.r))
}

// linkOf returns the Link field of an answer with res.
func (x *exchange) linkOf(res *resource.Resource) []string {
	if !x.seesHistory() {
		return nil
	}
	return x.catalog.Link(x.ctx, res)
}
