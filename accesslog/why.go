package accesslog

import (
	"bytes"
	"fmt"
	"strconv"
)

// why says what of a line does not fit its layout, for people: which column, what it has, and what
// it should have.
func (p *lineParser) why(l *layout, line []byte) string {
	if l == nil {
		return "there is no #Fields directive before it that can be read"
	}
	if p.parse(l, line) == isEntry {
		return ""
	}
	spans := p.entry.spans
	if w, ok := l.splitter.(interface {
		why(line []byte, spans []span, columns []column) string
	}); ok {
		if text := w.why(line, spans, l.columns); text != "" {
			return text
		}
	}
	if i := l.column[Status]; i >= 0 && spans[i].end > 0 {
		if len(l.when) > 0 {
			if _, ok := p.clock.read(l, line, spans); !ok {
				first, last := spans[l.when[0]], spans[l.when[len(l.when)-1]]
				return fmt.Sprintf("%s has %s, which is no time%s", l.columns[l.when[0]].name, shown(line[first.start:last.end]), l.timeForm())
			}
		}
		if _, ok := parseStatus(line[spans[i].start:spans[i].end]); !ok && l.statusOf == nil {
			return fmt.Sprintf("%s has %s, which is no status", l.columns[i].name, shown(line[spans[i].start:spans[i].end]))
		}
		if c := l.column[Client]; c >= 0 && l.named && p.entry.nobody() {
			return fmt.Sprintf("%s has %s, which is no client", l.columns[c].name, shown(p.entry.raw(int(c))))
		}
	}
	return ""
}

// shown is a value in quotation marks, cut if it is long.
func shown(b []byte) string {
	const most = 40
	if len(b) > most {
		return strconv.Quote(safeText(b[:most], most)) + "…"
	}
	return strconv.Quote(safeText(b, most))
}

// timeForm is an example of a time of the layout.
func (l *layout) timeForm() string {
	switch l.columns[l.when[0]].name {
	case "$time_local", "%t":
		return " such as 03/Nov/2026:09:15:40 +0100"
	case "$time_iso8601":
		return " such as 2026-11-03T09:15:40+01:00"
	case "$msec":
		return " such as 1793697340.123"
	case "date", "time":
		return " such as 2026-11-03 09:15:40"
	}
	return ""
}

func (t *template) why(line []byte, spans []span, columns []column) string {
	if !hasPrefix(line, t.prefix) {
		return fmt.Sprintf("it does not begin with %q", t.prefix)
	}
	for i := range t.values {
		if spans[i] != (span{}) {
			continue
		}
		pos := len(t.prefix)
		if i > 0 {
			pos = int(spans[i-1].end) + len(t.values[i-1].until)
		}
		return t.missing(i, line[min(pos, len(line)):], columns)
	}
	last := len(t.values) - 1
	if end := int(spans[last].end) + len(t.values[last].until); end < len(line) {
		return fmt.Sprintf("behind %s, the last of the format, there is more: %s", columns[last].name, shown(line[end:]))
	}
	return ""
}

// missing says why value i cannot be where rest begins.
func (t *template) missing(i int, rest []byte, columns []column) string {
	v := &t.values[i]
	switch {
	case v.how == fixed:
		return fmt.Sprintf("%s should be %d characters and %q behind them, and there is %s", columns[i].name, v.n, v.until, shown(rest))
	case v.how == word:
		return fmt.Sprintf("%s is the last of the format, and there is more than one word: %s", columns[i].name, shown(rest))
	case v.until == "":
		return fmt.Sprintf("the line ends before %s", columns[i].name)
	}
	return fmt.Sprintf("%s should have %q behind it, and there is %s", columns[i].name, v.until, shown(rest))
}

func (d delimited) why(line []byte, _ []span, _ []column) string {
	have := bytes.Count(line, []byte{d.separator}) + 1
	if len(line) > 0 && line[len(line)-1] == d.separator {
		have--
	}
	if have == d.n {
		return ""
	}
	return columnsDiffer(have, d.n)
}

func (c csvSplitter) why(line []byte, spans []span, _ []column) string {
	have := 0
	for pos := 0; pos <= len(line); have++ {
		_, pos = csvValue(line, pos)
		pos++
	}
	if have == c.n {
		return ""
	}
	return columnsDiffer(have, c.n)
}

func (t *jsonTree) why(line []byte, _ []span, _ []column) string {
	s := jsonScanner{b: line}
	if !s.open() {
		return "it is no JSON object"
	}
	for _, ok := s.next(); ok && !s.bad; _, ok = s.next() {
		s.value()
	}
	if s.bad || s.peek() != 0 {
		return fmt.Sprintf("its JSON is broken at byte %d", min(s.pos, len(line))+1)
	}
	return ""
}

func columnsDiffer(have, want int) string {
	if have == 1 {
		return fmt.Sprintf("it has one column, and the format has %d", want)
	}
	return fmt.Sprintf("it has %d columns, and the format has %d", have, want)
}
