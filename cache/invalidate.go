package cache

import (
	"net/url"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// Invalidation is what a request may have changed: stored responses for these are not to be served before they have been
// validated.
type Invalidation struct {
	// Targets are URIs as [Target] writes them.
	Targets []string
	// Groups are those of RFC 9875, of the origin of the target.
	Groups []string
}

// Invalidates returns what a response to a request for target invalidates (RFC 9111 §4.4, RFC 9875 §3): nothing after a safe
// method or an error, else the target, and of what Location and Content-Location name what has the same origin.
func Invalidates(m string, target *url.URL, response Response) Invalidation {
	var inv Invalidation
	if method.IsSafe(m) || response.Status < 200 || response.Status > 399 {
		return inv
	}
	inv.Targets = []string{Target(target)}
	for _, name := range []string{"Location", "Content-Location"} {
		for _, line := range response.Header[name] {
			other, err := target.Parse(strings.Trim(line, " \t"))
			if err != nil || !sameOrigin(target, other) {
				continue
			}
			if text := Target(other); !slices.Contains(inv.Targets, text) {
				inv.Targets = append(inv.Targets, text)
			}
		}
	}
	inv.Groups = groups(response.Header["Cache-Group-Invalidation"])
	return inv
}

// Groups are the groups that a stored response belongs to (RFC 9875 §2), among the responses of its origin.
func Groups(header map[string][]string) []string { return groups(header["Cache-Groups"]) }

// maxGroups bounds how many members of a field count. RFC 9875 asks for 32 at least.
const maxGroups = 128

// groups reads a List of Strings. A field that cannot be read is ignored as a whole.
func groups(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	list, err := httpsfv.UnmarshalList(lines)
	if err != nil {
		return nil
	}
	var names []string
	for _, member := range list {
		if item, ok := member.(httpsfv.Item); ok && len(names) < maxGroups {
			if name, ok := item.Value.(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// Target returns a target URI in the form in which targets are compared: without fragment and user information, scheme and host
// in lower case, and without a port that is the scheme's own. Paths and queries are left as they are.
func Target(u *url.URL) string {
	bare := *u
	bare.Fragment, bare.RawFragment, bare.User = "", "", nil
	bare.Scheme, bare.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if p := bare.Port(); p != "" && p == port(&url.URL{Scheme: bare.Scheme}) {
		bare.Host = strings.TrimSuffix(bare.Host, ":"+p)
	}
	if bare.Path == "" && bare.Opaque == "" {
		bare.Path = "/"
	}
	return bare.String()
}

// sameOrigin compares scheme, host and port (RFC 9110 §4.3.1).
func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case strings.EqualFold(u.Scheme, "https"):
		return "443"
	case strings.EqualFold(u.Scheme, "http"):
		return "80"
	}
	return ""
}
