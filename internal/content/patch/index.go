package patch

import "hash/maphash"

// indexFrom is the number of members from which an index pays.
const indexFrom = 16

// index finds members by their names: a hash table of places, four bytes each, that
// leaves it to its user to compare the names. Places of removed members stay in it.
type index struct {
	seed   maphash.Seed
	places []uint32 // 0 is none; their number is a power of two
	used   int
}

// newIndex returns an index for n names and some more.
func newIndex(n int) *index {
	size := 2 * indexFrom
	for size < 2*n {
		size *= 2
	}
	return &index{seed: maphash.MakeSeed(), places: make([]uint32, size)}
}

// add notes that name is at place, which is not 0. It returns false if the index is full.
func (x *index) add(name string, place int) bool {
	if x.used++; x.used > len(x.places)*3/4 {
		return false
	}
	i := x.start(name)
	for x.places[i] != 0 {
		i = (i + 1) & (len(x.places) - 1)
	}
	x.places[i] = uint32(place)
	return true
}

// find returns the first place that is noted for name and that is accepts, or -1.
func (x *index) find(name string, is func(place int) bool) int {
	for i := x.start(name); x.places[i] != 0; i = (i + 1) & (len(x.places) - 1) {
		if place := int(x.places[i]); is(place) {
			return place
		}
	}
	return -1
}

func (x *index) start(name string) int {
	return int(maphash.String(x.seed, name) & uint64(len(x.places)-1))
}

// lookup is member for objects with many members.
func (t *tree) lookup(c *container, name string) int {
	if c.index == nil {
		c.index = newIndex(len(c.elements) / 2)
		for i := 0; i < len(c.elements); i += 2 {
			c.index.add(t.name(c.elements[i]), i+1)
		}
	}
	return c.index.find(name, func(place int) bool {
		return c.elements[place] != gone && t.isNamed(c.elements[place-1], name)
	})
}
