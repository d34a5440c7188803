package dav

import (
	"cmp"
	"hash/maphash"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// clients remembers who speaks WebDAV. Some clients send nothing with a PUT by which they could be told from any other
// (rclone, KDE, Joplin, Zotero), but all of them have asked with PROPFIND before.
type clients struct {
	seed maphash.Seed
	any  atomic.Bool // whether there has been any

	mu sync.Mutex
	// named are those that have logged in. Whoever cannot does not make the server forget them.
	named, nameless memory
}

const (
	// maxOwners bounds half of how many owners a memory has; who was not heard of for longest is forgotten.
	maxOwners = 1 << 13
	// maxAgents bounds how many programs of one owner are remembered, on all machines together, so that nobody takes the
	// room of others by calling the same program by many names.
	maxAgents = 16
	// namedTime is for how long a client is remembered after it was last known to speak WebDAV: Zotero sends PROPFIND once
	// a week. namelessTime is for clients that do not log in.
	namedTime    = 30 * 24 * time.Hour
	namelessTime = 24 * time.Hour
)

func newClients() *clients { return &clients{seed: maphash.MakeSeed()} }

// client tells clients apart: by their user, their address, and the software that they say they are.
type client struct{ user, address, agent string }

// owner is whose client it is: a user's, or that of whoever is at its address.
func (w client) owner() string { return cmp.Or(w.user, w.address) }

// memory has the programs that speak WebDAV, by the hash of their owner.
type memory struct{ young, old map[uint64][]agent }

// agent is the hash of what a program says it is, with its address, and until when it is remembered.
type agent struct {
	key   uint64
	until time.Time
}

// of returns where c is remembered, and for how long.
func (c *clients) of(who client) (*memory, time.Duration) {
	if who.user == "" {
		return &c.nameless, namelessTime
	}
	return &c.named, namedTime
}

func (c *clients) hash(parts ...string) uint64 {
	return maphash.String(c.seed, strings.Join(parts, "\n"))
}

// note remembers a client that speaks WebDAV.
func (c *clients) note(who client, now time.Time) {
	owner, key := c.hash(who.owner()), c.hash(who.address, who.agent)
	c.any.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	m, span := c.of(who)
	agents, isYoung := m.young[owner]
	if !isYoung {
		agents = m.old[owner]
		if m.young == nil || len(m.young) >= maxOwners {
			m.young, m.old = make(map[uint64][]agent), m.young
		}
	}
	agents = slices.DeleteFunc(agents, func(a agent) bool { return a.key == key })
	if len(agents) >= maxAgents {
		agents = agents[1:] // the one that was not heard of for longest
	}
	m.young[owner] = append(agents, agent{key, now.Add(span)})
}

// knows reports whether the client is remembered.
func (c *clients) knows(who client, now time.Time) bool {
	owner, key := c.hash(who.owner()), c.hash(who.address, who.agent)
	c.mu.Lock()
	defer c.mu.Unlock()
	m, _ := c.of(who)
	agents, isYoung := m.young[owner]
	if !isYoung {
		agents = m.old[owner]
	}
	return slices.ContainsFunc(agents, func(a agent) bool { return a.key == key && now.Before(a.until) })
}

// clientOf is the client that sent r.
func (h *Handler) clientOf(r *http.Request) client {
	return client{h.principal(r), addressOf(r), strings.Join(r.Header["User-Agent"], "\n")}
}

// addressOf is the address that r came from, without the port.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// speaksDAV reports whether who sent r speaks WebDAV: r shows it, or an earlier request did.
func (h *Handler) speaksDAV(r *http.Request) bool {
	return isDAV(r) || h.clients.any.Load() && h.clients.knows(h.clientOf(r), h.options.now())
}

// isDAV reports whether r shows by itself that its client speaks WebDAV.
func isDAV(r *http.Request) bool {
	return isOwn(r.Method) && r.Method != http.MethodOptions || condhttp.ShowsWebDAV(r.Header)
}
