package cache

// Reason is why a decision is as it is. Its text form is stable.
type Reason uint8

const (
	// Allowed: nothing speaks against it.
	Allowed Reason = iota

	// MethodNotStored: responses to the method are not stored, or not served from what is stored (§3, §4).
	MethodNotStored
	// NotFinal: the status is 1xx (§3).
	NotFinal
	// StatusNotUnderstood: the cache does not implement what the status says about caching, and the response
	// or the status asks for that (§3).
	StatusNotUnderstood
	// StatusOfRequest: the status tells of the request, such as 412, and not of the resource.
	StatusOfRequest
	// NoStore: the response says no-store (§5.2.2.5).
	NoStore
	// RequestNoStore: the request does (§5.2.1.5).
	RequestNoStore
	// PrivateResponse: the response is for one user, and the cache is shared (§5.2.2.7).
	PrivateResponse
	// Authorization: the request has credentials, and the response does not let a shared cache reuse it (§3.5).
	Authorization
	// NotCacheable: nothing in the response allows to store it (§3).
	NotCacheable
	// Cookie: the response sets a cookie, or answers a request that has one, and does not say itself for how long it
	// is fresh. That is no rule of RFC 9111 but care: such a response is often meant for one user.
	Cookie
	// ForWhomAsked: the request tells who asks, and the response does not let others have it without asking the origin. A coherent
	// cache would not ask (see [Policy].Coherent).
	ForWhomAsked
	// VaryAny: the response depends on more than the request (§4.1).
	VaryAny
	// Useless: the response is stale from the start, and has nothing to be validated by.
	Useless
	// PartUnreadable: it cannot be told what the response is a part of (§3.3).
	PartUnreadable

	// NothingStored: there is nothing stored for the target that the request selects (§4, §4.1).
	NothingStored
	// Fresh: its lifetime is longer than its age (§4.2).
	Fresh
	// Current: no write has touched it, and all writes pass through this cache (see [Policy].Coherent).
	Current
	// Stale: it is not (§4.2.4).
	Stale
	// Invalidated: a write has touched the resource since (§4.4), or it was seen to have changed (§4.3.5).
	Invalidated
	// MadeStale: somebody took it for stale before its time, by a soft purge ([Transport.Expire]).
	MadeStale
	// NoCache: the response says that each use needs a validation (§5.2.2.4).
	NoCache
	// MustRevalidate: it is stale, and the response forbids to serve it so (§5.2.2.2, §5.2.2.8, §5.2.2.10).
	MustRevalidate
	// RequestNoCache: the request asks for a validation (§5.2.1.4).
	RequestNoCache
	// RequestMaxAge: it is older than the request accepts (§5.2.1.1).
	RequestMaxAge
	// RequestMinFresh: it is not fresh for as long as the request wants (§5.2.1.3).
	RequestMinFresh
	// MaxStale: it is stale, within what the request accepts (§5.2.1.2).
	MaxStale
	// StaleWhileRevalidate: it is stale, within what the response allows while it is validated (RFC 5861 §3).
	StaleWhileRevalidate
	// StaleIfError: it is stale, and the origin cannot answer, within what is allowed then (RFC 5861 §4).
	StaleIfError
	// OnlyIfCached: the request wants nothing but what is stored (§5.2.1.7).
	OnlyIfCached
	// OriginCondition: the request has a precondition that only the origin evaluates (§4.3.2).
	OriginCondition
	// PartialContent: what is stored is a part, and not all that the request wants (§3.3).
	PartialContent
)

var reasons = [...]struct{ text, section string }{
	Allowed:              {"allowed", "RFC 9111 §3"},
	MethodNotStored:      {"method", "RFC 9111 §3"},
	NotFinal:             {"not-final", "RFC 9111 §3"},
	StatusNotUnderstood:  {"status-not-understood", "RFC 9111 §3"},
	StatusOfRequest:      {"status-of-request", "RFC 9110 §15.5"},
	NoStore:              {"no-store", "RFC 9111 §5.2.2.5"},
	RequestNoStore:       {"request-no-store", "RFC 9111 §5.2.1.5"},
	PrivateResponse:      {"private", "RFC 9111 §5.2.2.7"},
	Authorization:        {"authorization", "RFC 9111 §3.5"},
	NotCacheable:         {"not-cacheable", "RFC 9111 §3"},
	Cookie:               {"cookie", "RFC 9111 §7.3"},
	ForWhomAsked:         {"for-whom-asked", "RFC 9111 §3.5"},
	VaryAny:              {"vary-any", "RFC 9111 §4.1"},
	Useless:              {"useless", "RFC 9111 §3"},
	PartUnreadable:       {"part-unreadable", "RFC 9111 §3.3"},
	NothingStored:        {"nothing-stored", "RFC 9111 §4"},
	Fresh:                {"fresh", "RFC 9111 §4.2"},
	Current:              {"current", "RFC 9111 §4.2.4"},
	Stale:                {"stale", "RFC 9111 §4.2.4"},
	Invalidated:          {"invalidated", "RFC 9111 §4.4"},
	MadeStale:            {"made-stale", "RFC 9111 §4.2.4"},
	NoCache:              {"no-cache", "RFC 9111 §5.2.2.4"},
	MustRevalidate:       {"must-revalidate", "RFC 9111 §5.2.2.2"},
	RequestNoCache:       {"request-no-cache", "RFC 9111 §5.2.1.4"},
	RequestMaxAge:        {"request-max-age", "RFC 9111 §5.2.1.1"},
	RequestMinFresh:      {"request-min-fresh", "RFC 9111 §5.2.1.3"},
	MaxStale:             {"max-stale", "RFC 9111 §5.2.1.2"},
	StaleWhileRevalidate: {"stale-while-revalidate", "RFC 5861 §3"},
	StaleIfError:         {"stale-if-error", "RFC 5861 §4"},
	OnlyIfCached:         {"only-if-cached", "RFC 9111 §5.2.1.7"},
	OriginCondition:      {"origin-condition", "RFC 9111 §4.3.2"},
	PartialContent:       {"partial", "RFC 9111 §3.3"},
}

// String returns the reason in kebab case, such as "no-store".
func (r Reason) String() string { return reasons[r].text }

// Section returns what asks for the decision, such as "RFC 9111 §5.2.2.5".
func (r Reason) Section() string { return reasons[r].section }

// MarshalText returns what String does.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
