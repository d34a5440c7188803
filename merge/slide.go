package merge

// group is a run of changed lines in one text, maybe an empty one: there is one before each unchanged
// line, and one at the end.
type group struct {
	*side
	start, end int
}

func firstGroup(s *side) *group {
	g := &group{side: s}
	g.toEnd()
	return g
}

func (g *group) toEnd() {
	for g.end < len(g.changed) && g.changed[g.end] {
		g.end++
	}
}

// next goes to the next group; false if there is none.
func (g *group) next() bool {
	if g.end == len(g.changed) {
		return false
	}
	g.start = g.end + 1
	g.end = g.start
	g.toEnd()
	return true
}

// previous goes to the group before.
func (g *group) previous() {
	g.end = g.start - 1
	g.start = g.end
	for g.start > 0 && g.changed[g.start-1] {
		g.start--
	}
}

// up moves the group one line towards the beginning, if that says the same, and takes in a group that
// it then touches.
func (g *group) up() bool {
	if g.start == 0 || g.lines[g.start-1] != g.lines[g.end-1] {
		return false
	}
	g.start, g.end = g.start-1, g.end-1
	g.changed[g.start], g.changed[g.end] = true, false
	for g.start > 0 && g.changed[g.start-1] {
		g.start--
	}
	return true
}

// down moves the group one line towards the end.
func (g *group) down() bool {
	if g.end == len(g.lines) || g.lines[g.start] != g.lines[g.end] {
		return false
	}
	g.changed[g.start], g.changed[g.end] = false, true
	g.start, g.end = g.start+1, g.end+1
	g.toEnd()
	return true
}

// slide moves each run of changed lines as far towards the end as it says the same, and joins runs
// that meet. If on its way it stands beside a run of the other text, it stays there: together they
// are one change.
func slide(s, other *side) {
	g, o := firstGroup(s), firstGroup(other)
	for {
		if g.end > g.start {
			g.settle(o)
		}
		if !g.next() {
			return
		}
		o.next()
	}
}

// settle slides one group; o is the group of the other text that stands beside it.
func (g *group) settle(o *group) {
	beside := -1 // where the group's end is when it last stood beside one of the other text
	for size := -1; size != g.end-g.start; {
		size = g.end - g.start
		beside = -1
		for g.up() {
			o.previous()
		}
		if o.end > o.start {
			beside = g.end
		}
		for g.down() {
			o.next()
			if o.end > o.start {
				beside = g.end
			}
		}
	}
	for beside >= 0 && o.end == o.start {
		g.up()
		o.previous()
	}
}
