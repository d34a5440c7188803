package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/console"
	"github.com/fourtwelve/fourtwelve/command/internal/metrics"
	"github.com/fourtwelve/fourtwelve/command/internal/requestlog"
	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/command/internal/server/auth"
	"github.com/fourtwelve/fourtwelve/command/internal/server/gate"
	"github.com/fourtwelve/fourtwelve/command/internal/service"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/observe"
)

const (
	// defaultMaxPerAddress bounds the connections of one address, and its requests that are answered at once.
	defaultMaxPerAddress = 1024
	// logTimeout is how long the access log may take to be written at the end.
	logTimeout = 5 * time.Second
)

// serverLogger returns what a server writes down. From then on a reader of our output that goes away does not take requests
// under way with it.
func serverLogger(env *Env) *slog.Logger {
	signal.Ignore(syscall.SIGPIPE)
	return secret.Logger(slog.New(slog.NewTextHandler(env.Stderr, nil)))
}

// accessLog is where the lines about requests go; w is nil if there are none.
type accessLog struct {
	w    *requestlog.Writer
	file *requestlog.File // nil for standard output
}

func (f *front) openLog(stdout io.Writer, logger *slog.Logger) (*accessLog, error) {
	l := new(accessLog)
	sink := stdout
	switch f.accessLog {
	case "off":
		return l, nil
	case "-":
	default:
		file, err := requestlog.OpenFile(f.accessLog)
		if err != nil {
			return nil, err
		}
		l.file, sink = file, file
	}
	l.w = requestlog.NewWriter(sink, requestlog.Options{Logger: logger})
	return l, nil
}

// observer returns what writes the log, or nil. user is as for [requestlog.Observer].
func (l *accessLog) observer(user func(*http.Request) string) observe.Observer {
	if l.w == nil {
		return nil
	}
	return requestlog.Observer(l.w, user)
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

// serverOptions say how requests are served that handler answers. Timeouts for content are the handler's.
func (f *front) serverOptions(handler http.Handler, observer observe.Observer, logger *slog.Logger) server.Options {
	return server.Options{
		Handler: handler, Observe: observer, Logger: logger, Certificate: f.certificate,
		IdleTimeout: f.idleTimeout, PerAddress: f.maxPerAddress, Exempt: f.exempt,
		Lane: os.Getenv("FOURTWELVE_LANE") != "off",
	}
}

// serveMetrics answers at the address of the metrics, if there is one, until stop is called.
// more answers there as well, by the pattern of a path.
func (f *front) serveMetrics(m *metrics.Metrics, more map[string]http.Handler, logger *slog.Logger) (at net.Addr, stop func(), err error) {
	where := f.metricsAt
	if where == nil {
		return nil, func() {}, nil
	}
	ln, err := where.Open()
	if err != nil {
		return nil, nil, err
	}
	all := http.NewServeMux()
	all.Handle("/", m.Handler())
	for pattern, handler := range more {
		all.Handle(pattern, handler)
	}
	var handler http.Handler = all
	if where.Loopback {
		handler = gate.New(handler, gate.Options{LocalOnly: true, Hosts: f.names()})
	}
	endpoint := server.NewHTTP(ln, server.Options{
		Handler: handler, Logger: logger, IdleTimeout: f.idleTimeout, ReadTimeout: f.idleTimeout, WriteTimeout: f.idleTimeout,
	})
	go endpoint.Serve()
	return ln.Addr(), func() { endpoint.Close() }, nil
}

// consoleFor lets those look at the console who may: on this machine everybody, unless credentials are asked for, and
// beyond it nobody who is not known. option says how somebody becomes known.
func (f *front) consoleFor(c *console.Console, credentials *auth.Credentials, option string) http.Handler {
	if credentials == nil && !f.metricsAt.Loopback {
		return console.Closed(option)
	}
	return gate.New(c.Handler(), gate.Options{Credentials: credentials, Private: true})
}

// sayMetrics tells where the metrics and the console are, if anywhere.
func sayMetrics(w io.Writer, at net.Addr) {
	if at != nil {
		fmt.Fprintf(w, "Metrics are at http://%s/metrics.\n", at)
		fmt.Fprintf(w, "To see what happens, open http://%s/console/ in a browser.\n", at)
	}
}

// onHangup has do called for each SIGHUP, one after the other, until stop is called. The service manager is told of each.
func onHangup(manager service.Manager, do func()) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangup:
				manager.Reloading()
				do()
				manager.Ready()
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

// reloadStep reads something again. After an error it must be as it was.
type reloadStep struct {
	what string
	do   func() error
}

// reload takes the steps, and tells what became of each.
func reload(steps []reloadStep, logger *slog.Logger) {
	for _, step := range steps {
		if err := step.do(); err != nil {
			logger.Error("hangup: the "+step.what+" stays as it was", "error", err)
		} else {
			logger.Info("hangup: the " + step.what + " was opened again")
		}
	}
}

// serveUntil serves until ctx is done. Then no more connections are accepted, and
// the requests under way get their time to finish. outcome says what became of those
// that did not. manager is told when requests are taken, and when they are not any more.
func (f *front) serveUntil(ctx context.Context, stderr io.Writer, manager service.Manager, outcome string,
	endpoints ...server.Endpoint) error {
	// Listeners are open already, so who connects from now on waits at worst. Signs of life go on while requests finish.
	alive, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	manager.Ready()
	manager.Watch(alive)
	err := server.Serve(ctx, f.shutdownTimeout, func() {
		manager.Stopping()
		fmt.Fprintf(stderr, "Stopping. Requests under way have %v to finish; interrupt again to end at once.\n", f.shutdownTimeout)
	}, endpoints...)
	switch {
	case errors.Is(err, server.ErrCut):
		return fmt.Errorf("requests that had not finished after %v were cut off; %s", f.shutdownTimeout, outcome)
	case err != nil:
		return err
	}
	fmt.Fprintln(stderr, "Stopped.")
	return nil
}
