package patch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxSize bounds documents, patch documents and results, in bytes; MaxDepth
// how deep their arrays and objects may nest.
const (
	MaxSize  = 8 << 20
	MaxDepth = 512
)

var errTooLong = fmt.Errorf("longer than %d bytes", MaxSize)

// parse reads a JSON text whose values nest at most maxDepth deep. The error says
// what is wrong, for people.
func parse(data []byte, maxDepth int) (*value, error) {
	return parseKeeping(data, maxDepth, false)
}

// parseKeeping is parse for documents: if keep is set the containers remember
// their source.
func parseKeeping(data []byte, maxDepth int, keep bool) (*value, error) {
	if err := check(data); err != nil {
		return nil, err
	}
	p := parser{s: string(data), maxDepth: maxDepth, keep: keep}
	return p.value(0)
}

// check reports whether data is JSON in UTF-8 at all.
func check(data []byte) error {
	switch {
	case len(data) > MaxSize:
		return errTooLong
	case len(bytes.TrimSpace(data)) == 0:
		return errors.New("it is empty, which is not JSON")
	case !utf8.Valid(data):
		return errors.New("not UTF-8, which JSON has to be")
	case json.Valid(data):
		return nil
	}
	return syntaxError(data)
}

// syntaxError says where data stops being JSON.
func syntaxError(data []byte) error {
	var ignored json.RawMessage
	err := json.Unmarshal(data, &ignored)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON, at byte %d: %s", syntax.Offset, syntax)
	}
	return fmt.Errorf("not JSON: %v", err)
}

// parser reads s, which is valid JSON, from i on. So it need not look for
// errors of syntax.
type parser struct {
	s        string
	i        int
	maxDepth int
	keep     bool
}

func (p *parser) value(depth int) (*value, error) {
	if depth > p.maxDepth {
		return nil, fmt.Errorf("values nest more than %d deep", MaxDepth)
	}
	p.space()
	switch p.s[p.i] {
	case '{':
		return p.container(object, depth)
	case '[':
		return p.container(array, depth)
	case '"':
		return &value{kind: text, raw: p.string()}, nil
	case 'n', 't', 'f':
		return &value{kind: literal, raw: p.word()}, nil
	}
	return &value{kind: number, raw: p.word()}, nil
}

func (p *parser) container(k kind, depth int) (*value, error) {
	start, c := p.i, &container{}
	p.i++
	read := p.members
	if k == array {
		read = p.items
	}
	if err := read(c, depth+1); err != nil {
		return nil, err
	}
	if p.keep {
		c.source = p.s[start:p.i]
		c.breaks = breaksOf(c)
	}
	return &value{kind: k, container: c}, nil
}

func breaksOf(c *container) breaks {
	switch {
	case len(c.items) == 0 && len(c.members) == 0:
		return unknown
	case strings.HasPrefix(strings.TrimLeft(c.source[1:], " \t\r"), "\n"):
		return lines
	}
	return inline
}

func (p *parser) members(c *container, depth int) error {
	for p.more('}') {
		raw := p.string()
		p.space()
		p.i++ // the colon
		v, err := p.value(depth)
		if err != nil {
			return err
		}
		m := member{raw, unquote(raw), v}
		if c.find(m.name) >= 0 {
			return fmt.Errorf("an object has the name %s twice", abbreviate(raw))
		}
		c.push(m)
	}
	return nil
}

func (p *parser) items(c *container, depth int) error {
	for p.more(']') {
		v, err := p.value(depth)
		if err != nil {
			return err
		}
		c.items = append(c.items, v)
	}
	return nil
}

// more goes to the next element and reports whether there is one; if not, it
// reads the closing bracket.
func (p *parser) more(closing byte) bool {
	p.space()
	if p.s[p.i] == ',' {
		p.i++
		p.space()
	}
	if p.s[p.i] != closing {
		return true
	}
	p.i++
	return false
}

func (p *parser) space() {
	for p.i < len(p.s) && isSpace(p.s[p.i]) {
		p.i++
	}
}

func (p *parser) string() string {
	start := p.i
	for p.i++; p.s[p.i] != '"'; p.i++ {
		if p.s[p.i] == '\\' {
			p.i++
		}
	}
	p.i++
	return p.s[start:p.i]
}

// word reads a number or a literal.
func (p *parser) word() string {
	start := p.i
	for p.i < len(p.s) && !isSpace(p.s[p.i]) && strings.IndexByte(",]}", p.s[p.i]) < 0 {
		p.i++
	}
	return p.s[start:p.i]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// abbreviate cuts s for a message.
func abbreviate(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
