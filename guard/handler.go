package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/content/coding"
)

// Handler is the proxy of one configuration. It may be used from any number of
// goroutines.
type Handler struct {
	options Options
	routes  []*route
	shared  *Shared
	closing sync.Once
	trusted []netip.Prefix
	log     *slog.Logger
	encoded coding.Cache
	via11   string // our Via member for HTTP/1.1
}

// New returns a handler for o. The error says what is wrong with o.
func New(o Options) (*Handler, error) {
	if len(o.Routes) == 0 {
		return nil, errors.New("no routes: give at least one, with a backend")
	}
	h := &Handler{options: o, shared: o.Shared, trusted: slices.Clone(o.TrustedProxies), log: o.Logger}
	if h.shared == nil {
		h.shared = NewShared(nil)
	}
	if err := h.setDefaults(); err != nil {
		return nil, err
	}
	for i, r := range o.Routes {
		rt, err := newRoute(r)
		if err != nil {
			return nil, fmt.Errorf("route %d: %w", i+1, err)
		}
		h.routes = append(h.routes, rt)
	}
	if slices.ContainsFunc(h.routes, func(rt *route) bool { return rt.Cache != CacheOff }) {
		if _, err := h.shared.cacheStorage(&h.options); err != nil {
			return nil, err
		}
	}
	for _, rt := range h.routes {
		h.shared.take(rt, h.options.Now)
	}
	h.shared.budgets.memory.SetLimit(h.options.MaxMemory)
	h.shared.budgets.disk.SetLimit(h.options.MaxDisk)
	h.shared.budgets.copying.SetLimit(maxLargeCopyBuffers)
	return h, nil
}

func (h *Handler) setDefaults() error {
	o := &h.options
	if o.Now == nil {
		o.Now = time.Now
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if o.Via == "" {
		o.Via = "fourtwelve"
	}
	if !isToken(o.Via) {
		return fmt.Errorf("via %q: give a name without spaces", o.Via)
	}
	h.via11 = "1.1 " + o.Via
	if o.SpoolDir == "" {
		o.SpoolDir = os.TempDir()
	}
	setDefault(&o.MaxMemory, DefaultMaxMemory)
	setDefault(&o.MaxDisk, DefaultMaxDisk)
	o.MaxMemory, o.MaxDisk = max(o.MaxMemory, 0), max(o.MaxDisk, 0)
	return nil
}

// Close releases what the handler holds. Call it once it answers no request any more. Of a
// Shared that came with the Options, what no other handler uses is released: connections, and what was
// learned of backends.
func (h *Handler) Close() error {
	h.closing.Do(func() {
		for _, rt := range h.routes {
			h.shared.give(rt)
		}
	})
	return nil
}

// RouteStatus is what a handler has learned of a route's backend.
type RouteStatus struct {
	// Name and Backend are those of the route.
	Name, Backend string
	// Trust is "learning", "trusted" or "distrusted": whether the backend's entity
	// tags are sound. Why, in kebab case, is what speaks against them, or for them: the dialect
	// that was trusted first (see [etag.Dialects]), or "changes-with-content".
	Trust, Why string
	// Cache is what the cache is to the route: "off", "on", "coherent", or "incoherent" if the backend has changed behind the back of
	// one that was to be coherent.
	Cache string
}

// Routes returns the status of each route, in order.
func (h *Handler) Routes() []RouteStatus {
	var all []RouteStatus
	for _, rt := range h.routes {
		trust, why := rt.learned.Status()
		all = append(all, RouteStatus{rt.Name, rt.Backend.String(), trust.String(), why, rt.caching.status()})
	}
	return all
}

// ServeHTTP answers r. When content that has been announced cannot be sent whole,
// it panics with [http.ErrAbortHandler], so that the client sees a cut and not
// an end.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(h, w, r)
	defer x.end()
	x.serve()
}

// errResponseTimeout ends a request that the backend does not answer in time.
var errResponseTimeout = fmt.Errorf("the backend does not answer: %w", context.DeadlineExceeded)
