package patch

import (
	"hash/maphash"
	"strconv"
)

// maxCells bounds the work on finding what arrays have in common: the product of
// their lengths, all arrays together.
const maxCells = 1 << 18

// differ makes a JSON Patch of two values.
type differ struct {
	*tree
	limit int    // of out, in bytes
	out   []byte // operations, with a comma before each
	over  bool   // out has reached limit, and is of no use
	cells int    // spent of maxCells
	hash  hasher
}

// difference returns a JSON Patch that makes the first value of p equal to the second, of
// at most limit bytes; ok is false if there is none. It is the same for the same arguments.
func (p pair) difference(limit int) (patch []byte, ok bool) {
	d := &differ{tree: p.tree, limit: limit, hash: hasher{tree: p.tree, seed: maphash.MakeSeed(), known: map[ref]uint64{}}}
	d.change("", p.first|respelled, p.second|respelled)
	if d.over {
		return nil, false
	}
	if len(d.out) > 0 {
		d.out = d.out[1:]
	}
	return append(append([]byte{'['}, d.out...), ']'), true
}

// change emits operations that make a, which is at path, equal to b: the changes
// inside them, or a replacement if that is much shorter.
func (d *differ) change(path string, a, b ref) {
	start := len(d.out)
	switch kind := d.kind(a); {
	case kind != d.kind(b) || kind < array:
		if !d.equal(a, b) {
			d.emit("replace", path, b)
		}
		return
	case kind == object:
		d.members(path, d.look(a), d.look(b))
	default:
		d.items(path, d.look(a).elements, d.look(b).elements)
	}
	if d.over || len(d.out) > start {
		d.shorten(start, path, b)
	}
}

// shorten puts a replacement by v in the place of what was emitted from start on,
// if it is less than half as long: a replacement says less about what changed.
func (d *differ) shorten(start int, path string, v ref) {
	inside, over := d.out[start:len(d.out):len(d.out)], d.over
	d.out, d.over = d.out[:start:start], false
	d.emit("replace", path, v)
	if !over && (d.over || 2*(len(d.out)-start) >= len(inside)) {
		d.out, d.over = append(d.out[:start], inside...), false
	}
}

// emit appends an operation; v is gone if it takes no value.
func (d *differ) emit(op, path string, v ref) {
	if d.over {
		return
	}
	w := writer{layout: layout{colon: ":", comma: ","}, t: d.tree, b: d.out, limit: d.limit}
	w.add(`,{"op":"` + op + `","path":`)
	w.add(quote(path))
	if v != gone {
		w.add(`,"value":`)
		w.value(v, 0)
	}
	w.add("}")
	d.out, d.over = w.b, w.full()
}

// members emits the changes between two objects: first what goes, in the order of
// a, then what changes or comes, in the order of b.
func (d *differ) members(path string, a, b *container) {
	for i := 0; i < len(a.elements); i += 2 {
		if name := d.name(a.elements[i]); d.member(b, name) < 0 {
			d.emit("remove", path+"/"+escaper.Replace(name), gone)
		}
	}
	for i := 0; i < len(b.elements); i += 2 {
		name, v := d.name(b.elements[i]), b.elements[i+1]
		at := path + "/" + escaper.Replace(name)
		if old := d.member(a, name); old >= 0 {
			d.change(at, a.elements[old], v)
		} else {
			d.emit("add", at, v)
		}
	}
}

// items emits the changes between two arrays. What comes before the place they
// have reached is b's already, so that places are b's.
func (d *differ) items(path string, a, b []ref) {
	i, j := 0, 0
	for _, m := range d.common(a, b) {
		d.run(path, a[i:m.a], b[j:m.b], j)
		i, j = m.a+1, m.b+1
	}
	d.run(path, a[i:], b[j:], j)
}

// run makes a, elements from place at on, those of b, with which they have
// nothing in common.
func (d *differ) run(path string, a, b []ref, at int) {
	both := min(len(a), len(b))
	for i := range both {
		d.change(path+"/"+strconv.Itoa(at+i), a[i], b[i])
	}
	for range a[both:] {
		d.emit("remove", path+"/"+strconv.Itoa(at+both), gone)
	}
	for i, v := range b[both:] {
		d.emit("add", path+"/"+strconv.Itoa(at+both+i), v)
	}
}

// match says that an element of one array is equal to one of another.
type match struct{ a, b int }

// common returns a longest common subsequence of two arrays; if that takes too
// much work, only what they have in common at both ends.
func (d *differ) common(a, b []ref) []match {
	x, y := d.classes(a, b)
	head, tail := 0, 0
	for head < len(x) && head < len(y) && x[head] == y[head] {
		head++
	}
	for tail < len(x)-head && tail < len(y)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	var matches []match
	for i := range head {
		matches = append(matches, match{i, i})
	}
	x, y = x[head:len(x)-tail], y[head:len(y)-tail]
	for _, m := range d.subsequence(x, y) {
		matches = append(matches, match{head + m.a, head + m.b})
	}
	for i := range tail {
		matches = append(matches, match{len(a) - tail + i, len(b) - tail + i})
	}
	return matches
}

// subsequence returns a longest common subsequence of x and y, by the textbook's
// table of lengths, or nothing if the table would be too large.
func (d *differ) subsequence(x, y []int) []match {
	if d.cells += len(x) * len(y); d.cells > maxCells {
		return nil
	}
	// length[i][j] is that of x[i:] and y[j:].
	length := make([][]int, len(x)+1)
	for i := len(x); i >= 0; i-- {
		length[i] = make([]int, len(y)+1)
		for j := len(y) - 1; j >= 0 && i < len(x); j-- {
			if x[i] == y[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var matches []match
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i] == y[j]:
			matches = append(matches, match{i, j})
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return matches
}

// classes numbers the elements of two arrays so that equal ones, and no others,
// have equal numbers.
func (d *differ) classes(a, b []ref) (x, y []int) {
	type class struct {
		v ref
		n int
	}
	byHash := map[uint64][]class{}
	next := 0
	number := func(vs []ref) []int {
		numbers := make([]int, len(vs))
	values:
		for i, v := range vs {
			h := d.hash.of(v)
			for _, c := range byHash[h] {
				if d.equal(c.v, v) {
					numbers[i] = c.n
					continue values
				}
			}
			byHash[h] = append(byHash[h], class{v, next})
			numbers[i] = next
			next++
		}
		return numbers
	}
	return number(a), number(b)
}

// hasher hashes values so that equal ones have equal hashes. It only saves
// comparisons: the seed differs from run to run, the result does not.
type hasher struct {
	*tree
	seed  maphash.Seed
	known map[ref]uint64 // of arrays and objects
}

func (h *hasher) of(v ref) uint64 {
	kind := h.kind(v)
	if kind < array {
		return h.scalar(kind, h.raw(v))
	}
	if sum, ok := h.known[v]; ok {
		return sum
	}
	sum := uint64(kind)
	for c := h.cursor(v); c.next(); {
		if kind == array {
			sum = maphash.Comparable(h.seed, [2]uint64{sum, h.of(c.value)})
		} else { // in any order
			sum += maphash.Comparable(h.seed, [2]uint64{maphash.String(h.seed, h.name(c.name)), h.of(c.value)})
		}
	}
	h.known[v] = sum
	return sum
}

func (h *hasher) scalar(kind kind, raw string) uint64 {
	switch kind {
	case text:
		return maphash.String(h.seed, unquote(raw))
	case number:
		if d, ok := normalize(raw); ok && len(raw) <= longNumber {
			return maphash.Comparable(h.seed, d)
		}
	}
	return maphash.String(h.seed, raw)
}
