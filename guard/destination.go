package guard

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/target"
)

// destination is what COPY and MOVE write to (RFC 4918 §10.3).
type destination struct {
	url *url.URL // in normal form, as the client says it
	// require is the strictest of what the routes ask for that a write to it may have.
	require condhttp.Requirement
}

// hasDestination reports whether the backend may write to what Destination names: in COPY and MOVE, however it takes
// the case of a method, and in a request that it may perform as one of these.
func (x *exchange) hasDestination() bool {
	if strings.EqualFold(x.r.Method, "COPY") || strings.EqualFold(x.r.Method, "MOVE") {
		return true
	}
	return x.overridden && !method.IsSafe(x.r.Method) && len(x.r.Header["Destination"]) > 0
}

// changesTrees reports whether the request may change all that is below what it names, as these methods do with collections.
func (x *exchange) changesTrees() bool {
	return x.overridden || x.destination != nil || strings.EqualFold(x.r.Method, http.MethodDelete)
}

// readDestination reads the field Destination, as readTarget reads the target. It has to
// name a resource that this gateway would send to the same backend: the backend could take any
// other for one of its own, past the route and the lock that it has here.
func (x *exchange) readDestination() *condhttp.Problem {
	if !x.hasDestination() {
		return nil
	}
	lines := x.r.Header["Destination"]
	if len(lines) != 1 {
		return badDestination("the request has no single Destination field", "send one, with the URI of the new resource")
	}
	u, err := url.Parse(strings.Trim(lines[0], " \t"))
	if err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return badDestination("the Destination field has no URI of a resource", "send a URI with a path, without user information and fragment")
	}
	if !x.names(u) {
		return elsewhere("the destination is on another server")
	}
	own, fault := target.Normal(u)
	if fault != nil {
		return badDestination("in Destination, "+fault.Detail, fault.Hint)
	}
	return x.routeDestination(own)
}

// routeDestination finds out whose rules hold at the destination. It is written there as with the method of the
// request, and as with PUT; routes may tell these apart.
func (x *exchange) routeDestination(u *url.URL) *condhttp.Problem {
	x.destination = &destination{url: u}
	known := false
	names := []string{x.r.Method, http.MethodPut}
	if x.overridden {
		names = append(names, "COPY", "MOVE")
	}
	for _, name := range names {
		rt, fault := x.routeOf(name, x.r.Host, u)
		switch {
		case fault != nil:
			return badDestination("in Destination, "+fault.Detail, fault.Hint)
		case rt == nil:
		case *rt.backend != *x.route.backend:
			return elsewhere(fmt.Sprintf("the destination belongs to another backend, of route %q", rt.Name))
		default:
			x.destination.require, known = max(x.destination.require, rt.Require), true
		}
	}
	if !known {
		return elsewhere("no route is configured for the destination")
	}
	return nil
}

func badDestination(detail, hint string) *condhttp.Problem {
	return condhttp.NewProblem(http.StatusBadRequest, "invalid-destination", detail, hint)
}

// elsewhere is for a destination on another server (RFC 4918 §9.8.5, §9.9.4).
func elsewhere(detail string) *condhttp.Problem {
	return condhttp.NewProblem(http.StatusBadGateway, "destination-elsewhere", detail+"; nothing was changed",
		"fetch the resource, and PUT it there")
}
