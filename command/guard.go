package command

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/command/internal/flagvalue"
	"github.com/fourtwelve/fourtwelve/command/internal/guardconfig"
	"github.com/fourtwelve/fourtwelve/command/internal/server/auth"
	"github.com/fourtwelve/fourtwelve/guard"
)

// guardOptions are the flags of fourtwelve guard.
type guardOptions struct {
	front
	url     string // of the backend; "" with a configuration file
	config  string
	check   bool
	metrics string
	// adminAuth are who may look into the cache and purge it.
	adminAuth []string

	route guard.Route // the only one, but for what is found out later
	tls   guardconfig.BackendTLS

	maxMemory, maxDisk     flagvalue.Room
	spoolDir               string
	cacheMemory, cacheDisk flagvalue.Size
	cacheDir               string
	trustedProxies         []string
	via, locks             string
}

const guardLong = `Stand in front of a server that is not to be changed, and make its preconditions hold:
entity tags that are right, conditional reads and ranges that never mix versions,
writes that happen only to the version they name, and refusals that explain
themselves.

Everything can be said with flags if there is one backend. A file says it for several,
by host, path and method: see docs/guard.md. With --config, other flags have no place.

It listens on this machine only unless --listen says otherwise. It asks nobody for
credentials: it hands on those that come, and leaves the decision to the backend.

A hangup signal (SIGHUP) makes it read the file and the certificates again, and reopen
the access log; no request is dropped, and a file that is wrong changes nothing. An
interrupt or SIGTERM makes it finish the requests under way and end; a second one
ends it at once.`

const guardExample = `  fourtwelve guard http://127.0.0.1:3000
  fourtwelve guard --require overwrite --metrics 127.0.0.1:9412 http://127.0.0.1:3000
  fourtwelve guard --config guard.yaml
  fourtwelve guard --config guard.yaml --check-config`

func newGuard(env *Env) *cobra.Command {
	o := new(guardOptions)
	cmd := &cobra.Command{
		Use:     "guard URL | --config FILE",
		Short:   "Make preconditions hold in front of another server",
		Long:    guardLong,
		Example: guardExample,
		Args:    func(_ *cobra.Command, args []string) error { return o.takeArgs(args) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.checkFlags(cmd.Flags()); err != nil {
				return err
			}
			p, err := o.plan()
			if err != nil {
				return err
			}
			if o.check {
				p.sayChecked(env.Stdout)
				return nil
			}
			return p.run(cmd.Context(), env)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o *guardOptions) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.config, "config", "", "read everything from this YAML `FILE`")
	f.BoolVar(&o.check, "check-config", false, "say what is wrong with the configuration, or what it amounts to, and end")
	o.addListenFlags(f)
	f.StringVar(&o.metrics, "metrics", "", "`HOST:PORT` of a listener for the console (/console/), Prometheus, /healthz, /readyz and fourtwelve cache")
	f.StringArrayVar(&o.adminAuth, "admin-auth", nil, "who may look into the cache there, as `KIND:FILE`: bearer (tokens) or htpasswd; repeatable")

	guardconfig.AddFlags(f, &o.route, &o.tls)
	f.StringArrayVar(&o.trustedProxies, "trusted-proxy", nil, "`ADDRESS` or prefix whose Forwarded and X-Forwarded-* are believed; repeatable")
	f.StringVar(&o.locks, "locks", "", "share the locks of writes with other guards in the PostgreSQL at this `URL`")
	f.StringVar(&o.via, "via", "fourtwelve", "`NAME` in Via fields")

	o.maxMemory, o.maxDisk = guard.DefaultMaxMemory, guard.DefaultMaxDisk
	f.Var(&o.maxMemory, "max-memory", "what all messages together may hold in memory")
	f.Var(&o.maxDisk, "max-disk", "what all messages together may hold in temporary files")
	f.StringVar(&o.spoolDir, "spool-dir", "", "`DIR` for temporary files, in place of the system's")
	o.cacheMemory, o.cacheDisk = guard.DefaultCacheMemory, guard.DefaultCacheDisk
	f.Var(&o.cacheMemory, "cache-memory", "what the cache keeps in memory")
	f.StringVar(&o.cacheDir, "cache-dir", "", "`DIR` in which the cache keeps responses across restarts, in place of memory")
	f.Var(&o.cacheDisk, "cache-disk", "what it keeps there")
	o.addRunFlags(f)
}

func (o *guardOptions) takeArgs(args []string) error {
	switch {
	case o.config != "" && len(args) > 0:
		return usageError{fmt.Errorf("--config says what is guarded: leave out %q, or --config", args[0])}
	case o.config == "" && len(args) != 1:
		return usageError{fmt.Errorf("guard takes the URL of one backend, and got %d: write fourtwelve guard URL, "+
			"or fourtwelve guard --config FILE", len(args))}
	case o.config == "":
		o.url = args[0]
	}
	return nil
}

// checkFlags refuses flags beside --config that would say the same as the file, or
// something else.
func (o *guardOptions) checkFlags(flags *pflag.FlagSet) error {
	if o.config == "" {
		return nil
	}
	var extra []string
	flags.Visit(func(f *pflag.Flag) {
		if f.Name != "config" && f.Name != "check-config" {
			extra = append(extra, "--"+f.Name)
		}
	})
	if len(extra) > 0 {
		return usageError{fmt.Errorf("with --config, everything is said in the file: leave out %s", strings.Join(extra, " and "))}
	}
	return nil
}

// guardPlan is what guard will do, checked as far as it can be without opening
// anything for good.
type guardPlan struct {
	front
	// locks are shared with other guards; nil are those of this process alone.
	locks   guard.Locker
	options *guardOptions
	config  *guardconfig.Config
	// credentials are those of the admin listener; nil asks for none.
	credentials *auth.Credentials
}

// plan reads and checks the configuration.
func (o *guardOptions) plan() (*guardPlan, error) {
	c, err := o.read()
	if err != nil {
		return nil, err
	}
	p := &guardPlan{options: o, config: c}
	p.front = front{
		listen: c.Listen, hosts: c.Hosts, tlsCert: c.TLSCert, tlsKey: c.TLSKey, accessLog: c.AccessLog, metrics: c.Metrics,
		idleTimeout: c.IdleTimeout, shutdownTimeout: c.ShutdownTimeout, file: o.config,
	}
	steps := []func() error{p.checkTimeouts, p.loadCertificate, p.findMetrics, p.loadAdmins, p.findAddress}
	if o.check && strings.HasPrefix(p.listen, "fd:") {
		steps = steps[:len(steps)-1] // only the service manager has it
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// loadAdmins reads who may look into the cache.
func (p *guardPlan) loadAdmins() (err error) {
	switch sources := p.config.AdminAuth; {
	case len(sources) == 0:
		return nil
	case p.metricsAt == nil:
		return p.mistake("%s is for the listener of the metrics, and there is none: add %s", p.option("admin-auth"), p.option("metrics"))
	default:
		p.credentials, err = auth.Load(sources)
		return err
	}
}

// read reads the configuration, from the file or from the flags, and tries whether it
// can be put in force.
func (o *guardOptions) read() (c *guardconfig.Config, err error) {
	if o.config != "" {
		c, err = guardconfig.Load(o.config)
	} else {
		c, err = o.fromFlags()
	}
	if err != nil {
		return nil, err
	}
	tried := c.Guard
	tried.CacheDir = "" // another guard may be using it
	h, err := guard.New(tried)
	if err != nil {
		return nil, (&front{file: o.config}).mistake("%w", err)
	}
	h.Close()
	return c, trySpool(c.Guard.SpoolDir)
}

// trySpool makes sure that temporary files can be made.
func trySpool(dir string) error {
	f, err := os.CreateTemp(dir, "fourtwelve-*")
	if err != nil {
		return fmt.Errorf("temporary files cannot be made: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (o *guardOptions) fromFlags() (*guardconfig.Config, error) {
	route, err := o.onlyRoute()
	if err != nil {
		return nil, err
	}
	c := &guardconfig.Config{
		Listen: o.listen, Hosts: o.hosts, TLSCert: o.tlsCert, TLSKey: o.tlsKey, Metrics: o.metrics, AdminAuth: o.adminAuth,
		AccessLog: o.accessLog, IdleTimeout: o.idleTimeout, ShutdownTimeout: o.shutdownTimeout, Locks: o.locks,
		Guard: guard.Options{
			Routes: []guard.Route{route}, Via: o.via, SpoolDir: o.spoolDir,
			MaxMemory: int64(o.maxMemory), MaxDisk: int64(o.maxDisk),
			CacheMemory: int64(o.cacheMemory), CacheDir: o.cacheDir, CacheDisk: int64(o.cacheDisk),
		},
	}
	if o.locks != "" {
		if err := guardconfig.CheckLocks(o.locks); err != nil {
			return nil, usageError{fmt.Errorf("--locks %w", err)}
		}
	}
	for _, text := range o.trustedProxies {
		prefix, err := guardconfig.ParseProxy(text)
		if err != nil {
			return nil, usageError{err}
		}
		c.Guard.TrustedProxies = append(c.Guard.TrustedProxies, prefix)
	}
	return c, nil
}

// onlyRoute returns the one route that flags make.
func (o *guardOptions) onlyRoute() (r guard.Route, err error) {
	r = o.route
	r.Name = guardconfig.NameOf(guard.Route{})
	if r.Backend, err = o.backend(); err != nil {
		return r, usageError{err}
	}
	if o.tls != (guardconfig.BackendTLS{}) {
		r.BackendTLS, err = o.tls.Config()
	}
	return r, err
}

func (o *guardOptions) backend() (*url.URL, error) {
	u, err := guardconfig.ParseBackend(o.url)
	switch {
	case err != nil:
		return nil, err
	case o.tls != (guardconfig.BackendTLS{}) && u.Scheme != "https":
		return nil, errors.New("--backend-ca, --backend-name, --backend-cert and --backend-key are for an https URL")
	}
	return u, nil
}

// knownHosts are the names this server is asked for, beside localhost.
func (p *guardPlan) knownHosts(c *guardconfig.Config) []string {
	hosts := append(p.listenName(), c.Hosts...)
	for _, r := range c.Guard.Routes {
		if r.Host != "" {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}
