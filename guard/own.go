package guard

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
)

// What is kept for its lifetime is the business of RFC 9111, and of the backend, which has given it that: the guard's cache, and all
// that come after it, validate by the backend's own validators, whatever the guard thinks of them. So these go out as they came, and
// what a client asks by them goes to the cache, and to the backend where that has nothing.

// sharedCache is what the fields of a response are read by.
var sharedCache = cache.Policy{Targeted: targeted}

// isThrough reports whether reads of the route go through a cache in this sense.
func (rt *route) isThrough() bool { return rt.Cache == CacheOn && rt.Validators == ValidatorsAuto }

// keepsOwn reports whether a response goes out with the validators of the backend: one that tells caches its lifetime, unless the
// backend was caught lying.
func (x *exchange) keepsOwn(header http.Header) bool {
	return x.route.isThrough() && sharedCache.HasLifetime(header) && !x.route.learned.Lies()
}

// presumes reports whether a tag that nobody has vouched for is that of clients all the same: the cache validates by it, and
// a 304 by a tag that lies would be no better with another name.
func (x *exchange) presumes(v trust.Validators) bool {
	return x.route.isThrough() && v.Strong() && !x.route.learned.Distrusted() && trust.IsSettled(v)
}

// toldDate is the Last-Modified of a response that goes out as it came although its second is not over, or nil: it
// is no reason for the guard to say 304.
func (h *held) toldDate() []string {
	if !h.own || h.Modified.IsZero() || h.Settled() {
		return nil
	}
	return h.res.Header["Last-Modified"]
}
