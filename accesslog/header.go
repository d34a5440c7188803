package accesslog

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

// requestFields are the field lines of a request that entries have, by name in lower
// case.
var requestFields = map[string]Field{
	"accept-encoding":     AcceptEncoding,
	"amz-sdk-request":     Attempt,
	"content-length":      ContentLength,
	"destination":         Destination,
	"expect":              Expect,
	"host":                Host,
	"idempotency-key":     IdempotencyKey,
	"if":                  If,
	"if-match":            IfMatch,
	"if-modified-since":   IfModifiedSince,
	"if-none-match":       IfNoneMatch,
	"if-range":            IfRange,
	"if-unmodified-since": IfUnmodifiedSince,
	"overwrite":           Overwrite,
	"range":               Range,
	"referer":             Referer,
	"user-agent":          UserAgent,
	"x-forwarded-for":     ForwardedFor,
	"forwarded":           ForwardedFor,
	"cf-connecting-ip":    ForwardedFor, // of Cloudflare
	"true-client-ip":      ForwardedFor, // of Akamai and Cloudflare
	"fastly-client-ip":    ForwardedFor,
	"x-azure-clientip":    ForwardedFor,
	"x-real-ip":           ForwardedFor,
	"x-client-ip":         ForwardedFor,
	"x-cluster-client-ip": ForwardedFor,
	"client-ip":           ForwardedFor,
	"x-original-for":      ForwardedFor, // of ASP.NET Core
	"originalip":          ForwardedFor, // as Microsoft names the custom field
	"original-ip":         ForwardedFor,
	"x-request-id":        RequestID,
	"x-correlation-id":    RequestID,
}

// responseFields are those of a response.
var responseFields = map[string]Field{
	"age":              Age,
	"cf-cache-status":  Cache,
	"content-encoding": ContentEncoding,
	"content-range":    ContentRange,
	"etag":             ETag,
	"last-modified":    LastModified,
	"via":              Via,
	"x-cache":          Cache,
	"x-request-id":     RequestID,
}

// A direction is that of a message.
type direction bool

const (
	request  direction = false
	response direction = true
)

// headerColumn is the column for a field line of a request or a response. NoField if
// entries have no such field.
func headerColumn(name string, d direction) column {
	lower := strings.ToLower(name)
	c := column{name: name, secret: secret.Field(lower), field: requestFields[lower]}
	if d == response {
		c.field = responseFields[lower]
	}
	if isFirewallName(lower) {
		c.field = WAF
	}
	switch c.field {
	case Host, RequestID, Cache:
		c.rank = -1 // if the format has a better source, that is the one
	case ForwardedFor:
		c.rank = forwardedRank(lower)
	}
	return c
}

// isTagList reports whether the values of f are entity tags, or have some.
func isTagList(f Field) bool {
	switch f {
	case IfMatch, IfNoneMatch, IfRange, If, ETag, NewETag, UpstreamETag:
		return true
	}
	return false
}

// isFirewallName reports whether a field or variable carries the mark of a firewall or
// bot filter by its name.
func isFirewallName(name string) bool {
	lower := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	for _, mark := range []string{"waf", "modsec", "mod-security", "cf-mitigated", "sucuri-block"} {
		if strings.Contains(lower, mark) {
			return true
		}
	}
	return false
}

// forwardedRank prefers fields that have one address, of the client, to lists, and lists to what
// anybody may have written.
func forwardedRank(name string) int8 {
	switch name {
	case "x-forwarded-for":
		return -1
	case "forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "client-ip":
		return -2
	}
	return 0
}
