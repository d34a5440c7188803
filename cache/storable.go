package cache

import (
	"net/textproto"
	"slices"
	"time"
)

// Storable says whether a response that arrives at now may be stored: [Allowed], or why not (RFC 9111 §3).
func (p *Policy) Storable(request Request, response Response, now time.Time) Reason {
	d, expires := p.control(response.Header)
	switch status := response.Status; {
	case !stores(request.Method):
		return MethodNotStored
	case status < 200:
		return NotFinal
	case status == 304, d.MustUnderstand && !understood(status):
		return StatusNotUnderstood
	case ofRequest(status):
		return StatusOfRequest
	case ParseRequest(request.Header).NoStore:
		return RequestNoStore
	case d.NoStore && !d.MustUnderstand:
		return NoStore
	case d.Private && p.Role == Shared:
		return PrivateResponse
	case len(request.Header["Authorization"]) > 0 && !p.sharesAuthorized(&d):
		return Authorization
	case !heuristic(status) && !p.explicit(&d, expires):
		return NotCacheable
	case p.Role == Shared && !p.explicit(&d, expires) && (len(response.Header["Set-Cookie"]) > 0 || isPersonal(&request, response.Header)):
		return Cookie
	case p.asksForEach(&request, &Stored{Status: status, Header: response.Header, Requested: now, Received: now}):
		return ForWhomAsked
	case slices.Contains(values(response.Header["Vary"]), "*"):
		return VaryAny
	}
	return p.worthStoring(response, now)
}

// isPersonal reports whether a request has cookies, on which the response may depend without saying so.
func isPersonal(request *Request, response map[string][]string) bool {
	return len(request.Header["Cookie"]) > 0 && !slices.Contains(values(response["Vary"]), "cookie")
}

// sharesAuthorized reports whether the cache may reuse a response to a request with credentials (§3.5).
func (p *Policy) sharesAuthorized(d *ResponseDirectives) bool {
	return p.Role == Private || d.Public || d.MustRevalidate || d.SharedMaxAge.Set
}

// hasCredentials reports whether a request tells who asks, on which the response may depend without saying so.
func hasCredentials(request *Request, response map[string][]string) bool {
	return len(request.Header["Authorization"]) > 0 || isPersonal(request, response)
}

// asksForEach reports whether a coherent cache has to leave it to the origin whether s is for who asks.
func (p *Policy) asksForEach(request *Request, s *Stored) bool {
	return p.Coherent && p.Role == Shared && hasCredentials(request, s.Header) && !s.facts(p).lent
}

// lends reports whether a response with these directives and this lifetime says that others may have it for a time without asking.
// Of any other one the origin decides each time whether it is for who asks. That no write has touched it does not answer that.
func lends(d *ResponseDirectives, lifetime time.Duration, source Source) bool {
	says := source != NoLifetime && source != Heuristic
	return !d.NoCache && (says && lifetime > 0 || !says && d.Public)
}

// explicit reports whether the response says itself that it may be stored (§3).
func (p *Policy) explicit(d *ResponseDirectives, expires []string) bool {
	switch {
	case d.Public, d.MaxAge.Set, len(expires) > 0:
		return true
	case p.Role == Shared:
		return d.SharedMaxAge.Set
	}
	return d.Private
}

// HasLifetime reports whether a response says itself how long it is fresh: by max-age, by Expires, and to a shared cache by s-maxage,
// or by a targeted field that has one (§4.2.1). The lifetime may be over.
func (p *Policy) HasLifetime(header map[string][]string) bool {
	d, expires := p.control(header)
	return d.MaxAge.Set || p.Role == Shared && d.SharedMaxAge.Set || len(expires) > 0
}

// worthStoring reports whether what may be stored can ever be used.
func (p *Policy) worthStoring(response Response, now time.Time) Reason {
	v := validatorsOf(response.Header, now)
	if response.Status == 206 {
		if _, ok := partOf(response.Header); !ok {
			return PartUnreadable
		}
	}
	s := Stored{Status: response.Status, Header: response.Header, Requested: now, Received: now}
	d, _ := p.control(response.Header)
	lifetime, _ := p.lifetime(&s)
	servedStale := max(d.StaleWhileRevalidate.Duration, d.StaleIfError.Duration, p.StaleIfError) > 0
	if lifetime == 0 && !v.any() && !p.Coherent && !servedStale {
		return Useless
	}
	return Allowed
}

// hopByHop are the fields that belong to a connection, or to the proxy on the way (§3.1, RFC 9110 §7.6.1).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade",
	"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
}

// Keep returns the fields of a response that are to be stored with it (§3.1): all but those that belong to the
// connection, and those that no-cache or private name.
func (p *Policy) Keep(header map[string][]string) map[string][]string {
	d, _ := p.control(header)
	dropped := slices.Concat(hopByHop, canonical(values(header["Connection"])), canonical(d.NoCacheFields))
	if p.Role == Shared {
		dropped = append(dropped, canonical(d.PrivateFields)...)
	}
	kept := make(map[string][]string, len(header))
	for name, lines := range header {
		if !slices.Contains(dropped, name) {
			kept[name] = slices.Clone(lines)
		}
	}
	return kept
}

func canonical(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = textproto.CanonicalMIMEHeaderKey(name)
	}
	return all
}
