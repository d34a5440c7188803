package probe

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	// asked is which of the addresses everything is sent to that does not compare them.
	asked int
	// base is the first look at the target; nil before it. It does not change once checks are asked.
	base *answer
	// came is the first URL if it redirected to the target, else nil.
	came *url.URL
	pace *rate.Limiter
	sent atomic.Int64
	// token is of this run only.
	token  string
	spares spares

	mu         sync.Mutex
	transports map[string]*http.Transport // by address, "" for that of the URL
	stopped    error                      // why nothing more may be sent
	died       bool                       // whether that is because the server has stopped
	shared     map[string]*shared         // see trial.once
	changed    aspects                    // what was not as in base at some time
	answered   map[string]bool            // hosts that have answered
	last       string                     // what was sent last
	broken     string                     // what was sent last on a connection that ended without an answer
}

// shared is an answer that several checks look at.
type shared struct {
	once sync.Once
	*answer
	err      error
	withheld string // why nothing was sent
}

func newSession(target *url.URL, o Options) *session {
	s := &session{opts: o, target: target, token: strings.ToLower(rand.Text()[:12]), transports: map[string]*http.Transport{},
		shared: map[string]*shared{}, answered: map[string]bool{}}
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
	if !r.admitted {
		if err := s.admit(ctx); err != nil {
			return a, err
		}
	}
	if s.pinned && r.address == "" && r.transport == nil && (r.url == nil || r.url.Host == s.target.Host) {
		r.address = s.first()
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	var wrote atomic.Bool // on some connection
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			a.interim = append(a.interim, code)
			return nil
		},
		WroteHeaders: func() { wrote.Store(true) },
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
	if err = s.heard(a, cmp.Or(r.address, req.URL.Host), wrote.Load(), err); err != nil {
		err = s.explain(ctx, err)
		a.failed(err)
		return a, err
	}
	defer resp.Body.Close()
	if err := a.read(resp, s.limit(r, resp)); err != nil {
		return a, s.explain(ctx, fmt.Errorf("reading the content: %w", err))
	}
	s.compare(r, a)
	return a, s.heed(a)
}

// limit is how many bytes of the content are read. Content that did not end in time when it was first
// looked at is not waited for again.
func (s *session) limit(r request, resp *http.Response) int64 {
	if s.base != nil && s.base.slow && r.ofTarget() && resp.StatusCode == http.StatusOK {
		return -1
	}
	if r.limit > 0 {
		return min(r.limit, s.opts.MaxContent)
	}
	return s.opts.MaxContent
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

// heard takes note of what came of a request to a host. Where answers came before and nothing
// listens any more, the server has stopped: then the run ends, and the request that went before is
// named. wrote is whether this one was sent.
func (s *session) heard(a *answer, host string, wrote bool, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.answered[host], s.last = true, a.asked()
	case errors.Is(err, syscall.ECONNREFUSED) && s.answered[host]:
		before := cmp.Or(s.broken, s.last)
		if wrote { // on a connection that ended, and net/http tried another one
			before = a.asked() + ", to which no answer came"
		}
		err = fmt.Errorf("the server at %s has stopped: nothing listens there any more. Before that it was sent %s", host, before)
		if s.stopped == nil {
			s.stopped, s.died = err, true
		}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		s.broken = a.asked() + ", to which no answer came"
	}
	return err
}

// explain says of an error of the network what it means.
func (s *session) explain(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return context.Canceled
	case isTimeout(err):
		return fmt.Errorf("no answer within %v", s.opts.Timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection ended before the answer did")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("the connection was refused: nothing listens there")
	case errors.Is(err, syscall.ECONNRESET):
		return errors.New("the server reset the connection")
	}
	return explainProtocol(err)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// explainProtocol says what it means that the server does not speak HTTP or TLS as it ought to.
func explainProtocol(err error) error {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch text := err.Error(); {
	case errors.As(err, &certificate):
		return fmt.Errorf("its certificate is not accepted: %w", certificate.Err)
	case errors.As(err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return errors.New("it does not speak TLS there: is it http instead of https?")
	case strings.Contains(text, "server closed idle connection"): // before the request was sent
		return errors.New("the connection ended before the answer did")
	case strings.Contains(text, "readLoopPeekFailLocked"): // so says net/http of a banner that comes before the request is sent
		return errors.New("that is not HTTP: the server speaks before it is asked")
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, "malformed MIME header"):
		_, detail, _ := strings.Cut(text, "malformed ")
		return fmt.Errorf("that is not HTTP: malformed %s", detail)
	}
	return err
}
