package guard

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/target"
)

// outbound makes the request for the backend of that of the client.
func (x *exchange) outbound() *http.Request {
	out := x.r.Clone(x.r.Context())
	out.Close = false
	if x.r.ContentLength == 0 {
		out.Body = nil // so that net/http may send it again on another connection
	}
	if out.Body != nil {
		body := &clientBody{Reader: out.Body}
		x.onEnd(body.end)
		out.Body = body
	}
	out.Trailer = trailerOf(x.sent)
	p := httputil.ProxyRequest{In: x.r, Out: out}
	p.SetURL(x.route.backend)
	out.URL.RawQuery = x.r.URL.RawQuery // as it came, however odd
	if !isPath(x.r.URL) {               // the server as a whole (RFC 9112 §3.2.4)
		out.URL.Path, out.URL.RawPath, out.URL.Opaque = "", "", "*"
	}
	if x.route.KeepHost {
		out.Host = x.r.Host
	}
	h := out.Header
	passHopByHop(h, x.r)
	x.setForwarded(&p)
	if x.route.NoVia {
		delete(h, "Via")
	} else {
		h["Via"] = append(h["Via"], x.via(x.r.ProtoMajor, x.r.ProtoMinor))
	}
	x.announceTE(h)
	if len(h["User-Agent"]) == 0 {
		h["User-Agent"] = noUserAgent
	}
	if method.IsSafe(x.r.Method) {
		dropOverrides(h)
	}
	x.countForwards(h)
	x.mapDestination(h)
	return out
}

// clientBody is the content of a request. A transport may close it while the client is still to be asked for it, and want to
// read it when the request has been answered.
type clientBody struct {
	io.Reader
	ended atomic.Bool
}

var errAnswered = errors.New("the request has been answered")

func (b *clientBody) Read(p []byte) (int, error) {
	if b.ended.Load() {
		return 0, errAnswered
	}
	return b.Reader.Read(p)
}

// Close leaves the content to the client's connection.
func (b *clientBody) Close() error { return nil }

func (b *clientBody) end() { b.ended.Store(true) }

// noUserAgent keeps net/http from naming itself. It is shared by all requests, to be read only.
var noUserAgent = []string{""}

// passHopByHop leaves of the fields that are for the guard alone those that ask the backend for the same: a
// trailer section, and another protocol.
func passHopByHop(h http.Header, r *http.Request) {
	upgrade := h.Get("Upgrade")
	upgrades := upgrade != "" && hasToken(h["Connection"], "upgrade") && mayUpgrade(r.Method, upgrade)
	dropHopByHop(h)
	if hasToken(r.Header["Te"], "trailers") {
		h["Te"] = []string{"trailers"}
	}
	if upgrades {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{upgrade}
	}
}

// via is our Via member (RFC 9110 §7.6.3) for a message that came in a version of
// HTTP.
func (x *exchange) via(major, minor int) string {
	if major == 1 && minor == 1 {
		return x.via11
	}
	return strconv.Itoa(major) + "." + strconv.Itoa(minor) + " " + x.options.Via
}

// forwardedFields are made anew for each request.
var forwardedFields = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// setForwarded tells the backend who asks for what: by X-Forwarded-*, and by
// Forwarded (RFC 7239), unless the route leaves them out. What a trusted proxy says is kept.
func (x *exchange) setForwarded(p *httputil.ProxyRequest) {
	in, out := p.In.Header, p.Out.Header
	trusted := x.fromTrusted()
	deleteFields(out, forwardedFields)
	x.dropClaims(out, trusted && !x.route.NoXForwarded)
	if !x.route.NoXForwarded {
		if trusted {
			copyField(out, in, "X-Forwarded-For")
		}
		p.SetXForwarded()
		if x.r.Host == "" { // HTTP/1.0
			delete(out, "X-Forwarded-Host")
		}
		if trusted {
			copyField(out, in, "X-Forwarded-Host")
			copyField(out, in, "X-Forwarded-Proto")
		}
	}
	if x.route.NoForwarded {
		return
	}
	forwarded := x.forwarded()
	if prior := strings.Join(in["Forwarded"], ", "); trusted && prior != "" {
		forwarded = prior + ", " + forwarded
	}
	out["Forwarded"] = []string{forwarded}
}

// announceTE sees to it that TE, which is for the next hop alone, is named in Connection (RFC 9110 §10.1.4).
// HTTP/2 has no Connection, and whether a backend speaks that with TLS is not known beforehand: it is
// told only where it cannot do without.
func (x *exchange) announceTE(h http.Header) {
	switch {
	case len(h["Te"]) == 0 || x.route.h2c:
	case len(h["Upgrade"]) > 0, x.route.backend.Scheme == "https" && !isRPC(x.r):
		delete(h, "Te")
	case x.route.backend.Scheme == "http":
		h["Connection"] = []string{"TE"}
	}
}

func copyField(dst, src http.Header, name string) {
	if lines := src[name]; len(lines) > 0 {
		dst[name] = lines
	}
}

// forwarded is our element of a Forwarded field.
func (x *exchange) forwarded() string {
	var b strings.Builder
	b.WriteString("for=")
	client, _, err := net.SplitHostPort(x.r.RemoteAddr)
	switch ip, parseErr := netip.ParseAddr(client); {
	case err != nil || parseErr != nil:
		b.WriteString("unknown")
	case ip.Is6():
		b.WriteString(`"[` + ip.WithZone("").String() + `]"`)
	default:
		b.WriteString(client)
	}
	switch host := x.r.Host; {
	case isToken(host):
		b.WriteString(";host=" + host)
	case host != "":
		b.WriteString(`;host="` + host + `"`) // it has been checked: there is nothing to escape
	}
	b.WriteString(";proto=" + scheme(x.r))
	return b.String()
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// fromTrusted reports whether the client is a proxy that is believed.
func (x *exchange) fromTrusted() bool {
	if len(x.trusted) == 0 {
		return false
	}
	addr, err := netip.ParseAddrPort(x.r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, prefix := range x.trusted {
		if prefix.Contains(addr.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// clientScheme is the scheme of the target URI as the client knows it.
func (x *exchange) clientScheme() string {
	if proto := x.r.Header.Get("X-Forwarded-Proto"); proto != "" && x.fromTrusted() {
		first, _, _ := strings.Cut(proto, ",")
		return strings.ToLower(strings.TrimSpace(first))
	}
	return scheme(x.r)
}

// dropOverrides removes fields by which some backends take a safe method
// for another one.
func dropOverrides(h http.Header) {
	deleteFields(h, methodFields)
}

// countForwards takes one from Max-Forwards (RFC 9110 §7.6.2).
func (x *exchange) countForwards(h http.Header) {
	if x.r.Method != http.MethodOptions && x.r.Method != http.MethodTrace {
		return
	}
	if n, err := strconv.ParseUint(h.Get("Max-Forwards"), 10, 31); err == nil && n > 0 {
		h.Set("Max-Forwards", strconv.FormatUint(n-1, 10))
	}
}

// mapDestination maps the URIs in the fields Destination and If of WebDAV
// (RFC 4918 §10.3, §10.4) as that of the request is mapped. In If, those of other servers are left
// as they are.
func (x *exchange) mapDestination(h http.Header) {
	if x.destination != nil {
		h["Destination"] = []string{x.atBackend(x.destination.url)}
		if x.keepsDestination() {
			h["Overwrite"] = []string{"F"} // some servers take "f" for T
		}
	}
	for i, line := range h["If"] {
		h["If"][i] = x.mapTagged(line)
	}
}

// names reports whether u is a URI of this gateway, as the client would say it.
func (x *exchange) names(u *url.URL) bool {
	if u.Scheme == "" && u.Host == "" {
		return strings.HasPrefix(u.Path, "/")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	return target.SameAuthority(u.Scheme, u.Host, x.r.Host) || target.SameAuthority(u.Scheme, u.Host, x.clientHost())
}

// clientHost is the authority of the target URI as the client knows it.
func (x *exchange) clientHost() string {
	if host := x.r.Header.Get("X-Forwarded-Host"); host != "" && x.fromTrusted() {
		first, _, _ := strings.Cut(host, ",")
		return strings.TrimSpace(first)
	}
	return x.r.Host
}

// atBackend returns the URI that u, in normal form, has at the backend.
func (x *exchange) atBackend(u *url.URL) string {
	mapped := *x.route.backend
	if x.route.KeepHost {
		mapped.Host = x.r.Host
	}
	base := mapped.Scheme + "://" + mapped.Host + strings.TrimSuffix(mapped.EscapedPath(), "/")
	return base + u.EscapedPath() + queryOf(u)
}

// mapTagged maps the resource tags of an If field, as in <http://host/a> (<token>).
func (x *exchange) mapTagged(line string) string {
	var b strings.Builder
	for depth := 0; line != ""; {
		switch line[0] {
		case '(':
			depth++
		case ')':
			depth--
		case '<':
			if end := strings.IndexByte(line, '>'); end > 0 && depth == 0 {
				b.WriteString(x.mapTag(line[:end+1]))
				line = line[end+1:]
				continue
			}
		}
		b.WriteByte(line[0])
		line = line[1:]
	}
	return b.String()
}

// mapTag maps one resource tag with its brackets.
func (x *exchange) mapTag(tag string) string {
	u, err := url.Parse(tag[1 : len(tag)-1])
	if err != nil || !x.names(u) {
		return tag
	}
	own, fault := target.Normal(u)
	if fault != nil {
		return tag
	}
	return "<" + x.atBackend(own) + ">"
}

// mapResponse makes a backend's response fit to be passed on: without hop-by-hop
// fields, with Via, and with the client's own view of its URIs.
func (x *exchange) mapResponse(res *http.Response) {
	h := res.Header
	if res.StatusCode != http.StatusSwitchingProtocols {
		dropHopByHop(h)
	}
	if !x.route.NoVia {
		h["Via"] = append(h["Via"], x.via(res.ProtoMajor, res.ProtoMinor))
	}
	for _, name := range []string{"Location", "Content-Location"} {
		if lines := h[name]; len(lines) == 1 {
			h[name] = []string{x.atClient(lines[0])}
		}
	}
}

// atClient returns what a reference of the backend is called by the client. What is
// not below the backend's URL stays.
func (x *exchange) atClient(ref string) string {
	u, err := url.Parse(ref)
	if err != nil {
		return ref
	}
	base := x.route.backend
	absolute := u.Scheme != "" || u.Host != ""
	if absolute && !(u.Scheme == base.Scheme && strings.EqualFold(u.Host, base.Host)) {
		return ref
	}
	if !absolute && !strings.HasPrefix(u.Path, "/") {
		return ref
	}
	path, ok := strings.CutPrefix(u.EscapedPath(), strings.TrimSuffix(base.EscapedPath(), "/"))
	if !ok || path != "" && path[0] != '/' {
		return ref
	}
	if path == "" {
		path = "/"
	}
	rest := queryOf(u)
	if u.Fragment != "" {
		rest += "#" + u.EscapedFragment()
	}
	if !absolute {
		return path + rest
	}
	return x.clientScheme() + "://" + x.r.Host + path + rest
}

// queryOf is the query of a reference, with its question mark.
func queryOf(u *url.URL) string {
	if u.RawQuery == "" && !u.ForceQuery {
		return ""
	}
	return "?" + u.RawQuery
}

// hopByHop are the fields for the next recipient alone (RFC 9110 §7.6.1).
var hopByHop = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Proxy-Authenticate", "Proxy-Authorization",
}

func dropHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// mayUpgrade reports whether a change of protocol is passed on: one that begins with a
// GET, as that of WebSocket. Whoever asks for HTTP/2 by it can well go without (RFC 9110
// §7.8), and a write must not get past its precondition that way.
func mayUpgrade(method, protocol string) bool {
	return method == http.MethodGet && !strings.EqualFold(protocol, "h2c") && !hasControl(protocol)
}

// isRPC reports whether the content is a stream of messages that are answered
// before it ends, so that it can be neither held back nor locked.
func isRPC(out *http.Request) bool {
	return out.Method == http.MethodPost && strings.HasPrefix(out.Header.Get("Content-Type"), "application/grpc")
}

// keepsDestination reports whether the request says Overwrite: F (RFC 4918 §10.6), and nothing else beside it.
func (x *exchange) keepsDestination() bool {
	lines := x.r.Header["Overwrite"]
	return len(lines) > 0 && !slices.ContainsFunc(lines, func(line string) bool { return !strings.EqualFold(strings.TrimSpace(line), "F") })
}
