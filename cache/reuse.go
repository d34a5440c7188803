package cache

import (
	"fmt"
	"time"
)

// Action is what to do with a request for which a response is stored (RFC 9111 §4).
type Action uint8

const (
	// Forward the request as it is: what is stored cannot serve it.
	Forward Action = iota
	// Serve what is stored.
	Serve
	// ServeStale serves what is stored, although it is stale, and validates it meanwhile.
	ServeStale
	// Validate what is stored, and serve it if the origin says that it is current.
	Validate
	// Refuse with 504 (Gateway Timeout): the request wants what is stored or nothing.
	Refuse
)

// String returns the action in kebab case, such as "serve-stale".
func (a Action) String() string {
	return [...]string{"forward", "serve", "serve-stale", "validate", "refuse"}[a]
}

// Reuse is what to do with a request for which a response is stored, and why.
type Reuse struct {
	Action    Action
	Reason    Reason
	Freshness Freshness
}

// String says it in words, for a log.
func (r Reuse) String() string {
	return fmt.Sprintf("%s: %s (%s)", r.Action, r.Reason, r.Reason.Section())
}

// Reuse says whether s may serve the request at now (§4). The target must be that of s, and the fields that Vary names must
// match ([Policy.Select] sees to that). The request's preconditions and its Range are still to be applied to
// what is served.
func (p *Policy) Reuse(request Request, s *Stored, now time.Time) Reuse {
	asked := ParseRequest(request.Header)
	r := Reuse{Freshness: p.Freshness(s, now)}
	r.Action, r.Reason = p.reuse(request, &asked, s, r.Freshness)
	if asked.OnlyIfCached && (r.Action == Forward || r.Action == Validate) {
		r.Action = Refuse
	}
	return r
}

// Missing says what to do with a request for which nothing is stored: it is forwarded, unless it forbids that.
func (p *Policy) Missing(request Request) Reuse {
	if ParseRequest(request.Header).OnlyIfCached {
		return Reuse{Action: Refuse, Reason: OnlyIfCached}
	}
	return Reuse{Action: Forward, Reason: NothingStored}
}

func (p *Policy) reuse(request Request, asked *RequestDirectives, s *Stored, f Freshness) (Action, Reason) {
	d := &s.facts(p).control
	switch {
	case !serves(&s.Request, &request):
		return Forward, MethodNotStored
	case len(request.Header["If-Match"]) > 0, len(request.Header["If-Unmodified-Since"]) > 0:
		return Forward, OriginCondition
	case len(request.Header["Authorization"]) > 0 && !p.sharesAuthorized(d):
		return Forward, Authorization
	case !s.satisfies(request):
		return Forward, PartialContent
	case d.NoStore && !d.MustUnderstand: // a 304 has said so since
		return Forward, NoStore
	case d.Private && p.Role == Shared:
		return Forward, PrivateResponse
	case s.Invalid:
		return Validate, Invalidated
	case d.NoCache && !p.Coherent:
		return Validate, NoCache
	case p.Role == Shared && (f.Source == Heuristic || f.Source == NoLifetime) && isPersonal(&request, s.Header):
		return Validate, Cookie
	case p.asksForEach(&request, s):
		return Validate, ForWhomAsked
	}
	if reason := p.wanted(asked, f); reason != Allowed {
		return Validate, reason
	}
	switch isExpired := !s.Expired.IsZero(); {
	case p.Coherent && !isExpired:
		return Serve, Current
	case f.Fresh() && !isExpired:
		return Serve, Fresh
	}
	return p.stale(asked, s, d, f)
}

// serves reports whether a response to the request stored may serve the request asked, by its method.
func serves(stored, asked *Request) bool {
	return stored.Method == asked.Method && stored.Content == asked.Content || stored.Method == "GET" && asked.Method == "HEAD"
}

// wanted says why a request's own directives keep what is stored from serving it at once (§5.2.1).
func (p *Policy) wanted(asked *RequestDirectives, f Freshness) Reason {
	tooOld := asked.MaxAge.Set && (f.Age > asked.MaxAge.Duration || asked.MaxAge.Duration == 0)
	takesStale := asked.AnyStale || asked.MaxStale.Set
	switch {
	case p.IgnoreRequest:
		return Allowed
	case asked.NoCache:
		return RequestNoCache
	case tooOld && !takesStale:
		return RequestMaxAge
	case asked.MinFresh.Set && f.Left() < asked.MinFresh.Duration:
		return RequestMinFresh
	}
	return Allowed
}

// stale says what to do with what is no longer fresh (§4.2.4).
func (p *Policy) stale(asked *RequestDirectives, s *Stored, d *ResponseDirectives, f Freshness) (Action, Reason) {
	over := -f.Left()
	isExpired := !s.Expired.IsZero()
	switch {
	case p.forbidsStale(d) && !isExpired:
		return Validate, MustRevalidate
	case p.forbidsStale(d):
		return Validate, MadeStale
	case !isExpired && !p.IgnoreRequest && asked.takesStale(over):
		return Serve, MaxStale
	case asked.MaxAge.Set && !p.IgnoreRequest: // "does not wish to receive a stale response" (§5.2.1.1)
		return Validate, Stale
	case d.StaleWhileRevalidate.Set && over <= d.StaleWhileRevalidate.Duration:
		return ServeStale, StaleWhileRevalidate
	case isExpired:
		return Validate, MadeStale
	}
	return Validate, Stale
}

// takesStale reports whether the request accepts what is stale for so long (§5.2.1.2).
func (d *RequestDirectives) takesStale(over time.Duration) bool {
	return d.AnyStale || d.MaxStale.Set && !d.MaxStale.Invalid && over <= d.MaxStale.Duration
}

// forbidsStale reports whether the response must be validated once it is stale, whatever anyone says (§4.2.4).
func (p *Policy) forbidsStale(d *ResponseDirectives) bool {
	return d.MustRevalidate || d.NoCache || p.Role == Shared && (d.ProxyRevalidate || d.SharedMaxAge.Set)
}

// OnError says whether s may serve the request although it is to be validated, as the origin has failed: it cannot be
// reached, or answers with 500, 502, 503 or 504 (§4.2.4, §4.3.3, RFC 5861 §4). The Action is [Serve], or [Forward] for the
// failure itself.
func (p *Policy) OnError(request Request, s *Stored, now time.Time) Reuse {
	asked := ParseRequest(request.Header)
	d := &s.facts(p).control
	r := Reuse{Action: Forward, Reason: Stale, Freshness: p.Freshness(s, now)}
	over := -r.Freshness.Left()
	switch allowed := p.errorWindow(&asked, d); {
	case !serves(&s.Request, &request) || !s.satisfies(request):
		r.Reason = PartialContent
	case s.Invalid:
		r.Reason = Invalidated
	case p.forbidsStale(d):
		r.Reason = MustRevalidate
	case asked.NoCache && !p.IgnoreRequest:
		r.Reason = RequestNoCache
	case allowed > 0 && over <= allowed:
		r.Action, r.Reason = Serve, StaleIfError
	}
	return r
}

// errorWindow is how long after its end a response may be served when the origin fails: the most that the request, the
// response or the policy gives.
func (p *Policy) errorWindow(asked *RequestDirectives, d *ResponseDirectives) time.Duration {
	if !d.StaleIfError.Set && !asked.StaleIfError.Set {
		return p.StaleIfError
	}
	return max(d.StaleIfError.Duration, asked.StaleIfError.Duration)
}
