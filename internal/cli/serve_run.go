package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/gate"
	"github.com/fourtwelve/fourtwelve/internal/pace"
	"github.com/fourtwelve/fourtwelve/internal/requestlog"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

const (
	// maxHeaderBytes bounds the header section of a request. Lists of many entity
	// tags are legal, but not longer than this.
	maxHeaderBytes = 64 << 10
	// headerTimeout is how long a client may take to send a header section.
	headerTimeout = 10 * time.Second
	// logTimeout is how long the access log may take to be written at the end.
	logTimeout = 5 * time.Second
)

// run serves until ctx is done, and then until the requests under way have
// finished.
func (p *servePlan) run(ctx context.Context, env *Env) (err error) {
	// A reader of our output that goes away must not take writes under way
	// with it.
	signal.Ignore(syscall.SIGPIPE)
	logger := slog.New(slog.NewTextHandler(env.Stderr, nil))

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
		if ln, err = p.address.open(); err != nil {
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
		if ln, err = p.address.open(); err != nil {
			return err
		}
		defer ln.Close()
	}

	server, err := p.newServer(files, lines.observer(), logger)
	if err != nil {
		return err
	}
	stopReloads := p.reloadOnHangup(lines, logger)
	defer stopReloads()
	p.say(env.Stderr, ln.Addr())
	return p.serveUntil(ctx, server, ln, env.Stderr)
}

// openStore takes possession of the directory.
func (p *servePlan) openStore(ctx context.Context, stderr io.Writer, logger *slog.Logger) (*dirstore.Store, error) {
	o := dirstore.Options{
		Sync: p.sync, Keep: p.keep, KeepBytes: int64(p.keepBytes), ReadOnly: p.readOnly, Logger: logger,
	}
	if p.keep == 0 {
		o.Keep = -1
	}
	files, err := dirstore.Open(p.dir, o)
	locked, ok := errors.AsType[*dirstore.LockedError](err)
	switch {
	case errors.Is(err, store.ErrReadOnly):
		return nil, fmt.Errorf("%w: make it writable, or serve it with --read-only", err)
	case !ok:
		return files, err
	case p.waitLock == 0:
		return nil, fmt.Errorf("%s is being served by another process%s: stop that, or start this one with --wait-lock to take over when it ends", p.dir, withPID(locked.PID))
	}
	fmt.Fprintf(stderr, "Another process%s is serving %s. Waiting for it to end.\n", withPID(locked.PID), p.dir)
	o.WaitLock = time.Duration(p.waitLock)
	files, err = openWaiting(ctx, p.dir, o)
	if locked, ok := errors.AsType[*dirstore.LockedError](err); ok {
		return nil, fmt.Errorf("%s was still being served by another process%s after %v", p.dir, withPID(locked.PID), &p.waitLock)
	}
	return files, err
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

// accessLog is where the lines about requests go; w is nil if there are none.
type accessLog struct {
	w    *requestlog.Writer
	file *requestlog.File // nil for standard output
}

func (p *servePlan) openLog(stdout io.Writer, logger *slog.Logger) (*accessLog, error) {
	l := new(accessLog)
	sink := stdout
	switch p.accessLog {
	case "off":
		return l, nil
	case "-":
	default:
		file, err := requestlog.OpenFile(p.accessLog)
		if err != nil {
			return nil, err
		}
		l.file, sink = file, file
	}
	l.w = requestlog.NewWriter(sink, requestlog.Options{Logger: logger})
	return l, nil
}

func (l *accessLog) observer() origin.Observer {
	if l.w == nil {
		return nil
	}
	return requestlog.Observer(l.w, gate.User)
}

func (l *accessLog) reopen() error {
	if l.w == nil {
		return nil
	}
	return l.w.Reopen()
}

func (l *accessLog) close() error {
	if l.w == nil {
		return nil
	}
	err := l.w.Close(logTimeout)
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
	}
	return err
}

// newServer puts together what answers requests.
func (p *servePlan) newServer(files *dirstore.Store, observe origin.Observer, logger *slog.Logger) (*http.Server, error) {
	handler, err := p.newHandler(files, observe, logger)
	if err != nil {
		return nil, err
	}
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: min(headerTimeout, p.idleTimeout),
		WriteTimeout:      p.idleTimeout,
		IdleTimeout:       p.idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(serverLog{logger}, "", 0),
		// OPTIONS * is the origin's to answer, so that it is logged like the rest.
		DisableGeneralOptionsHandler: true,
	}
	if p.certificate != nil {
		s.TLSConfig = p.certificate.config()
	}
	return s, nil
}

// newHandler returns the way of a request: its pace, whether it is heard, and
// its answer.
func (p *servePlan) newHandler(files *dirstore.Store, observe origin.Observer, logger *slog.Logger) (http.Handler, error) {
	o := origin.Options{
		Store: files, ReadOnly: p.readOnly, Require: p.require, MaxBody: int64(p.maxBody),
		LenientTags: p.lenientTags, StaleIfRange: p.staleIfRange == http.StatusPreconditionFailed,
		AcceptReplay: p.acceptReplay, RevisionTags: p.revisionTags,
		Observe: observe, Logger: logger,
	}
	if len(p.rules) > 0 {
		o.CacheControl = p.rules.Value
	}
	h, err := origin.New(o)
	if err != nil {
		return nil, err
	}
	heard := gate.New(h, gate.Options{
		Credentials: p.credentials, PublicRead: p.publicRead,
		LocalOnly: p.localOnly(), Hosts: p.hosts, Observe: observe,
	})
	return pace.New(heard, p.idleTimeout), nil
}

// localOnly reports whether nobody but this machine is to be served, whoever that
// may be. With credentials, or with a certificate, the name in a request proves
// enough: another site can make up neither.
func (p *servePlan) localOnly() bool {
	return p.address.loopback && p.credentials == nil && p.certificate == nil
}

// serverLog is where net/http reports what it cannot tell a client.
type serverLog struct{ logger *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	// Scanners fail handshakes all day.
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	l.logger.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}

// reloadOnHangup makes SIGHUP read the files again, until stop is called. What fails
// is logged, and stays as it was.
func (p *servePlan) reloadOnHangup(lines *accessLog, logger *slog.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangup:
				p.reload(lines, logger)
			case <-over:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(over)
		<-done
	}
}

func (p *servePlan) reload(lines *accessLog, logger *slog.Logger) {
	type step struct {
		what string
		do   func() error
	}
	steps := []step{{"access log", lines.reopen}}
	if p.credentials != nil {
		steps = append(steps, step{"credentials", p.credentials.Reload})
	}
	if p.certificate != nil {
		steps = append(steps, step{"certificate", p.certificate.reload})
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			logger.Error("hangup: the "+step.what+" stays as it was", "error", err)
		} else {
			logger.Info("hangup: the " + step.what + " was opened again")
		}
	}
}

// serveUntil serves until ctx is done. Then no more connections are accepted, and
// the requests under way get their time to finish.
func (p *servePlan) serveUntil(ctx context.Context, server *http.Server, ln net.Listener, stderr io.Writer) error {
	failed := make(chan error, 1)
	go func() {
		if p.certificate != nil {
			failed <- server.ServeTLS(ln, "", "")
		} else {
			failed <- server.Serve(ln)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("cannot serve any longer: %w", err)
	case <-ctx.Done():
	}
	fmt.Fprintf(stderr, "Stopping. Requests under way have %v to finish; interrupt again to end at once.\n", p.shutdownTimeout)
	limit, cancel := context.WithTimeout(context.Background(), p.shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		server.Close()
		return fmt.Errorf("requests that had not finished after %v were cut off; a write among them has happened as a whole or not at all", p.shutdownTimeout)
	}
	fmt.Fprintln(stderr, "Stopped.")
	return nil
}
