package capture

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// harReader reads an HTTP Archive 1.2, one entry at a time.
type harReader struct {
	j     jsonReader
	b     *builder
	limit Limits
	entry int // number of the one being read, from 1
	// creator is the program that wrote the archive; it may come after the entries.
	creator string
}

func readHAR(r io.Reader, b *builder) error {
	br := bufio.NewReaderSize(r, sniffLen)
	head, _ := br.Peek(sniffLen)
	before, after := aroundHAR(bytes.TrimLeft(head, " \t\r\n"))
	whole := io.MultiReader(strings.NewReader(before), br, strings.NewReader(after))
	h := &harReader{j: jsonReader{br: bufio.NewReaderSize(whole, sniffLen)}, b: b, limit: b.limits}
	err := h.j.object(func(name string) error {
		if name != "log" {
			return h.j.skip()
		}
		return h.log()
	})
	return h.problem(err)
}

// Parts of an archive, as people copy them: entries, and a log with them.
var (
	entryStart   = lazyregexp.New(`"startedDateTime"\s*:\s*"`)
	entryRequest = lazyregexp.New(`"request"\s*:\s*\{`)
	logEntries   = lazyregexp.New(`"entries"\s*:\s*\[`)
)

// isPartOfHAR reports whether a document begins as a log, a list of entries or an entry does that
// was taken out of an archive.
func isPartOfHAR(head []byte) bool {
	return (head[0] == '{' || head[0] == '[') && entryStart.Match(head) && entryRequest.Match(head)
}

// aroundHAR is what is missing around a part of an archive that begins with head.
func aroundHAR(head []byte) (before, after string) {
	switch {
	case len(head) == 0 || looksLikeHAR.Match(head) || !isPartOfHAR(head):
		return "", ""
	case head[0] == '[':
		return `{"log":{"entries":`, `}}`
	case logEntries.Match(head):
		return `{"log":`, `}`
	}
	return `{"log":{"entries":[`, `]}}`
}

// problem says where an error of the JSON struck.
func (h *harReader) problem(err error) error {
	where := "before its entries"
	if h.entry > 0 {
		where = fmt.Sprintf("in or after entry %d", h.entry)
	}
	_, known := errors.AsType[*ReadError](err)
	switch {
	case err == nil:
		return nil
	case known:
		return h.b.failed(err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return h.b.error(ErrTruncated, "the HAR ends "+where, "export it again; what came before is used")
	case errors.Is(err, errJSON), errors.Is(err, errJSONDepth):
		return h.b.error(ErrMalformed, err.Error()+" "+where, "")
	}
	return h.b.failed(err)
}

func (h *harReader) log() error {
	return h.j.object(func(name string) error {
		switch name {
		case "entries":
			return h.j.array(h.readEntry)
		case "creator":
			return h.j.object(func(name string) (err error) {
				if name == "name" {
					h.creator, err = h.j.text(256)
					return err
				}
				return h.j.skip()
			})
		}
		return h.j.skip()
	})
}

// harMessage is a request or a response of an entry.
type harMessage struct {
	message
	url, statusText, httpVersion string
	headersSize, bodySize        float64
	transferSize                 float64 // -1 if it is not told
	body                         harContent
	pseudo                       bool   // it has pseudo-header fields
	failure                      string // what Chromium says of a request without response
	serviceWorker                bool   // Chromium got the response from one
}

// harContent is the content of a response, or the postData of a request.
type harContent struct {
	present   bool
	data      []byte
	cut       bool
	size      float64 // decoded, -1 if not told
	encoding  string
	hasParams bool
}

// harEntry is an entry.
type harEntry struct {
	started      string
	time         float64
	request      harMessage
	response     harMessage
	server, port string
	fromCache    string
	cached       bool // it says what the browser's cache held
}

func (h *harReader) readEntry() error {
	h.entry++
	e := harEntry{time: -1}
	err := h.j.object(func(name string) (err error) {
		switch name {
		case "startedDateTime":
			e.started, err = h.j.text(64)
		case "time":
			e.time, err = h.j.number(-1)
		case "request":
			e.request, err = h.readMessage()
			e.request.request = true
		case "response":
			e.response, err = h.readMessage()
		case "serverIPAddress":
			e.server, err = h.j.text(64)
		case "connection":
			e.port, err = h.j.text(64)
		case "_fromCache":
			e.fromCache, err = h.j.text(64)
		case "cache":
			e.cached, err = h.readCache()
		default:
			err = h.j.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if !e.request.isHTTP() {
		return nil
	}
	return h.b.add(h.exchange(&e))
}

// isHTTP reports whether the URL is not one of data, blob and others that browsers list, too.
func (m *harMessage) isHTTP() bool {
	switch m.scheme {
	case "http", "https", "ws", "wss":
		return true
	}
	return m.method != "" && (m.url == "" || m.url[0] == '/')
}

// readCache reports whether the entry has what Firefox notes of an answer from its cache.
func (h *harReader) readCache() (cached bool, err error) {
	err = h.j.object(func(name string) error {
		if name != "afterRequest" {
			return h.j.skip()
		}
		return h.j.object(func(string) error {
			cached = true
			return h.j.skip()
		})
	})
	return cached, err
}

func (h *harReader) readMessage() (m harMessage, err error) {
	m.headersSize, m.bodySize, m.body.size, m.transferSize = -1, -1, -1, -1
	s := section{limits: h.limit}
	err = h.j.object(func(name string) (err error) {
		var n float64
		switch name {
		case "method":
			m.method, err = h.j.text(64)
		case "url":
			m.url, err = h.j.text(h.limit.Line)
		case "httpVersion":
			m.httpVersion, err = h.j.text(64)
		case "status":
			n, err = h.j.number(0)
			m.status = statusOf(n)
		case "statusText":
			m.statusText, err = h.j.text(256)
		case "headersSize":
			m.headersSize, err = h.j.number(-1)
		case "bodySize":
			m.bodySize, err = h.j.number(-1)
		case "_transferSize":
			m.transferSize, err = h.j.number(-1)
		case "_error":
			m.failure, err = h.j.text(256)
		case "_fetchedViaServiceWorker":
			m.serviceWorker, err = h.j.flag()
		case "headers":
			err = h.j.array(func() error { return h.readField(&s) })
		case "postData", "content":
			m.body, err = h.readContent()
		default:
			err = h.j.skip()
		}
		return err
	})
	m.finish(&s)
	return m, err
}

func statusOf(n float64) int {
	if n >= 100 && n < 1000 {
		return int(n)
	}
	return 0
}

// finish makes the message of what was read.
func (m *harMessage) finish(s *section) {
	var p pseudo
	m.header, p = s.header()
	m.pseudo = p != pseudo{}
	m.headerGap = s.gap()
	m.proto = protocol(m.httpVersion)
	m.reason = m.statusText
	url, _, _ := strings.Cut(RedactURL(m.url), "#")
	m.scheme, m.authority = splitTarget(url)
	m.authority = firstOf(p.authority, m.authority)
	if m.target = url; m.scheme != "" {
		_, rest, _ := strings.Cut(url, "://")
		m.target = "/"
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			m.target = "/" + strings.TrimPrefix(rest[i:], "/")
		}
	}
}

// readField reads a name and a value.
func (h *harReader) readField(s *section) error {
	var name string
	var value []byte
	var cut bool
	err := h.j.object(func(member string) (err error) {
		switch member {
		case "name":
			name, err = h.j.text(256)
		case "value":
			value, cut, err = h.j.maybeString(h.limit.Line)
		default:
			err = h.j.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	// Firefox joins several lines of one field with line feeds.
	for _, v := range strings.Split(string(value), "\n") {
		s.add(name+": "+v, cut)
	}
	return nil
}

func (h *harReader) readContent() (c harContent, err error) {
	c.size = -1
	err = h.j.object(func(name string) (err error) {
		switch name {
		case "text":
			// base64 has four characters for three bytes.
			c.data, c.cut, err = h.j.maybeString(h.limit.Content/3*4 + 4)
			c.present = c.data != nil
		case "encoding":
			c.encoding, err = h.j.text(64)
		case "size":
			c.size, err = h.j.number(-1)
		case "params":
			err = h.j.array(func() error {
				c.hasParams = true
				return h.j.skip()
			})
		default:
			err = h.j.skip()
		}
		return err
	})
	c.decode(h.limit.Content)
	return c, err
}

// decode undoes base64. What cannot be decoded is dropped.
func (c *harContent) decode(max int) {
	if strings.EqualFold(c.encoding, "base64") {
		if c.cut {
			c.data = c.data[:len(c.data)/4*4]
		}
		plain := make([]byte, base64.StdEncoding.DecodedLen(len(c.data)))
		n, err := base64.StdEncoding.Decode(plain, c.data)
		c.data, c.present = plain[:n], err == nil
	}
	if len(c.data) > max {
		c.data, c.cut = c.data[:max], true
	}
}

// exchange makes the exchange of an entry.
func (h *harReader) exchange(e *harEntry) *Exchange {
	x := &Exchange{Source: Source{File: h.b.name, Format: HAR}, Cache: e.cache()}
	x.Started, _ = time.Parse(time.RFC3339Nano, e.started)
	if ms := e.time; ms > 0 && ms < math.MaxInt64/1e7 {
		x.Duration = time.Duration(ms * float64(time.Millisecond))
	}
	x.Server = e.address()
	e.request.requestContent()
	e.response.responseContent(e.request.method)
	x.setRequest(e.request.message)
	if e.response.status == 0 {
		h.noResponse(x, e)
	} else {
		x.setResponse(e.response.message)
	}
	if provisional(&e.request) {
		x.miss(RequestHeader, "the browser exported the fields it meant to send, not those it sent; conditional fields and others may be missing")
	}
	if e.response.status != 0 && e.response.header.Len() == 0 {
		x.miss(ResponseHeader, "the browser exported no fields of the response")
	}
	return x
}

func (h *harReader) noResponse(x *Exchange, e *harEntry) {
	reason := "the browser got no response"
	if e.response.failure != "" {
		reason += ": " + RedactURL(e.response.failure)
	}
	for _, part := range []Part{ResponseLine, ResponseHeader, ResponseContent} {
		x.miss(part, reason)
	}
	x.Response.Content.Len = -1
}

// cache is the cache that answered.
func (e *harEntry) cache() string {
	switch {
	case e.fromCache != "":
		return e.fromCache
	case e.response.serviceWorker:
		return "service worker"
	case e.response.status/100 == 2 && e.response.transferSize == 0 && e.response.bodySize < 0:
		return "browser" // not a byte came over the network
	case e.cached && e.response.status != http.StatusNotModified && e.response.bodySize <= 0:
		return "browser"
	}
	return ""
}

// address is that of the server. Firefox tells the port, where others tell a number of their own.
func (e *harEntry) address() string {
	ip := strings.Trim(e.server, "[]")
	if ip == "" {
		return ""
	}
	if net.ParseIP(ip) == nil {
		return e.server
	}
	if e.port == e.request.port() {
		return net.JoinHostPort(ip, e.port)
	}
	return ip
}

// port is that of the URL.
func (m *harMessage) port() string {
	if _, port, err := net.SplitHostPort(m.authority); err == nil {
		return port
	}
	switch m.scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return "none"
}

// provisional reports whether the fields are those the page asked for. Those that were sent have the
// host or, from browsers that drop pseudo-header fields, another that is added when they are sent.
func provisional(m *harMessage) bool {
	return m.header.Len() == 0 || m.headersSize < 0 && !m.header.Has("Host") && !m.pseudo && !m.sentByHTTP2()
}

// sentByHTTP2 reports whether the fields have one that the browser adds when it sends them.
func (m *harMessage) sentByHTTP2() bool {
	return (m.proto == "HTTP/2" || m.proto == "HTTP/3") && m.header.Has("Accept-Encoding")
}

func (m *harMessage) requestContent() {
	switch c := m.body; {
	case c.present:
		s := sink{data: c.data, n: int64(len(c.data)), max: len(c.data)}
		m.setContent(&s)
		m.content.Altered = m.content.Altered || m.length() != s.n
		m.cut(c)
	case c.hasParams:
		m.noContent("the HAR has the content of the request as parameters, not as it was sent")
	case m.bodySize > 0 || m.length() > 0:
		m.noContent("the HAR does not have the content of the request")
	default:
		m.none()
	}
}

func (m *harMessage) responseContent(to string) {
	c := m.body
	switch {
	case m.status == 0:
	case !m.mayHaveContent(to):
		m.none()
	case c.present && (len(c.data) > 0 || c.size == 0):
		m.text(c)
	case m.length() == 0, c.size == 0 && m.bodySize <= 0 && m.length() < 0:
		m.none()
	default:
		m.noContent("the HAR does not have the content of the response")
	}
}

// text sets the content from the text of a HAR, which is decoded: free of content coding and, unless in
// base64, converted to UTF-8.
func (m *harMessage) text(c harContent) {
	coded := m.header.Has("Content-Encoding")
	m.content = Content{Data: c.data, Len: int64(len(c.data)), Altered: coded}
	if coded || c.cut {
		m.content.Len = m.length()
	}
	if !strings.EqualFold(c.encoding, "base64") && c.size != float64(len(c.data)) {
		m.content.Altered = true
	}
	m.cut(c)
}

// cut notes that the content was cut.
func (m *harMessage) cut(c harContent) {
	if c.cut {
		m.content.Cut = true
		m.contentGap = fmt.Sprintf("only the first %d bytes of the content are kept", len(c.data))
	}
}
