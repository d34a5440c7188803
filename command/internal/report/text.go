package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s with what a terminal should not get, control characters and
// bytes that are not UTF-8, as \xHH.
func Printable(s string) string {
	if isPrintable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if unicode.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b.WriteString(s[i : i+n])
		} else {
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
		i += n
	}
	return b.String()
}

func isPrintable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// width is the number of columns text is wrapped to.
const width = 96

// Style is how text is set off on a terminal.
type Style struct {
	// Color is set for a terminal that understands ANSI colors.
	Color bool
}

// The colors that text is shown in.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint returns s in the given colors.
func (s Style) paint(text string, codes ...string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + text + "\x1b[0m"
}

// A page collects text, so that it is written at once.
type page struct {
	strings.Builder
	Style
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p, format, args...)
	p.WriteByte('\n')
}

// block writes text in lines of at most width columns, the first behind first and the
// others behind rest. Words that are longer stay whole.
func (p *page) block(first, rest, text string) {
	for _, l := range wrap(text, width-visible(rest)) {
		p.line("%s%s", first, l)
		first = rest
	}
}

// wrap cuts text into lines of at most n columns at its blanks, and at its line feeds.
func wrap(text string, n int) (lines []string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		line, used := "", 0
		for word := range strings.FieldsSeq(paragraph) {
			size := visible(word)
			if used > 0 && used+1+size > n {
				lines, line, used = append(lines, line), "", 0
			}
			if used > 0 {
				line, used = line+" ", used+1
			}
			line, used = line+word, used+size
		}
		lines = append(lines, line)
	}
	return lines
}

// visible is the number of columns of s, its colors aside.
func visible(s string) (n int) {
	color := false
	for _, r := range s {
		switch {
		case r == '\x1b':
			color = true
		case color:
			color = r != 'm'
		default:
			n++
		}
	}
	return n
}

func (p *page) flush(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	return err
}
