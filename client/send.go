package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

const (
	// maxRedirects is how many redirects are followed one after the other.
	maxRedirects = 10
	// maxRefusal bounds, in bytes, what is read of an answer that says no.
	maxRefusal = 1 << 20
	// expectFrom is the size from which content waits for the server's 100 (RFC 9110 §10.1.1), so
	// that a write that is refused need not be sent.
	expectFrom = 64 << 10
)

// NewTransport returns a transport such as clients without Transport use: that of net/http, with no
// compression and no bound on idle connections to one server but the number.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true
	t.MaxIdleConnsPerHost = 16
	return t
}

var shared = sync.OnceValue(NewTransport)

func (c *Client) transport() http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	return shared()
}

// call is one request to be sent.
type call struct {
	method  string
	url     *url.URL
	home    string // the origin that credentials go to
	header  http.Header
	content *Content // nil for none
}

// newCall reads a URL. Credentials in it become an Authorization field, unless the client has one.
func (c *Client) newCall(m, rawURL string) (*call, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		var parsing *url.Error
		if errors.As(err, &parsing) {
			err = parsing.Err // without the URL, in which there may be a password
		}
		return nil, fmt.Errorf("not a URL: %w", err)
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("not a URL of http or https: %q", u.Redacted())
	}
	u.Fragment, u.RawFragment = "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	k := &call{method: m, url: u, home: originOf(u), header: http.Header{}}
	if m == http.MethodGet || m == http.MethodHead {
		k.header.Set("Accept-Encoding", "identity")
	}
	return k, nil
}

// shown is a URL without a password.
func shown(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}

// withUser is a URL with the credentials that another one has.
func withUser(rawURL, other string) string {
	u, err := url.Parse(rawURL)
	o, err2 := url.Parse(other)
	if err != nil || err2 != nil || o.User == nil {
		return rawURL
	}
	u.User = o.User
	return u.String()
}

// originOf is scheme, host and port (RFC 9110 §4.3.1), in one spelling.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// answer is a response with the URL it came from.
type answer struct {
	*http.Response
	url string
}

// send sends the call, and follows redirects where that is safe. The body of the answer must be closed.
func (c *Client) send(ctx context.Context, k *call) (*answer, error) {
	for range maxRedirects + 1 {
		resp, err := c.roundTrip(ctx, k)
		if err != nil {
			return nil, err
		}
		shown := *k.url
		shown.User = nil
		a := &answer{resp, shown.String()}
		if !isRedirect(resp) {
			return a, nil
		}
		next, err := k.follow(resp)
		discard(resp.Body)
		if err != nil {
			return nil, err
		}
		k = next
	}
	return nil, &url.Error{Op: k.method, URL: k.url.Redacted(), Err: fmt.Errorf("%w: there were %d before it", ErrRedirect, maxRedirects)}
}

func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// follow returns the call that a redirect asks for.
func (k *call) follow(resp *http.Response) (*call, error) {
	to, err := k.url.Parse(resp.Header.Get("Location"))
	fail := func(why string) error {
		err := fmt.Errorf("%w: %d to %s, %s", ErrRedirect, resp.StatusCode, quoteShort(resp.Header.Get("Location")), why)
		return &url.Error{Op: k.method, URL: k.url.Redacted(), Err: err}
	}
	switch {
	case err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https":
		return nil, fail("which is no URL of http or https")
	case k.url.Scheme == "https" && to.Scheme == "http":
		return nil, fail("which gives up the encryption")
	case method.IsSafe(k.method):
	case resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect:
		return nil, fail("which need not keep the method " + k.method + "; use the URL it names, if that is meant")
	case originOf(to) != k.home:
		return nil, fail("which is another server; use the URL it names, if that is meant")
	}
	next := *k
	to.Fragment, to.User = "", nil
	next.url = to
	return &next, nil
}

// roundTrip sends one request, and returns its answer unless nothing comes for [Client.Timeout].
func (c *Client) roundTrip(ctx context.Context, k *call) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := newPatience(c.timeout(), cancel)
	r, err := c.request(ctx, k, p)
	if err != nil {
		p.stop()
		cancel(nil)
		return nil, err
	}
	resp, err := c.transport().RoundTrip(r)
	if err != nil {
		p.stop()
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
			err = cause
		}
		cancel(nil)
		return nil, &url.Error{Op: k.method, URL: k.url.Redacted(), Err: err}
	}
	resp.Body = &patientBody{ReadCloser: resp.Body, patience: p, done: cancel, ctx: ctx}
	return resp, nil
}

// request makes the request of a call.
func (c *Client) request(ctx context.Context, k *call, p *patience) (*http.Request, error) {
	r := &http.Request{Method: k.method, URL: k.url, Host: k.url.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	r = r.WithContext(ctx)
	r.Header.Set("User-Agent", "fourtwelve")
	if c.UserAgent != "" {
		r.Header.Set("User-Agent", c.UserAgent)
	}
	if originOf(k.url) == k.home {
		for name, values := range c.Header {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
		if u := k.url.User; u != nil && r.Header.Get("Authorization") == "" {
			password, _ := u.Password()
			r.SetBasicAuth(u.Username(), password)
		}
	}
	for name, values := range k.header {
		r.Header[name] = values
	}
	if err := k.setBody(r, p); err != nil {
		return nil, err
	}
	if c.Authorize != nil && originOf(k.url) == k.home {
		if err := c.Authorize(r); err != nil {
			return nil, fmt.Errorf("the request cannot be authorized: %w", err)
		}
	}
	return r, nil
}

// setBody sets the content, as one that cannot be read twice, so that no transport sends it again by itself.
func (k *call) setBody(r *http.Request, p *patience) error {
	if k.content == nil || k.content.size == 0 {
		r.Body = http.NoBody
		if key, ok := r.Header[keyField]; ok {
			// net/http would send it again for the field's sake. It knows the field by this spelling alone.
			delete(r.Header, keyField)
			r.Header[strings.ToLower(keyField)] = key //nolint:staticcheck // so it is meant
		}
		return nil
	}
	body, err := k.content.body()
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = &touchingBody{body, p}, k.content.size
	if k.content.size >= expectFrom {
		r.Header.Set("Expect", "100-continue")
	}
	return nil
}

// errStalled is the cause when a server takes longer than [Client.Timeout].
var errStalled = errors.New("the server did not go on in time")

// patience cancels a request on which nothing happens for a while.
type patience struct {
	d     time.Duration
	timer *time.Timer
}

func newPatience(d time.Duration, cancel context.CancelCauseFunc) *patience {
	if d <= 0 {
		return &patience{}
	}
	return &patience{d, time.AfterFunc(d, func() { cancel(errStalled) })}
}

func (p *patience) touch() {
	if p.timer != nil {
		p.timer.Reset(p.d)
	}
}

func (p *patience) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// touchingBody is content on its way to the server.
type touchingBody struct {
	io.ReadCloser
	*patience
}

func (b *touchingBody) Read(p []byte) (int, error) {
	b.touch()
	return b.ReadCloser.Read(p)
}

// patientBody is the content of an answer.
type patientBody struct {
	io.ReadCloser
	*patience
	done context.CancelCauseFunc
	ctx  context.Context
}

func (b *patientBody) Read(p []byte) (int, error) {
	b.touch()
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *patientBody) Close() error {
	b.stop()
	err := b.ReadCloser.Close()
	b.done(nil)
	return err
}

// discard reads what little there may be, so that the connection can be used again, and closes the body.
func discard(body io.ReadCloser) {
	io.Copy(io.Discard, io.LimitReader(body, 64<<10)) //nolint:errcheck // it is of no use
	body.Close()
}

// readRefusal reads an answer that says no, and closes it.
func readRefusal(m string, a *answer) (*StatusError, []byte) {
	defer discard(a.Body)
	e := &StatusError{Method: m, URL: a.url, Status: a.StatusCode, Header: a.Header}
	e.RetryAfter = retryAfter(a.Header, time.Now())
	content, err := io.ReadAll(io.LimitReader(a.Body, maxRefusal))
	if err != nil {
		return e, nil
	}
	if t, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")); t == condhttp.ProblemType {
		var p condhttp.Problem
		if json.Unmarshal(content, &p) == nil {
			e.Problem = &p
		}
	}
	return e, content
}

// retryAfter is how long the server asks to wait (RFC 9110 §10.2.3), in either form; 0 if it does not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, ok := date.Parse(v, now); ok {
		if sent := dateIn(h, "Date", now); !sent.IsZero() {
			now = sent // by the server's own clock
		}
		return max(0, t.Sub(now))
	}
	return 0
}

// neverSent reports whether an error came before anything of the request could reach the server.
func neverSent(err error) bool {
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &cert)
}

// isS3Conflict reports whether a 409 says that a conditional request met another one, as S3 does.
func isS3Conflict(status int, content []byte) bool {
	return status == http.StatusConflict && bytes.Contains(content, []byte("ConditionalRequestConflict"))
}
