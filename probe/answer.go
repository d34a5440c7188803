package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// shownContent is how many bytes of content an exchange keeps.
const shownContent = 16 << 10

// A request is one to send. Only method is needed.
type request struct {
	method string
	// url is nil for the target.
	url *url.URL
	// fields are names and values in turn; a name may come more than once, for several field lines.
	// They take the place of those that every request has.
	fields []string
	// content is sent with its length, unless it is nil.
	content []byte
	// body is sent instead of content, with length; -1 is not known (chunked). Then content, unless
	// it is nil, is what body has.
	body   io.Reader
	length int64
	// admitted is set if session.admit was asked already.
	admitted bool
	// address is where to send it, "" for that of the URL.
	address string
	// transport sends it, nil for the one of the address.
	transport *http.Transport
	// spared is set if url is the target under a query that nobody else asks with.
	spared bool
	// limit is how many bytes of the answer's content are read at most; 0 for Options.MaxContent.
	limit int64
}

// ofTarget reports whether the request is for the target.
func (r *request) ofTarget() bool { return r.url == nil || r.spared }

// newRequest adds what every request has.
func (s *session) newRequest(ctx context.Context, r request) (*http.Request, error) {
	target := r.url
	if target == nil {
		target = s.target
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target.String(), nil)
	if err != nil {
		return nil, err
	}
	switch {
	case r.body != nil:
		req.Body, req.ContentLength = io.NopCloser(r.body), r.length
	case r.content != nil:
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(r.content)), int64(len(r.content))
	}
	// Content after the header section of a HEAD, which some servers send, must not be taken for
	// the next answer.
	req.Close = r.method == http.MethodHead
	req.Header = http.Header{
		"User-Agent":      {s.opts.UserAgent},
		"Accept":          {"*/*"},
		"Accept-Encoding": {"identity"},
	}
	for name, values := range s.opts.Header {
		req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if s.opts.Authorization != "" {
		req.Header.Set("Authorization", s.opts.Authorization)
	}
	for i := 0; i+1 < len(r.fields); i += 2 {
		req.Header.Del(r.fields[i])
	}
	for i := 0; i+1 < len(r.fields); i += 2 {
		req.Header.Add(r.fields[i], r.fields[i+1])
	}
	return req, nil
}

// An answer is a response with its content. The zero answer is none: status 0.
type answer struct {
	status int
	header http.Header
	// content is the content as it was sent, or its beginning if cut.
	content []byte
	cut     bool
	// slow is set if it was cut because it did not end in time.
	slow    bool
	interim []int // status codes 1xx

	x    *capture.Exchange
	curl string
}

// record keeps what is sent.
func (a *answer) record(req *http.Request, r request) {
	a.x = &capture.Exchange{Started: time.Now(), Scheme: req.URL.Scheme, Server: r.address}
	q := &a.x.Request
	q.Method, q.Target, q.Host = req.Method, capture.RedactURL(req.URL.RequestURI()), req.URL.Host
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		for _, value := range req.Header[name] {
			q.Header.Add(name, value)
		}
	}
	q.Content = capture.Content{Data: clip(r.content), Len: req.ContentLength, Cut: r.body != nil && r.content == nil ||
		len(r.content) > shownContent}
	a.curl = curl(req, r)
}

// failed keeps that no answer came.
func (a *answer) failed(err error) {
	a.x.Duration = time.Since(a.x.Started)
	for _, p := range []capture.Part{capture.ResponseLine, capture.ResponseHeader, capture.ResponseContent} {
		a.x.Gaps = append(a.x.Gaps, capture.Gap{Part: p, Reason: err.Error()})
	}
}

// read reads the content up to limit bytes, or nothing of it if limit is negative. What came of a 200 in
// time is its beginning; any other content must end in time.
func (a *answer) read(resp *http.Response, limit int64) error {
	a.status, a.header = resp.StatusCode, resp.Header
	content, err := readUpTo(resp, limit)
	switch {
	case int64(len(content)) > max(limit, 0):
		content, a.cut = content[:limit], true
	case limit < 0:
		a.cut = resp.ContentLength != 0
	case isTimeout(err) && a.status == http.StatusOK:
		a.cut, a.slow, err = true, true, nil
	}
	a.content = content
	a.x.Duration = time.Since(a.x.Started)
	a.x.Request.Proto = sentAs(resp)
	p := &a.x.Response
	p.Status, p.Proto = resp.StatusCode, resp.Proto
	_, p.Reason, _ = strings.Cut(resp.Status, " ")
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			p.Header.Add(name, value)
		}
	}
	p.Content = capture.Content{Data: clip(content), Len: int64(len(content)), Cut: a.cut || len(content) > shownContent}
	if a.cut {
		p.Content.Len = resp.ContentLength
	}
	for _, code := range a.interim {
		a.x.Interim = append(a.x.Interim, capture.Response{Status: code, Proto: resp.Proto})
	}
	return err
}

// readUpTo reads the content as far as to tell whether it has more than limit bytes.
func readUpTo(resp *http.Response, limit int64) ([]byte, error) {
	if limit < 0 || resp.StatusCode == http.StatusSwitchingProtocols {
		// What follows a 101 is not HTTP any more, and nothing would end it in time.
		return nil, nil
	}
	return io.ReadAll(io.LimitReader(resp.Body, limit+1))
}

// sentAs is the version of a request, which is not always that of its answer.
func sentAs(resp *http.Response) string {
	if resp.ProtoMajor >= 2 {
		return resp.Proto
	}
	return "HTTP/1.1"
}

// clip returns the bytes that an exchange keeps of content, as a copy.
func clip(content []byte) []byte {
	if content == nil {
		return nil
	}
	return bytes.Clone(content[:min(len(content), shownContent)])
}

// field returns a field value: all its lines combined.
func (a *answer) field(name string) string { return strings.Join(a.header.Values(name), ", ") }

// has reports whether the answer has the field.
func (a *answer) has(name string) bool { return len(a.header.Values(name)) > 0 }

// tag returns the entity tag; the zero Tag if there is none, or not just one, or it is malformed.
func (a *answer) tag() etag.Tag {
	if lines := a.header.Values("ETag"); len(lines) == 1 {
		if t, err := etag.Parse(lines[0]); err == nil {
			return t
		}
	}
	return etag.Tag{}
}

// time returns the time of a field with an HTTP-date; zero if it has none.
func (a *answer) time(name string) time.Time {
	t, _ := date.Parse(a.field(name), time.Time{})
	return t
}

// same reports whether both have the same content, as far as it was read.
func (a *answer) same(b *answer) bool {
	short, long := a, b
	if len(short.content) > len(long.content) {
		short, long = b, a
	}
	if len(short.content) < len(long.content) && !short.cut {
		return false
	}
	return bytes.HasPrefix(long.content, short.content)
}

// size returns how long the content is, or would be of a HEAD; -1 if that is not known.
func (a *answer) size() int64 {
	if n, err := strconv.ParseInt(a.field("Content-Length"), 10, 64); err == nil && n >= 0 {
		return n
	}
	if a.cut {
		return -1
	}
	return int64(len(a.content))
}

// directive reports whether Cache-Control has the directive, whatever its argument.
func (a *answer) directive(name string) bool {
	for d := range strings.SplitSeq(a.field("Cache-Control"), ",") {
		d, _, _ = strings.Cut(d, "=")
		if strings.EqualFold(strings.TrimSpace(d), name) {
			return true
		}
	}
	return false
}

// cached reports whether the answer says that a cache gave it without asking the origin server (RFC
// 9111 §5.1).
func (a *answer) cached() bool { return a.has("Age") }

// String says the status and what of the answer matters to validators, as in `206 with ETag "a"`.
func (a *answer) String() string {
	if a.status == 0 {
		return "no answer"
	}
	s := fmt.Sprint(a.status)
	if tag := a.field("ETag"); tag != "" {
		s += " with ETag " + tag
	}
	return s
}
