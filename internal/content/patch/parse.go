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

// check reports whether data is JSON in UTF-8 at all. The error says what is wrong,
// for people.
func check(data []byte) error {
	switch {
	case len(data) > MaxSize:
		return errTooLong
	case len(bytes.TrimSpace(data)) == 0:
		return errors.New("it is empty, which is not JSON")
	case !utf8.Valid(data):
		return errors.New("not UTF-8, which JSON has to be")
	case !json.Valid(data):
		return syntaxError(data)
	}
	return nil
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

// pair is a tree of two JSON texts. The errors say, for people, what is wrong with
// either; if there is one, its value is not to be used.
type pair struct {
	*tree
	first, second       ref
	errFirst, errSecond error
}

// read reads two JSON texts, whose values nest no deeper than MaxDepth, and in the second
// by deeper more.
func read(first, second []byte, deeper int) pair {
	p := pair{errFirst: check(first), errSecond: check(second)}
	if p.errFirst != nil {
		first = nil
	}
	if p.errSecond != nil {
		second = nil
	}
	var s strings.Builder
	s.Grow(len(first) + 1 + len(second))
	s.Write(first)
	s.WriteByte('\n') // lest two numbers become one
	s.Write(second)
	p.tree = &tree{text: s.String()}
	p.first, p.second = ref(spaceEnd(p.text, 0)), ref(spaceEnd(p.text, len(first)))
	if p.errFirst == nil {
		p.errFirst = (&parser{s: p.text, maxDepth: MaxDepth}).whole(p.first)
	}
	if p.errSecond == nil {
		p.errSecond = (&parser{s: p.text, maxDepth: MaxDepth + deeper}).whole(p.second)
	}
	return p
}

// parser looks at a text, which is valid JSON, for what the syntax allows and we do not.
type parser struct {
	s        string
	maxDepth int
	// names are where those of the objects that are being read stand: first those of the
	// outermost.
	names []uint32
}

// whole checks a text of its own.
func (p *parser) whole(v ref) error {
	_, err := p.value(v.at(), 0)
	return err
}

// value checks the value at i and returns its end.
func (p *parser) value(i, depth int) (int, error) {
	if depth > p.maxDepth {
		return 0, fmt.Errorf("values nest more than %d deep", MaxDepth)
	}
	switch kindOf(p.s[i]) {
	case object:
		return p.members(i, depth+1)
	case array:
		return p.items(i, depth+1)
	}
	return scalarEnd(p.s, i), nil
}

func (p *parser) members(i, depth int) (int, error) {
	outer := len(p.names)
	for i = nextElement(p.s, i+1); p.s[i] != '}'; i = nextElement(p.s, i) {
		p.names = append(p.names, uint32(i))
		i = spaceEnd(p.s, spaceEnd(p.s, stringEnd(p.s, i))+1) // past the colon
		var err error
		if i, err = p.value(i, depth); err != nil {
			return 0, err
		}
	}
	err := p.unique(p.names[outer:])
	p.names = p.names[:outer]
	return i + 1, err
}

func (p *parser) items(i, depth int) (int, error) {
	for i = nextElement(p.s, i+1); p.s[i] != ']'; i = nextElement(p.s, i) {
		var err error
		if i, err = p.value(i, depth); err != nil {
			return 0, err
		}
	}
	return i + 1, nil
}

// unique checks that no two of the names of an object are the same.
func (p *parser) unique(names []uint32) error {
	if len(names) < indexFrom {
		for i, n := range names {
			for _, earlier := range names[:i] {
				if p.name(n) == p.name(earlier) {
					return p.twice(n)
				}
			}
		}
		return nil
	}
	x := newIndex(len(names))
	for i, n := range names {
		name := p.name(n)
		if x.find(name, func(place int) bool { return p.name(names[place-1]) == name }) >= 0 {
			return p.twice(n)
		}
		x.add(name, i+1)
	}
	return nil
}

func (p *parser) twice(n uint32) error {
	return fmt.Errorf("an object has the name %s twice", abbreviate(p.raw(n)))
}

func (p *parser) raw(n uint32) string { return p.s[n:stringEnd(p.s, int(n))] }

func (p *parser) name(n uint32) string { return unquote(p.raw(n)) }

// abbreviate cuts s for a message.
func abbreviate(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
