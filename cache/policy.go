package cache

import (
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// Role is for whom a cache keeps responses (RFC 9111 §1).
type Role uint8

const (
	// Shared is a cache whose responses more than one user gets, such as that of a gateway or a CDN.
	Shared Role = iota
	// Private is a cache of a single user.
	Private
)

// String returns "shared" or "private".
func (r Role) String() string {
	if r == Private {
		return "private"
	}
	return "shared"
}

// The bounds that stand for a field of [Policy] that is 0.
const (
	// DefaultHeuristicFraction is the part of the time since Last-Modified for which a response without
	// an expiration time is fresh (§4.2.2).
	DefaultHeuristicFraction = 0.1
	// DefaultHeuristicMax bounds that time.
	DefaultHeuristicMax = 24 * time.Hour
)

// Policy says what a cache may do. The zero value is a shared cache that follows RFC 9111 with the usual
// heuristics.
type Policy struct {
	Role Role
	// Targeted are the names of response fields that take the place of Cache-Control and Expires, the first
	// that is there and can be read (RFC 9213): such as CDN-Cache-Control.
	Targeted []string
	// HeuristicFraction and HeuristicMax bound heuristic freshness; a negative HeuristicMax is none at all.
	HeuristicFraction float64
	HeuristicMax      time.Duration
	// IgnoreRequest leaves directives of requests out of account that make the cache ask the origin, save
	// only-if-cached and no-store. They are advice (§5.2.1), and for a gateway a way to be asked for work.
	IgnoreRequest bool
	// Coherent takes what is stored for as good as what the origin has, whatever its lifetime, until it is invalidated: for a
	// cache through which all writes pass, which then invalidates what they change. What must not be stored is not stored, and
	// a request may still ask for a validation. If the cache is shared, requests with Authorization, or with cookies that Vary does not
	// name, go to the origin unless the response has a lifetime or says public, and no no-cache: whom it is for is the origin's to say.
	Coherent bool
	// StaleIfError is how long after its end a response may be served when the origin cannot answer, if
	// neither request nor response say so (§4.2.4). 0 is none. What must be validated never is.
	StaleIfError time.Duration
}

// Request is what a decision looks at in a request. Header is as in net/http: canonical names, a string for each line.
type Request struct {
	Method string
	Header map[string][]string
	// Content stands for the content of a QUERY, which is part of the key (RFC 10008): a digest of it and
	// of what says how to read it.
	Content string
}

// Response is what a decision looks at in a response that has just arrived.
type Response struct {
	Status int
	Header map[string][]string
}

// Stored is a response in the cache, without its content.
type Stored struct {
	// Request has the method and the fields of the request it answered, all those that Vary names at least.
	Request Request
	Status  int
	// Header is what [Policy.Keep] left of the response's.
	Header map[string][]string
	// Requested and Received are when the request was sent and when the header section of the response
	// arrived; those of the last validation, if there was one.
	Requested, Received time.Time
	// Invalid makes it wait for a validation, whatever its age: a write has touched the resource (§4.4), or
	// a HEAD has told of other content (§4.3.5).
	Invalid bool
	// Expired is when somebody took it for stale before its time ([Transport.Expire]); zero is never. It ends with a validation.
	Expired time.Time
	// Parts are the ranges that are there if not all of the content is (§3.3): in order, none touching another.
	// Size is then the length of the whole. Nil is all.
	Parts []byterange.Range
	Size  int64
	// Alias is what [Transport.Forget] calls it by; see [Options].
	Alias string

	memo *memo
}

// Entry returns what is to be stored of a response that may be ([Policy.Storable]). A 206 becomes a part of a 200
// (RFC 9111 §3.3).
func (p *Policy) Entry(request Request, response Response, requested, received time.Time) *Stored {
	s := &Stored{
		Request: Request{Method: request.Method, Header: Varying(request.Header, response.Header), Content: request.Content},
		Status:  response.Status, Header: p.Keep(response.Header), Requested: requested, Received: received,
		memo: new(memo),
	}
	if part, ok := partOf(response.Header); ok && response.Status == 206 {
		s.Status, s.Parts, s.Size = 200, []byterange.Range{part.Range}, part.Size
		delete(s.Header, "Content-Range")
		s.Header["Content-Length"] = []string{strconv.FormatInt(part.Size, 10)}
	}
	return s
}

// control are the directives that count for a response, and its Expires if that counts.
func (p *Policy) control(header map[string][]string) (d ResponseDirectives, expires []string) {
	for _, name := range p.Targeted {
		if d, ok := parseTargeted(header[textproto.CanonicalMIMEHeaderKey(name)]); ok {
			return d, nil
		}
	}
	return ParseResponse(header["Cache-Control"]), header["Expires"]
}

// heuristic reports whether a response with the status may be stored and taken for fresh although it does not say
// so (RFC 9110 §15.1). 206 is not here: what it is a part of has a life of its own.
func heuristic(status int) bool {
	switch status {
	case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// understood reports whether the cache implements all that the status says about caching (§3).
func understood(status int) bool {
	switch status {
	case 302, 303, 307, 400, 403, 500, 502, 503, 504:
		return true
	}
	return heuristic(status)
}

// ofRequest reports whether the status tells of the request and not of its target: of its credentials, its preconditions,
// its Range, its size or its rate. Whoever asks otherwise must not be told the same, so it is never stored. RFC 6585
// says so of 428, 429, 431 and 511, RFC 9110 of 421; of the others it follows from what they mean.
func ofRequest(status int) bool {
	switch status {
	case 401, 407, 408, 411, 412, 413, 415, 416, 417, 421, 425, 426, 428, 429, 431, 511:
		return true
	}
	return false
}

// stores reports whether responses to the method can be stored. A HEAD tells of what a GET would, and is
// looked at for that (§4.3.5).
func stores(m string) bool { return m == "GET" || m == method.Query }

// values returns the members of a list of tokens, in lower case.
func values(lines []string) []string {
	var all []string
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.ToLower(strings.Trim(member, " \t")); member != "" && !slices.Contains(all, member) {
				all = append(all, member)
			}
		}
	}
	return all
}
