// Package admit bounds how many connections there are and how many requests are
// answered at once, for each address and for all, so that one client cannot take
// what is meant for everybody. It also ends HTTP/2 connections whose client does
// little but take requests back: each costs the server work, and the client nothing
// ("rapid reset", CVE-2023-44487).
//
//	limits := admit.New(admit.Options{PerAddress: 1024, Total: 8192})
//	server := &http.Server{
//		Handler:     limits.Handler(next),
//		ConnContext: limits.Context,
//		ConnState:   limits.State,
//		HTTP2:       admit.HTTP2(),
//	}
package admit

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
)

const (
	// MaxStreams is how many requests one HTTP/2 connection answers at once. net/http
	// keeps four times as many waiting before it gives the connection up.
	MaxStreams = 100
	// maxTakenBack is how many requests of one connection can be taken back before it
	// matters what part of all they are: more than half end the connection.
	maxTakenBack = 100
)

// HTTP2 is the configuration of HTTP/2: what one connection may hold.
func HTTP2() *http.HTTP2Config {
	return &http.HTTP2Config{MaxConcurrentStreams: MaxStreams}
}

// Options are the choices of [New].
type Options struct {
	// PerAddress bounds the connections of one address, and its requests that are
	// answered at once. An IPv6 network of 64 bits counts as one, and this machine
	// does not count. 0 is no bound.
	PerAddress int
	// Total bounds the connections of all, and their requests. 0 is no bound.
	Total int
	// Exempt says which addresses have no bound of their own, such as those of a proxy that
	// many clients come through. Nil is none.
	Exempt func(netip.Addr) bool
	// Refuse answers a request for which there is no room.
	Refuse http.HandlerFunc
}

// Limits are what New returns. All methods may be called from any number of goroutines.
type Limits struct {
	Options
	connections, requests crowd
}

// New returns limits for one server.
func New(o Options) *Limits { return &Limits{Options: o} }

// crowd counts by address.
type crowd struct {
	all   atomic.Int64
	mu    sync.Mutex
	of    map[netip.Addr]int
	conns map[net.Conn]netip.Addr // those that are counted
}

// enter counts one more of address, if there is room. An address that is not valid counts for all alone.
func (c *crowd) enter(address netip.Addr, perAddress, total int) bool {
	if !address.IsValid() {
		return c.enterAll(int64(total))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if perAddress > 0 && c.of[address] >= perAddress || !c.enterAll(int64(total)) {
		return false
	}
	if c.of == nil {
		c.of = make(map[netip.Addr]int)
	}
	c.of[address]++
	return true
}

// enterAll counts one more of all, if there is room.
func (c *crowd) enterAll(total int64) bool {
	for {
		n := c.all.Load()
		if total > 0 && n >= total {
			return false
		}
		if c.all.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (c *crowd) leave(address netip.Addr) {
	c.all.Add(-1)
	if !address.IsValid() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[address]--; c.of[address] == 0 {
		delete(c.of, address)
	}
}

// note keeps what a connection was counted as; forget returns it, once.
func (c *crowd) note(conn net.Conn, address netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns == nil {
		c.conns = make(map[net.Conn]netip.Addr)
	}
	c.conns[conn] = address
}

func (c *crowd) knows(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, counted := c.conns[conn]
	return counted
}

func (c *crowd) forget(conn net.Conn) (address netip.Addr, counted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	address, counted = c.conns[conn]
	delete(c.conns, conn)
	return address, counted
}

// client is the address that remote counts as. It is not valid if it has no bound of its own.
func (l *Limits) client(remote string) netip.Addr { return l.countedAs(addressOf(remote)) }

// addressOf returns the address of a remote "address:port". It is not valid if it is none, or this machine.
func addressOf(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	address := ap.Addr().Unmap().WithZone("")
	if err != nil || address.IsLoopback() {
		return netip.Addr{}
	}
	return address
}

// countedAs is client for what addressOf returned. Which addresses are exempt may change in between.
func (l *Limits) countedAs(address netip.Addr) netip.Addr {
	if !address.IsValid() || l.Exempt != nil && l.Exempt(address) {
		return netip.Addr{}
	}
	if address.Is6() {
		network, _ := address.Prefix(64) // cannot fail
		return network.Addr()
	}
	return address
}

// State is for [http.Server.ConnState]. It closes a new connection for which there is no room. A connection that
// stands on another (its method Beneath returns that) is the same connection, and is counted once.
func (l *Limits) State(conn net.Conn, state http.ConnState) {
	conn = accepted(conn)
	switch state {
	case http.StateNew:
		if l.connections.knows(conn) {
			return
		}
		address := l.client(conn.RemoteAddr().String())
		if !l.connections.enter(address, l.PerAddress, l.Total) {
			_ = conn.Close()
			return
		}
		l.connections.note(conn, address)
	case http.StateClosed, http.StateHijacked:
		if address, counted := l.connections.forget(conn); counted {
			l.connections.leave(address)
		}
	}
}

// accepted returns the connection that c stands on.
func accepted(c net.Conn) net.Conn {
	for {
		over, ok := c.(interface{ Beneath() net.Conn })
		if !ok {
			return c
		}
		c = over.Beneath()
	}
}

type connectionKey struct{}

// connection is what is known of one connection.
type connection struct {
	conn             net.Conn
	address          netip.Addr // by addressOf
	asked, takenBack atomic.Int64
}

// Context is for [http.Server.ConnContext].
func (l *Limits) Context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{conn: conn, address: addressOf(conn.RemoteAddr().String())})
}

// Handler passes on to next what there is room for. Requests come from connections that Context has seen.
func (l *Limits) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connectionKey{}).(*connection)
		if !ok {
			c = &connection{address: addressOf(r.RemoteAddr)}
		}
		address := l.countedAs(c.address)
		if !l.requests.enter(address, l.PerAddress, l.Total) {
			l.Refuse(w, r)
			return
		}
		defer l.requests.leave(address)
		if r.ProtoMajor >= 2 {
			defer c.noteTakenBack(r)
		}
		next.ServeHTTP(w, r)
	})
}

// noteTakenBack notes whether the client has taken r back, and closes a connection where
// that is all that happens.
func (c *connection) noteTakenBack(r *http.Request) {
	if c.conn == nil {
		return
	}
	asked := c.asked.Add(1)
	if r.Context().Err() == nil {
		return
	}
	if n := c.takenBack.Add(1); n > maxTakenBack && 2*n > asked {
		_ = c.conn.Close()
	}
}
