// Package gate decides who is heard at all, before anything is looked up. It turns
// away
//
//   - requests without credentials, if there are to be any;
//   - writes that a page of another site makes a browser send (cross-site
//     request forgery), and reads, of what is not for everyone;
//   - requests for another host, where only this machine is to be served: a
//     page of another site can make a browser send those, too, by letting its own
//     name lead to this machine (DNS rebinding), and could read the answers.
package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server/auth"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
)

// Options are the choices of New. The zero value lets everyone read and write,
// except through another site's page.
type Options struct {
	// Credentials are those that are accepted. Nil asks for none.
	Credentials *auth.Credentials
	// PublicRead asks none of safe methods; what they send is not looked at. Earlier
	// revisions, which were replaced or deleted for some reason, are not public.
	PublicRead bool
	// Announce lets OPTIONS without credentials pass: clients of WebDAV ask what a server can
	// do before they log in. Whoever answers tells those who are not known no more than that.
	Announce bool
	// LocalOnly refuses requests for a host that is neither an address nor
	// localhost nor one of Hosts. Addresses are safe: no name can lead to them.
	LocalOnly bool
	// Hosts are further names to be asked for, without port. "*." and a name
	// stands for all names below it.
	Hosts []string
	// HostHint says how a name becomes one of Hosts. "" is how serve is told.
	HostHint string
	// AnyOrigin lets writes pass that a page of another site makes a browser send:
	// whoever answers them decides.
	AnyOrigin bool
	// Private says that what is served is not for everyone, so that no page of another
	// site may use it: reads that such a page makes a browser send are turned away, and
	// all answers say so to browsers (Cross-Origin-Resource-Policy).
	Private bool
	// Sandbox reports whether what is at a path, without the slash before it, is not to be
	// trusted like the rest of the site, such as what clients have uploaded: a browser then runs none
	// of its scripts (Content-Security-Policy: sandbox). Nil is nothing.
	Sandbox func(path string) bool
	// Observe is told of the requests that were turned away. It may be nil.
	Observe observe.Observer
}

// New returns a handler that passes on to next who may be heard.
func New(next http.Handler, o Options) http.Handler {
	if o.HostHint == "" {
		o.HostHint = "start it with --host and the name"
	}
	return &gate{Options: o, next: next, crossOrigin: http.NewCrossOriginProtection()}
}

type gate struct {
	Options
	next        http.Handler
	crossOrigin *http.CrossOriginProtection
	// asked is the host that was asked for last and is known: mostly it is asked for again.
	asked atomic.Pointer[string]
}

type userKey struct{}

// User returns the name r was let in under, or "".
func User(r *http.Request) string {
	if id, ok := r.Context().Value(userKey{}).(*auth.Identity); ok {
		return id.Name
	}
	return ""
}

// IsKnown reports whether r was let in by its credentials.
func IsKnown(r *http.Request) bool {
	_, ok := r.Context().Value(userKey{}).(*auth.Identity)
	return ok
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.protect(w.Header(), r)
	if g.LocalOnly && !g.knows(r.Host) {
		g.refuse(w, r, condhttp.NewProblem(http.StatusMisdirectedRequest, "unknown-host",
			fmt.Sprintf("this server is not known as %.253q", hostname(r.Host)),
			"ask for it by its address or as localhost; to have it known by a name, "+g.HostHint))
		return
	}
	if p := g.readsForOther(r); p != nil {
		g.refuse(w, r, p)
		return
	}
	if g.Credentials != nil && !g.isOpen(r) {
		id, err := g.Credentials.CheckFrom(r.Context(), addressOf(r), r.Header["Authorization"])
		if err != nil {
			g.refuse(w, r, g.challenge(w, r, err))
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), userKey{}, id))
	}
	// A browser sends the credentials it has with every request, whoever's page
	// asked for it.
	if err := g.crossOrigin.Check(r); err != nil && !g.AnyOrigin {
		g.refuse(w, r, condhttp.NewProblem(http.StatusForbidden, "cross-origin",
			"a page from another origin made a browser send this write", "send it from a page of this server, or not from a browser"))
		return
	}
	g.next.ServeHTTP(w, r)
}

// isOpen reports whether a request needs no credentials, and those in it are not looked at.
func (g *gate) isOpen(r *http.Request) bool {
	if g.PublicRead && method.IsSafe(r.Method) && !origin.AsksForRevision(r.URL) {
		return true
	}
	return g.Announce && r.Method == http.MethodOptions && len(r.Header["Authorization"]) == 0
}

// addressOf is where r comes from: the network of an IPv6 address, and "" for this machine, where
// a proxy may be.
func addressOf(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	address := at.Addr().Unmap()
	switch {
	case err != nil || address.IsLoopback():
		return ""
	case address.Is6():
		network, _ := address.Prefix(64) // cannot fail
		return network.String()
	}
	return address.String()
}

// knows reports whether a request for host may come from someone who knows
// where it goes. One without a host comes from no browser.
func (g *gate) knows(host string) bool {
	if last := g.asked.Load(); last != nil && *last == host {
		return true
	}
	if !g.isOurs(host) {
		return false
	}
	asked := host
	g.asked.Store(&asked)
	return true
}

// isOurs reports whether host is an address, this machine, or one of Hosts.
func (g *gate) isOurs(host string) bool {
	name := hostname(host)
	if _, err := netip.ParseAddr(name); err == nil || name == "" {
		return true
	}
	if strings.EqualFold(name, "localhost") || len(name) > len(".localhost") &&
		strings.EqualFold(name[len(name)-len(".localhost"):], ".localhost") {
		return true
	}
	return slices.ContainsFunc(g.Hosts, func(known string) bool { return isNamed(name, known) })
}

// isNamed reports whether name is the known one, or below it.
func isNamed(name, known string) bool {
	if below, ok := strings.CutPrefix(known, "*"); ok {
		return len(name) > len(below) && strings.EqualFold(name[len(name)-len(below):], below)
	}
	return strings.EqualFold(name, known)
}

// hostname returns host without port, without brackets around an IPv6
// address, and without the dot at the end of an absolute name.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		return host[1 : len(host)-1]
	}
	return strings.TrimSuffix(host, ".")
}

// challenge is the answer to an error of Check. It sets the fields that go with
// it (RFC 9110 §11.6.1).
func (g *gate) challenge(w http.ResponseWriter, r *http.Request, err error) *condhttp.Problem {
	if !errors.Is(err, auth.ErrMissing) && !errors.Is(err, auth.ErrMalformed) && !errors.Is(err, auth.ErrWrong) {
		w.Header().Set("Retry-After", "1")
		return condhttp.NewProblem(http.StatusServiceUnavailable, "too-many-logins",
			"too many passwords are being checked at the moment", "try again in a second")
	}
	for _, scheme := range g.Credentials.Schemes() {
		w.Header().Add("WWW-Authenticate", challenges[scheme])
	}
	switch {
	case errors.Is(err, auth.ErrMissing):
		return condhttp.NewProblem(http.StatusUnauthorized, "credentials-missing",
			"this needs credentials, and none were sent", "send them in the Authorization field")
	case errors.Is(err, auth.ErrMalformed):
		return condhttp.NewProblem(http.StatusUnauthorized, "credentials-malformed",
			"the Authorization field cannot be read, or is of a scheme that is not accepted", "see the WWW-Authenticate field for those that are")
	}
	return condhttp.NewProblem(http.StatusUnauthorized, "credentials-wrong",
		"the user, the password or the token is wrong", "")
}

var challenges = map[string]string{
	"Basic":  `Basic realm="fourtwelve", charset="UTF-8"`,
	"Bearer": `Bearer realm="fourtwelve"`,
}

// refuse answers with p and tells the observer.
func (g *gate) refuse(w http.ResponseWriter, r *http.Request, p *condhttp.Problem) {
	started := time.Now()
	counted := &counter{ResponseWriter: w}
	if condhttp.AsksForHTML(r.Header) {
		p.WriteHTML(counted, r)
	} else {
		p.Write(counted, r)
	}
	if g.Observe != nil {
		g.Observe(r, &observe.Record{
			Started: started, Duration: time.Since(started),
			Status: p.Status, Bytes: counted.n, Reason: p.Reason,
		})
	}
}

// counter counts the bytes of an answer.
type counter struct {
	http.ResponseWriter
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}
