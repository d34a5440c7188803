package capture

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// message is a request or a response on its own.
type message struct {
	line    int // at which it begins
	request bool

	method, target, proto string // of a request, proto of both
	status                int
	reason                string

	scheme, authority string // from pseudo-header fields or elsewhere
	header            Header
	headerGap         string
	content           Content
	contentGap        string // why content is not there, or not whole
	excess            int64  // what came behind it and belongs to no message
}

var (
	requestLine = lazyregexp.New("^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) +(\\S+) +(HTTP/\\d(?:\\.\\d)?)$")
	// plainRequestLine is one as files for HTTP clients in editors have it, without version.
	plainRequestLine = lazyregexp.New(`^(GET|HEAD|PUT|POST|PATCH|DELETE|OPTIONS|PROPFIND|PROPPATCH|MKCOL|MOVE|COPY|LOCK|UNLOCK) +(https?://\S+)$`)
	statusLine       = lazyregexp.New(`^(HTTP/\d(?:\.\d)?) +([1-9]\d\d)(?: (.*))?$`)
)

// parseStart reads the first line of a message.
func parseStart(line string) (m message, ok bool) {
	if len(line) < len("HTTP/2 200") {
		return m, false
	}
	if strings.HasPrefix(line, "HTTP/") {
		f := statusLine.FindStringSubmatch(line)
		if f == nil {
			return m, false
		}
		m.proto, m.reason = protocol(f[1]), trimBlank(f[3])
		m.status, _ = strconv.Atoi(f[2]) // three digits
		return m, true
	}
	var f []string
	switch { // most lines of content are neither, and regular expressions are slow to say so
	case strings.Contains(line, " HTTP/"):
		f = requestLine.FindStringSubmatch(line)
	case strings.Contains(line, "://"):
		f = plainRequestLine.FindStringSubmatch(line)
	}
	if f == nil || !isTarget(f[1], f[2]) {
		return m, false
	}
	m.request, m.method, m.target = true, f[1], RedactURL(f[2])
	if len(f) > 3 {
		m.proto = protocol(f[3])
	}
	return m, true
}

// isTarget reports whether target has one of the forms of a request-target (RFC 9112 §3.2), so that a line such as
// "Version : HTTP/2" is no request.
func isTarget(method, target string) bool {
	scheme, _ := splitTarget(target)
	return target[0] == '/' || target == "*" || scheme != "" || method == http.MethodConnect && strings.Contains(target, ":")
}

// protocol writes the version as RFC 9110 §2.5 does, whatever name a tool has for it.
func protocol(name string) string {
	switch upper := strings.ToUpper(name); upper {
	case "HTTP/2.0", "H2", "H2C":
		return "HTTP/2"
	case "HTTP/3.0", "H3", "HTTP/2+QUIC/46", "HTTP/2+QUIC/43":
		return "HTTP/3"
	case "UNKNOWN":
		return ""
	default:
		return upper
	}
}

// take sets the header section of m.
func (m *message) take(s *section) {
	var p pseudo
	m.header, p = s.header()
	m.headerGap = s.gap()
	if m.method == "" && m.status == 0 {
		m.request, m.method = m.request || p.method != "" || p.path != "" || p.authority != "", p.method
		if status, err := strconv.Atoi(p.status); err == nil && status >= 100 && status < 1000 {
			m.status = status
		}
		if p != (pseudo{}) {
			m.proto = "HTTP/2"
		}
	}
	if m.target == "" {
		m.target = p.path
	}
	m.scheme, m.authority = p.scheme, p.authority
}

// length returns the value of Content-Length, or -1 if there is none that can be read.
func (m *message) length() int64 { return contentLength(m.header) }

func contentLength(h Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

func (m *message) chunked() bool {
	return strings.Contains(strings.ToLower(m.header.Get("Transfer-Encoding")), "chunked")
}

// mayHaveContent reports whether m may have content at all. to is the method that a
// response answers, or "".
func (m *message) mayHaveContent(to string) bool {
	if !m.request {
		return to != http.MethodHead && m.status >= 200 && m.status != http.StatusNoContent && m.status != http.StatusNotModified &&
			(to != http.MethodConnect || m.status >= 300)
	}
	switch m.method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return m.length() > 0 || m.chunked()
	}
	return true
}

// none gives m the content that is known to be empty.
func (m *message) none() { m.content = Content{Data: []byte{}} }

// setContent gives m the content that s holds, and says how it fits the header section.
func (m *message) setContent(s *sink) {
	m.content = s.content()
	switch want := m.length(); {
	case m.content.Cut:
		m.contentGap = fmt.Sprintf("only the first %d bytes of the content are kept", len(m.content.Data))
	case want < 0 || want == m.content.Len:
	case m.header.Has("Content-Encoding"):
		// curl --compressed and others show it without its coding.
		m.content.Altered, m.content.Len = true, want
	case want > m.content.Len:
		m.content.Cut, m.content.Len = true, want
		m.contentGap = fmt.Sprintf("the content has %d bytes, fewer than Content-Length", len(m.content.Data))
	default:
		m.content.Altered = true
	}
}

// noContent says that the content is not in the capture.
func (m *message) noContent(reason string) {
	m.content = Content{Len: m.length()}
	m.contentGap = reason
}

// pairer makes exchanges of messages in the order in which they were captured.
type pairer struct {
	b    *builder
	open *Exchange // has a request and waits for its response
	// scheme and server are those of the connection, if known.
	scheme, server string
	// why tells the reasons for a missing request and a missing response.
	noRequest, noResponse string
	member                string
}

// maxInterim is how many interim responses are kept.
const maxInterim = 16

// next takes the next message and, if it begins an exchange or ends one, returns that.
func (p *pairer) next(m message) (*Exchange, error) {
	if m.request {
		if err := p.flush(); err != nil {
			return nil, err
		}
		p.open = p.begin(m)
		p.open.setRequest(m)
		return p.open, nil
	}
	x := p.open
	if x == nil {
		x = p.begin(m)
		for _, part := range []Part{RequestLine, RequestHeader, RequestContent} {
			x.miss(part, p.noRequest)
		}
		x.Request.Content.Len = -1
		p.open = x
	}
	if m.status >= 100 && m.status < 200 && m.status != http.StatusSwitchingProtocols {
		if len(x.Interim) < maxInterim {
			x.Interim = append(x.Interim, Response{Status: m.status, Reason: m.reason, Proto: m.proto, Header: m.header})
		}
		return x, nil
	}
	x.setResponse(m)
	p.open = nil
	return x, p.b.add(x)
}

func (p *pairer) begin(m message) *Exchange {
	return &Exchange{
		Scheme: p.scheme, Server: p.server,
		Source: Source{File: p.b.name, Format: p.b.format, Member: p.member, Line: m.line},
	}
}

// flush ends an exchange whose response did not come.
func (p *pairer) flush() error {
	x := p.open
	if x == nil {
		return nil
	}
	p.open = nil
	for _, part := range []Part{ResponseLine, ResponseHeader, ResponseContent} {
		x.miss(part, p.noResponse)
	}
	x.Response.Content.Len = -1
	return p.b.add(x)
}

// method is that of the request that waits for its response, or "".
func (p *pairer) method() string {
	if p.open == nil {
		return ""
	}
	return p.open.Request.Method
}

func (x *Exchange) setRequest(m message) {
	x.Request = Request{Method: m.method, Target: m.target, Proto: m.proto, Header: m.header, Content: m.content}
	scheme, authority := splitTarget(m.target)
	x.Scheme = firstOf(m.scheme, scheme, x.Scheme)
	x.Request.Host = secret.Host(firstOf(m.authority, authority, m.header.Get("Host")))
	x.gapsOf(m, RequestHeader, RequestContent)
	if m.method == "" {
		x.miss(RequestLine, "the method is not in the capture")
	}
}

func (x *Exchange) setResponse(m message) {
	x.Response = Response{Status: m.status, Reason: m.reason, Proto: m.proto, Header: m.header, Content: m.content}
	x.gapsOf(m, ResponseHeader, ResponseContent)
	if m.status == 0 {
		x.miss(ResponseLine, "the status is not in the capture")
	}
}

func (x *Exchange) gapsOf(m message, header, content Part) {
	if m.headerGap != "" {
		x.miss(header, m.headerGap)
	}
	if m.contentGap != "" {
		x.miss(content, m.contentGap)
	}
}

// splitTarget returns scheme and authority of a target in absolute-form.
func splitTarget(target string) (scheme, authority string) {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return "", ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return strings.ToLower(scheme), rest
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// builder keeps the exchanges within the limits.
type builder struct {
	name   string
	format Format
	limits Limits
	kept   int
	list   []*Exchange
	// converted is set if the text was in another encoding than it was captured in.
	converted bool
}

func (b *builder) add(x *Exchange) error {
	if len(b.list) >= b.limits.Exchanges {
		return b.tooLarge(fmt.Sprintf("more than %d exchanges", b.limits.Exchanges))
	}
	x.Source.Number = len(b.list) + 1
	b.spare(x, &x.Request.Content, RequestContent)
	b.spare(x, &x.Response.Content, ResponseContent)
	b.kept += sizeOf(x)
	b.list = append(b.list, x)
	if b.kept > 2*b.limits.Total {
		return b.tooLarge(fmt.Sprintf("the header sections of the first %d exchanges alone have more than %d bytes", len(b.list), b.limits.Total))
	}
	return nil
}

// spare drops content for which there is no room.
func (b *builder) spare(x *Exchange, c *Content, p Part) {
	c.Altered = c.Altered || b.converted && len(c.Data) > 0
	if b.kept += len(c.Data); b.kept > b.limits.Total && len(c.Data) > 0 {
		b.kept -= len(c.Data)
		c.Data, c.Cut = nil, false
		x.miss(p, fmt.Sprintf("the content is not kept, because the exchanges before it have %d bytes", b.kept))
	}
}

// grown takes account of the content that the response of x, which has been added, got since.
func (b *builder) grown(x *Exchange) { b.spare(x, &x.Response.Content, ResponseContent) }

func (b *builder) tooLarge(detail string) error {
	return b.error(ErrTooLarge, detail, "cut the capture down to the requests in question")
}

func (b *builder) error(err error, detail, hint string) error {
	return &ReadError{File: b.name, Format: b.format, Err: err, Detail: detail, Hint: hint}
}

// sizeOf is about what x takes beyond its content.
func sizeOf(x *Exchange) int {
	n := 512 + len(x.Request.Target) + 32*len(x.Gaps)
	for _, h := range []Header{x.Request.Header, x.Response.Header} {
		n += h.size()
	}
	for _, r := range x.Interim {
		n += 128 + r.Header.size()
	}
	for _, e := range x.Trace {
		n += 256 + len(e.From) + len(e.To) + len(e.File) + len(e.Field.Value)
	}
	return n
}

func (h Header) size() int {
	n := 0
	for _, l := range h.lines {
		n += 48 + len(l.Name) + len(l.Value)
	}
	return n
}
