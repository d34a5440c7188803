package target

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Fault says why a target is not accepted. It is meant for a 400.
type Fault struct {
	// Reason is a stable word in kebab case.
	Reason string
	// Detail says what is wrong, and Hint what to do instead. Both are single sentences
	// without a full stop. Detail does not repeat what was sent.
	Detail, Hint string
}

// Error returns the detail.
func (f *Fault) Error() string { return f.Detail }

// Reasons of faults. They do not change.
const (
	// ReasonForm: the target has none of the forms that a server may be sent.
	ReasonForm = "invalid-target"
	// ReasonHost: the host of the target URI is no name and no address.
	ReasonHost = "invalid-host"
	// ReasonAmbiguous: servers disagree about what the path names.
	ReasonAmbiguous = "ambiguous-path"
)

// Check says what is wrong with the form of the target of r, or returns nil. Accepted are:
//
//   - origin-form: an absolute path, with or without a query;
//   - absolute-form, over HTTP/1, with this scheme and without user information;
//   - "*", with OPTIONS;
//   - whatever comes with CONNECT, which no handler of ours performs.
//
// The host has to be a name or an address, with or without a port. HTTP/1.0 may do without.
// Check looks at r.URL rather than at r.RequestURI, as handlers around this one may have
// changed it.
func Check(r *http.Request, scheme string) *Fault {
	if fault := checkHost(r); fault != nil || r.Method == http.MethodConnect {
		return fault
	}
	if fault := checkForm(r, scheme); fault != nil {
		return fault
	}
	if strings.Contains(r.URL.RawPath, "#") || strings.Contains(r.URL.RawQuery, "#") {
		return invalid("the request target has a fragment (#), which is for the client alone", "send it without, or write %23 for the character")
	}
	return nil
}

func checkForm(r *http.Request, scheme string) *Fault {
	u := r.URL
	switch {
	case u.Opaque != "":
		return invalid("the request target has a scheme and no host", "send the path alone")
	case u.User != nil:
		return invalid("the request target has user information before its host", "send credentials in the Authorization field")
	case u.Scheme == "" && u.Host == "":
		return checkPath(r)
	case r.ProtoMajor > 1:
		return invalid("the request target is a whole URI, which has no place in :path", "send the path alone")
	case u.Host == "":
		return invalid("the request target has a scheme and no host", "send the path alone")
	case u.Scheme != scheme:
		return invalid("the request target is not of the scheme "+scheme+", by which this request came", "send the path alone")
	case u.Path != "" && u.Path[0] != '/':
		return invalid("the request target is no absolute path", `begin it with "/"`)
	}
	return nil
}

// checkPath is for a target without scheme and host.
func checkPath(r *http.Request) *Fault {
	switch path := r.URL.Path; {
	case path == "*" && r.Method == http.MethodOptions, path != "" && path[0] == '/':
		return nil
	case path == "*":
		return invalid(`the request target "*" is for OPTIONS alone`, "send the path of a resource")
	}
	return invalid("the request target is no absolute path", `begin it with "/"`)
}

func invalid(detail, hint string) *Fault { return &Fault{ReasonForm, detail, hint} }

// IsServer reports whether a target that Check accepts is no resource, but the server as a
// whole: "*", or a URI without a path (RFC 9110 §4.2.3).
func IsServer(r *http.Request) bool {
	return r.Method == http.MethodOptions && (r.URL.Path == "*" || r.URL.Path == "" && r.URL.RawQuery == "" && !r.URL.ForceQuery)
}

func checkHost(r *http.Request) *Fault {
	switch {
	case r.Host == "" && !r.ProtoAtLeast(1, 1), IsHost(r.Host):
		return nil
	case r.Host == "":
		return &Fault{ReasonHost, "the request does not say for which host it is", "send the host of the URI in Host"}
	}
	return &Fault{ReasonHost, "the host of the request is no name and no address", "send the host of the URI, with its port if that is not the usual one"}
}

// IsHost reports whether s is a host with or without a port, as in a Host field (RFC 9110
// §7.2). Of what RFC 3986 calls a registered name, those are hosts that can be looked up:
// letters, digits, "-", "_", "~" and dots.
func IsHost(s string) bool {
	host, port, _ := cutPort(s)
	if port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
	}
	if strings.HasPrefix(host, "[") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
		return err == nil && strings.HasSuffix(host, "]") && addr.Is6() && addr.Zone() == ""
	}
	for i := range len(host) {
		if !isUnreserved(host[i]) {
			return false
		}
	}
	return host != ""
}

// cutPort splits a host from its port.
func cutPort(s string) (host, port string, found bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// Host returns the host of an authority in the form in which hosts are compared: in lower
// case, without port, brackets, and the dot at the end of an absolute name.
func Host(authority string) string {
	host, _, _ := cutPort(authority)
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// SameAuthority reports whether two authorities are one under this scheme: case does not
// count, and neither does the port that the scheme has anyway.
func SameAuthority(scheme, a, b string) bool {
	return Host(a) == Host(b) && portOf(scheme, a) == portOf(scheme, b)
}

func portOf(scheme, authority string) string {
	_, port, _ := cutPort(authority)
	if usual := map[string]string{"http": "80", "https": "443"}[scheme]; port == usual {
		return ""
	}
	return port
}

// Of returns r with its target in normal form: in origin-form, or "*" for the server as a
// whole. It is r itself if nothing is to be changed. r must have passed [Check].
func Of(r *http.Request) (*http.Request, *Fault) {
	u, fault := Normal(r.URL)
	if IsServer(r) {
		u, fault = &url.URL{Path: "*"}, nil
	}
	if fault != nil || u == r.URL {
		return r, fault
	}
	own := *r
	own.URL = u
	return &own, nil
}
