package merge

import (
	"bytes"
	"slices"
	"strings"
)

// Text merges by lines. A line ends in a line feed, and the last one may have none; a carriage return
// before it belongs to the line. The error is ErrBinary or ErrTooLarge.
func Text(base, mine, theirs []byte, o Options) (Result, error) {
	if err := check(base, mine, theirs); err != nil {
		return Result{}, err
	}
	switch {
	case bytes.Equal(mine, theirs), bytes.Equal(base, theirs):
		return Result{Content: slices.Clone(mine)}, nil
	case bytes.Equal(base, mine):
		return Result{Content: slices.Clone(theirs)}, nil
	}
	t := newTriple(base, mine, theirs)
	return t.write(t.merge(o.Style), o), nil
}

// whole is the conflict of two contents as a whole.
func whole(base, mine, theirs []byte, o Options) Result {
	t := newTriple(base, mine, theirs)
	all := func(l lines) span { return span{0, len(l.texts)} }
	b := block{kind: conflict, base: all(t.base), mine: all(t.mine), theirs: all(t.theirs)}
	return t.write([]block{b}, o)
}

// lines is a text in lines.
type lines struct {
	texts   []string
	numbers []int // equal for equal lines
}

// span is a range of lines.
type span struct{ from, to int }

func (l lines) of(s span) []string { return l.texts[s.from:s.to] }

func (s span) len() int { return s.to - s.from }

type triple struct{ base, mine, theirs lines }

func newTriple(base, mine, theirs []byte) *triple {
	known := map[string]int{}
	read := func(content []byte) lines {
		var l lines
		for text := range strings.Lines(string(content)) {
			n, ok := known[text]
			if !ok {
				n = len(known)
				known[text] = n
			}
			l.texts, l.numbers = append(l.texts, text), append(l.numbers, n)
		}
		return l
	}
	return &triple{read(base), read(mine), read(theirs)}
}

type kind uint8

const (
	onlyMine kind = iota
	onlyTheirs
	bothSame
	conflict
)

// block is a place in which a side differs from the base. Its spans are what stands there in each.
type block struct {
	kind               kind
	base, mine, theirs span
}

// merge finds the blocks, in order. Between two of them all three texts are the same.
func (t *triple) merge(style Style) []block {
	blocks := t.align(diff(t.base.numbers, t.mine.numbers), diff(t.base.numbers, t.theirs.numbers))
	if style == Diff3 {
		return blocks
	}
	var refined []block
	for _, b := range blocks {
		if b.kind == conflict {
			refined = append(refined, t.refine(b)...)
		} else {
			refined = append(refined, b)
		}
	}
	return refined
}

// align walks through what both sides changed. Edits that overlap or touch are one block: a conflict,
// unless they are the same edit.
func (t *triple) align(mine, theirs []edit) []block {
	var blocks []block
	shift1, shift2 := 0, 0 // how far the lines of a side are behind those of the base
	for len(mine) > 0 || len(theirs) > 0 {
		from := firstOf(mine, theirs)
		b := block{base: span{from, from}, mine: span{from + shift1, 0}, theirs: span{from + shift2, 0}}
		var took1, took2 []edit
		for grown := true; grown; {
			n1, n2 := touching(mine, b.base), touching(theirs, b.base)
			took1, mine, shift1 = take(took1, mine, n1, shift1, &b.base)
			took2, theirs, shift2 = take(took2, theirs, n2, shift2, &b.base)
			grown = n1+n2 > 0
		}
		b.mine.to, b.theirs.to = b.base.to+shift1, b.base.to+shift2
		b.kind = t.kindOf(b, took1, took2)
		blocks = append(blocks, b)
	}
	return blocks
}

func firstOf(mine, theirs []edit) int {
	switch {
	case len(mine) == 0:
		return theirs[0].from
	case len(theirs) == 0:
		return mine[0].from
	}
	return min(mine[0].from, theirs[0].from)
}

// touching is 1 if the first edit overlaps or touches the span, else 0.
func touching(edits []edit, s span) int {
	if len(edits) > 0 && edits[0].from <= s.to {
		return 1
	}
	return 0
}

// take moves n edits from rest to taken, and widens the span of the base by them.
func take(taken, rest []edit, n, shift int, base *span) ([]edit, []edit, int) {
	for _, e := range rest[:n] {
		shift += e.ins - e.del
		base.to = max(base.to, e.from+e.del)
	}
	return append(taken, rest[:n]...), rest[n:], shift
}

func (t *triple) kindOf(b block, mine, theirs []edit) kind {
	switch {
	case len(theirs) == 0:
		return onlyMine
	case len(mine) == 0:
		return onlyTheirs
	case slices.Equal(t.mine.of(b.mine), t.theirs.of(b.theirs)):
		return bothSame
	}
	return conflict
}

// refine takes out of a conflict what both sides have, so that only what differs is left to choose
// from. Conflicts with nothing between them but a few lines without letters or digits stay one: braces
// and empty lines are not where a reader wants to begin again.
func (t *triple) refine(b block) []block {
	edits := diff(t.mine.numbers[b.mine.from:b.mine.to], t.theirs.numbers[b.theirs.from:b.theirs.to])
	var parts []block
	for _, e := range edits {
		p := block{kind: conflict, base: b.base,
			mine:   span{b.mine.from + e.from, b.mine.from + e.from + e.del},
			theirs: span{b.theirs.from + e.at, b.theirs.from + e.at + e.ins}}
		if last := len(parts) - 1; last >= 0 && t.isThin(span{parts[last].mine.to, p.mine.from}) {
			parts[last].mine.to, parts[last].theirs.to = p.mine.to, p.theirs.to
			continue
		}
		parts = append(parts, p)
	}
	// Which lines of the base belong to a part cannot be told: they go with the first.
	for i := range parts {
		if i > 0 {
			parts[i].base = span{b.base.to, b.base.to}
		}
	}
	return t.within(b, parts)
}

// within puts blocks of what both sides have around the parts of a conflict.
func (t *triple) within(b block, parts []block) []block {
	var blocks []block
	at1, at2 := b.mine.from, b.theirs.from
	common := func(to1, to2 int) {
		if to1 > at1 {
			blocks = append(blocks, block{kind: bothSame, base: span{b.base.from, b.base.from}, mine: span{at1, to1}, theirs: span{at2, to2}})
		}
	}
	for _, p := range parts {
		common(p.mine.from, p.theirs.from)
		blocks = append(blocks, p)
		at1, at2 = p.mine.to, p.theirs.to
	}
	common(b.mine.to, b.theirs.to)
	return blocks
}

// isThin reports whether lines of mine are at most three, or have no letter and no digit.
func (t *triple) isThin(s span) bool {
	if s.len() <= 3 {
		return true
	}
	return !slices.ContainsFunc(t.mine.of(s), func(line string) bool { return strings.ContainsFunc(line, isAlnum) })
}

func isAlnum(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r >= 0x80
}
