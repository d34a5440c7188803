package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server/admit"
	"github.com/fourtwelve/fourtwelve/command/internal/server/coalesce"
	"github.com/fourtwelve/fourtwelve/command/internal/server/deadline"
	"github.com/fourtwelve/fourtwelve/command/internal/server/framing"
	"github.com/fourtwelve/fourtwelve/command/internal/server/lane"
	"github.com/fourtwelve/fourtwelve/command/internal/server/secure"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/observe"
)

const (
	// maxHeaderBytes bounds the header section of a request. Lists of many entity
	// tags are legal, but not longer than this.
	maxHeaderBytes = 64 << 10
	// DefaultHeaderTimeout is how long a client may take to send a header section if [Options] do not say.
	DefaultHeaderTimeout = 10 * time.Second
	// maxClients bounds the connections of all clients, and their requests that are
	// answered at once.
	maxClients = 8192
)

// Options says how connections are served. Only Handler, Logger and IdleTimeout are needed.
type Options struct {
	Handler http.Handler
	// Observe is told of requests that do not get as far as the handler, because their content has no clear end or
	// there are too many.
	Observe observe.Observer
	// Logger gets what net/http cannot tell a client.
	Logger *slog.Logger
	// Certificate makes it HTTPS, with HTTP/2.
	Certificate *Certificate
	// Unencrypted2 takes HTTP/2 without TLS, from clients that begin with it.
	Unencrypted2 bool
	// IdleTimeout is after how long a connection on which nothing moves is given up.
	IdleTimeout time.Duration
	// HeaderTimeout is how long a client may take to send a header section, at most IdleTimeout. 0 stands for
	// [DefaultHeaderTimeout].
	HeaderTimeout time.Duration
	// ReadTimeout and WriteTimeout are those of http.Server; 0 leaves the time that content takes to the handler.
	ReadTimeout, WriteTimeout time.Duration
	// Lane has plain reads answered without net/http's server, by the same Handler. ReadTimeout must be 0.
	Lane bool
	// PerAddress bounds the connections of one address, and its requests that are answered at once; 0 is no
	// bound. Addresses that Exempt reports have none; it may be nil.
	PerAddress int
	Exempt     func(netip.Addr) bool
}

// HTTP serves HTTP/1.1 and HTTP/2 over TCP. It is an [Endpoint].
type HTTP struct {
	listener net.Listener
	server   *http.Server
	lane     *lane.Listener // nil for none
}

// NewHTTP returns what serves the connections of ln.
func NewHTTP(ln net.Listener, o Options) *HTTP {
	_ = roomForGarbage()
	ln = deadline.Listen(ln)
	handler := framing.Handler(o.Handler, o.Observe)
	if o.Certificate != nil {
		ln = secure.Listen(ln, o.Certificate.config(), o.Logger)
		handler = secure.Handler(handler)
	}
	limits := admit.New(admit.Options{PerAddress: o.PerAddress, Total: maxClients, Exempt: o.Exempt, Refuse: o.refuseCrowd})
	server := &http.Server{
		Handler: limits.Handler(coalesce.Handler(handler)),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return secure.Context(framing.Context(coalesce.Context(limits.Context(ctx, c), c), c), c)
		},
		ConnState:         limits.State,
		Protocols:         o.protocols(),
		HTTP2:             admit.HTTP2(),
		ReadHeaderTimeout: min(cmp.Or(o.HeaderTimeout, DefaultHeaderTimeout), o.IdleTimeout),
		ReadTimeout:       o.ReadTimeout,
		WriteTimeout:      o.WriteTimeout,
		IdleTimeout:       o.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(serverLog{o.Logger}, "", 0),
		// OPTIONS * is the handler's to answer, so that it is logged like the rest.
		DisableGeneralOptionsHandler: true,
	}
	h := &HTTP{server: server}
	if o.Lane {
		h.lane = lane.Listen(ln, lane.Options{
			Handler:     server.Handler,
			ConnContext: server.ConnContext, ConnState: server.ConnState, ErrorLog: server.ErrorLog,
			ReadHeaderTimeout: server.ReadHeaderTimeout, WriteTimeout: server.WriteTimeout, IdleTimeout: server.IdleTimeout,
		})
		ln = h.lane
	}
	h.listener = coalesce.Listen(framing.Listen(ln))
	return h
}

// protocols are what net/http takes. Package secure has TLS beneath, where net/http does not see it.
func (o *Options) protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(o.Unencrypted2 || o.Certificate != nil)
	return p
}

// Serve answers until Shutdown or Close.
func (h *HTTP) Serve() error {
	if h.lane != nil {
		go h.lane.Run()
	}
	return h.server.Serve(h.listener)
}

// Shutdown accepts no more connections, and returns when the requests under way have been answered or ctx is done.
func (h *HTTP) Shutdown(ctx context.Context) error {
	if h.lane == nil {
		return h.server.Shutdown(ctx)
	}
	drained := make(chan error, 1)
	go func() { drained <- h.lane.Drain(ctx) }()
	err := h.server.Shutdown(ctx)
	return errors.Join(err, <-drained)
}

// Close cuts all connections.
func (h *HTTP) Close() error {
	err := h.server.Close()
	if h.lane != nil {
		h.lane.Cut()
	}
	return err
}

// refuseCrowd answers a request for which there is no room. It is in the access log like any other.
func (o *Options) refuseCrowd(w http.ResponseWriter, r *http.Request) {
	p := condhttp.NewProblem(http.StatusServiceUnavailable, "too-many-at-once",
		"too many requests are being answered at the moment; nothing was changed", "try again in a second, and ask for less at once")
	w.Header().Set("Retry-After", "1")
	framing.Refuse(w, r, p, o.Observe)
}

// serverLog is where net/http reports what it cannot tell a client.
type serverLog struct{ logger *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	l.logger.Warn(string(bytes.TrimSpace(line)))
	return len(line), nil
}
