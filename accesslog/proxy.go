package accesslog

import "net/netip"

// A proxied file is the log of a server behind proxies.
type proxied struct {
	// all is set if the peers of its first lines are proxies.
	all bool
	// networks are those that were given.
	networks []netip.Prefix
}

// Proxied reports whether a peer with this address is a proxy whose X-Forwarded-For is to be
// trusted: it is of Options.Proxies, or the first lines of the file show that all requests come by
// proxies, as they have X-Forwarded-For and all but a few clients have none.
func (f *File) Proxied(peer string) bool {
	if f.proxied.all || len(f.proxied.networks) == 0 {
		return f.proxied.all
	}
	address, err := netip.ParseAddr(peer)
	if err != nil {
		return false
	}
	address = address.Unmap()
	for _, network := range f.proxied.networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// lookProxied finds out whether the entries in lines came by proxies. note, if not empty, says that
// they may have, and that nothing tells.
func (d *dialect) lookProxied(lines [][]byte) (all bool, note string) {
	entries, forwarded, peers, clients := 0, 0, map[string]bool{}, map[string]bool{}
	d.eachEntry(lines, func(e *Entry) {
		entries++
		peers[string(e.present(Client))] = true
		if v := e.present(ForwardedFor); len(v) > 1 {
			forwarded++
			clients[string(v)] = true
		}
	})
	switch {
	case forwarded < 2 || forwarded*10 < entries*9:
		if entries >= 10 && len(peers) == 1 && forwarded == 0 {
			note = loneProxy(peers)
		}
		return false, note
	case len(peers) == 1:
		return true, ""
	}
	return entries >= 10 && len(clients) > 1, ""
}

// loneProxy is the note for a file whose only peer is of a private network.
func loneProxy(peers map[string]bool) string {
	for peer := range peers {
		if address, err := netip.ParseAddr(peer); err == nil && (address.Unmap().IsPrivate() || address.IsLoopback()) {
			return "all of its first requests come from " + peer + ": if that is a proxy, nobody can tell its clients apart; log X-Forwarded-For"
		}
	}
	return ""
}
