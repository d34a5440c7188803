package cache

import (
	"strconv"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// Status is what a cache has done with a request, for a member of Cache-Status (RFC 9211).
type Status struct {
	// Hit says that the answer was made of what was stored, without asking.
	Hit bool
	// Forwarded is why the request went on, such as "uri-miss" (§2.2); "" if it did not.
	Forwarded string
	// ForwardStatus is the status of the answer to that, if it is not the one sent. 0 is left out.
	ForwardStatus int
	// TTL is how long the response is still fresh, negative once it is stale, if HasTTL is set.
	TTL    time.Duration
	HasTTL bool
	// Age is how old it is then. Cache-Status has no place for it: the field Age has.
	Age time.Duration
	// Key is the key, if that is to be told: it may be other than the target URI.
	Key string
	// Stored says that the response has been stored.
	Stored bool
	// Collapsed says that the request shared the forwarding of another one.
	Collapsed bool
	// Detail is a word on what was decided, such as that of a [Reason].
	Detail string
}

// Forwarded values of [Status] (RFC 9211 §2.2).
const (
	Bypass       = "bypass"
	ByMethod     = "method"
	URIMiss      = "uri-miss"
	VaryMiss     = "vary-miss"
	ByRequest    = "request"
	WhenStale    = "stale"
	WhenPartial  = "partial"
	unnamedCache = "cache"
)

// ForwardedBy returns why a request goes on for which something was stored (RFC 9211 §2.2).
func (r Reuse) ForwardedBy() string {
	switch r.Reason {
	case MethodNotStored:
		return ByMethod
	case RequestNoCache, RequestMaxAge, RequestMinFresh, OriginCondition, Authorization:
		return ByRequest
	case PartialContent:
		return WhenPartial
	}
	return WhenStale
}

func (s *Status) setFreshness(f Freshness) { s.TTL, s.Age, s.HasTTL = f.Left(), f.Age, true }

// Member returns the member of Cache-Status for a cache of that name.
func (s Status) Member(name string) string {
	if s.Hit && s.Forwarded == "" && !s.Stored && !s.Collapsed && s.Key == "" && isPlain(name) {
		return s.hitMember(name)
	}
	item := httpsfv.NewItem(name)
	if name == "" {
		item = httpsfv.NewItem(unnamedCache)
	}
	if s.Hit {
		item.Params.Add("hit", true)
	}
	if s.Forwarded != "" {
		item.Params.Add("fwd", httpsfv.Token(s.Forwarded))
		if s.ForwardStatus != 0 {
			item.Params.Add("fwd-status", int64(s.ForwardStatus))
		}
	}
	if s.HasTTL {
		item.Params.Add("ttl", int64(s.TTL/time.Second))
	}
	if s.Stored {
		item.Params.Add("stored", true)
	}
	if s.Collapsed {
		item.Params.Add("collapsed", true)
	}
	if s.Key != "" {
		item.Params.Add("key", s.Key)
	}
	if s.Detail != "" {
		item.Params.Add("detail", httpsfv.Token(s.Detail))
	}
	text, err := httpsfv.Marshal(httpsfv.List{item})
	switch {
	case err != nil && s.Key != "": // it has what no String can hold
		s.Key = ""
		return s.Member(name)
	case err != nil: // so has the name
		return unnamedCache
	}
	return text
}

// isPlain reports whether a name stands in a String as it is.
func isPlain(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// hitMember is Member for what is served most often.
func (s Status) hitMember(name string) string {
	b := append(make([]byte, 0, 64), '"')
	b = append(append(b, name...), `";hit`...)
	if s.HasTTL {
		b = strconv.AppendInt(append(b, ";ttl="...), int64(s.TTL/time.Second), 10)
	}
	if s.Detail != "" {
		b = append(append(b, ";detail="...), s.Detail...)
	}
	return string(b)
}

// AgeField is the value of an Age field (RFC 9111 §5.1).
func AgeField(age time.Duration) string {
	return strconv.FormatInt(int64(min(max(0, age), Forever)/time.Second), 10)
}

// appendMember adds a member to the lines of a list field.
func appendMember(lines []string, member string) []string {
	if len(lines) == 0 {
		return []string{member}
	}
	return []string{strings.Join(lines, ", ") + ", " + member}
}
