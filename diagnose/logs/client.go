package logs

import (
	"net/netip"
	"strings"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

// clientOf is who sent the request: the peer of the connection, or, if that is a proxy, whom the proxy names in
// X-Forwarded-For or a field like it. Two clients behind one proxy are not one.
//
// A peer is a proxy if it is a machine of the same network, or if the file shows that it is: see accesslog.File.Proxied.
// Each proxy appends its peer, so the last address that is none of the same network is the client's: what comes before it
// the client may have made up.
func clientOf(e *accesslog.Entry) string {
	client, _ := clientAndFirst(e)
	return client
}

// clientAndFirst returns the client, and the first address that is named, if it is another.
func clientAndFirst(e *accesslog.Entry) (client, first string) {
	peer := e.Text(accesslog.Client)
	if strings.IndexByte(peer, ':') >= 0 {
		if peer = strings.TrimPrefix(peer, "::ffff:"); strings.IndexByte(peer, ':') > 0 && strings.IndexByte(peer, '.') > 0 {
			peer = withoutPort(peer)
		}
	}
	if e.State(accesslog.ForwardedFor) != accesslog.Present || !isNear(peer) && !e.File().Proxied(peer) {
		return peer, ""
	}
	chosen := ""
	for rest := e.Text(accesslog.ForwardedFor); rest != ""; {
		i := strings.LastIndexByte(rest, ',')
		address := forwarded(rest[i+1:])
		rest = rest[:max(i, 0)]
		if _, err := netip.ParseAddr(address); err != nil {
			continue
		}
		if first = address; chosen == "" || isNear(chosen) || e.File().Proxied(chosen) {
			chosen = address
		}
	}
	switch chosen {
	case "":
		return peer, ""
	case first:
		first = ""
	}
	return chosen, first
}

// forwarded is the address in a member of X-Forwarded-For, or in one of Forwarded (RFC 7239), as in for="[2001:db8::7]:443";proto=https.
func forwarded(member string) string {
	member = strings.TrimSpace(member)
	if strings.IndexByte(member, '=') >= 0 {
		for pair := range strings.SplitSeq(member, ";") {
			if name, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(name, "for") {
				member = value
			}
		}
	}
	return strings.TrimPrefix(withoutPort(strings.Trim(member, " \t\"")), "::ffff:")
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

// A principal is who made a request, as far as a log tells.
type principal struct {
	client, user string
	// apart tells clients of one address apart: it is made of the first address that proxies name.
	apart uint64
	// agent is made of the User-Agent; 0 if the log does not have it.
	agent uint64
}

func principalOf(e *accesslog.Entry) principal {
	client, first := clientAndFirst(e)
	return principal{client: keep(client), user: keep(e.Text(accesslog.User)), apart: hashUnlessEmpty(first), agent: agentOf(e)}
}

// agentOf is a number for the program that sent the request; 0 if that is not known.
func agentOf(e *accesslog.Entry) uint64 {
	agent := e.Escaped(accesslog.UserAgent)
	if agent == "" {
		return 0
	}
	return longHash(agent)
}

func hashUnlessEmpty(s string) uint64 {
	if s == "" {
		return 0
	}
	return hash(s)
}

// is reports whether p and q may be one. Two programs at one address are not.
func (p principal) is(q principal) bool {
	return p.client == q.client && p.user == q.user && p.apart == q.apart && (p.agent == q.agent || p.agent == 0 || q.agent == 0)
}

// known reports whether the log has who made the request.
func (p principal) known() bool { return p.client != "" || p.user != "" }

// key is a number for p, whoever its user is. What tells programs of one address apart is in its upper half alone, so that
// of many keys those that matter are chosen before that is known: see machineOf.
func (p principal) key() uint64 { return mix(hash(p.client), p.apart) }

// program is what tells the program apart from others of one address, for the upper half of a key.
func (p principal) program() uint64 { return p.agent << 32 }

// machineOf is the key of principalOf, of whose client the hash is known.
func machineOf(e *accesslog.Entry, client uint64) uint64 {
	apart := uint64(0)
	if e.State(accesslog.ForwardedFor) == accesslog.Present {
		_, first := clientAndFirst(e)
		apart = hashUnlessEmpty(first)
	}
	return mix(client, apart)
}

// programOf is the program of principalOf.
func programOf(e *accesslog.Entry) uint64 { return agentOf(e) << 32 }

// String names the user and the address.
func (p principal) String() string {
	switch {
	case p.user != "" && p.client != "":
		return p.user + " at " + p.client
	case p.user != "":
		return p.user
	}
	return p.client
}

// subject names it as the one who did something, in a sentence.
func (p principal) subject() string {
	switch {
	case p.user != "":
		return "the user " + p.String()
	case p.client == "":
		return "a client"
	}
	return "the client " + p.client
}

// beside is subject in a sentence about q.
func (p principal) beside(q principal) string {
	if p.client != q.client || p.user != q.user || p.client == "" {
		return p.subject()
	}
	if p.apart != q.apart {
		return "another client behind " + p.client
	}
	return "another program at " + p.client
}
