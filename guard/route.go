package guard

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/internal/field/cachecontrol"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/target"
)

// route is a Route made ready.
type route struct {
	Route
	path      cachecontrol.Glob // nil is any
	folded    cachecontrol.Glob // path, for what turn.FoldedPath returns
	passed    []string          // PassFields in canonical form
	backend   *url.URL          // http or https
	h2c       bool
	transport http.RoundTripper // this, learned and caching are of Shared
	learned   *trust.Backend
	caching   *caching // nil without
}

// Check returns what is wrong with a route; New says the same. A Backend that is nil is not looked at, so that a
// part of a route can be checked alone.
func (r Route) Check() error {
	if r.Backend != nil {
		if _, _, err := checkBackend(r.Backend); err != nil {
			return err
		}
	}
	if _, _, err := r.globs(); err != nil {
		return err
	}
	if name := strings.TrimPrefix(r.Host, "*."); strings.ContainsAny(name, "*:/ ") && net.ParseIP(name) == nil {
		return fmt.Errorf(`host %q: give a name without port, or "*." and a name`, r.Host)
	}
	for _, name := range r.PassFields {
		if !isToken(name) {
			return fmt.Errorf("field %q: give the name of a field, such as CF-Connecting-IP", name)
		}
	}
	return nil
}

// globs returns what paths are held against: path as they are in normal form, and folded for what turn.FoldedPath returns.
// Both are nil if any path will do.
func (r Route) globs() (path, folded cachecontrol.Glob, err error) {
	if r.Path == "" || r.Path == "/" {
		return nil, nil, nil
	}
	pattern := "/" + strings.TrimPrefix(r.Path, "/")
	path, fault := cachecontrol.ParseGlob(pattern)
	if fault != "" {
		return nil, nil, fmt.Errorf("path %q %s", r.Path, fault)
	}
	folded, _ = cachecontrol.ParseGlob(turn.Fold(pattern))
	return path, folded, nil
}

// newRoute checks r and fills in its defaults.
func newRoute(r Route) (*route, error) {
	if r.Backend == nil {
		return nil, errors.New("no backend: give its URL, such as http://127.0.0.1:8080")
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	rt := &route{Route: r}
	rt.backend, rt.h2c, _ = checkBackend(r.Backend)
	rt.path, rt.folded, _ = r.globs()
	rt.Methods = slices.Clone(r.Methods)
	rt.Host = strings.ToLower(r.Host)
	for _, name := range r.PassFields {
		rt.passed = append(rt.passed, http.CanonicalHeaderKey(name))
	}
	if rt.Name == "" {
		rt.Name = rt.Host + rt.Path
	}
	rt.setDefaults()
	return rt, nil
}

// keyOf names the lock of a resource in normal form, as the client says it.
func (rt *route) keyOf(u *url.URL) string { return turn.Key(rt.backend.Host, rt.backend.Path+u.Path) }

func (rt *route) transportKey() transportKey {
	return transportKey{rt.h2c, rt.Timeouts.Connect, rt.Timeouts.Idle, rt.BackendTLS}
}

func (rt *route) learnedKey() string { return rt.Name + " " + rt.Backend.String() }

func checkBackend(u *url.URL) (backend *url.URL, h2c bool, err error) {
	own := *u
	switch {
	case u.Scheme == "h2c":
		own.Scheme, h2c = "http", true
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, false, fmt.Errorf("backend %q: the scheme must be http, https or h2c", u.Redacted())
	}
	switch {
	case u.Host == "":
		return nil, false, fmt.Errorf("backend %q has no host", u.Redacted())
	case u.User != nil:
		return nil, false, fmt.Errorf("backend %q: credentials cannot be given in the URL", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return nil, false, fmt.Errorf("backend %q: a query or fragment cannot be given", u.Redacted())
	}
	if own.Path != "" && own.Path[0] != '/' { // as URL.JoinPath makes it
		own.Path = "/" + own.Path
		if own.RawPath != "" {
			own.RawPath = "/" + own.RawPath
		}
	}
	return &own, h2c, nil
}

func (rt *route) setDefaults() {
	setDefault(&rt.MaxBody, DefaultMaxBody)
	setDefault(&rt.MaxBuffer, DefaultMaxBuffer)
	setDefault(&rt.MaxSpool, DefaultMaxSpool)
	rt.MaxBuffer, rt.MaxSpool = max(rt.MaxBuffer, 0), max(rt.MaxSpool, 0)
	t := &rt.Timeouts
	for _, d := range []struct {
		value *time.Duration
		none  time.Duration
	}{
		{&t.Connect, DefaultConnectTimeout}, {&t.Response, DefaultResponseTimeout}, {&t.Idle, DefaultIdleTimeout},
		{&t.Lock, DefaultLockTimeout}, {&t.Content, DefaultContentTimeout},
	} {
		setDefault(d.value, d.none)
	}
	t.Connect, t.Idle = max(t.Connect, 0), max(t.Idle, 0) // where 0 is none
}

// setDefault replaces 0.
func setDefault[T int64 | time.Duration](value *T, none T) {
	if *value == 0 {
		*value = none
	}
}

// matches reports whether the route is for a request. u is in normal form, and host as
// [target.Host] returns it.
func (rt *route) matches(method, host string, u *url.URL) bool {
	return rt.matchesHost(host) && rt.matchesMethod(method) && (rt.path == nil || isPath(u) && rt.path.Match(target.Elements(u)[1:]))
}

// matchesFolded is matches for a path as turn.FoldedPath returns it.
func (rt *route) matchesFolded(method, host, folded string) bool {
	return rt.matchesHost(host) && rt.matchesMethod(method) && (rt.folded == nil || rt.folded.Match(folded[1:]))
}

// isPath reports whether a target is a resource, and not the server as a whole.
func isPath(u *url.URL) bool { return u.Path != "*" }

func (rt *route) matchesHost(host string) bool {
	if below, ok := strings.CutPrefix(rt.Host, "*"); ok {
		return strings.HasSuffix(host, below)
	}
	return rt.Host == "" || rt.Host == host
}

func (rt *route) matchesMethod(method string) bool {
	return len(rt.Methods) == 0 || slices.Contains(rt.Methods, method)
}

// routeOf returns the first route that is for a request with a method of this name, or nil. u is in normal form.
//
// A write is refused if a server that reads the path in another way would take it for one that
// has another route: then it is not known whose rules are to hold.
func (h *Handler) routeOf(name, authority string, u *url.URL) (*route, *target.Fault) {
	host := target.Host(authority)
	rt := h.firstRoute(func(rt *route) bool { return rt.matches(name, host, u) })
	if method.IsSafe(name) || len(h.routes) == 1 {
		return rt, nil
	}
	folded := turn.FoldedPath(u.Path)
	if rt != h.firstRoute(func(rt *route) bool { return rt.matchesFolded(name, host, folded) }) {
		return rt, &target.Fault{
			Reason: target.ReasonAmbiguous,
			Detail: fmt.Sprintf("some servers take this path for %.200q, and that has another route here", folded),
			Hint:   "write the path as its collection lists it",
		}
	}
	return rt, nil
}

func (h *Handler) firstRoute(matches func(*route) bool) *route {
	for _, rt := range h.routes {
		if matches(rt) {
			return rt
		}
	}
	return nil
}
