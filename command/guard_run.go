package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/command/internal/cacheadmin"
	"github.com/fourtwelve/fourtwelve/command/internal/console"
	"github.com/fourtwelve/fourtwelve/command/internal/guardconfig"
	"github.com/fourtwelve/fourtwelve/command/internal/metrics"
	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/command/internal/server/gate"
	"github.com/fourtwelve/fourtwelve/command/internal/server/pace"
	"github.com/fourtwelve/fourtwelve/command/internal/service"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
)

// run guards until ctx is done, and then until the requests under way have
// finished.
func (p *guardPlan) run(ctx context.Context, env *Env) (err error) {
	logger := serverLogger(env)
	lines, err := p.openLog(env.Stdout, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lines.close()) }()
	ln, err := p.address.Open()
	if err != nil {
		return err
	}
	defer ln.Close()

	closeLocks, err := p.openLocks(ctx)
	if err != nil {
		return err
	}
	defer closeLocks()
	g := newGuarding(p, lines, logger)
	defer g.close()
	if err := g.install(p.config); err != nil {
		return err
	}
	metricsAt, stopMetrics, err := p.serveMetrics(g.metrics, g.admin(), logger)
	if err != nil {
		return err
	}
	defer stopMetrics()
	endpoints := server.Endpoints(ln, g.serverOptions())
	p.say(env.Stderr, ln.Addr(), metricsAt)
	manager := service.NewManager(logger)
	defer onHangup(manager, func() { reload(g.reloads(lines), logger) })()
	context.AfterFunc(ctx, func() { g.stopping.Store(true) })
	return p.serveUntil(ctx, env.Stderr, manager, "whether a write among them has happened, the backend knows", endpoints...)
}

// guarding answers requests by the configuration in force, which can be replaced
// while it does.
type guarding struct {
	plan     *guardPlan
	logger   *slog.Logger
	shared   *guard.Shared
	metrics  *metrics.Metrics
	console  *console.Console // nil without a listener for it
	observe  observe.Observer
	stopping atomic.Bool

	mu      sync.RWMutex
	current *generation
}

// generation is a configuration in force, with the requests that it answers.
type generation struct {
	config *guardconfig.Config
	guard  *guard.Handler
	http.Handler
	active sync.WaitGroup
}

func newGuarding(p *guardPlan, lines *accessLog, logger *slog.Logger) *guarding {
	g := &guarding{plan: p, logger: logger, shared: guard.NewShared(p.locks)}
	g.metrics = metrics.New(metrics.Options{
		Gateway: &metrics.Gateway{
			Routes: func() []guard.RouteStatus { return g.now().guard.Routes() },
			Usage:  g.shared.Usage,
		},
		Ready: func() error {
			if g.stopping.Load() {
				return errors.New("stopping")
			}
			return nil
		},
	})
	g.observe = observe.All(lines.observer(nil), g.metrics.Observe)
	if p.metricsAt != nil {
		g.console = console.New(console.Options{
			Title:  "fourtwelve guard",
			Routes: func() []guard.RouteStatus { return g.now().guard.Routes() },
			Usage:  func() cache.Usage { return g.shared.Usage().Cache },
		})
		g.observe = observe.All(g.observe, g.console.Observe)
	}
	return g
}

func (g *guarding) now() *generation {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.current
}

// ServeHTTP answers r by the configuration that is in force when it arrives.
func (g *guarding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.RLock()
	now := g.current
	now.active.Add(1)
	g.mu.RUnlock()
	defer now.active.Done()
	now.ServeHTTP(w, r)
}

// admin is what looks into the guard, and into its cache and purges it. Beyond this machine nobody may who is not known.
func (g *guarding) admin() map[string]http.Handler {
	if g.plan.metricsAt == nil {
		return nil
	}
	option := g.plan.option("admin-auth")
	if g.plan.credentials == nil && !g.plan.metricsAt.Loopback {
		return map[string]http.Handler{"/cache/": cacheadmin.Closed(option), "/console/": console.Closed(option + " htpasswd:FILE")}
	}
	stored := gate.New(cacheadmin.New(cacheadmin.Options{
		Guard:   func() *guard.Handler { return g.now().guard },
		Usage:   func() cache.Usage { return g.shared.Usage().Cache },
		Observe: g.metrics.Purged,
		Logger:  g.logger,
	}), gate.Options{Credentials: g.plan.credentials})
	return map[string]http.Handler{"/cache/": stored, "/console/": g.plan.consoleFor(g.console, g.plan.credentials, option)}
}

// serverOptions say how clients are served.
func (g *guarding) serverOptions() server.Options {
	g.plan.maxPerAddress = defaultMaxPerAddress
	g.plan.exempt = func(a netip.Addr) bool { return contains(g.now().config.Guard.TrustedProxies, a) }
	o := g.plan.serverOptions(pace.Answers(g.metrics.InFlight(g), g.plan.idleTimeout), g.observe, g.logger)
	o.Unencrypted2 = true
	return o
}

// install puts a configuration in force. That before it is closed when its last
// request has been answered. After an error nothing has changed.
func (g *guarding) install(c *guardconfig.Config) error {
	options := c.Guard
	if err := g.plan.checkShared(c); err != nil {
		return err
	}
	options.Shared, options.Observe, options.Logger = g.shared, g.observe, g.logger
	h, err := guard.New(options)
	if err != nil {
		return err
	}
	if keepsInMemory(&options) {
		server.KeepInMemory()
	}
	next := &generation{config: c, guard: h, Handler: g.heard(h, c)}
	g.mu.Lock()
	before := g.current
	g.current = next
	g.mu.Unlock()
	if before == nil {
		g.metrics.Loaded()
		return nil
	}
	go func() {
		before.active.Wait()
		before.guard.Close()
	}()
	return nil
}

// keepsInMemory reports whether responses are kept in memory.
func keepsInMemory(o *guard.Options) bool {
	return o.CacheDir == "" && slices.ContainsFunc(o.Routes, func(r guard.Route) bool { return r.Cache != guard.CacheOff })
}

// heard turns away requests that a page of another site makes a browser send to
// this machine, by letting the name of the site lead here: the backend could not
// tell, as it is sent its own name. Whoever is no browser, such as a proxy that is
// trusted, may ask for any name.
func (g *guarding) heard(h http.Handler, c *guardconfig.Config) http.Handler {
	if !g.plan.address.Loopback || g.plan.certificate != nil {
		return h
	}
	hint := "start it with --host and the name"
	if g.plan.file != "" {
		hint = `list the name under "hosts" in its configuration`
	}
	strict := gate.New(h, gate.Options{
		LocalOnly: true, Hosts: g.plan.knownHosts(c), HostHint: hint, AnyOrigin: true, Observe: g.observe,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isTrusted(c.Guard.TrustedProxies, r.RemoteAddr) {
			h.ServeHTTP(w, r)
			return
		}
		strict.ServeHTTP(w, r)
	})
}

func isTrusted(proxies []netip.Prefix, remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	return err == nil && contains(proxies, at.Addr().Unmap())
}

func contains(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}

// close releases what all configurations share.
func (g *guarding) close() {
	if g.console != nil {
		g.console.Close()
	}
	if now := g.now(); now != nil {
		now.guard.Close()
	}
	g.shared.Close()
}

// reloads are what a hangup makes guard read again.
func (g *guarding) reloads(lines *accessLog) []reloadStep {
	steps := []reloadStep{{"access log", lines.reopen}, {"configuration", g.reload}}
	if g.plan.credentials != nil {
		steps = append(steps, reloadStep{"credentials of the admin listener", g.plan.credentials.Reload})
	}
	if g.plan.certificate != nil {
		steps = append(steps, reloadStep{"certificate", g.reloadCertificate})
	}
	return steps
}

// reloadCertificate reads the certificate from where the configuration in force says
// it is.
func (g *guarding) reloadCertificate() error {
	if c := g.now().config; c.TLSCert != "" {
		return g.plan.certificate.ReloadFrom(c.TLSCert, c.TLSKey)
	}
	return g.plan.certificate.Reload()
}

// reload reads the configuration again.
func (g *guarding) reload() error {
	c, err := g.plan.options.read()
	if err == nil {
		g.warnOfRestart(c)
		err = g.install(c)
	}
	g.metrics.Reloaded(err)
	if mistakes, ok := errors.AsType[guardconfig.Errors](err); ok {
		return errors.New(mistakes.OneLine())
	}
	return err
}

// warnOfRestart names what has changed in the file and stays as it was nevertheless,
// as it belongs to listeners that are open.
func (g *guarding) warnOfRestart(c *guardconfig.Config) {
	was := g.plan.config
	var changed []string
	for _, key := range []struct {
		name    string
		differs bool
	}{
		{"listen", c.Listen != was.Listen},
		{"tls", (c.TLSCert == "") != (was.TLSCert == "")},
		{"metrics", c.Metrics != was.Metrics},
		{"admin_auth", !slices.Equal(c.AdminAuth, was.AdminAuth)},
		{"access_log", c.AccessLog != was.AccessLog},
		{"idle_timeout", c.IdleTimeout != was.IdleTimeout},
		{"shutdown_timeout", c.ShutdownTimeout != was.ShutdownTimeout},
	} {
		if key.differs {
			changed = append(changed, key.name)
		}
	}
	if len(changed) > 0 {
		g.logger.Warn(fmt.Sprintf("hangup: %s in %s will change with the next start", strings.Join(changed, ", "), g.plan.file))
	}
}
