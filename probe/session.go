package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// A session sends the requests of a run and keeps to its bounds.
type session struct {
	opts   Options
	target *url.URL
	// addresses are where the target is, as host:port, at least one.
	addresses []string
	// pinned is set if the name alone does not say which of them is asked.
	pinned bool
	pace   *rate.Limiter
	sent   atomic.Int64

	mu         sync.Mutex
	transports map[string]*http.Transport // by address, "" for that of the URL
	stopped    error                      // why nothing more may be sent
}

func newSession(target *url.URL, o Options) *session {
	s := &session{opts: o, target: target, transports: map[string]*http.Transport{}}
	s.pace = rate.NewLimiter(rate.Inf, 1)
	if o.Rate > 0 {
		s.pace = rate.NewLimiter(rate.Limit(o.Rate), 1)
	}
	return s
}

// close ends all connections.
func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.transports {
		t.CloseIdleConnections()
	}
}

// transport returns the one for an address, so that a connection to one address is never used for
// another one.
func (s *session) transport(address string) *http.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.transports[address]
	if t == nil {
		t = s.newTransport(address)
		t.MaxConnsPerHost = s.opts.Connections
		s.transports[address] = t
	}
	return t
}

// newTransport makes one that changes nothing on the way: no coding of its own, no proxy.
func (s *session) newTransport(address string) *http.Transport {
	dialer := &net.Dialer{Timeout: s.opts.Timeout}
	return &http.Transport{
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 256 << 10,
		TLSClientConfig:        s.opts.TLS.Clone(),
		TLSHandshakeTimeout:    s.opts.Timeout,
		ExpectContinueTimeout:  s.opts.Timeout,
		IdleConnTimeout:        30 * time.Second,
		DialContext: func(ctx context.Context, network, host string) (net.Conn, error) {
			if address != "" {
				host = address
			}
			return dialer.DialContext(ctx, network, host)
		},
	}
}

// stop lets nothing more be sent. The first reason stays.
func (s *session) stop(reason error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == nil {
		s.stopped = reason
	}
	return s.stopped
}

func (s *session) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// admit waits until another request may be sent, and counts it.
func (s *session) admit(ctx context.Context) error {
	if err := s.reason(); err != nil {
		return err
	}
	if err := s.pace.Wait(ctx); err != nil {
		return err
	}
	if s.sent.Add(1) > int64(s.opts.Budget) {
		s.sent.Add(-1)
		return s.stop(fmt.Errorf("the budget of %d requests is used up", s.opts.Budget))
	}
	return nil
}

// do sends one request and reads the answer, which is never nil. If there is an error, that is an
// answer without a status, with what could be told of the request.
func (s *session) do(ctx context.Context, r request) (*answer, error) {
	a := &answer{}
	if err := s.admit(ctx); err != nil {
		return a, err
	}
	if r.url == nil && r.address == "" && s.pinned {
		r.address = s.first()
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			a.interim = append(a.interim, code)
			return nil
		},
	})
	req, err := s.newRequest(ctx, r)
	if err != nil {
		return a, err
	}
	a.record(req, r)
	transport := r.transport
	if transport == nil {
		transport = s.transport(r.address)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		a.failed(err)
		return a, s.explain(ctx, err)
	}
	defer resp.Body.Close()
	err = a.read(resp, s.opts.MaxContent)
	if err != nil {
		return a, s.explain(ctx, fmt.Errorf("reading the content: %w", err))
	}
	return a, s.heed(a)
}

// heed ends the run if the server asks for that.
func (s *session) heed(a *answer) error {
	if a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable {
		return nil
	}
	wait := ""
	if after := a.field("Retry-After"); after != "" {
		wait = fmt.Sprintf(", Retry-After: %s", after)
	}
	return s.stop(fmt.Errorf("the server answered %d%s: it is not asked any further", a.status, wait))
}

// explain says of an error of the network what it means.
func (s *session) explain(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return context.Canceled
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", s.opts.Timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection ended before the answer did")
	}
	return err
}
