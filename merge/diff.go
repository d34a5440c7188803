package merge

import "math"

// edit says that the lines from to from+del of one text became the lines at to at+ins of another.
type edit struct{ from, del, at, ins int }

// diff returns what changed from a to b, in order, no two edits touching. The lines are given as
// numbers, equal for equal lines. It is a shortest edit script (Myers, "An O(ND) Difference
// Algorithm and Its Variations", 1986, with the refinement for linear space), unless that takes too
// long; and of edits that could stand in several places, it says the last one, as git does: two
// authors who add the same line among equal ones then add it in the same place.
func diff(a, b []int) []edit {
	d := differ{a: newSide(a, b), b: newSide(b, a)}
	d.cost = max(256, int(math.Sqrt(float64(len(a)+len(b)))))
	size := len(d.a.kept) + len(d.b.kept) + 3
	d.origin = len(d.b.kept) + 1
	d.forward, d.backward = make([]int, size), make([]int, size)
	d.compare(0, len(d.a.kept), 0, len(d.b.kept))
	slide(d.a, d.b)
	slide(d.b, d.a)
	return script(d.a.changed, d.b.changed)
}

// side is one of the two texts of a comparison.
type side struct {
	lines   []int
	changed []bool // the line is not in the other text, or not there in this order
	kept    []int  // places of the lines that the other text has, too
}

// newSide marks the lines that the other text has not at all: they are changed in any case.
func newSide(lines, other []int) *side {
	s := &side{lines: lines, changed: make([]bool, len(lines))}
	there := make(map[int]struct{}, len(other))
	for _, l := range other {
		there[l] = struct{}{}
	}
	for i, l := range lines {
		if _, ok := there[l]; ok {
			s.kept = append(s.kept, i)
		} else {
			s.changed[i] = true
		}
	}
	return s
}

func (s *side) at(i int) int { return s.lines[s.kept[i]] }

// differ compares two texts.
type differ struct {
	a, b *side
	// forward and backward are, for each diagonal, how far a path has come in a. Diagonal d is at
	// origin+d.
	forward, backward []int
	origin            int
	cost              int // the number of edits after which the best guess is taken
}

// compare marks what changed between the kept lines from…to of a and of b.
func (d *differ) compare(from1, to1, from2, to2 int) {
	for from1 < to1 && from2 < to2 && d.a.at(from1) == d.b.at(from2) {
		from1, from2 = from1+1, from2+1
	}
	for from1 < to1 && from2 < to2 && d.a.at(to1-1) == d.b.at(to2-1) {
		to1, to2 = to1-1, to2-1
	}
	if from1 == to1 || from2 == to2 {
		for i := from1; i < to1; i++ {
			d.a.changed[d.a.kept[i]] = true
		}
		for i := from2; i < to2; i++ {
			d.b.changed[d.b.kept[i]] = true
		}
		return
	}
	i, j := d.middle(from1, to1, from2, to2)
	d.compare(from1, i, from2, j)
	d.compare(i, to1, j, to2)
}

// reach is the range of diagonals that paths from one corner have come to.
type reach struct{ low, high int }

// widen lets the paths of r come to one more diagonal on each side, as far as there are any.
func (r *reach) widen(v []int, origin, low, high, nowhere int) {
	if r.low > low {
		r.low--
		v[origin+r.low-1] = nowhere
	} else {
		r.low++
	}
	if r.high < high {
		r.high++
		v[origin+r.high+1] = nowhere
	} else {
		r.high--
	}
}

func (r reach) has(diagonal int) bool { return r.low <= diagonal && diagonal <= r.high }

// middle returns a point that a shortest path goes through.
func (d *differ) middle(from1, to1, from2, to2 int) (int, int) {
	low, high := from1-to2, to1-from2
	f, b := reach{from1 - from2, from1 - from2}, reach{to1 - to2, to1 - to2}
	odd := (f.low-b.low)&1 != 0
	d.forward[d.origin+f.low], d.backward[d.origin+b.low] = from1, to1
	for edits := 1; ; edits++ {
		f.widen(d.forward, d.origin, low, high, -1)
		for k := f.high; k >= f.low; k -= 2 {
			i := d.stepForward(k, to1, to2)
			if odd && b.has(k) && d.backward[d.origin+k] <= i {
				return i, i - k
			}
		}
		b.widen(d.backward, d.origin, low, high, math.MaxInt)
		for k := b.high; k >= b.low; k -= 2 {
			i := d.stepBackward(k, from1, from2)
			if !odd && f.has(k) && i <= d.forward[d.origin+k] {
				return i, i - k
			}
		}
		if edits >= d.cost {
			return d.furthest(f, to1, to2)
		}
	}
}

// stepForward goes one edit further on diagonal k, and along what is equal.
func (d *differ) stepForward(k, to1, to2 int) int {
	v := d.forward[d.origin+k-1 : d.origin+k+2]
	i := v[2]
	if v[0] >= v[2] {
		i = v[0] + 1
	}
	for i < to1 && i-k < to2 && d.a.at(i) == d.b.at(i-k) {
		i++
	}
	v[1] = i
	return i
}

// stepBackward is stepForward from the other corner.
func (d *differ) stepBackward(k, from1, from2 int) int {
	v := d.backward[d.origin+k-1 : d.origin+k+2]
	i := v[0]
	if v[0] >= v[2] {
		i = v[2] - 1
	}
	for i > from1 && i-k > from2 && d.a.at(i-1) == d.b.at(i-k-1) {
		i--
	}
	v[1] = i
	return i
}

// furthest returns the point that a path from the first corner has come furthest to.
func (d *differ) furthest(f reach, to1, to2 int) (int, int) {
	bestI, bestJ := -1, -1
	for k := f.high; k >= f.low; k -= 2 {
		i := min(d.forward[d.origin+k], to1)
		if i-k > to2 {
			i = to2 + k
		}
		if i+i-k > bestI+bestJ {
			bestI, bestJ = i, i-k
		}
	}
	return bestI, bestJ
}

// script makes edits of the marks.
func script(a, b []bool) []edit {
	var edits []edit
	for i, j := 0, 0; i < len(a) || j < len(b); {
		if (i >= len(a) || !a[i]) && (j >= len(b) || !b[j]) {
			i, j = i+1, j+1
			continue
		}
		e := edit{from: i, at: j}
		for i < len(a) && a[i] {
			i++
		}
		for j < len(b) && b[j] {
			j++
		}
		e.del, e.ins = i-e.from, j-e.at
		edits = append(edits, e)
	}
	return edits
}
