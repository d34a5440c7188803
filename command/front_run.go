package command

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

	"github.com/fourtwelve/fourtwelve/command/internal/metrics"
	"github.com/fourtwelve/fourtwelve/command/internal/requestlog"
	"github.com/fourtwelve/fourtwelve/command/internal/server/admit"
	"github.com/fourtwelve/fourtwelve/command/internal/server/coalesce"
	"github.com/fourtwelve/fourtwelve/command/internal/server/deadline"
	"github.com/fourtwelve/fourtwelve/command/internal/server/framing"
	"github.com/fourtwelve/fourtwelve/command/internal/server/gate"
	"github.com/fourtwelve/fourtwelve/command/internal/server/secure"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/observe"
)

const (
	// maxHeaderBytes bounds the header section of a request. Lists of many entity
	// tags are legal, but not longer than this.
	maxHeaderBytes = 64 << 10
	// headerTimeout is how long a client may take to send a header section.
	headerTimeout = 10 * time.Second
	// maxClients bounds the connections of all clients, and their requests that are
	// answered at once.
	maxClients = 8192
	// defaultMaxPerAddress bounds those of one address.
	defaultMaxPerAddress = 1024
	// logTimeout is how long the access log may take to be written at the end.
	logTimeout = 5 * time.Second
)

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

// newServer returns a server for the handler. Its timeouts do not cover the time
// that content takes; that is for the handler to bound. observer is told of requests that do not get as far as
// the handler because their content has no clear end; it may be nil.
func (f *front) newServer(handler http.Handler, observer observe.Observer, logger *slog.Logger) *http.Server {
	limits := admit.New(admit.Options{PerAddress: f.maxPerAddress, Total: maxClients, Exempt: f.exempt, Refuse: refuseCrowd})
	handler = framing.Handler(handler, observer)
	if f.certificate != nil {
		handler = secure.Handler(handler)
	}
	s := &http.Server{
		Handler: limits.Handler(coalesce.Handler(handler)),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return secure.Context(framing.Context(coalesce.Context(limits.Context(ctx, c), c), c), c)
		},
		ConnState:         limits.State,
		HTTP2:             admit.HTTP2(),
		ReadHeaderTimeout: min(headerTimeout, f.idleTimeout),
		IdleTimeout:       f.idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(serverLog{logger}, "", 0),
		// OPTIONS * is the handler's to answer, so that it is logged like the rest.
		DisableGeneralOptionsHandler: true,
	}
	if f.certificate != nil {
		// Package secure has TLS beneath, where net/http does not see it.
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetUnencryptedHTTP2(true)
	}
	return s
}

// refuseCrowd answers a request for which there is no room.
func refuseCrowd(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "1")
	condhttp.NewProblem(http.StatusServiceUnavailable, "too-many-at-once",
		"too many requests are being answered at the moment; nothing was changed", "try again in a second, and ask for less at once").Write(w, r)
}

// serverLog is where net/http reports what it cannot tell a client.
type serverLog struct{ logger *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	l.logger.Warn(string(bytes.TrimSpace(line)))
	return len(line), nil
}

// serveMetrics answers at the address of the metrics, if there is one, until stop is called.
func (f *front) serveMetrics(m *metrics.Metrics, logger *slog.Logger) (listening net.Addr, stop func(), err error) {
	at := f.metricsAt
	if at == nil {
		return nil, func() {}, nil
	}
	ln, err := at.open()
	if err != nil {
		return nil, nil, err
	}
	handler := m.Handler()
	if at.loopback {
		handler = gate.New(handler, gate.Options{LocalOnly: true, Hosts: f.names()})
	}
	server := (&front{idleTimeout: f.idleTimeout}).newServer(handler, nil, logger)
	server.ReadTimeout, server.WriteTimeout = f.idleTimeout, f.idleTimeout
	go server.Serve(ln)
	return ln.Addr(), func() { server.Close() }, nil
}

// sayMetrics tells where the metrics are, if anywhere.
func sayMetrics(w io.Writer, at net.Addr) {
	if at != nil {
		fmt.Fprintf(w, "Metrics are at http://%s/metrics.\n", at)
	}
}

// onHangup has do called for each SIGHUP, one after the other, until stop is called.
func onHangup(do func()) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangup:
				do()
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
// that did not.
func (f *front) serveUntil(
	ctx context.Context, server *http.Server, ln net.Listener, stderr io.Writer, logger *slog.Logger, outcome string,
) error {
	ln = deadline.Listen(ln)
	if f.certificate != nil {
		ln = secure.Listen(ln, f.certificate.config(), logger)
	}
	ln = coalesce.Listen(framing.Listen(ln))
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("cannot serve any longer: %w", err)
	case <-ctx.Done():
	}
	fmt.Fprintf(stderr, "Stopping. Requests under way have %v to finish; interrupt again to end at once.\n", f.shutdownTimeout)
	limit, cancel := context.WithTimeout(context.Background(), f.shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		server.Close()
		return fmt.Errorf("requests that had not finished after %v were cut off; %s", f.shutdownTimeout, outcome)
	}
	fmt.Fprintln(stderr, "Stopped.")
	return nil
}
