package logs

import (
	"net/netip"
	"strings"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

// clientOf is who sent the request: the peer of the connection, or, if that is a machine of the same network
// and so a proxy, whom the proxy names in X-Forwarded-For. Two clients behind one proxy are not one.
//
// Each proxy appends its peer, so the last address that is none of the same network is the client's: what comes before it
// the client may have made up.
func clientOf(e *accesslog.Entry) string {
	peer := e.Text(accesslog.Client)
	if e.State(accesslog.ForwardedFor) != accesslog.Present || !isNear(peer) {
		return peer
	}
	named := e.Text(accesslog.ForwardedFor)
	first := ""
	for rest := named; rest != ""; {
		i := strings.LastIndexByte(rest, ',')
		address := withoutPort(strings.Trim(rest[i+1:], " \t\""))
		rest = rest[:max(i, 0)]
		if _, err := netip.ParseAddr(address); err != nil {
			continue
		}
		if first = address; !isNear(address) {
			return address
		}
	}
	if first != "" {
		return first
	}
	return peer
}

// withoutPort is the address of "address:port", of "[address]:port" and of an address alone.
func withoutPort(s string) string {
	if _, err := netip.ParseAddrPort(s); err == nil {
		return strings.Trim(s[:strings.LastIndexByte(s, ':')], "[]")
	}
	return strings.Trim(s, "[]")
}

// isNear reports whether an address is of this machine or a private network, or none at all, as of a socket.
func isNear(s string) bool {
	if s == "" || s == "-" || strings.HasPrefix(s, "unix:") {
		return true
	}
	a, err := netip.ParseAddr(withoutPort(s))
	if err != nil {
		return false
	}
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || sharedSpace.Contains(a)
}

// sharedSpace is that of carriers and clouds (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
