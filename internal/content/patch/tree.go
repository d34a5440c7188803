package patch

import (
	"slices"
	"strings"
)

// tree holds JSON values that remember how they were spelled. It consists of
// their text, and of the containers in it that somebody has had to look into.
// Whatever nobody looks into stays text, whether it is one number or a million
// arrays, so a document takes little more memory than its bytes.
type tree struct {
	text string
	// containers are those that were looked into.
	containers []*container
	// names are the spellings of names that do not stand in text.
	names []string
	// scanned counts the bytes of text that were passed over, and made the
	// containers that were made, to bound both.
	scanned, made int
}

// ref is a value, or the name of a member: its place in the tree's text, or, by a
// flag, in containers or names.
type ref uint32

const (
	// opened says that the ref is an index into containers.
	opened ref = 1 << 31
	// added says that it is one into names.
	added ref = 1 << 30
	// respelled says that the value is written in the layout of the document and
	// not as it stands in the text.
	respelled ref = 1 << 29
	// stripped says that the members of it, and of objects in those, are left out
	// if they are null (RFC 7396 §2).
	stripped ref = 1 << 28

	flags = opened | added | respelled | stripped
	// gone is in the place of the value of a removed member.
	gone = ^ref(0)
)

func (r ref) at() int { return int(r &^ flags) }

func (r ref) isText() bool { return r&opened == 0 }

// kind is the type of a JSON value (RFC 8259 §3).
type kind uint8

const (
	literal kind = iota // null, true, false
	number
	text
	array
	object
)

// container is an array or object that was looked into.
type container struct {
	kind   kind
	breaks breaks
	// source is the container as it stands in the document, until it is touched;
	// "" for one that is respelled.
	source string
	// elements are an array's; an object's are names and values by turns. They
	// stand in their order. removed counts members whose value is gone.
	elements []ref
	removed  int
	// index finds members; it is nil in small objects, and until it is needed.
	index *index
}

// breaks is how a container is broken into lines.
type breaks uint8

const (
	unknown breaks = iota // it is empty, or respelled
	inline                // its first element is on the line of its bracket
	lines                 // each element is on a line of its own
)

func (t *tree) kind(v ref) kind {
	if !v.isText() {
		return t.containers[v.at()].kind
	}
	return kindOf(t.text[v.at()])
}

func kindOf(first byte) kind {
	switch first {
	case '{':
		return object
	case '[':
		return array
	case '"':
		return text
	case 'n', 't', 'f':
		return literal
	}
	return number
}

// raw is the spelling of a scalar, or of a name.
func (t *tree) raw(v ref) string {
	if v&added != 0 {
		return t.names[v.at()]
	}
	return t.text[v.at():scalarEnd(t.text, v.at())]
}

// end is where the value that stands at i in the text ends.
func (t *tree) end(i int) int {
	if kindOf(t.text[i]) < array {
		return scalarEnd(t.text, i)
	}
	end := containerEnd(t.text, i)
	t.scanned += end - i
	return end
}

// look returns what is in a container.
func (t *tree) look(v ref) *container {
	if !v.isText() {
		return t.containers[v.at()]
	}
	c := &container{kind: t.kind(v)}
	n := 0
	elements := t.cursor(v)
	for elements.next() {
		n++
	}
	if c.kind == object {
		n *= 2
	}
	if n > 0 {
		c.elements = make([]ref, 0, n)
	}
	end := elements.i
	for elements = t.cursor(v); elements.next(); {
		if c.kind == object {
			c.elements = append(c.elements, elements.name)
		}
		c.elements = append(c.elements, elements.value)
	}
	if v&respelled == 0 {
		c.source = t.text[v.at():end]
		c.breaks = breaksOf(c)
	}
	return c
}

// open is look for a container that will be looked into again, or be changed: it
// stays what the slot holds.
func (t *tree) open(slot *ref) *container {
	c := t.look(*slot)
	if slot.isText() {
		*slot = t.keep(c)
	}
	return c
}

func (t *tree) keep(c *container) ref {
	t.made++
	t.containers = append(t.containers, c)
	return ref(len(t.containers)-1) | opened
}

func breaksOf(c *container) breaks {
	switch {
	case len(c.elements) == 0:
		return unknown
	case strings.HasPrefix(strings.TrimLeft(c.source[1:], " \t\r"), "\n"):
		return lines
	}
	return inline
}

// size is the number of elements of an array, or members of an object.
func (c *container) size() int {
	if c.kind == object {
		return len(c.elements)/2 - c.removed
	}
	return len(c.elements)
}

// member returns the place of the value of the member name among the elements of c, an
// object, or -1.
func (t *tree) member(c *container, name string) int {
	if len(c.elements) >= 2*indexFrom {
		return t.lookup(c, name)
	}
	for i := 0; i < len(c.elements); i += 2 {
		if c.elements[i+1] != gone && t.isNamed(c.elements[i], name) {
			return i + 1
		}
	}
	return -1
}

func (t *tree) isNamed(n ref, name string) bool { return t.name(n) == name }

// name is the text that a name's spelling stands for.
func (t *tree) name(n ref) string { return unquote(t.raw(n)) }

// push adds a member, whose name c does not have.
func (t *tree) push(c *container, name, value ref) {
	if len(c.elements) == cap(c.elements) {
		c.elements = slices.Grow(c.elements, len(c.elements)+2) // append grows by less, and so copies more often
	}
	c.elements = append(c.elements, name, value)
	if c.index != nil && !c.index.add(t.name(name), len(c.elements)-1) {
		c.index = nil
	}
}

// drop takes the member whose value is at i out. Its place is kept until removed
// members outnumber the others, so that removing many costs no more than once through.
func (c *container) drop(i int) {
	c.elements[i] = gone
	c.removed++
	if c.removed > len(c.elements)/4 {
		c.compact()
	}
}

func (c *container) compact() {
	kept := c.elements[:0]
	for i := 0; i < len(c.elements); i += 2 {
		if c.elements[i+1] != gone {
			kept = append(kept, c.elements[i], c.elements[i+1])
		}
	}
	c.elements, c.index, c.removed = kept, nil, 0
}

// child returns the place of the member or element name of the value in slot, or nil.
func (t *tree) child(slot *ref, name string) *ref {
	switch t.kind(*slot) {
	case object:
		c := t.open(slot)
		if i := t.member(c, name); i >= 0 {
			return &c.elements[i]
		}
	case array:
		if i, ok := arrayIndex(name); ok {
			if c := t.open(slot); i < len(c.elements) {
				return &c.elements[i]
			}
		}
	}
	return nil
}

// cursor goes through the elements of a container. It is used so:
//
//	for c := t.cursor(v); c.next(); {
//		… c.value …
//	}
type cursor struct {
	t *tree
	// name is that of a member, value its value or an element of an array.
	name, value ref
	kind        kind
	// i is a place in the text: not after the end of value, or at the end of the
	// container when next has returned false.
	i     int
	flags ref
	// elements are those that follow, of a container that was looked into.
	elements []ref
}

func (t *tree) cursor(v ref) cursor {
	c := cursor{t: t, kind: t.kind(v)}
	if v.isText() {
		c.i, c.flags = v.at()+1, v&flags
		if c.kind == array {
			c.flags &^= stripped
		}
		c.value = gone
		return c
	}
	c.i, c.elements = -1, t.containers[v.at()].elements
	return c
}

// next goes to the next element and reports whether there is one.
func (c *cursor) next() bool {
	switch {
	case c.i >= 0:
		return c.nextInText()
	case c.kind == array:
		if len(c.elements) == 0 {
			return false
		}
		c.value, c.elements = c.elements[0], c.elements[1:]
		return true
	}
	for len(c.elements) > 0 {
		c.name, c.value, c.elements = c.elements[0], c.elements[1], c.elements[2:]
		if c.value != gone {
			return true
		}
	}
	return false
}

func (c *cursor) nextInText() bool {
	s := c.t.text
	if c.value != gone {
		c.i = c.t.end(c.value.at())
	}
	if c.i = nextElement(s, c.i); s[c.i] == ']' || s[c.i] == '}' {
		c.i++
		return false
	}
	if c.kind == object {
		c.name = ref(c.i)
		c.i = spaceEnd(s, spaceEnd(s, stringEnd(s, c.i))+1) // past the colon
	}
	c.value = ref(c.i) | c.flags
	return true
}
