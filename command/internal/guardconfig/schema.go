package guardconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/internal/field/cachecontrol"
)

// topFields are the keys of a file, but for "defaults" and "routes".
var topFields = []field[Config]{
	textField("listen", func(c *Config) *string { return &c.Listen }, checkListen),
	listField("hosts", "[files.example.org]", func(c *Config) *[]string { return &c.Hosts }, checkHost),
	group("tls",
		fileField("cert", func(c *Config) *string { return &c.TLSCert }),
		fileField("key", func(c *Config) *string { return &c.TLSKey }),
	),
	textField("metrics", func(c *Config) *string { return &c.Metrics }, checkAddress),
	{name: "admin_auth", read: readAdmins},
	{name: "access_log", read: readAccessLog},
	durationField("idle_timeout", func(c *Config) *time.Duration { return &c.IdleTimeout }, false),
	durationField("shutdown_timeout", func(c *Config) *time.Duration { return &c.ShutdownTimeout }, false),
	{name: "trusted_proxies", read: readProxies},
	textField("locks", func(c *Config) *string { return &c.Locks }, CheckLocks),
	textField("via", func(c *Config) *string { return &c.Guard.Via }, checkVia),
	group("limits",
		holdField("memory", func(c *Config) *int64 { return &c.Guard.MaxMemory }),
		holdField("disk", func(c *Config) *int64 { return &c.Guard.MaxDisk }),
	),
	fileField("spool_dir", func(c *Config) *string { return &c.Guard.SpoolDir }),
	group("cache_storage",
		boundField("memory", func(c *Config) *int64 { return &c.Guard.CacheMemory }),
		fileField("dir", func(c *Config) *string { return &c.Guard.CacheDir }),
		boundField("disk", func(c *Config) *int64 { return &c.Guard.CacheDisk }),
	),
}

// matchFields are the keys of a route that say which requests it is for.
var matchFields = []field[guard.Route]{
	textField("name", func(r *guard.Route) *string { return &r.Name }, checkName),
	textField("host", func(r *guard.Route) *string { return &r.Host }, func(s string) error {
		return guard.Route{Host: s}.Check()
	}),
	textField("path", func(r *guard.Route) *string { return &r.Path }, func(s string) error {
		return guard.Route{Path: s}.Check()
	}),
	listField("methods", "[PUT, DELETE]", func(r *guard.Route) *[]string { return &r.Methods }, checkMethod),
}

// routeFields are the other keys of a route. They may be in "defaults", too.
var routeFields = slices.Concat([]field[guard.Route]{
	{name: "backend", read: readBackend},
	{name: "backend_tls", read: readBackendTLS, below: keys(tlsFields)},
}, fieldsOf(routeOptions))

// BackendTLS is what is said of the connections to an https backend.
type BackendTLS struct {
	// CA is a PEM file with the certificates to trust in place of the system's, or
	// "".
	CA string
	// Cert and Key are the PEM files to authenticate with. Both are "" for nothing.
	Cert, Key string
	// Name is the name the certificate must have, and "" that of the URL.
	Name string
}

var tlsFields = fieldsOf(tlsOptions)

var atTop = place{"at the top of the file", fieldNames(topFields)}

// decode reads the file into c.
func (d *decoder) decode(c *Config) {
	n := d.parse()
	if n == nil {
		return
	}
	var defaults, routes ast.Node
	fields := append(slices.Clone(topFields),
		field[Config]{name: "defaults", read: func(_ *decoder, n ast.Node, _ *Config) { defaults = n }},
		field[Config]{name: "routes", read: func(_ *decoder, n ast.Node, _ *Config) { routes = n }},
	)
	seen := mapping(d, n, c, fields, place{`in "defaults" or in a route`, fieldNames(routeFields)})
	if key := seen["tls"]; key != nil && len(d.errs) == 0 && (c.TLSCert == "" || c.TLSKey == "") {
		d.fail(key, `"tls" needs both "cert" and "key"`)
	}
	var common guard.Route
	if defaults != nil { // wherever in the file they are
		mapping(d, defaults, &common, routeFields, place{"in a route", fieldNames(matchFields)}, atTop)
	}
	switch {
	case routes != nil:
		d.routes(routes, common, c)
	case seen != nil:
		d.fail(n, `there is no "routes": it needs a list of at least one, with a "backend"`)
	}
	slices.SortStableFunc(d.errs, func(a, b *Error) int { return a.Line - b.Line })
}

// routes reads the list of routes.
func (d *decoder) routes(n ast.Node, common guard.Route, c *Config) {
	fields := slices.Concat(matchFields, routeFields)
	names := make(map[string]int)
	for i, element := range d.list(n, "- backend: http://127.0.0.1:8080") {
		r := common
		seen := mapping(d, element, &r, fields, atTop)
		if seen == nil {
			continue
		}
		if r.Backend == nil && seen["backend"] == nil {
			d.fail(element, `the route has no "backend": give its URL, such as http://127.0.0.1:8080, here or in "defaults"`)
		}
		r.Name = NameOf(r)
		if key := seen["name"]; key != nil {
			if names[r.Name] > 0 {
				d.fail(key, "route %d is called %q, too: logs and metrics could not tell them apart", names[r.Name], r.Name)
			}
			names[r.Name] = i + 1
		}
		if j := slices.IndexFunc(c.Guard.Routes, func(earlier guard.Route) bool { return covers(earlier, r) }); j >= 0 {
			d.fail(element, "no request can reach this route, as route %d before it takes them all: put it first, or change what they are for", j+1)
		}
		c.Guard.Routes = append(c.Guard.Routes, r)
	}
}

// NameOf returns the name of a route: its own, or else what it is for, which is
// "all" if that is everything.
func NameOf(r guard.Route) string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Host+r.Path != "":
		return r.Host + r.Path
	}
	return "all"
}

// covers reports whether it is plain to see that a takes all requests that b is for.
func covers(a, b guard.Route) bool {
	any := func(path string) bool {
		return strings.Trim(path, "/*") == "" && (strings.Contains(path, "**") || !strings.Contains(path, "*"))
	}
	host := a.Host == "" || strings.EqualFold(a.Host, b.Host)
	path := any(a.Path) || a.Path == b.Path
	left := func(m string) bool { return !slices.Contains(a.Methods, m) }
	methods := len(a.Methods) == 0 || len(b.Methods) > 0 && !slices.ContainsFunc(b.Methods, left)
	return host && path && methods
}

// ParseBackend reads the URL of a backend.
func ParseBackend(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		return nil, fmt.Errorf("backend %q has no scheme: write http://%.100s", text, strings.TrimLeft(text, "/"))
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("backend %q is not a URL: %w", text, errors.Unwrap(err))
	}
	if err := (guard.Route{Backend: u}).Check(); err != nil {
		return nil, err
	}
	return u, nil
}

func readBackend(d *decoder, n ast.Node, r *guard.Route) {
	text, ok := d.scalar(n)
	if !ok {
		return
	}
	u, err := ParseBackend(text)
	if err != nil {
		d.fail(n, "%v", err)
		return
	}
	r.Backend = u
}

func readBackendTLS(d *decoder, n ast.Node, r *guard.Route) {
	var t BackendTLS
	if mapping(d, n, &t, tlsFields) == nil {
		return
	}
	c, err := t.Config()
	if err != nil {
		d.fail(n, "%v", err)
		return
	}
	r.BackendTLS = c
}

// Config reads the files and returns the configuration for them.
func (t BackendTLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.Name}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("the certificates to trust cannot be read: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM", t.CA)
		}
	}
	switch {
	case t.Cert == "" && t.Key == "":
		return c, nil
	case t.Cert == "" || t.Key == "":
		return nil, errors.New("a certificate for the backend needs its key, and the other way round")
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s with the key %s cannot be used: %w", t.Cert, t.Key, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

func readAccessLog(d *decoder, n ast.Node, c *Config) {
	text, ok := d.scalar(n)
	if !ok {
		return
	}
	if text != "-" && text != "off" {
		text = d.resolve(text)
	}
	c.AccessLog = text
}

func readAdmins(d *decoder, n ast.Node, c *Config) {
	for _, element := range d.list(n, "[bearer:tokens]") {
		text, ok := d.scalar(element)
		if !ok {
			continue
		}
		kind, file, ok := strings.Cut(text, ":")
		if !ok || file == "" || kind != "bearer" && kind != "htpasswd" {
			d.fail(element, "admin_auth %q must be bearer:FILE or htpasswd:FILE", text)
			continue
		}
		c.AdminAuth = append(c.AdminAuth, kind+":"+d.resolve(file))
	}
}

func readProxies(d *decoder, n ast.Node, c *Config) {
	for _, element := range d.list(n, "[192.0.2.7, 10.0.0.0/8]") {
		text, ok := d.scalar(element)
		if !ok {
			continue
		}
		prefix, err := ParseProxy(text)
		if err != nil {
			d.fail(element, "%v", err)
			continue
		}
		c.Guard.TrustedProxies = append(c.Guard.TrustedProxies, prefix)
	}
}

// ParseProxy reads an address, or a prefix such as 10.0.0.0/8.
func ParseProxy(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	return netip.Prefix{}, fmt.Errorf("trusted proxy %q must be an address such as 192.0.2.7, or a prefix such as 10.0.0.0/8", text)
}

func checkListen(s string) error {
	if strings.HasPrefix(s, "fd:") {
		return nil
	}
	return checkAddress(s)
}

func checkAddress(s string) error {
	if host, port, err := net.SplitHostPort(s); err != nil || port == "" || host == "fd" {
		return fmt.Errorf("address %q must be HOST:PORT, such as 127.0.0.1:8412, or :8412 for every address of this machine", s)
	}
	return nil
}

func checkHost(s string) error {
	if strings.ContainsAny(s, ":/ *") {
		return fmt.Errorf("host %q must be a name without port", s)
	}
	return nil
}

func checkName(s string) error {
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }) {
		return fmt.Errorf("name %q must be at most 64 bytes, without control characters", s)
	}
	return nil
}

func checkVia(s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return !isTokenRune(r) }) {
		return fmt.Errorf("via %q must be a name such as %q", s, "files-guard")
	}
	return nil
}

// omit has a route leave out what the guard tells backends about requests: the fields of one name.
func omit(r *guard.Route, name string) error {
	switch strings.ToLower(name) {
	case "forwarded":
		r.NoForwarded = true
	case "x-forwarded-*":
		r.NoXForwarded = true
	case "via":
		r.NoVia = true
	default:
		return fmt.Errorf("%q cannot be left out: only Forwarded, X-Forwarded-* and Via can", name)
	}
	return nil
}

func checkMethod(s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return !isTokenRune(r) }) || s != strings.ToUpper(s) {
		return fmt.Errorf("method %q must be a name in upper case, such as PUT", s)
	}
	return nil
}

func isTokenRune(r rune) bool {
	return r < 0x80 && ('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
}

// checkCacheControl returns what is wrong with a Cache-Control value.
func checkCacheControl(value string) error {
	_, err := cachecontrol.Parse([]string{"**=" + value})
	if rule, ok := errors.AsType[*cachecontrol.RuleError](err); ok {
		return fmt.Errorf("cache_control %q: %s", value, rule.Fault)
	}
	return err
}

// listField is for a list of texts that check accepts.
func listField[T any](name, example string, at func(*T) *[]string, check func(string) error) field[T] {
	return field[T]{name: name, read: func(d *decoder, n ast.Node, into *T) {
		var texts []string
		for _, element := range d.list(n, example) {
			text, ok := d.scalar(element)
			if !ok {
				continue
			}
			if err := check(text); err != nil {
				d.fail(element, "%v", err)
				continue
			}
			texts = append(texts, text)
		}
		*at(into) = texts
	}}
}
