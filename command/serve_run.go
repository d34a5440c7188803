package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/metrics"
	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/command/internal/server/gate"
	"github.com/fourtwelve/fourtwelve/command/internal/server/pace"
	"github.com/fourtwelve/fourtwelve/command/internal/service"
	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/internal/field/cachecontrol"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// run serves until ctx is done, and then until the requests under way have
// finished.
func (p *servePlan) run(ctx context.Context, env *Env) (err error) {
	logger := serverLogger(env)
	lines, err := p.openLog(env.Stdout, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lines.close()) }()

	// Who waits for the directory is about to replace who serves it, and will
	// find the address free only afterwards. Everyone else should learn first
	// that it is not free, before anything is done to the directory.
	var ln net.Listener
	if p.waitLock == 0 {
		if ln, err = p.address.Open(); err != nil {
			return err
		}
		defer ln.Close()
	}
	files, err := p.openStore(ctx, env.Stderr, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	if ln == nil {
		if ln, err = p.address.Open(); err != nil {
			return err
		}
		defer ln.Close()
	}

	if dir, ok := files.(*dirstore.Store); ok && !p.readOnly {
		asked := startControl(dir, p.dir, logger)
		defer func() { err = errors.Join(err, asked.close()) }()
	}
	counted := p.newMetrics(ctx, files)
	observer := lines.observer(gate.User)
	admin := make(map[string]http.Handler)
	if counted != nil {
		watched := p.newConsole(files)
		defer watched.Close()
		admin["/console/"] = p.consoleFor(watched, p.credentials, "--auth htpasswd:FILE")
		observer = observe.All(observer, counted.Observe, watched.Observe)
	}
	handler, err := p.newHandler(files, observer, counted, logger)
	if err != nil {
		return err
	}
	metricsAt, stopMetrics, err := p.serveMetrics(counted, admin, logger)
	if err != nil {
		return err
	}
	defer stopMetrics()
	served := p.serverOptions(handler, observer, logger)
	served.WriteTimeout = p.idleTimeout // as package pace wants it
	manager := service.NewManager(logger)
	defer onHangup(manager, func() { reload(p.reloads(lines), logger) })()
	p.say(env.Stderr, ln.Addr(), metricsAt)
	return p.serveUntil(ctx, env.Stderr, manager, "a write among them has happened as a whole or not at all", server.Endpoints(ln, served)...)
}

// newMetrics returns what counts requests, or nil if nobody is to look. Until ctx is done, requests can be sent here
// as long as the store is well.
func (p *servePlan) newMetrics(ctx context.Context, files served) *metrics.Metrics {
	if p.metricsAt == nil {
		return nil
	}
	return metrics.New(metrics.Options{Ready: func() error {
		if ctx.Err() != nil {
			return errors.New("stopping")
		}
		return files.Health()
	}})
}

// served is a store that can be served.
type served interface {
	store.Store
	// Health says why nothing can be read at present.
	Health() error
	Close() error
}

// openStore takes possession of the directory, or opens the engine.
func (p *servePlan) openStore(ctx context.Context, stderr io.Writer, logger *slog.Logger) (served, error) {
	if p.cluster != nil {
		return p.openCluster(ctx, logger)
	}
	o := dirstore.Options{
		Sync: p.sync, Keep: p.keep, KeepBytes: int64(p.keepBytes),
		KeepFiles: p.keepFiles, KeepAge: time.Duration(p.keepAge), ReadOnly: p.readOnly, Logger: logger,
	}
	if p.keep == 0 {
		o.Keep = -1
	}
	files, err := dirstore.Open(p.dir, o)
	locked, ok := errors.AsType[*dirstore.LockedError](err)
	switch {
	case errors.Is(err, store.ErrReadOnly):
		return nil, fmt.Errorf("%w: make it writable, or serve it with --read-only", err)
	case err != nil && !ok:
		return nil, err
	case err == nil:
		return files, nil
	case p.waitLock == 0:
		return nil, fmt.Errorf("%s is being served by another process%s: stop that, or start this one with --wait-lock to take over when it ends", p.dir, withPID(locked.PID))
	}
	fmt.Fprintf(stderr, "Another process%s is serving %s. Waiting for it to end.\n", withPID(locked.PID), p.dir)
	o.WaitLock = time.Duration(p.waitLock)
	files, err = openWaiting(ctx, p.dir, o)
	if locked, ok := errors.AsType[*dirstore.LockedError](err); ok {
		return nil, fmt.Errorf("%s was still being served by another process%s after %v", p.dir, withPID(locked.PID), &p.waitLock)
	}
	if err != nil {
		return nil, err
	}
	return files, nil
}

func withPID(pid int) string {
	if pid == 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// openWaiting opens the directory once it is free, or gives up when ctx is done.
func openWaiting(ctx context.Context, dir string, o dirstore.Options) (*dirstore.Store, error) {
	type result struct {
		files *dirstore.Store
		err   error
	}
	opened := make(chan result, 1)
	go func() {
		files, err := dirstore.Open(dir, o)
		opened <- result{files, err}
	}()
	select {
	case r := <-opened:
		return r.files, r.err
	case <-ctx.Done():
		// If the directory becomes free now, the end of the process, which
		// is near, frees it again.
		return nil, exitError{exitOK}
	}
}

// newHandler returns the way of a request: its pace, whether it is heard, and
// its answer. observer, which is told of it, and counted, which counts those under way, may be nil.
func (p *servePlan) newHandler(files served, observer observe.Observer, counted *metrics.Metrics,
	logger *slog.Logger) (http.Handler, error) {
	o := origin.Options{
		Store: files, ReadOnly: p.readOnly, Require: p.require, MaxBody: int64(p.maxBody), MaxMemory: p.memory(),
		LenientTags: p.lenientTags, StaleIfRange: p.staleIfRange == http.StatusPreconditionFailed,
		AcceptReplay: p.acceptReplay, RevisionTags: p.revisionTags,
		Observe: observer, Logger: logger,
	}
	o.Once = origin.Once{
		Off: p.keyAge == 0, Required: p.keyRequired, Lifetime: time.Duration(p.keyAge),
		Principal: gate.User, Client: func(r *http.Request) string { host, _, _ := net.SplitHostPort(r.RemoteAddr); return host },
	}
	if len(p.rules) > 0 {
		o.CacheControl = func(name string) string { return p.rules.Value(name, origin.DefaultCacheControl) }
	}
	if len(p.mayPurge) > 0 {
		o.MayPurge = func(r *http.Request) bool { return slices.Contains(p.mayPurge, gate.User(r)) && gate.User(r) != "" }
	}
	if p.publicRead {
		o.History = gate.IsKnown
	}
	h, err := p.answerer(o)
	if err != nil {
		return nil, err
	}
	p.answers = h
	heard := gate.New(h, gate.Options{
		Credentials: p.credentials, PublicRead: p.publicRead, Announce: p.dav,
		LocalOnly: p.localOnly(), Hosts: p.names(), Private: p.private(), Sandbox: p.sandboxes, Observe: observer,
	})
	paced := pace.New(heard, p.idleTimeout)
	if counted != nil {
		return counted.InFlight(paced), nil
	}
	return paced, nil
}

// answerer returns what answers requests that are heard.
func (p *servePlan) answerer(o origin.Options) (http.Handler, error) {
	if !p.dav {
		return origin.New(o)
	}
	d := dav.Options{Origin: o, Require: p.davRequire, LockTimeout: time.Duration(p.davLockTime), Client: gate.User}
	if p.credentials != nil {
		d.Known = gate.IsKnown
	}
	return dav.New(d)
}

// memory is the bound on what requests hold, as origin wants it.
func (p *servePlan) memory() int64 {
	if p.maxMemory <= 0 {
		return -1
	}
	return int64(p.maxMemory)
}

// private reports whether what is served is not for everyone: only for this machine, or for
// those who log in. A server that is known by a name is for others than this machine.
func (p *servePlan) private() bool {
	switch {
	case p.embed:
		return false
	case p.credentials != nil:
		return !p.publicRead
	}
	return p.address.Loopback && len(p.hosts) == 0
}

func (p *servePlan) sandboxes(path string) bool {
	return slices.ContainsFunc(p.sandboxed, func(g cachecontrol.Glob) bool { return g.Match(path) })
}

// localOnly reports whether nobody but this machine is to be served, whoever that
// may be. With credentials, or with a certificate, the name in a request proves
// enough: another site can make up neither.
func (p *servePlan) localOnly() bool {
	return p.address.Loopback && p.credentials == nil && p.certificate == nil
}

// reloads are what a hangup makes serve read again.
func (p *servePlan) reloads(lines *accessLog) []reloadStep {
	steps := []reloadStep{{"access log", lines.reopen}}
	if p.credentials != nil {
		steps = append(steps, reloadStep{"credentials", p.credentials.Reload})
	}
	if p.certificate != nil {
		steps = append(steps, reloadStep{"certificate", p.certificate.Reload})
	}
	return steps
}
