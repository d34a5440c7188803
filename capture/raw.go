package capture

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// rawReader reads HTTP/1.1 text, as on the wire, as printed, or as pasted. The text may have
// lost its carriage returns, its chunked framing or its contents, so neither Content-Length nor
// Transfer-Encoding are believed unless what follows fits.
type rawReader struct {
	t      *text
	p      *pairer
	limits Limits
	// heading is what somebody wrote above the next message: request or response.
	heading string
	// held is a response that came before any request, headed one under such a heading, and asked the request behind it.
	held, asked *message
	headed      bool
	begun       bool // there was a message
	// alone is set if there is one message only, and its content goes to the end.
	alone bool
}

func readRaw(t *text, b *builder) error {
	r := &rawReader{t: t, limits: b.limits, p: &pairer{
		b:          b,
		noRequest:  "the capture has no request, as with curl -i or -D; curl -v shows it",
		noResponse: "the capture has no response",
	}}
	for r.toStart() {
		if err := r.pass(r.message(r.p.method())); err != nil {
			return err
		}
	}
	if err := r.release(); err != nil {
		return err
	}
	if err := r.p.flush(); err != nil {
		return err
	}
	return b.readError(t)
}

// messageHeading is what people write above a message.
var messageHeading = lazyregexp.New(`(?i)^\W*(?:http[ -]?)?(request|response)(?:[ -]?headers?)?\W*$`)

// pass passes a message on. A response before any request waits for what comes next: if that is a request, and stands under a heading
// as the response does, or is all there is besides, somebody has put the response first.
func (r *rawReader) pass(m message) error {
	heading := r.heading
	r.heading = ""
	switch {
	case !m.request && r.held == nil && r.p.open == nil && (heading == "response" || !r.begun):
		r.held, r.headed, r.begun = &m, heading == "response", true
		return nil
	case r.held != nil && r.asked == nil && m.request:
		r.asked = &m
		if r.headed && heading == "request" {
			return r.release()
		}
		return nil
	}
	r.begun = true
	if r.asked != nil { // there is more
		held, asked := r.held, r.asked
		r.held, r.asked = nil, nil
		if err := r.passAll(held, asked); err != nil {
			return err
		}
	}
	return r.passAll(r.take(), &m)
}

// take returns the response that waits, and lets nothing wait.
func (r *rawReader) take() *message {
	held := r.held
	r.held = nil
	return held
}

// passAll passes on messages that are not nil.
func (r *rawReader) passAll(list ...*message) error {
	for _, m := range list {
		if m == nil {
			continue
		}
		if _, err := r.p.next(*m); err != nil {
			return err
		}
	}
	return nil
}

// release passes on what waited: the request, if there is one, and the response to it.
func (r *rawReader) release() error {
	asked := r.asked
	r.asked = nil
	return r.passAll(asked, r.take())
}

// bareRequest is a request line without the version, as people and editors write it, before a field line.
var bareRequest = lazyregexp.New(`^[ \t]*(GET|HEAD|PUT|POST|PATCH|DELETE|OPTIONS|PROPFIND|PROPPATCH|MKCOL|MOVE|COPY|LOCK|UNLOCK|REPORT) ` +
	`((?:/|\{\{|https?://)\S*)[ \t]*\r?\n[ \t]*[A-Za-z][A-Za-z0-9-]*:[ \t]?\S`)

// isBare reports whether a request line without a version comes next.
func (r *rawReader) isBare() bool { return bareRequest.Match(r.t.peek(r.limits.Line)) }

// toStart skips to the first line of a message.
func (r *rawReader) toStart() bool {
	for {
		line, n, _ := r.t.peekLine()
		if n == 0 {
			return false
		}
		text := string(line)
		if isStart(text) && !r.isTitle() || r.isBare() {
			return true
		}
		if h := messageHeading.FindStringSubmatch(text); h != nil {
			r.heading = strings.ToLower(h[1])
		}
		r.t.skipLine()
	}
}

// title is what the console of Postman shows above an exchange: method, URL and status, which are no request.
var title = lazyregexp.New(`^[A-Z]+ https?://\S+[ \t]*\r?\n(?:Status: )?\d{3}\b`)

func (r *rawReader) isTitle() bool { return title.Match(r.t.peek(r.limits.Line)) }

// beforeStart skips to the first line of a message, and counts what it skips.
func (r *rawReader) beforeStart() (n int64) {
	for {
		line, size, _ := r.t.peekLine()
		if size == 0 || isStart(string(line)) {
			return n
		}
		n += int64(size)
		r.t.skip(size)
	}
}

// isStart reports whether line can be the first of a message. Some tools indent.
func isStart(line string) bool {
	line = trimBlank(line)
	if strings.HasPrefix(line, ":") {
		name, _, _ := splitField(line)
		switch name {
		case ":method", ":path", ":authority", ":scheme", ":status":
			return true
		}
		return false
	}
	_, ok := parseStart(line)
	return ok
}

// message reads the message at whose start t stands. to is the method it answers, if
// it is a response.
func (r *rawReader) message(to string) message {
	number := r.t.number
	m, indent := r.head()
	m.line = number
	switch {
	case !m.mayHaveContent(to):
		m.none()
	case indent != "": // wget -S prints no content
		m.noContent("the content is not in the capture")
	default:
		r.content(&m)
	}
	return m
}

// head reads the first line and the header section.
func (r *rawReader) head() (m message, indent string) {
	s := section{limits: r.limits}
	first, _, _ := r.t.peekLine()
	line := string(first)
	indent = line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if start, ok := parseStart(trimBlank(line)); ok {
		m = start
		r.t.skipLine()
	} else if bare := bareRequest.FindSubmatch(r.t.peek(r.limits.Line)); bare != nil {
		m.request, m.method, m.target = true, string(bare[1]), RedactURL(string(bare[2]))
		r.t.skipLine()
	}
	for {
		b, n, _ := r.t.peekLine()
		field, indented := strings.CutPrefix(string(b), indent)
		if n == 0 || !indented || isStart(field) && field[0] != ':' {
			break
		}
		line, cut, _ := r.t.line()
		if trimBlank(line) == "" {
			break
		}
		s.add(line[len(indent):], cut)
	}
	m.take(&s)
	return m, indent
}

// content reads the content of m.
func (r *rawReader) content(m *message) {
	want := m.length()
	switch {
	case want == 0:
		m.none()
	case r.atBoundary(0) && m.request && want < 0 && !m.chunked() && m.proto != "HTTP/2" && m.proto != "HTTP/3":
		m.none()
	case r.atBoundary(0):
		m.noContent("the content is not in the capture")
	case m.chunked() && want < 0:
		r.chunks(m)
	case want > 0 && (r.fits(want) || want > int64(r.t.br.Size()-r.limits.Line)):
		s := &sink{max: r.limits.Content}
		r.t.copyN(s, want)
		m.setContent(s)
	default:
		r.untilStart(m)
	}
}

// atBoundary reports whether there is nothing or the start of a message after n bytes and
// whatever blank lines follow.
func (r *rawReader) atBoundary(n int) bool {
	b := r.t.peek(n + r.limits.Line)
	if len(b) < n {
		return false
	}
	rest := bytes.TrimLeft(b[n:], " \t\r\n")
	if len(rest) == 0 {
		return true
	}
	if r.alone {
		return false
	}
	line, next, _ := bytes.Cut(rest, []byte("\n"))
	if messageHeading.Match(line) {
		line, _, _ = bytes.Cut(bytes.TrimLeft(next, " \t\r\n"), []byte("\n"))
	}
	return isStart(string(line))
}

// fits reports whether a message of n bytes ends at a boundary.
func (r *rawReader) fits(n int64) bool {
	return n <= int64(r.t.br.Size()-r.limits.Line) && r.atBoundary(int(n))
}

// untilStart reads content up to the start of another message.
func (r *rawReader) untilStart(m *message) {
	s := &sink{max: r.limits.Content}
	trimmed := false
	for {
		line, n, _ := r.t.peekLine()
		if n == 0 {
			break
		}
		if !r.alone && (isStart(string(line)) || m.proto == "" && bytes.HasPrefix(line, []byte("###"))) {
			kept := int64(len(r.trimHeading(trimSeparators(s.data))))
			trimmed = kept < s.n
			s.trim(kept)
			break
		}
		r.t.copyLine(s)
	}
	// An editor, or the one who pasted the text, may have added the end of the last line.
	if want := m.length(); want >= 0 && want < s.n && len(bytes.TrimRight(s.data, "\r\n")) <= int(want) {
		s.trim(want)
	}
	m.setContent(s)
	if m.chunked() || trimmed && m.length() < 0 {
		m.content.Altered = true
	}
}

// trimHeading drops the heading of the next message, and notes it.
func (r *rawReader) trimHeading(b []byte) []byte {
	i := bytes.LastIndexByte(b, '\n') + 1
	h := messageHeading.FindSubmatch(b[i:])
	if h == nil {
		return b
	}
	r.heading = strings.ToLower(string(h[1]))
	return trimSeparators(b[:i])
}

// trimSeparators drops blank lines and lines such as ### or ``` at the end, which people put
// between messages.
func trimSeparators(b []byte) []byte {
	for {
		cut := bytes.TrimRight(b, "\r\n")
		i := bytes.LastIndexByte(cut, '\n') + 1
		if len(cut) > i && len(bytes.Trim(cut[i:], "#`-=*~> \t")) > 0 {
			return cut
		}
		if i == 0 {
			return cut[:0]
		}
		b = cut[:i]
	}
}

// chunks reads chunked content (RFC 9112 §7.1). If it is not, because a tool has removed the
// framing, it is read up to the next message.
func (r *rawReader) chunks(m *message) {
	if !r.atChunk() {
		r.untilStart(m)
		return
	}
	s := &sink{max: r.limits.Content}
	whole := r.readChunks(s)
	m.content = s.content()
	switch {
	case !whole:
		m.content.Cut, m.content.Len = true, -1
		m.contentGap = "the chunks of the content are cut off or do not have the sizes they say"
	case m.content.Cut:
		m.setContent(s)
	}
}

// readChunks reads chunks and the trailer section, and reports whether all were well formed.
func (r *rawReader) readChunks(s *sink) bool {
	for {
		line, _, ok := r.t.line()
		size, valid := chunkSize(line)
		if !ok || !valid {
			return false
		}
		if size == 0 {
			r.trailers()
			return true
		}
		if !r.t.copyN(s, size) {
			return false
		}
		if end, _, ok := r.t.line(); !ok || end != "" {
			return false
		}
	}
}

// trailers skips the trailer section (RFC 9112 §7.1.2), which has no say in preconditions.
func (r *rawReader) trailers() {
	for {
		line, n, _ := r.t.peekLine()
		if n == 0 || isStart(string(line)) {
			return
		}
		blank := len(line) == 0
		r.t.skipLine()
		if blank {
			return
		}
	}
}

// atChunk reports whether a well-formed chunk comes next, as far as can be looked ahead.
func (r *rawReader) atChunk() bool {
	line, n, _ := r.t.peekLine()
	size, ok := chunkSize(string(line))
	if !ok || size == 0 {
		return ok
	}
	if size > int64(r.t.br.Size()-n-2) {
		return true
	}
	b := r.t.peek(n + int(size) + 2)[n:]
	if int64(len(b)) <= size { // cut off, unless it is a number that is content
		return r.t.peek(n)[n-1] == '\n' && n >= 2 && r.t.peek(n)[n-2] == '\r'
	}
	return b[size] == '\n' || b[size] == '\r'
}

func chunkSize(line string) (int64, bool) {
	digits, _, _ := strings.Cut(line, ";")
	digits = trimBlank(digits)
	if digits == "" || len(digits) > 15 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 60)
	return int64(n), err == nil
}
