package davxml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// DAV is the namespace of RFC 4918.
const DAV = "DAV:"

// The bounds on what Parse reads.
const (
	// MaxBytes bounds a document: 1 MiB.
	MaxBytes = 1 << 20
	// MaxDepth bounds how deep elements lie in each other.
	MaxDepth = 64
	// MaxItems bounds how many elements and attributes a document has together.
	MaxItems = 8192
	// MaxDeclared bounds how many declarations of namespaces are in scope at once.
	MaxDeclared = 256
)

// Name is an expanded name: a namespace, which may be "", and a local name. It is a comparable value.
type Name struct{ Space, Local string }

// In returns the name local of RFC 4918's namespace.
func In(local string) Name { return Name{DAV, local} }

// String returns the name in Clark's notation: {namespace}local.
func (n Name) String() string { return "{" + n.Space + "}" + n.Local }

// ParseName reads what String returns.
func ParseName(s string) (Name, bool) {
	rest, ok := strings.CutPrefix(s, "{")
	end := strings.LastIndexByte(rest, '}')
	if !ok || end < 0 || end == len(rest)-1 {
		return Name{}, false
	}
	return Name{rest[:end], rest[end+1:]}, true
}

// Element is an element with all that is in it. It is not changed after Parse.
type Element struct {
	Name Name
	// Lang is the language in scope (xml:lang), or "".
	Lang string
	// Children are the elements directly in it, in their order.
	Children []*Element

	raw     xml.Name // with the prefix as it was written
	attrs   []xml.Attr
	content []node
	scope   *scope
}

// node is a part of an element's content: an element, or else text.
type node struct {
	element *Element
	text    string
}

// Text is the character data directly in e.
func (e *Element) Text() string {
	var b strings.Builder
	for _, n := range e.content {
		b.WriteString(n.text)
	}
	return b.String()
}

// Child returns the first child of RFC 4918's namespace that is called local, or nil.
func (e *Element) Child(local string) *Element {
	for c := range e.All(local) {
		return c
	}
	return nil
}

// All yields the children of RFC 4918's namespace that are called local.
func (e *Element) All(local string) iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		for _, c := range e.Children {
			if c.Name == In(local) && !yield(c) {
				return
			}
		}
	}
}

// scope is what prefixes stand for, from the innermost declaration outwards.
type scope struct {
	outer         *scope
	prefix, space string
	size          int // with those outside
}

func (s *scope) with(prefix, space string) *scope {
	n := 1
	if s != nil {
		n += s.size
	}
	return &scope{s, prefix, space, n}
}

// find returns what prefix stands for. The empty prefix stands for no namespace unless declared.
func (s *scope) find(prefix string) (space string, ok bool) {
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.space, true
		}
	}
	return "", prefix == ""
}

// Error says what is wrong with a document. It wraps one of the errors below.
type Error struct {
	// Offset is where it was found, in bytes; 0 if it is about the whole.
	Offset int64
	// Reason is for people: lower case, no full stop.
	Reason string
	kind   error
}

func (e *Error) Error() string {
	if e.Offset == 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s (byte %d)", e.Reason, e.Offset)
}

func (e *Error) Unwrap() error { return e.kind }

// The kinds of [Error], for errors.Is.
var (
	// ErrMalformed: no well-formed XML with namespaces, or not the document that the method takes.
	ErrMalformed = errors.New("malformed XML")
	// ErrEntities: it has a document type, which could define entities (RFC 4918 §20.6).
	ErrEntities = errors.New("XML with a document type")
	// ErrTooLarge: more than the bounds let through.
	ErrTooLarge = errors.New("too much XML")
	// ErrEmpty: no document at all. Some methods take that for a meaning of its own.
	ErrEmpty = errors.New("no XML")
)
