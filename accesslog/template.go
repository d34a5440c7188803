package accesslog

import (
	"bytes"
	"fmt"
	"strings"
)

// A template splits lines of the kind that nginx and Apache write: values with literal
// text between them.
type template struct {
	prefix string // before the first value
	values []slot
	// request is the slot with a request line ("GET /a HTTP/1.1"), or -1. Its parts
	// go to three columns behind those of the slots: method, target, protocol.
	request int
}

// A slot is a value and what ends it.
type slot struct {
	until string // the literal behind the value; "" behind the last
	how   scanning
	// n is the length of a value of fixed size, or the number of blanks inside a value.
	n int
}

// scanning says what the value of a slot may have inside.
type scanning uint8

const (
	// plain: anything but the literal behind it.
	plain scanning = iota
	// quoted: anything; a quote inside has a backslash before it.
	quoted
	// fixed: exactly n bytes.
	fixed
	// spaced: n blanks, and then as plain.
	spaced
	// word: as plain, without any blank; said of the last value, which nothing ends.
	word
	// list: blanks after "," and around ":", as in nginx's upstream variables.
	list
)

func (t *template) split(line []byte, spans []span) verdict {
	if !hasPrefix(line, t.prefix) {
		return unreadable
	}
	pos := len(t.prefix)
	for i := range t.values {
		v := &t.values[i]
		var end int
		switch {
		case i == len(t.values)-1 && v.how != quoted:
			end = v.last(line, pos)
		case v.how == plain && len(v.until) == 1: // most are
			if end = bytes.IndexByte(line[pos:], v.until[0]); end >= 0 {
				end += pos
			}
		default:
			end = v.scan(line, pos)
		}
		if end < 0 {
			return unreadable
		}
		spans[i] = span{uint32(pos), uint32(end)}
		pos = end + len(v.until)
	}
	if pos != len(line) {
		return unreadable
	}
	if t.request >= 0 {
		splitRequest(line, spans[t.request], spans[len(t.values):])
	}
	return isEntry
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// scan returns where the value that begins at pos ends, or -1.
func (v *slot) scan(line []byte, pos int) int {
	switch v.how {
	case plain:
		return v.find(line, pos)
	case quoted:
		for from := pos; ; {
			end := v.find(line, from)
			if end < 0 || !escaped(line[pos:end]) {
				return end
			}
			from = end + 1
		}
	case fixed:
		if end := pos + v.n; end <= len(line) && hasPrefix(line[end:], v.until) {
			return end
		}
		return -1
	case spaced:
		return v.findSpaced(line, pos)
	}
	return v.findList(line, pos)
}

// last returns where the value that begins at pos ends if it is the last, or -1.
func (v *slot) last(line []byte, pos int) int {
	end := len(line) - len(v.until)
	if end < pos || v.how == word && bytes.IndexByte(line[pos:end], ' ') >= 0 {
		return -1
	}
	if !hasPrefix(line[end:], v.until) || v.how == fixed && end != pos+v.n {
		return -1
	}
	return end
}

// find returns where the literal behind the value is, from pos, or -1.
func (v *slot) find(line []byte, pos int) int {
	switch len(v.until) {
	case 0: // only behind a value of fixed size
		return -1
	case 1:
		if i := bytes.IndexByte(line[pos:], v.until[0]); i >= 0 {
			return pos + i
		}
		return -1
	}
	return findFrom(line, pos, v.until)
}

// findFrom is bytes.Index from pos on, for a short literal in a short line.
func findFrom(line []byte, pos int, literal string) int {
	for {
		i := bytes.IndexByte(line[pos:], literal[0])
		if i < 0 {
			return -1
		}
		if pos += i; hasPrefix(line[pos:], literal) {
			return pos
		}
		pos++
	}
}

func (v *slot) findSpaced(line []byte, pos int) int {
	from := pos
	for range v.n {
		i := bytes.IndexByte(line[from:], ' ')
		if i < 0 {
			break
		}
		from += i + 1
	}
	if end := v.find(line, from); end >= 0 {
		return end
	}
	return v.find(line, pos)
}

func (v *slot) findList(line []byte, pos int) int {
	for from := pos; ; {
		end := v.find(line, from)
		switch {
		case end < 0 || v.until[0] != ' ':
			return end
		case end > pos && line[end-1] == ',':
			from = end + 1
		case hasPrefix(line[end:], " : "):
			from = end + 3
		default:
			return end
		}
	}
}

// splitRequest sets the method, the target and the protocol of the request line s. Of
// what is no request line, all is target.
func splitRequest(line []byte, s span, parts []span) {
	request := line[s.start:s.end]
	if len(request) == 0 || len(request) == 1 && request[0] == '-' {
		return
	}
	first, last := bytes.IndexByte(request, ' '), bytes.LastIndexByte(request, ' ')
	if first <= 0 || !isToken(request[:first]) {
		parts[1] = s
		return
	}
	parts[0] = span{s.start, s.start + uint32(first)}
	parts[1] = span{s.start + uint32(first) + 1, s.end}
	if last > first && hasPrefix(request[last+1:], "HTTP/") {
		parts[1].end = s.start + uint32(last)
		parts[2] = span{s.start + uint32(last) + 1, s.end}
	}
}

// isToken reports whether b could be a method: letters, digits and "-_".
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenChars[c] {
			return false
		}
	}
	return len(b) <= 32
}

var tokenChars = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = true
	}
	return t
}()

// numbers are the fields that have no blanks inside.
const numbers = Fields(1<<Status | 1<<BytesSent | 1<<ContentSent | 1<<BytesReceived | 1<<ContentLength | 1<<Duration)

// A templateBuilder makes a layout from values and literals in turn.
type templateBuilder struct {
	template
	columns []column
	pending strings.Builder // the literal since the last value
}

func newTemplateBuilder() *templateBuilder { return &templateBuilder{template: template{request: -1}} }

// literal adds text between values.
func (b *templateBuilder) literal(text string) { b.pending.WriteString(text) }

// value adds a value. Inside of quotes it is scanned as quoted if escapes is set.
func (b *templateBuilder) value(c column, s slot, escapes bool) error {
	literal := b.pending.String()
	if len(b.columns) == 0 {
		b.prefix = literal
	} else if literal == "" && b.values[len(b.values)-1].how != fixed {
		return fmt.Errorf("%s and %s have nothing between them, so nobody can tell where one ends", b.columns[len(b.columns)-1].name, c.name)
	}
	b.close(literal)
	if (s.how == plain || s.how == spaced || s.how == list && c.field == ForwardedFor) && escapes && strings.HasSuffix(literal, `"`) {
		s.how = quoted
	}
	b.columns, b.values = append(b.columns, c), append(b.values, s)
	if len(b.columns) > maxColumns {
		return fmt.Errorf("more than %d values", maxColumns)
	}
	b.pending.Reset()
	return nil
}

// maxColumns bounds the columns of a layout.
const maxColumns = 100

// close sets the literal behind the last value.
func (b *templateBuilder) close(literal string) {
	n := len(b.values)
	if n == 0 {
		return
	}
	v := &b.values[n-1]
	if v.until = literal; v.how == quoted && !strings.HasPrefix(literal, `"`) {
		v.how = plain // the quote before it is another's end
	}
}

// layout ends the line and returns its layout, which lacks when and clock.
func (b *templateBuilder) layout() (*layout, error) {
	if len(b.columns) == 0 {
		return nil, fmt.Errorf("no values in the format")
	}
	b.close(b.pending.String())
	if last := len(b.columns) - 1; numbers.Has(b.columns[last].field) {
		b.values[last].how = word
	}
	l := &layout{splitter: &b.template, columns: b.columns}
	if b.request >= 0 {
		request := b.columns[b.request]
		for _, f := range []Field{Method, Target, Protocol} {
			l.columns = append(l.columns, column{name: request.name, field: f, unescape: request.unescape, rank: request.rank})
		}
	}
	return l, nil
}
