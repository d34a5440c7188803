package capture

import (
	"fmt"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// A dialect is how one program tells of the requests that it sends or answers, line by line.
type dialect struct {
	// name is the program, or the part of it, as in "rclone --dump headers".
	name string
	// sign is in the beginning of the input if it is in this dialect.
	sign *lazyregexp.Regexp
	// fits, if there is no sign, reports whether the input begins like this dialect.
	fits func(head []byte) bool
	// lines returns what takes the lines of one input.
	lines func(t *transcript) func(line string)
}

// dialectOf returns the dialect of an input that begins with head, or nil.
func dialectOf(head []byte) *dialect {
	for i := range dialects {
		if d := &dialects[i]; d.sign != nil && d.sign.Match(head) || d.fits != nil && d.fits(head) {
			return &dialects[i]
		}
	}
	return nil
}

// A transcript makes exchanges of what a program tells of them in pieces. Programs that do several
// things at once tell of each by a name, the id of a conversation. The exchanges are in the order
// in which they were begun.
type transcript struct {
	b       *builder
	program string
	talks   []*talk
	open    map[string]*talk
	// number is that of the line being read; cut is set if only its beginning is.
	number int
	cut    bool
	size   int // of what is kept
	full   error
	// atEnd, if set, adds the exchanges in place of those that were told of.
	atEnd func() error
	// noRequest and noResponse say why one of both is missing.
	noRequest, noResponse string
}

// A talk is an exchange as far as it has been told of.
type talk struct {
	request, response half
	interim           []Response
	started           time.Time
	server            string
	line              int
	cache             string
	// tag is the current one that a server tells in its own log, beside what it sent.
	tag string
}

// A half is a request or a response as far as it has been told of.
type half struct {
	t *transcript
	message
	head section
	// told is set if there is anything of it; wire if it was shown as on the wire, so that what is
	// not there was not sent.
	told, wire bool
	// lacks says why the header section is not there, or not wholly.
	lacks string
	body  sink
	shown bool // there is content
	// altered is set if the content is not shown byte by byte; exact if it is, whatever its length.
	altered, exact bool
}

func readTranscript(t *text, b *builder) error {
	d := dialectOf(t.peek(sniffLen))
	if d == nil {
		return b.error(ErrMalformed, "this is the output of no program that is known here", "give the output of curl -v, or a HAR of the browser")
	}
	out := &transcript{b: b, program: d.name, open: map[string]*talk{}}
	line := d.lines(out)
	for out.full == nil {
		out.number = t.number
		s, cut, ok := t.line()
		if !ok {
			break
		}
		out.cut = cut
		line(s)
	}
	return out.finish(t)
}

func (t *transcript) finish(from *text) error {
	if t.atEnd != nil {
		if err := t.atEnd(); err != nil {
			return err
		}
		return t.b.readError(from)
	}
	for _, k := range t.talks {
		if err := t.b.add(t.exchange(k)); err != nil {
			return err
		}
	}
	if t.full != nil {
		return t.full
	}
	return t.b.readError(from)
}

// request begins a request in a conversation, and with it an exchange.
func (t *transcript) request(id string) *half {
	k := t.begin(id)
	k.request.told = true
	return &k.request
}

// response begins a response in a conversation: that to the request before, unless there is one already.
func (t *transcript) response(id string) *half {
	k := t.open[id]
	if k == nil || k.response.told && !k.response.interim() {
		k = t.begin(id)
	}
	if k.response.told {
		m := k.response.finish("")
		if len(k.interim) < maxInterim {
			k.interim = append(k.interim, Response{Status: m.status, Reason: m.reason, Proto: m.proto, Header: m.header})
		}
		k.response = t.half(false)
	}
	k.response.told = true
	return &k.response
}

func (h *half) interim() bool { return h.status >= 100 && h.status < 200 && h.status != 101 }

func (t *transcript) begin(id string) *talk {
	k := &talk{request: t.half(true), response: t.half(false), line: t.number}
	if len(t.talks) >= t.b.limits.Exchanges && t.full == nil {
		t.full = t.b.tooLarge(fmt.Sprintf("more than %d exchanges", t.b.limits.Exchanges))
	}
	if t.full == nil {
		t.talks = append(t.talks, k)
		t.open[id] = k
		t.grow(512)
	}
	return k
}

func (t *transcript) half(request bool) half {
	h := half{t: t, wire: true, head: section{limits: t.b.limits}}
	h.message.request, h.body.max = request, t.b.limits.Content
	return h
}

// grow takes account of what is kept.
func (t *transcript) grow(n int) {
	if t.size += n; t.size > 3*t.b.limits.Total && t.full == nil {
		t.full = t.b.tooLarge(fmt.Sprintf("the messages in it have more than %d bytes", t.b.limits.Total))
	}
}

// last is the open exchange of a conversation, or nil.
func (t *transcript) last(id string) *talk { return t.open[id] }

// start takes a request line or a status line, and reports whether it was one.
func (h *half) start(line string) bool {
	m, ok := parseStart(trimBlank(line))
	if !ok || m.request != h.message.request {
		return false
	}
	h.method, h.proto, h.status, h.reason = m.method, m.proto, m.status, m.reason
	if h.target == "" || m.target != "" && !strings.Contains(h.target, m.target) {
		h.target = m.target
	}
	return true
}

// url takes the URL of a request.
func (h *half) url(url string) {
	scheme, authority := splitTarget(url)
	if scheme != "" {
		_, rest, _ := strings.Cut(url, "://")
		url = "/"
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			url = "/" + strings.TrimPrefix(rest[i:], "/")
		}
		h.scheme, h.authority = scheme, secret.Host(authority)
	}
	url, _, _ = strings.Cut(url, "#")
	h.target = RedactURL(url)
}

// code takes a status code and what follows it.
func (h *half) code(digits, reason string) {
	h.status, h.reason = statusOf(float64(number(digits))), trimBlank(reason)
}

// field takes a field line.
func (h *half) field(line string) {
	h.head.add(strings.ReplaceAll(line, "\n", " "), h.t.cut) // RFC 9110 §5.5: SP for what a value cannot have
	h.t.grow(len(line) + 48)
}

// set takes the name and the value of a field.
func (h *half) set(name, value string) { h.field(name + ": " + value) }

// write takes some of the content.
func (h *half) write(s string) {
	h.shown = true
	if h.t.size > h.t.b.limits.Total {
		h.body.max = len(h.body.data)
	}
	before := len(h.body.data)
	h.body.write([]byte(s))
	h.t.grow(len(h.body.data) - before)
}

// finish makes the message. to is the method that a response answers.
func (h *half) finish(to string) message {
	m := h.message
	scheme, authority := m.scheme, m.authority
	m.take(&h.head)
	m.scheme, m.authority = firstOf(scheme, m.scheme), firstOf(authority, m.authority)
	if m.headerGap == "" {
		m.headerGap = h.lacks
	}
	if m.headerGap == "" && m.request && !h.wire && len(h.head.lines) == 0 { // there is always one, as Host
		m.headerGap = "no header section of the request is in the output of " + h.t.program
	}
	switch {
	case h.shown:
		h.setContent(&m)
	case !m.mayHaveContent(to) || m.length() == 0:
		m.none()
	case m.request && h.wire && h.lacks == "" && strings.HasPrefix(m.proto, "HTTP/1") && m.length() < 0 && !m.chunked():
		m.none()
	default:
		m.noContent("the content is not in the output of " + h.t.program)
	}
	return m
}

// setContent gives m the content that was shown. Only if it has the length it should have is it
// taken for what was sent: lines are shown without their ends, and some programs leave out more.
func (h *half) setContent(m *message) {
	want := m.length()
	switch {
	case h.exact:
	case want >= 0 && want < h.body.n && len(strings.TrimRight(string(h.body.data), "\r\n")) <= int(want):
		h.body.trim(want)
	case want < 0:
		h.body.trim(int64(len(strings.TrimRight(string(h.body.data), "\r\n"))))
	}
	m.content = h.body.content()
	switch {
	case m.content.Cut:
		m.contentGap = fmt.Sprintf("only the first %d bytes of the content are kept", len(m.content.Data))
	case h.exact && want < 0 && !m.header.Has("Content-Encoding"):
	case h.altered || want != m.content.Len:
		m.content.Altered = true
		if want >= 0 {
			m.content.Len = want
		}
	}
}

// exchange makes the exchange of what was told.
func (t *transcript) exchange(k *talk) *Exchange {
	x := &Exchange{Started: k.started, Server: k.server, Interim: k.interim, Cache: k.cache, Current: k.tag}
	x.Source = Source{File: t.b.name, Format: t.b.format, Line: k.line}
	x.Request.Content.Len, x.Response.Content.Len = -1, -1
	if k.request.told {
		x.setRequest(k.request.finish(""))
	} else {
		for _, p := range []Part{RequestLine, RequestHeader, RequestContent} {
			x.miss(p, firstOf(t.noRequest, "the request is not in the output of "+t.program))
		}
	}
	if k.response.told {
		x.setResponse(k.response.finish(x.Request.Method))
	} else {
		for _, p := range []Part{ResponseLine, ResponseHeader, ResponseContent} {
			x.miss(p, firstOf(t.noResponse, "the response is not in the output of "+t.program))
		}
	}
	return x
}

// A block takes the lines of a message as they are on the wire: the header section, a blank line,
// the content.
type block struct {
	h       *half
	content bool
}

func (k *block) line(line string) {
	switch {
	case k.h == nil:
	case k.content:
		k.h.write(line + "\n")
	case trimBlank(line) == "":
		k.content = true
	default:
		k.h.field(line)
	}
}
