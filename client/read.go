package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/digest"
)

// readAttempts bounds how often a read is sent that fails on the way. It is less than Attempts: the next
// server in the same state will not be better.
const readAttempts = 10

// Get reads a resource. Redirects are followed, reads that fail on the way are sent again. The content is
// verified against Repr-Digest and Content-Digest (RFC 9530), if the server sends them.
//
// The error is a [*StatusError] for an answer that says no, with errors.Is(err, [ErrNotFound]) for 404
// and 410; ErrTooLarge; or what the transport says.
func (c *Client) Get(ctx context.Context, url string) (Representation, error) {
	r, err := c.read(ctx, http.MethodGet, url, nil, false)
	if err == nil && !r.Exists {
		err = &StatusError{Method: http.MethodGet, URL: r.URL, Status: http.StatusNotFound, Header: r.Header}
	}
	return r, err
}

// Head reads everything but the content. The errors are those of Get.
func (c *Client) Head(ctx context.Context, url string) (Representation, error) {
	r, err := c.read(ctx, http.MethodHead, url, nil, false)
	if err == nil && !r.Exists {
		err = &StatusError{Method: http.MethodHead, URL: r.URL, Status: http.StatusNotFound, Header: r.Header}
	}
	return r, err
}

// Refresh reads a resource again that was read before, unless it is the same (304). changed is then
// false, and the representation is old with the fields of the new answer. One that is gone is a change:
// Exists is false. Other errors are those of Get.
func (c *Client) Refresh(ctx context.Context, old Representation) (r Representation, changed bool, err error) {
	if !old.Exists {
		r, err = c.read(ctx, http.MethodGet, old.URL, nil, false)
		return r, r.Exists, err
	}
	h := http.Header{}
	if old.RawTag != "" {
		h.Set("If-None-Match", old.RawTag)
	}
	if !old.LastModified.IsZero() {
		h.Set("If-Modified-Since", old.LastModified.Format(http.TimeFormat))
	}
	r, err = c.read(ctx, http.MethodGet, old.URL, h, false)
	if errors.Is(err, errNotModified) {
		fields := r.Header
		r = old
		r.refreshed(fields)
		return r, false, nil
	}
	return r, true, err
}

// refreshed takes over what a 304 says.
func (r *Representation) refreshed(h http.Header) {
	merged := r.Header.Clone()
	if merged == nil { // what was kept of an earlier run may have no fields
		merged = http.Header{}
	}
	for name, values := range h {
		if name != "Content-Length" && name != "Content-Type" && name != "Content-Encoding" {
			merged[name] = values
		}
	}
	r.setValidators(merged, time.Now())
}

// errNotModified is a 304.
var errNotModified = errors.New("not modified")

// current reads what is there now, past all caches; for a write, or to find out what became of one.
func (c *Client) current(ctx context.Context, url string) (Representation, error) {
	return c.read(ctx, http.MethodGet, url, http.Header{"Cache-Control": {"no-cache"}}, true)
}

// read sends a GET or HEAD until there is an answer. Of 404 and 410 it returns that nothing exists. A
// patient one also waits for a server that takes no connections for a moment.
func (c *Client) read(ctx context.Context, m, url string, extra http.Header, patient bool) (Representation, error) {
	k, err := c.newCall(m, url)
	if err != nil {
		return Representation{}, err
	}
	for name, values := range extra {
		k.header[name] = values
	}
	k.header.Set("Want-Repr-Digest", "sha-256=10, sha-512=5")
	for e := (Event{Method: m, URL: k.url.Redacted(), Attempt: 1}); ; e.Attempt++ {
		var r Representation
		r, e.Err = c.readOnce(ctx, k)
		wait, again := c.again(e.Err, patient)
		if !again || e.Attempt >= min(readAttempts, c.attempts()) || ctx.Err() != nil {
			return r, e.Err
		}
		if wait > 0 {
			err = c.wait(ctx, e, wait)
		} else {
			err = c.backoff(ctx, e)
		}
		if err != nil {
			return r, err
		}
	}
}

// again reports whether a read that failed is worth another attempt, and after which wait; 0 is any.
func (c *Client) again(err error, patient bool) (wait time.Duration, ok bool) {
	var status *StatusError
	var fatal *fatalError
	switch {
	case errors.As(err, &fatal):
		return 0, false
	case err == nil, errors.Is(err, errNotModified), errors.Is(err, ErrTooLarge), errors.Is(err, ErrRedirect):
		return 0, false
	case errors.As(err, &status):
		return status.RetryAfter, isPassing(status.Status) && status.RetryAfter <= c.maxWait()
	case neverSent(err):
		return 0, patient
	}
	return 0, true
}

// isPassing reports whether a status may be another one soon.
func isPassing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func (c *Client) readOnce(ctx context.Context, k *call) (Representation, error) {
	a, err := c.send(ctx, k)
	if err != nil {
		return Representation{}, err
	}
	r := Representation{URL: a.url, Header: a.Header}
	switch {
	case a.StatusCode == http.StatusNotModified:
		discard(a.Body)
		return r, errNotModified
	case a.StatusCode == http.StatusNotFound || a.StatusCode == http.StatusGone:
		discard(a.Body)
		return r, nil
	case a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNonAuthoritativeInfo:
		refusal, _ := readRefusal(k.method, a)
		return r, refusal
	}
	return c.representation(k.method, a)
}

// representation reads what an answer carries, and closes it.
func (c *Client) representation(m string, a *answer) (Representation, error) {
	defer a.Body.Close()
	r := Representation{
		URL: a.url, Exists: true, MediaType: a.Header.Get("Content-Type"), Coding: a.Header.Get("Content-Encoding"),
		EndUnknown: a.ProtoMajor == 1 && a.ContentLength < 0 && len(a.TransferEncoding) == 0 && m != http.MethodHead,
	}
	r.setValidators(a.Header, time.Now())
	if m == http.MethodHead {
		return r, nil
	}
	limit := c.maxContent()
	if a.ContentLength > limit {
		return r, fmt.Errorf("%s %s: %w: %d bytes, more than %d", m, a.url, ErrTooLarge, a.ContentLength, limit)
	}
	var err error
	r.Content, err = io.ReadAll(io.LimitReader(a.Body, limit+1))
	switch {
	case err != nil:
		return r, fmt.Errorf("%s %s: the answer broke off after %d bytes: %w", m, a.url, len(r.Content), err)
	case int64(len(r.Content)) > limit:
		return r, fmt.Errorf("%s %s: %w: more than %d bytes", m, a.url, ErrTooLarge, limit)
	}
	return r, verify(m, a, r)
}

// verify holds the content against the digests that came with it. A field that cannot be read says
// nothing (RFC 8941 §4.2).
func verify(m string, a *answer, r Representation) error {
	for _, name := range [...]string{"Repr-Digest", "Content-Digest"} {
		v, err := digest.NewVerifier(a.Header[name], nil)
		if err != nil || !v.Needed() {
			continue
		}
		if _, err := io.Copy(io.Discard, v.Reader(bytes.NewReader(r.Content))); err != nil {
			return err
		}
		if err := v.Check(r.SHA256()); err != nil {
			return fmt.Errorf("%s %s: the content is damaged: %w", m, a.url, err)
		}
	}
	return nil
}
