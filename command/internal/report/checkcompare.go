package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/probe"
)

// A pair is what became of one check on two servers.
type pair struct{ A, B *probe.Result }

func (p pair) differs() bool { return p.A.Outcome != p.B.Outcome }

// compare returns the results of the checks that were asked of both, those first whose outcomes differ,
// worst first.
func compare(a, b *Checked) (pairs []pair) {
	for i := range a.Results {
		at := slices.IndexFunc(b.Results, func(r probe.Result) bool { return r.Check == a.Results[i].Check })
		if at >= 0 {
			pairs = append(pairs, pair{&a.Results[i], &b.Results[at]})
		}
	}
	rank := func(p pair) int {
		if p.differs() {
			return int(p.A.Check.Level) + 1
		}
		return 0
	}
	slices.SortStableFunc(pairs, func(x, y pair) int { return rank(y) - rank(x) })
	return pairs
}

// Comparison writes two servers side by side as text: where they differ, with what was found, and then the
// rest.
func Comparison(w io.Writer, a, b *Checked, style Style, detail CheckDetail) error {
	p := &page{Style: style}
	for i, c := range []*Checked{a, b} {
		p.checkSummary(c, fmt.Sprintf("%c: ", 'A'+i))
		p.line("")
	}
	pairs := compare(a, b)
	same := slices.IndexFunc(pairs, func(p pair) bool { return !p.differs() })
	if same < 0 {
		same = len(pairs)
	}
	if same == 0 {
		p.line("They do not differ in any check.")
	} else {
		p.line("%s", p.paint("Where they differ", bold))
		p.pairs(pairs[:same], true)
	}
	if same < len(pairs) {
		p.heading("Where they do not")
		p.pairs(pairs[same:], false)
	}
	for i, c := range []*Checked{a, b} {
		p.failures(c, fmt.Sprintf("What is wrong on %c, worst first", 'A'+i), detail)
	}
	return p.flush(w)
}

// pairs is a table with a column for each server.
func (p *page) pairs(pairs []pair, says bool) {
	width := 0
	for _, x := range pairs {
		width = max(width, min(len(x.A.Check.ID), maxIDWidth))
	}
	p.line("  %s", p.paint("A     B", faint))
	for _, x := range pairs {
		head := fmt.Sprintf("  %s  %s  %-6s  %-*s  ", p.outcomeMark(x.A.Outcome), p.outcomeMark(x.B.Outcome), x.A.Check.Level,
			width, x.A.Check.ID)
		p.block(head, strings.Repeat(" ", visible(head)), x.A.Check.Title)
		if says {
			p.block("              A: ", "                 ", Printable(clip(x.A.Says)))
			p.block("              B: ", "                 ", Printable(clip(x.B.Says)))
		}
	}
}
