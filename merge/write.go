package merge

import (
	"bytes"
	"strings"
)

// smallestMarker is the number of characters of a marker that editors and git look for.
const smallestMarker = 7

// writer writes a merged text.
type writer struct {
	bytes.Buffer
	*triple
	options Options
	size    int    // of markers
	end     string // of the lines with markers
}

// write returns the merged text: the base, with what the blocks say in the place of what changed.
func (t *triple) write(blocks []block, o Options) Result {
	w := &writer{triple: t, options: o, size: t.markerSize(o.MarkerSize), end: t.lineEnd()}
	r, at := Result{}, 0
	for _, b := range blocks {
		w.lines(t.mine.texts[at:b.mine.from])
		at = b.mine.to
		switch b.kind {
		case onlyMine, bothSame:
			w.lines(t.mine.of(b.mine))
		case onlyTheirs:
			w.lines(t.theirs.of(b.theirs))
		case conflict:
			r.Conflicts++
			w.conflict(b)
		}
	}
	w.lines(t.mine.texts[at:])
	r.Content = w.Bytes()
	return r
}

// lines writes whole lines. Only the last one of a text may have no line feed; if it has come to
// stand before others, it gets one.
func (w *writer) lines(texts []string) {
	for _, text := range texts {
		w.endLine()
		w.WriteString(text)
	}
}

// endLine ends the line that was written last, if it has no end.
func (w *writer) endLine() {
	if b := w.Bytes(); len(b) > 0 && b[len(b)-1] != '\n' {
		w.WriteString(w.end)
	}
}

func (w *writer) conflict(b block) {
	w.marker('<', w.options.Mine, "mine")
	w.lines(w.mine.of(b.mine))
	if w.options.Style == Diff3 {
		w.marker('|', w.options.Base, "base")
		w.lines(w.base.of(b.base))
	}
	w.marker('=', "", "")
	w.lines(w.theirs.of(b.theirs))
	w.marker('>', w.options.Theirs, "theirs")
}

// marker writes a line of a repeated character and a label.
func (w *writer) marker(c byte, label, otherwise string) {
	w.endLine()
	w.WriteString(strings.Repeat(string(c), w.size))
	if label == "" {
		label = otherwise
	}
	if label = strings.Join(strings.FieldsFunc(label, func(r rune) bool { return r == '\n' || r == '\r' }), " "); label != "" {
		w.WriteString(" " + label)
	}
	w.WriteString(w.end)
}

// markerSize is the size asked for, or the next one that no line of the texts could be taken for.
func (t *triple) markerSize(asked int) int {
	size := max(asked, smallestMarker)
	for _, l := range []lines{t.base, t.mine, t.theirs} {
		for _, text := range l.texts {
			if n := runLength(text); n >= size && strings.IndexByte("<|=>", text[0]) >= 0 {
				size = n + 1
			}
		}
	}
	return size
}

// runLength is how often the first byte of a text is repeated at its beginning.
func runLength(text string) int {
	n := 0
	for n < len(text) && text[n] == text[0] {
		n++
	}
	return n
}

// lineEnd is how most lines of mine end, or of theirs if mine has none.
func (t *triple) lineEnd() string {
	for _, l := range []lines{t.mine, t.theirs, t.base} {
		crlf, lf := 0, 0
		for _, text := range l.texts {
			switch {
			case strings.HasSuffix(text, "\r\n"):
				crlf++
			case strings.HasSuffix(text, "\n"):
				lf++
			}
		}
		if crlf+lf > 0 {
			if crlf > lf {
				return "\r\n"
			}
			break
		}
	}
	return "\n"
}
