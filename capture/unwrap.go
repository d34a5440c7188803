package capture

import (
	"bufio"
	"bytes"
	"html"
	"io"
	"regexp"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// A wrapping is what stands around each line of a capture: the marks of a container runtime, of a
// journal, of a quotation, or the indentation of a list.
type wrapping struct {
	// sign is in the beginning of the input if it may be wrapped so.
	sign *lazyregexp.Regexp
	// open returns what takes a wrapping off a line, given the beginning of the input; nil if it is
	// not wrapped so.
	open func(head []byte) func(line string) string
}

const (
	// runtimes put this before a line: Compose, kubectl, a container runtime, docker logs -t.
	runtimes = `(?:[\w.@/-]+ +\| ?|\[[\w./-]+\] |\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-]\d\d:?\d\d) (?:std(?:out|err) F )?)`
	// syslog is what a journal or syslog puts there.
	syslog = `(?:<\d+>)?(?:\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-]\d\d:?\d\d)|` +
		`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) \S+ [\w./()-]+(?:\[\d+\])?: `
	// anyStart is how a line begins with which one of the formats with lines does.
	anyStart = `(?:[<>] ?)?` + startLine
)

var wrappings = []wrapping{
	{lazyregexp.New(`(?m)^` + syslog), openPattern(`^` + syslog)},
	{lazyregexp.New(`(?m)^` + runtimes + `+\S`), openPattern(`^` + runtimes + `+`)},
	{lazyregexp.New(`(?m)^[ \t>|#*/-]+` + anyStart), openIndent},
	{lazyregexp.New(`(?m)^[ \t]*&[lg]t; `), func([]byte) func(string) string { return html.UnescapeString }},
	{lazyregexp.New(`(?m)^.{1,200}?[ :|\]>]` + anyStart), openLogger},
}

// escapedMarks are marks of curl in the source of a page.
var escapedMarks = lazyregexp.New(`(?m)^[ \t]*&[lg]t; ?` + startLine)

func openPattern(pattern string) func([]byte) func(string) string {
	re := regexp.MustCompile(pattern)
	return func([]byte) func(string) string {
		return func(line string) string { return line[len(re.FindString(line)):] }
	}
}

var indented = lazyregexp.New(`(?m)^([ \t>|#*/-]*[ \t>|#*/-])` + startLine)

// openIndent takes off what stands before the first line of a message, with or without the blanks
// at its end.
func openIndent(head []byte) func(string) string {
	m := indented.FindSubmatch(head)
	if m == nil {
		return nil
	}
	margin := string(m[1])
	// Marks of curl are no margin.
	margin = strings.TrimSuffix(strings.TrimSuffix(margin, "> "), "< ")
	if bytes.Contains(head, []byte("\n"+string(m[1])+"HTTP/")) {
		margin = string(m[1]) // a quotation of what is on the wire
	}
	if margin == "" {
		return nil
	}
	return withoutMargin(margin)
}

func withoutMargin(margin string) func(string) string {
	short := strings.TrimRight(margin, " \t")
	return func(line string) string {
		if rest, ok := strings.CutPrefix(line, margin); ok {
			return rest
		}
		if strings.TrimRight(line, " \t") == short {
			return ""
		}
		return line
	}
}

// openMargin takes off what all lines begin with that are not empty.
func openMargin(head []byte) func(string) string {
	margin := ""
	for line := range bytes.Lines(head) {
		text := strings.TrimRight(string(line), "\r\n")
		if strings.TrimRight(text, " \t") == strings.TrimRight(margin, " \t") {
			continue
		}
		own := text[:len(text)-len(strings.TrimLeft(text, " \t>|"))]
		if margin == "" || len(own) < len(margin) && strings.HasPrefix(margin, own) {
			margin = own
		}
		if !strings.HasPrefix(own, margin) || margin == "" {
			return nil
		}
	}
	if margin == "" {
		return nil
	}
	return withoutMargin(margin)
}

var loggerStart = lazyregexp.New(`(?m)^(.{1,200}?[ :|\]>"])(?:[<>] )?` + startLine)

// openLogger takes off what a logger puts before each line, given that of the first line of a
// message: numbers may differ.
func openLogger(head []byte) func(string) string {
	m := loggerStart.FindSubmatch(head)
	if m == nil {
		return nil
	}
	pattern := regexp.QuoteMeta(string(m[1]))
	pattern = regexp.MustCompile(`\d+`).ReplaceAllString(pattern, `\d+`)
	pattern = regexp.MustCompile(` +`).ReplaceAllString(pattern, ` *`)
	re, err := regexp.Compile(`^` + pattern)
	if err != nil {
		return nil
	}
	return func(line string) string {
		if at := re.FindStringIndex(line); at != nil {
			return line[at[1]:]
		}
		return line
	}
}

var (
	onlyRuntimes = lazyregexp.New(`^` + runtimes)
	onlySyslog   = lazyregexp.New(`^` + syslog)
)

// whollyWrapped returns what takes off what all lines of head have before them, or nil if they have
// nothing in common.
func whollyWrapped(head []byte) func(string) string {
	runtime, journal, n := true, true, 0
	for line := range bytes.Lines(head) {
		if len(bytes.TrimSpace(line)) == 0 || !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		n++
		runtime = runtime && onlyRuntimes.Match(line)
		journal = journal && onlySyslog.Match(line)
	}
	switch {
	case n < 2:
		return nil
	case journal:
		return openPattern(`^` + syslog)(head)
	case runtime:
		return openPattern(`^` + runtimes)(head)
	}
	return openMargin(head)
}

// maxWraps is how often lines may be wrapped: by a journal, by Compose, by a list in an issue.
const maxWraps = 3

// outerWraps takes off what all lines have before them, as long as what is left is text in a format
// with lines. It returns what does so, and the format, or nil.
func outerWraps(head []byte) (open func(string) string, f Format) {
	take := func(line string) string { return line }
	for range maxWraps {
		next := whollyWrapped(head)
		if next == nil {
			break
		}
		before := take
		take = func(line string) string { return next(before(line)) }
		head = inside(head, next)
		if found := detectText(head); found != Unknown {
			open, f = take, found
		}
	}
	return open, f
}

// unwrapped returns the input without what is around its lines, and the format of that, if it is
// one of those with lines.
func (b *builder) unwrapped(br *bufio.Reader, head []byte) (io.Reader, Format) {
	for _, w := range wrappings {
		if !w.sign.Match(head) {
			continue
		}
		open := w.open(head)
		if open == nil {
			continue
		}
		if f := detectText(inside(head, open)); f != Unknown {
			return &lineRewriter{br: br, line: open}, f
		}
	}
	return br, Unknown
}

// inside returns head without what open takes off its lines.
func inside(head []byte, open func(string) string) []byte {
	var inner bytes.Buffer
	for line := range bytes.Lines(head) {
		inner.WriteString(open(strings.TrimRight(string(line), "\r\n")) + "\n")
	}
	return inner.Bytes()
}

// A lineRewriter reads what line makes of each line. A line that is too long to be held is passed
// on as it is, in pieces.
type lineRewriter struct {
	br   *bufio.Reader
	line func(string) string
	out  []byte
	err  error
}

func (r *lineRewriter) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		var b []byte
		b, r.err = r.br.ReadSlice('\n')
		if r.err == bufio.ErrBufferFull {
			r.out, r.err = append(r.out[:0], b...), nil
			break
		}
		if len(b) == 0 {
			continue
		}
		r.out = append(append(r.out[:0], r.line(strings.TrimRight(string(b), "\r\n"))...), '\n')
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// escapes are what programs send to a terminal to colour what they print (ECMA-48 §5.4).
var escapes = lazyregexp.New(`\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)`)

// colouredLine is a line of which a program has coloured the beginning, or the name of the field.
var colouredLine = lazyregexp.New(`(?m)^(?:[<>*] |\[)?(?:\x1b\[[0-9;]*m)+\s*[!-~]`)

// coloured reports whether head was coloured by a program. An escape within a value is a part of that.
func coloured(head []byte) bool {
	return bytes.Contains(head, []byte("\x1b[")) && bytes.IndexByte(head, 0) < 0 && colouredLine.Match(head)
}

func withoutColour(line string) string { return escapes.ReplaceAllString(line, "") }
