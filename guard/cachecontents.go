package guard

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/internal/target"
)

// The errors of [Handler.Purge] and [Handler.CachedAt], for errors.Is.
var (
	// ErrNoCache: no route keeps responses, or not that of the URL.
	ErrNoCache = errors.New("no cache")
	// ErrNotGuarded: no route is for the URL.
	ErrNotGuarded = errors.New("no route is for it")
)

// Cached is what is stored of a target.
type Cached struct {
	// URL is the target URI, without the parameters of the query that do not count.
	URL string
	// Route is the name of the route that it is stored for, and "" if there is none any more: then it is served to nobody. Mode is
	// that of its cache, as in [RouteStatus].
	Route, Mode string
	// Policy is what that decides by. Entries are to be read only.
	Policy  *cache.Policy
	Entries []*cache.Entry
}

// Purge removes from the cache what is meant, or with soft makes it stale: see [cache.Transport.Purge] and [cache.Transport.Expire].
// Targets are as clients ask for them. The error is ErrNoCache or ErrNotGuarded if that is why there was nothing, or that of
// the storage.
func (h *Handler) Purge(which cache.Selection, soft bool) (done cache.Purged, err error) {
	all := h.shared.allCaches()
	if all == nil {
		return done, ErrNoCache
	}
	asked := which.Targets
	which.Targets = nil
	for _, text := range asked {
		which.Targets = append(which.Targets, h.spellings(text)...)
	}
	if soft {
		done = all.Expire(which)
	} else {
		done, err = all.Purge(which)
	}
	if done.Targets > 0 || err != nil {
		return done, err
	}
	for _, text := range asked {
		if _, err := h.routeFor(text); err != nil {
			return done, err
		}
	}
	return done, nil
}

// spellings are the targets under which the answers to requests for a URL are stored.
func (h *Handler) spellings(text string) []string {
	u, err := normalTarget(text)
	if err != nil {
		return []string{text}
	}
	all := []string{cache.Target(u)}
	for _, rt := range h.routes {
		if rt.CacheQuery != nil {
			chosen := *u
			chosen.RawQuery = chosenQuery(u.RawQuery, rt.CacheQuery)
			all = append(all, cache.Target(&chosen))
		}
	}
	return slices.Compact(all)
}

// normalTarget reads an absolute URL as the target of a request for it is read.
func normalTarget(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	normal, fault := target.Normal(u)
	if fault != nil {
		return nil, fault
	}
	absolute := *normal
	absolute.Scheme, absolute.Host, absolute.Fragment, absolute.User = u.Scheme, u.Host, "", nil
	return &absolute, nil
}

// routeFor returns the route of a GET for a URL, which has a cache.
func (h *Handler) routeFor(text string) (*route, error) {
	u, err := normalTarget(text)
	if err != nil {
		return nil, err
	}
	rt := h.firstRoute(func(rt *route) bool { return rt.matches(http.MethodGet, target.Host(u.Host), u) })
	switch {
	case rt == nil:
		return nil, ErrNotGuarded
	case rt.caching == nil:
		return rt, ErrNoCache
	}
	return rt, nil
}

// CachedAt returns what is stored for a URL, and may be nothing. The error is ErrNoCache, ErrNotGuarded, or what is wrong with the URL.
func (h *Handler) CachedAt(text string) (c Cached, err error) {
	rt, err := h.routeFor(text)
	if err != nil {
		return c, err
	}
	u, err := normalTarget(text)
	if err != nil {
		return c, err
	}
	if rt.CacheQuery != nil {
		u.RawQuery = chosenQuery(u.RawQuery, rt.CacheQuery)
	}
	c = Cached{URL: cache.Target(u), Route: rt.Name, Mode: rt.caching.status(), Policy: rt.caching.now().Policy()}
	c.Entries = rt.caching.now().Stored(keyFor(u, rt))
	return c, nil
}

// Contents returns what is stored of what which means, in the order of the URLs, those after a URL, and most at most. more says that
// there are others.
func (h *Handler) Contents(which cache.Selection, after string, most int) (all []Cached, more bool, err error) {
	caches := h.shared.allCaches()
	if caches == nil {
		return nil, false, ErrNoCache
	}
	targets := which.Targets
	which.Targets = nil
	for _, text := range targets {
		which.Targets = append(which.Targets, h.spellings(text)...)
	}
	byKey := make(map[string]*route)
	for _, rt := range h.routes {
		if rt.caching != nil {
			byKey[url.QueryEscape(rt.learnedKey())] = rt
		}
	}
	for key, entries := range caches.Storage().All() {
		text := cache.KeyTarget(key)
		if text <= after {
			continue
		}
		entries = slices.DeleteFunc(slices.Clone(entries), func(e *cache.Entry) bool { return !which.Has(key, e.Header) })
		if len(entries) == 0 {
			continue
		}
		c := Cached{URL: text, Mode: "off", Entries: entries, Policy: &cache.Policy{Targeted: targeted}}
		_, rest, _ := strings.Cut(key, "#")
		name, _, _ := strings.Cut(rest, " ") // what comes after that is of No-Vary-Search
		if rt := byKey[name]; rt != nil {
			c.Route, c.Mode, c.Policy = rt.Name, rt.caching.status(), rt.caching.now().Policy()
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Cached) int { return cmp.Or(cmp.Compare(a.URL, b.URL), cmp.Compare(a.Route, b.Route)) })
	return all[:min(most, len(all))], len(all) > most, nil
}

// Explain says what the cache does with a read of c now, with fields as the client sends them. The guard answers preconditions itself
// and has the content in no coding, so that those do not reach the cache.
func (h *Handler) Explain(c Cached, method string, header http.Header) (e cache.Explanation, now time.Time) {
	header = header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	deleteFields(header, conditionalFields)
	header["Accept-Encoding"] = identityOnly
	stored := make([]*cache.Stored, len(c.Entries))
	for i, entry := range c.Entries {
		stored[i] = entry.Stored
	}
	now = h.options.Now()
	return c.Policy.Explain(cache.Request{Method: method, Header: header}, stored, now), now
}

// allCaches is the transport beside which all caches are; nil if there is none.
func (s *Shared) allCaches() *cache.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cache
}
