package dav

import (
	"hash/maphash"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// clients remembers who speaks WebDAV. Some clients send nothing with a PUT by which they could be told from any other
// (rclone, KDE, Joplin), but all of them have asked with PROPFIND before.
type clients struct {
	seed maphash.Seed

	mu         sync.Mutex
	young, old map[uint64]time.Time
}

const (
	// maxClients bounds half of how many clients are remembered; who was not heard of for longest is forgotten.
	maxClients = 1 << 14
	// clientTime is for how long a client is remembered after it was last known to speak WebDAV.
	clientTime = 24 * time.Hour
)

func newClients() *clients {
	return &clients{seed: maphash.MakeSeed(), young: make(map[uint64]time.Time)}
}

// note remembers a client that speaks WebDAV.
func (c *clients) note(client string, now time.Time) {
	key := maphash.String(c.seed, client)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= maxClients {
		c.young, c.old = make(map[uint64]time.Time), c.young
	}
	c.young[key] = now.Add(clientTime)
}

// knows reports whether the client is remembered.
func (c *clients) knows(client string, now time.Time) bool {
	key := maphash.String(c.seed, client)
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(c.young[key]) || now.Before(c.old[key])
}

// clientOf tells clients apart: by their user, their address, and the software that they say they are.
func (h *Handler) clientOf(r *http.Request) string {
	return h.principal(r) + "\n" + addressOf(r) + "\n" + strings.Join(r.Header["User-Agent"], "\n")
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
	return isDAV(r) || h.clients.knows(h.clientOf(r), h.options.now())
}

// isDAV reports whether r shows by itself that its client speaks WebDAV.
func isDAV(r *http.Request) bool {
	return isOwn(r.Method) && r.Method != http.MethodOptions || condhttp.ShowsWebDAV(r.Header)
}
