package capture

import (
	"bytes"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// traceReader reads what curl --trace and --trace-ascii write, and programs that do the same with
// libcurl. Each event has a line that says what it is and how many bytes, and then lines of a dump,
// which begin with their offset:
//
//	=> Send header, 78 bytes (0x4e)
//	0000: GET /doc HTTP/1.1
//	0013: Host: example.com
//
// or, with --trace, with up to 16 bytes in hexadecimal before the characters.
type traceReader struct {
	c   *curlReader
	hex bool
	// kind is that of the event that is being read, and number the line at which it begins.
	kind   string
	number int
	// size is how many bytes the event has, and at how many of them have been read. A line of
	// characters ends where the next one begins, so that its end is known only then: held is that
	// line.
	size, at int64
	held     []byte
	holds    bool
	head     *sink // of header events
	sent     *sink // content of the request
}

var (
	// tracePrefix is what --trace-time and --trace-ids put before the line of an event.
	tracePrefix = `^(?:(\d\d:\d\d:\d\d\.\d{6}) )?(?:\[[\dx]+-[\dx]+\] )?`
	traceInfo   = lazyregexp.New(tracePrefix + `== Info: (?:\[[\dx]+-[\dx]+\] )?(.*)$`)
	traceEvent  = lazyregexp.New(tracePrefix + `(=> Send|<= Recv) (header|data|SSL data), (\d{1,18}) bytes \(0x[\da-f]+\)$`)
	traceDump   = lazyregexp.New(`^([\da-f]{4,15}): ?(.*)$`)
	traceSign   = lazyregexp.New(tracePrefix + `(?:== Info: |=> Send header, \d+ bytes \(0x|<= Recv header, \d+ bytes \(0x)`)
	// traceHex matches the beginning of a dump in hexadecimal: of a request or of the first line of
	// a response.
	traceHex = lazyregexp.New(`(?m)(?:=> Send|<= Recv) header, \d+ bytes \(0x[\da-f]+\)\r?\n0000: (?:[\da-f]{2} ){8}`)
)

// isTrace reports whether the beginning of an input is that of a trace: nothing else that can be
// read comes first.
func isTrace(head []byte) bool {
	for line := range bytes.Lines(head) {
		if len(line) > 16<<10 {
			continue
		}
		line := strings.TrimRight(string(line), "\r\n")
		if traceSign.MatchString(line) {
			return true
		}
		if isCurl(line) || isStart(line) {
			return false
		}
	}
	return false
}

func readTrace(t *text, b *builder) error {
	r := &traceReader{c: newCurlReader(t, b), hex: traceHex.Match(t.peek(sniffLen)), sent: &sink{max: b.limits.Content}}
	r.c.plain, r.c.noSent = r.plain, "curl did not send the content, or it is not in the trace"
	r.c.p.noRequest = "the request is not in this part of the trace of curl"
	for {
		number := t.number
		line, _, ok := t.line()
		if !ok {
			break
		}
		if err := r.line(line, number); err != nil {
			return err
		}
	}
	if err := r.endEvent(); err != nil {
		return err
	}
	r.endSent()
	return r.c.finish()
}

func (r *traceReader) line(line string, number int) error {
	if m := traceEvent.FindStringSubmatch(line); m != nil {
		if err := r.endEvent(); err != nil {
			return err
		}
		r.kind, r.number, r.at = m[2]+" "+m[3], number, 0
		r.size, _ = strconv.ParseInt(m[4], 10, 64) // digits
		r.head = &sink{max: maxSection}
		r.c.now = clock(m[1])
		return nil
	}
	if m := traceInfo.FindStringSubmatch(line); m != nil {
		if err := r.endEvent(); err != nil {
			return err
		}
		r.c.now = clock(m[1])
		if err := r.c.endInterim(); err != nil {
			return err
		}
		return r.c.info(m[2])
	}
	if m := traceDump.FindStringSubmatch(line); m != nil && r.kind != "" {
		offset, _ := strconv.ParseInt(m[1], 16, 64) // hexadecimal digits
		r.dump(offset, m[2])
	}
	return nil
}

// dump takes a line of a dump.
func (r *traceReader) dump(offset int64, rest string) {
	r.release(offset)
	if !r.hex {
		r.held, r.holds, r.at = append(r.held[:0], rest...), true, offset+int64(len(rest))
		return
	}
	for i := 0; i < 16 && len(rest) >= 2; i++ {
		n, err := strconv.ParseUint(rest[:2], 16, 8)
		if err != nil {
			return
		}
		r.write([]byte{byte(n)})
		r.at++
		rest = strings.TrimPrefix(rest[2:], " ")
	}
}

// release writes the line that is held. Two bytes that are missing up to where the next one begins
// are CRLF.
func (r *traceReader) release(next int64) {
	if !r.holds {
		return
	}
	r.holds = false
	r.write(r.held)
	if next == r.at+2 {
		r.write([]byte("\r\n"))
	}
}

// write takes bytes of the event.
func (r *traceReader) write(b []byte) {
	switch r.kind {
	case "=> Send header", "<= Recv header":
		r.head.write(b)
	case "=> Send data":
		r.sent.write(b)
	case "<= Recv data":
		if r.c.last != nil && r.c.open == nil {
			r.c.content.write(b)
		}
	}
}

// endEvent ends the event that is being read, if there is one.
func (r *traceReader) endEvent() error {
	r.release(r.size)
	kind := r.kind
	r.kind = ""
	mark := byte('<')
	switch kind {
	case "=> Send header":
		mark = '>'
		r.endSent()
	case "<= Recv header":
		r.endSent()
	default:
		return nil
	}
	for line := range bytes.Lines(r.head.data) {
		if err := r.c.field(mark, strings.TrimRight(string(line), "\r\n"), false, r.number); err != nil {
			return err
		}
	}
	return nil
}

// endSent gives the request that waits for its response the content that was sent.
func (r *traceReader) endSent() {
	x, s := r.c.p.open, r.sent
	if s.n == 0 {
		return
	}
	r.sent = &sink{max: r.c.b.limits.Content}
	if x == nil {
		return // it was answered before all of it was sent
	}
	m := message{header: x.Request.Header}
	m.setContent(s)
	m.content = r.plain(&m)
	x.Gaps = withoutPart(x.Gaps, RequestContent)
	x.Request.Content = m.content
	if m.contentGap != "" {
		x.miss(RequestContent, m.contentGap)
	}
}

// plain returns the content without chunked framing. A trace without hexadecimal has a dot for each
// byte that cannot be printed, so that what has a dot may have been something else.
func (r *traceReader) plain(m *message) Content {
	c := m.content
	if m.chunked() && !c.Cut {
		data, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(c.Data)))
		if err == nil {
			c.Data, c.Len = data, int64(len(data))
		} else {
			c.Altered = true
		}
	}
	c.Altered = c.Altered || !r.hex && bytes.IndexByte(c.Data, '.') >= 0
	return c
}
