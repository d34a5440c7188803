package capture

import (
	"net"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// curlReader reads what curl -v prints: lines marked with "> " (sent), "< " (received), "* " (told),
// "{ " and "} " (data that is not shown), and lines without a mark, which are the content if
// standard output went the same way. That may come late, all at once, and hold lines that look marked.
type curlReader struct {
	secured bool // the connection that is being made is encrypted
	t       *text
	b       *builder
	p       *pairer

	// open is the message whose header section is being read.
	open *message
	head section
	// last is the exchange whose content may come next, and content what came of it.
	last    *Exchange
	content *sink
	// noSent says why the content of a request is missing.
	noSent string
	// plain, if set, makes the content of what was captured of it.
	plain func(*message) Content
	// skipHead is set while a header section that -i printed is being skipped.
	skipHead bool
	// h2 are the fields that curl tells before it sends them.
	h2 section
	// trouble is the last thing that went wrong.
	trouble string
	// now is the time of day of the line, and requestedAt that of the request; -1 if not told.
	now, requestedAt time.Duration
}

var (
	// curlTime is what --trace-time and --trace-ids put before the mark.
	curlTime = lazyregexp.New(`^(?:(\d\d:\d\d:\d\d\.\d{6}) )?(?:\[[\dx]+-[\dx]+\] )?([*<>{}])(?: |$)`)
	// unspaced is a line of a header section whose blank behind the mark somebody has removed.
	unspaced = lazyregexp.New(`^[<>](?:` + startLine + `|[A-Za-z][A-Za-z0-9-]*:(?: |\S*$))`)
	// curlMeter is the progress meter, which ends without the end of a line.
	curlMeter     = lazyregexp.New(`^ *\d{1,3} +(?:[\d.]+[kMGTP]? +){7}[-:\d]{8} +[-:\d]{8} +[-:\d]{8} +\d+[kMGTP]?`)
	curlMeterHead = lazyregexp.New(`^ +(?:% Total +% Received|Dload +Upload)`)
	// powerShell is what Windows PowerShell puts before the first line of standard error.
	powerShell = lazyregexp.New(`^curl(?:\.exe)? : `)
	// told are the beginnings of what curl tells where it could be taken for content.
	told = lazyregexp.New(`^\* +(?:Connection #|Closing connection|Found bundle|Can not multiplex|Re-using|Reusing|Issue another|Ignoring the resp|` +
		`Trying|Connected to|Established connection|Host |IPv[46]:|ALPN|TLS|SSL|Server |Using |using |h2h3|\[HTTP|We are completely|upload completely|` +
		`Request completely|Mark bundle|Switched from|transfer closed|Excess found|The requested URL|Operation timed|Send failure|Recv failure|` +
		`Empty reply|shutting down|Leftovers|old SSL|schannel|Added cookie|Replaced cookie|client returned|HTTP error|HTTP/2|Curl_|getpeername|` +
		`Could not resolve|Failed to connect|connect to|Authentication problem|CONNECT|Proxy |Allocate|Establish)`)
	connected   = lazyregexp.New(`^(?:Connected to|Established connection to) \S+ \((\S+?)(?: port (\d+))?\)(?: port (\d+))?`)
	reusing     = lazyregexp.New(`(?i)^Re-?using existing (https?): connection`)
	anotherURL  = lazyregexp.New(`^Issue another request to this URL: '([^']+)'`)
	h2Field     = lazyregexp.New(`^(?:h2h3|h2|\[HTTP/[23]\] \[\d+\]) \[(.*)\]$`)
	excess      = lazyregexp.New(`^Excess found\b.*?excess ?= ?(\d+)`)
	curlTrouble = lazyregexp.New(`^(?:Empty reply|Recv failure|Send failure|Operation timed out|transfer closed|Failed to connect|Could not resolve|` +
		`Connection timed out|HTTP/2 stream|SSL certificate problem|connect to|Connection died|OpenSSL SSL_)`)
)

// isCurl reports whether a line says that the input is output of curl -v.
func isCurl(line string) bool {
	mark, rest, _ := splitMark(line)
	switch mark {
	case '>', '<':
		m, ok := parseStart(trimBlank(rest))
		return ok && m.request == (mark == '>')
	case '*':
		rest = trimBlank(rest)
		return strings.HasPrefix(rest, "Trying ") || connected.MatchString(rest) || strings.HasPrefix(rest, "Could not resolve host")
	}
	return false
}

// splitMark splits a line at its mark. The mark is 0 if there is none; the time -1.
func splitMark(line string) (mark byte, rest string, at time.Duration) {
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	if strings.HasPrefix(line, "curl") {
		line = powerShell.ReplaceAllString(line, "")
	}
	if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "100") {
		line = line[len(curlMeter.FindString(line)):]
	}
	var m []int
	if line != "" && strings.IndexByte("*<>{}[0123456789", line[0]) >= 0 {
		m = curlTime.FindStringSubmatchIndex(line)
	}
	if m == nil {
		if strings.HasPrefix(line, ">") && unspaced.MatchString(line) || strings.HasPrefix(line, "<") && unspacedAnswer(line) {
			return line[0], line[1:], -1
		}
		return 0, line, -1
	}
	at = -1
	if m[2] >= 0 {
		at = clock(line[m[2]:m[3]])
	}
	return line[m[4]], strings.TrimPrefix(line[m[5]:], " "), at
}

// unspacedAnswer reports whether a line is one of a response without the blank behind its mark, and
// no element of XML or HTML.
func unspacedAnswer(line string) bool {
	return unspaced.MatchString(line) && strings.IndexByte(line, '>') < 0 && strings.IndexByte(line, '=') < 0
}

// clock is the time of day.
func clock(s string) time.Duration {
	t, err := time.Parse("15:04:05.000000", s)
	if err != nil {
		return -1
	}
	return t.Sub(t.Truncate(24 * time.Hour))
}

func newCurlReader(t *text, b *builder) *curlReader {
	c := &curlReader{t: t, b: b, now: -1, requestedAt: -1, noSent: "curl -v does not show the content of requests",
		p: &pairer{b: b, noRequest: "the request is not in this part of the output of curl"}}
	c.head.limits, c.h2.limits = b.limits, b.limits
	return c
}

func readCurl(t *text, b *builder) error {
	if isTrace(t.peek(sniffLen)) {
		return readTrace(t, b)
	}
	c := newCurlReader(t, b)
	for {
		number := t.number
		line, cut, ok := t.line()
		if !ok {
			break
		}
		if err := c.line(line, cut, number); err != nil {
			return err
		}
	}
	return c.finish()
}

// finish ends the reading.
func (c *curlReader) finish() error {
	if err := c.end(); err != nil {
		return err
	}
	if err := c.b.readError(c.t); err != nil {
		return err
	}
	if len(c.b.list) == 0 {
		return c.b.error(ErrNoExchange, "curl sent no request: "+firstOf(c.trouble, "nothing says why"), "")
	}
	return nil
}

func (c *curlReader) line(line string, cut bool, number int) error {
	mark, rest, at := splitMark(line)
	if c.now = at; mark != 0 && c.wanted(mark, rest) {
		mark = 0
	}
	switch mark {
	case '>', '<':
		return c.field(mark, rest, cut, number)
	case '*':
		if err := c.endInterim(); err != nil {
			return err
		}
		return c.info(rest)
	case '{', '}':
		return c.endInterim()
	}
	if isMeter(line) {
		return nil
	}
	return c.unmarked(line)
}

// isMeter reports whether line is one of the progress meter's.
func isMeter(line string) bool {
	line = line[strings.LastIndexByte(line, '\r')+1:]
	if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "100") {
		return false
	}
	return curlMeter.FindString(line) == line && line != "" || curlMeterHead.MatchString(line)
}

// wanted reports whether a line that looks marked is rather content: some is still
// expected, and it is nothing that curl says.
func (c *curlReader) wanted(mark byte, rest string) bool {
	if c.open != nil || c.last == nil || c.content.n >= contentLength(c.last.Response.Header) {
		return false
	}
	switch mark {
	case '>', '<':
		_, ok := parseStart(trimBlank(rest))
		return !ok
	case '*':
		return !told.MatchString("* " + rest)
	}
	return false
}

// field takes a line of a header section.
func (c *curlReader) field(mark byte, line string, cut bool, number int) error {
	line = strings.TrimRight(line, "\r")
	if m, ok := parseStart(trimBlank(line)); ok && m.request == (mark == '>') {
		if err := c.endHead(); err != nil {
			return err
		}
		return c.start(m, number)
	}
	if c.open == nil || c.open.request != (mark == '>') {
		return nil // no header section: an upgrade, or data in the look of a mark
	}
	if trimBlank(line) == "" {
		return c.endHead()
	}
	c.head.add(line, cut)
	return nil
}

// start begins a message.
func (c *curlReader) start(m message, number int) error {
	m.line = number
	if m.request {
		if err := c.endContent(); err != nil {
			return err
		}
		c.noResponse()
		c.h2, c.trouble = section{limits: c.b.limits}, ""
		c.requestedAt = c.now
	} else if err := c.requestFromH2(number); err != nil {
		return err
	}
	c.open, c.head = &m, section{limits: c.b.limits}
	return nil
}

// requestFromH2 makes the request out of what curl told about the fields of HTTP/2, if its
// own lines are not there.
func (c *curlReader) requestFromH2(number int) error {
	if c.p.open != nil || len(c.h2.lines) == 0 {
		return nil
	}
	m := message{line: number, request: true}
	m.take(&c.h2)
	c.h2 = section{limits: c.b.limits}
	c.requestContent(&m)
	_, err := c.p.next(m)
	return err
}

// endInterim ends the header section of an interim response, after which curl shows no blank
// line. Others go on, whatever curl tells in the middle of them.
func (c *curlReader) endInterim() error {
	if c.open != nil && c.open.status >= 100 && c.open.status < 200 {
		return c.endHead()
	}
	return nil
}

// endHead ends a header section.
func (c *curlReader) endHead() error {
	if c.open == nil {
		return nil
	}
	m := *c.open
	c.open = nil
	m.take(&c.head)
	if m.request {
		c.requestContent(&m)
	} else {
		c.responseContent(&m)
	}
	x, err := c.p.next(m)
	if err == nil && !m.request && m.status >= 200 {
		c.last, c.content, c.skipHead = x, &sink{max: c.b.limits.Content}, false
		if c.now >= 0 && c.requestedAt >= 0 {
			x.Duration = (c.now - c.requestedAt + 24*time.Hour) % (24 * time.Hour)
		}
	}
	return err
}

func (c *curlReader) requestContent(m *message) {
	if !m.mayHaveContent("") || m.length() <= 0 && !m.chunked() && m.proto != "HTTP/2" && m.proto != "HTTP/3" {
		m.none()
		return
	}
	m.noContent(c.noSent)
}

func (c *curlReader) responseContent(m *message) {
	if !m.mayHaveContent(c.p.method()) || m.length() == 0 {
		m.none()
		return
	}
	m.noContent("the content is not in this output of curl")
}

// info takes what curl tells.
func (c *curlReader) info(s string) error {
	s = trimBlank(s)
	switch {
	case connected.MatchString(s):
		m := connected.FindStringSubmatch(s)
		c.p.server, c.p.scheme = net.JoinHostPort(m[1], m[2]+m[3]), "http"
		if c.secured || m[2]+m[3] == "443" { // curl 8 tells of the connection after its encryption
			c.p.scheme = "https"
		}
	case strings.HasPrefix(s, "Trying "):
		c.secured = false
	case strings.HasPrefix(s, "SSL connection using"):
		c.p.scheme, c.secured = "https", true
	case reusing.MatchString(s):
		c.p.scheme = strings.ToLower(reusing.FindStringSubmatch(s)[1])
	case anotherURL.MatchString(s):
		c.p.scheme, _ = splitTarget(anotherURL.FindStringSubmatch(s)[1])
	case h2Field.MatchString(s):
		return c.infoField(h2Field.FindStringSubmatch(s)[1])
	case c.last != nil && excess.MatchString(s):
		c.last.Excess = int64(number(excess.FindStringSubmatch(s)[1]))
	case curlTrouble.MatchString(s):
		c.trouble = RedactURL(s)
	}
	return nil
}

// infoField takes a field of a request in HTTP/2 that curl tells before it sends it.
func (c *curlReader) infoField(field string) error {
	if strings.HasPrefix(field, ":method:") {
		if err := c.endContent(); err != nil {
			return err
		}
		c.h2 = section{limits: c.b.limits}
	}
	c.h2.add(field, false)
	return nil
}

// unmarked takes a line without mark: content, or the header section again, because of -i, or an
// error message.
func (c *curlReader) unmarked(line string) error {
	switch {
	case strings.HasPrefix(line, "curl: ("):
		_, told, _ := strings.Cut(line, ") ")
		c.trouble = RedactURL(trimBlank(told))
		return nil
	case c.open != nil || c.last == nil:
		return nil
	case c.skipHead:
		c.skipHead = trimBlank(line) != ""
		return nil
	case c.content.n == 0 && strings.HasPrefix(line, "HTTP/"):
		_, c.skipHead = parseStart(line)
		if c.skipHead {
			return nil
		}
	}
	return c.body(line)
}

// body takes a line of content. The one that has no end is followed by what curl tells.
func (c *curlReader) body(line string) error {
	if i := strings.Index(line, "* "); i > 0 && told.MatchString(line[i:]) {
		c.content.write([]byte(line[:i]))
		return c.line(line[i:], false, c.t.number)
	}
	c.content.write([]byte(line))
	c.content.write([]byte("\n"))
	return nil
}

// endContent gives the last exchange its content.
func (c *curlReader) endContent() error {
	x, s := c.last, c.content
	c.last, c.content = nil, nil
	if x == nil || s.n == 0 || !x.Missing(ResponseContent) {
		return nil
	}
	m := message{header: x.Response.Header}
	if want := m.length(); want == s.n-1 {
		s.trim(want) // the output ended without the end of a line
	}
	m.setContent(s)
	if c.plain != nil {
		m.content = c.plain(&m)
	} else {
		m.content.Altered = m.content.Altered || m.length() != s.n
	}
	x.Gaps = withoutPart(x.Gaps, ResponseContent)
	x.Response.Content = m.content
	if m.contentGap != "" {
		x.miss(ResponseContent, m.contentGap)
	}
	c.b.grown(x)
	return nil
}

func withoutPart(gaps []Gap, p Part) []Gap {
	var kept []Gap
	for _, g := range gaps {
		if g.Part != p {
			kept = append(kept, g)
		}
	}
	return kept
}

// end ends whatever is open.
func (c *curlReader) end() error {
	if err := c.endHead(); err != nil {
		return err
	}
	if err := c.endContent(); err != nil {
		return err
	}
	c.noResponse()
	return c.p.flush()
}

// noResponse says why the request that waits for its response got none, if it did not.
func (c *curlReader) noResponse() {
	c.p.noResponse = "curl got no response"
	if c.trouble != "" {
		c.p.noResponse += ": " + c.trouble
	}
}
