package guard

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// CacheMode says whether responses of a backend are kept, and what for.
type CacheMode uint8

const (
	// CacheOff keeps none.
	CacheOff CacheMode = iota
	// CacheOn keeps what the backend lets a shared cache keep, for as long as it says (RFC 9111). A write through the guard makes
	// what it may have changed wait for a validation before it is answered.
	CacheOn
	// CacheCoherent takes what is kept for as good as the backend's own until a write through the guard touches it, for a backend
	// that nobody writes to in another way: see docs/caching.md for what must hold. What the backend forbids to store, and what is for
	// one user, is not kept.
	CacheCoherent
)

// String returns "off", "on" or "coherent".
func (m CacheMode) String() string { return [...]string{"off", "on", "coherent"}[m] }

// targeted are the fields by which a backend can tell this cache alone what to do (RFC 9213).
var targeted = []string{"Fourtwelve-Cache-Control", "CDN-Cache-Control"}

const (
	// sampleCoherent is how many reads that a coherent cache could answer there are for one that is sent to the backend all the
	// same, to see whether it has changed behind the guard's back.
	sampleCoherent = 64
	// maxDoubt is how long after a write of unknown outcome the backend may still carry it out.
	maxDoubt = 10 * time.Minute
)

// cacheKey is what a route, and the one that takes its place in another configuration, have in common if they share a cache.
type cacheKey struct {
	transportKey
	route        string // and its backend
	mode         CacheMode
	idle         time.Duration
	staleIfError time.Duration
	ignores      bool
	noVarySearch bool
}

func (rt *route) cacheKey() cacheKey {
	return cacheKey{
		rt.transportKey(), rt.learnedKey(), rt.Cache, max(rt.Timeouts.Response, 0), rt.CacheStaleIfError, rt.CacheIgnoresRequests,
		rt.CacheNoVarySearch,
	}
}

// caching is the cache before a backend. A coherent one that has turned out not to be so is kept as an ordinary one.
type caching struct {
	ordinary, coherent *cache.Transport // coherent may be nil
	incoherent         *atomic.Bool     // for the life of the process
}

// newCaching returns the cache of a route before the transport base, in the storage of beside.
func newCaching(rt *route, base http.RoundTripper, beside *cache.Transport, incoherent *atomic.Bool, now func() time.Time) *caching {
	options := cache.Options{
		Base: base, Beside: beside, Name: "fourtwelve", Sample: sampleCoherent, Idle: max(rt.Timeouts.Response, 0), Now: now,
		Key: func(r *http.Request) string { return useOf(r).key }, Alias: func(r *http.Request) string { return useOf(r).alias },
		Observe: func(r *http.Request, status cache.Status) { useOf(r).status = status },
		Changed: func(r *http.Request) { useOf(r).changed() }, ShownKey: func(r *http.Request) string { return useOf(r).shown },
		NoVarySearch: rt.CacheNoVarySearch,
		Decides: func(r *http.Request, s *cache.Stored) bool {
			return len(r.Header["If-None-Match"]) == 0 || len(s.Header["Etag"]) > 0
		},
	}
	policy := cache.Policy{Targeted: targeted, StaleIfError: rt.CacheStaleIfError, IgnoreRequest: rt.CacheIgnoresRequests}
	coherent := policy
	coherent.Coherent, coherent.HeuristicMax = true, -1
	options.Policy = &policy
	c := &caching{ordinary: cache.NewTransport(options), incoherent: incoherent}
	if rt.Cache == CacheCoherent {
		options.Policy = &coherent
		c.coherent = cache.NewTransport(options)
	}
	return c
}

// RoundTrip implements [http.RoundTripper].
func (c *caching) RoundTrip(r *http.Request) (*http.Response, error) { return c.now().RoundTrip(r) }

// now is what the cache is now.
func (c *caching) now() *cache.Transport {
	if c.coherent != nil && !c.incoherent.Load() {
		return c.coherent
	}
	return c.ordinary
}

// status says what the cache is to its route.
func (c *caching) status() string {
	switch {
	case c == nil:
		return "off"
	case c.coherent == nil:
		return "on"
	case c.incoherent.Load():
		return "incoherent"
	}
	return "coherent"
}

// cacheUse is what a request to the backend has to do with the cache of its route.
type cacheUse struct {
	// key names what is asked for among what is stored; "" has the backend asked. alias is its lock.
	key, alias string
	// shown is the target that the key names, if the query of the client's is another.
	shown   string
	status  cache.Status
	changed func()
}

type useKey struct{}

// useOf returns that of a request, which has one if its route has a cache.
func useOf(r *http.Request) *cacheUse {
	use, _ := r.Context().Value(useKey{}).(*cacheUse)
	if use == nil {
		return new(cacheUse)
	}
	return use
}

// withCache adds to ctx what the cache is to know. fresh has the backend asked, whatever is stored.
func (x *exchange) withCache(ctx context.Context, fresh bool) (context.Context, *cacheUse) {
	if x.route.Cache == CacheOff {
		return ctx, nil
	}
	use := &cacheUse{alias: x.key, changed: x.incoherent}
	if !fresh {
		x.setKey(use)
	}
	return context.WithValue(ctx, useKey{}, use), use
}

// fromCache answers a read from what is stored, if that can be done without asking anybody: nil otherwise. A coherent cache
// counts what it could answer, and is asked in one way only.
func (x *exchange) fromCache(out *http.Request) *http.Response {
	if !x.asksCache(out) {
		return nil
	}
	use := &cacheUse{alias: x.key, changed: x.incoherent}
	x.setKey(use)
	res := x.route.caching.ordinary.FromStored(out.WithContext(context.WithValue(out.Context(), useKey{}, use)))
	if res != nil {
		x.noteCache(&use.status)
		x.mapResponse(res)
	}
	return res
}

// asksCache reports whether fromCache may have an answer.
func (x *exchange) asksCache(r *http.Request) bool {
	return x.route.Cache == CacheOn && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// setKey names what is asked for.
func (x *exchange) setKey(use *cacheUse) {
	use.key = x.cacheKeyOf()
	if target := cache.KeyTarget(use.key); x.route.CacheQuery != nil && !strings.HasSuffix(target, x.r.URL.RequestURI()) {
		use.shown = target
	}
}

// cacheKeyOf names the target of the client among what is stored: its URI, without the parameters of the query that do not
// count, the route, and the backend, which may be another one in the next configuration.
func (x *exchange) cacheKeyOf() string {
	u := url.URL{Scheme: x.clientScheme(), Host: x.r.Host, Path: x.r.URL.Path, RawPath: x.r.URL.RawPath, RawQuery: x.r.URL.RawQuery}
	u.ForceQuery = x.r.URL.ForceQuery
	if x.route.CacheQuery != nil {
		u.RawQuery = chosenQuery(u.RawQuery, x.route.CacheQuery)
	}
	return keyFor(&u, x.route)
}

// keyFor is the key of a target that a route is for.
func keyFor(u *url.URL, rt *route) string {
	return cache.Target(u) + "#" + url.QueryEscape(rt.learnedKey())
}

// chosenQuery leaves of a query the parameters that are listed, in their order.
func chosenQuery(query string, names []string) string {
	var chosen []string
	for parameter := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		if plain, err := url.QueryUnescape(name); err == nil && slices.Contains(names, plain) {
			chosen = append(chosen, url.QueryEscape(plain)+"="+value)
		}
	}
	return strings.Join(chosen, "&")
}

// incoherent is told that a representation has changed although no write through the guard has touched it: from now on what is
// kept of this backend is validated as the backend says.
func (x *exchange) incoherent() {
	if x.route.caching.incoherent.CompareAndSwap(false, true) {
		x.log.Warn("the backend has changed what no write through this guard has touched: what is kept of it is validated from now on",
			"route", x.route.Name, "path", x.loggedPath())
	}
}

// forget makes all caches validate what a write may have changed. It comes before the client hears of the write. unknown says that
// nobody knows whether it was made.
func (x *exchange) forget(res *http.Response, unknown bool) {
	aliases := x.keys
	if res != nil {
		aliases = append(slices.Clip(aliases), x.named(res)...)
	}
	var until time.Time
	if unknown {
		until = x.options.Now().Add(maxDoubt)
	}
	x.shared.forget(aliases, x.changesTrees() || !isCommonWrite(x.r.Method), until)
}

// changesNothing reports whether what is stored stays as fresh as it was after an answer with this status: "a non-error status
// code" is what invalidates (RFC 9111 §4.4). Who answers for the backend when that is away does not know, and where all depends on
// what writes do, an error is no reason to believe that nothing was done.
func (x *exchange) changesNothing(status int) bool {
	if x.shared.isCoherent() {
		return false
	}
	return status >= 400 && status < 500 || status == http.StatusInternalServerError || status == http.StatusNotImplemented
}

// isCommonWrite reports whether a method changes its target alone, or makes something whose name it tells.
func isCommonWrite(m string) bool {
	return m == http.MethodPut || m == http.MethodPost || m == http.MethodPatch || method.Annotates(m)
}

// named are the locks of what a response names, and may have been made or changed (RFC 9111 §4.4).
func (x *exchange) named(res *http.Response) (aliases []string) {
	response := cache.Response{Status: res.StatusCode, Header: res.Header}
	target := &url.URL{Scheme: x.clientScheme(), Host: x.r.Host, Path: x.r.URL.Path}
	for _, text := range cache.Invalidates(x.r.Method, target, response).Targets {
		if u, err := url.Parse(text); err == nil {
			aliases = append(aliases, x.route.keyOf(u))
		}
	}
	return aliases
}

// forget has every cache forget.
func (s *Shared) forget(aliases []string, below bool, until time.Time) {
	s.mu.Lock()
	all := s.cache
	s.mu.Unlock()
	if all != nil {
		all.Forget(aliases, below, until)
	}
}

// isCoherent reports whether any route has a coherent cache.
func (s *Shared) isCoherent() bool {
	return s.coherent.Load() > 0
}

// cacheStorage returns what responses are stored in, which is made when the first route needs it.
func (s *Shared) cacheStorage(o *Options) (cache.Storage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.storage != nil:
	case o.CacheDir == "":
		s.storage = cache.NewMemory(o.CacheMemory)
	default:
		disk, err := cache.NewDisk(o.CacheDir, o.CacheDisk)
		if err != nil {
			return nil, err
		}
		s.storage, s.disk, s.opened = disk, disk, o.Now()
	}
	if s.cache == nil {
		s.cache = cache.NewTransport(cache.Options{Storage: s.storage, Now: o.Now})
	}
	return s.storage, nil
}

// noteCache notes for the record what the cache has done.
func (x *exchange) noteCache(s *cache.Status) {
	b := &x.backend
	b.Cache, b.CacheForwarded, b.CacheDetail, b.CacheStored = cacheWord(*s), s.Forwarded, s.Detail, s.Stored
	b.CacheAge, b.CacheTTL, b.CacheTimes = s.Age, s.TTL, s.HasTTL
}

// cacheWord says what a cache has done, for the log.
func cacheWord(s cache.Status) string {
	switch {
	case s.Hit && s.TTL < 0 && s.Detail != cache.Current.String():
		return "stale"
	case s.Hit:
		return "hit"
	case s.Collapsed:
		return "collapsed"
	case s.Forwarded == cache.Bypass, s.Forwarded == cache.ByMethod:
		return "bypass"
	case s.Forwarded == "":
		return ""
	case s.ForwardStatus == http.StatusNotModified:
		return "validated"
	case s.ForwardStatus >= 500:
		return "stale"
	}
	return "miss"
}
