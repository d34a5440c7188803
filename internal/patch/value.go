package patch

import "slices"

// kind is the type of a JSON value (RFC 8259 §3).
type kind uint8

const (
	literal kind = iota // null, true, false
	number
	text
	array
	object
)

// value is a JSON value that remembers how it was spelled. It is changed in
// place and belongs to one place in one tree. Scalars are kept small, since a
// document can consist of millions.
type value struct {
	kind kind
	raw  string // a scalar's spelling
	*container
}

// container is what an array or object has beyond a scalar.
type container struct {
	// source is the container as it stood in the document, until it is touched;
	// "" for one that came with a patch.
	source string
	// breaks says how source was broken into lines.
	breaks breaks
	// items are an array's elements.
	items []*value
	// members are an object's, in order; removed ones have no value. index finds
	// them by name; it is nil in small objects, and until it is needed.
	members []member
	index   map[string]int
	removed int
}

// breaks is how a container is broken into lines.
type breaks uint8

const (
	unknown breaks = iota // it is empty, or came with a patch
	inline                // its first element is on the line of its bracket
	lines                 // each element is on a line of its own
)

type member struct {
	raw   string // the name's spelling
	name  string
	value *value
}

// indexFrom is the number of members from which an index pays.
const indexFrom = 16

// find returns the place of name among c's members, or -1.
func (c *container) find(name string) int {
	if len(c.members) >= indexFrom {
		return c.lookup(name)
	}
	for i := range c.members {
		if c.members[i].value != nil && c.members[i].name == name {
			return i
		}
	}
	return -1
}

func (c *container) lookup(name string) int {
	if c.index == nil {
		c.reindex()
	}
	if i, ok := c.index[name]; ok {
		return i
	}
	return -1
}

func (c *container) reindex() {
	c.index = make(map[string]int, len(c.members))
	for i, m := range c.members {
		if m.value != nil {
			c.index[m.name] = i
		}
	}
}

// get returns the value of the member name, or nil.
func (c *container) get(name string) *value {
	if i := c.find(name); i >= 0 {
		return c.members[i].value
	}
	return nil
}

// push adds m, whose name c does not have.
func (c *container) push(m member) {
	if c.index != nil {
		c.index[m.name] = len(c.members)
	}
	c.members = append(c.members, m)
}

// drop takes the member at i out. Its place is kept until removed members
// outnumber the others, so that removing many costs no more than once through.
func (c *container) drop(i int) {
	delete(c.index, c.members[i].name)
	c.members[i].value = nil
	c.removed++
	if c.removed > len(c.members)/2 {
		c.compact()
	}
}

func (c *container) compact() {
	kept := c.members[:0]
	for _, m := range c.members {
		if m.value != nil {
			kept = append(kept, m)
		}
	}
	clear(c.members[len(kept):])
	c.members, c.index, c.removed = kept, nil, 0
}

// size is the number of elements of an array, or members of an object.
func (v *value) size() int {
	switch v.kind {
	case array:
		return len(v.items)
	case object:
		return len(v.members) - v.removed
	}
	return 0
}

// clone returns a copy of v, for another place, and about how many bytes of JSON
// it is.
func (v *value) clone() (*value, int) {
	size := len(v.raw) + 1
	if v.container == nil {
		return &value{kind: v.kind, raw: v.raw}, size
	}
	c := &container{}
	for _, item := range v.items {
		copied, n := item.clone()
		c.items = append(c.items, copied)
		size += n
	}
	for _, m := range v.members {
		if m.value == nil {
			continue
		}
		copied, n := m.value.clone()
		c.members = append(c.members, member{m.raw, m.name, copied})
		size += len(m.raw) + 1 + n
	}
	return &value{kind: v.kind, container: c}, size + 1
}

// extent returns how deep values nest in v, 0 for a scalar, and how many there are,
// v included.
func (v *value) extent() (depth, count int) {
	if v.container == nil {
		return 0, 1
	}
	inside := func(c *value) {
		d, n := c.extent()
		depth, count = max(depth, d), count+n
	}
	for _, item := range v.items {
		inside(item)
	}
	for _, m := range v.members {
		if m.value != nil {
			inside(m.value)
		}
	}
	return depth + 1, count + 1
}

// same reports whether a and b are spelled the same, but for the space between
// their parts: putting one in the place of the other would change nothing.
func same(a, b *value) bool {
	if a.kind != b.kind || a.raw != b.raw || a.size() != b.size() {
		return false
	}
	switch a.kind {
	case array:
		return slices.EqualFunc(a.items, b.items, same)
	case object:
		return sameMembers(a.container, b.container)
	}
	return true
}

func sameMembers(a, b *container) bool {
	j := 0
	for _, m := range a.members {
		if m.value == nil {
			continue
		}
		for b.members[j].value == nil {
			j++
		}
		if m.raw != b.members[j].raw || !same(m.value, b.members[j].value) {
			return false
		}
		j++
	}
	return true
}
