package patch

import "strings"

// layout is how a document is spelled between its values.
type layout struct {
	// unit is what one level is indented by, if anything is spread over lines.
	unit string
	// spread says that new containers are spread over lines.
	spread bool
	// newline is "\n" or "\r\n".
	newline string
	// colon and comma separate, within one line.
	colon, comma string
	// leading and trailing are the space around the outermost value.
	leading, trailing string
}

// maxUnit bounds an indentation taken over from a document.
const maxUnit = 8

// layoutOf tells a document's layout from its beginning: the first line's end, the
// indentation of the second, the space after the first colon or comma.
func layoutOf(doc string) layout {
	inner := strings.TrimLeft(doc, " \t\r\n")
	l := layout{newline: "\n", colon: ":", comma: ",", leading: doc[:len(doc)-len(inner)]}
	l.trailing = inner[len(strings.TrimRight(inner, " \t\r\n")):]
	if inner[0] != '{' && inner[0] != '[' {
		return l
	}
	line, rest, spread := strings.Cut(inner[1:], "\n")
	if spread && strings.Trim(line, " \t\r") == "" {
		l.spread = true
		l.unit = rest[:min(maxUnit, len(rest)-len(strings.TrimLeft(rest, " \t")))]
		if strings.HasSuffix(line, "\r") {
			l.newline = "\r\n"
		}
	}
	if spaced(inner) {
		l.colon, l.comma = ": ", ", "
	}
	return l
}

// spaced reports whether a space follows the first separator in doc.
func spaced(doc string) bool {
	p := parser{s: doc}
	for ; p.i < len(doc)-1; p.i++ {
		switch doc[p.i] {
		case '"':
			p.string()
			p.i--
		case ':':
			return doc[p.i+1] == ' '
		case ',':
			if next := doc[p.i+1]; next != '\n' && next != '\r' {
				return next == ' '
			}
		}
	}
	return false
}

// writer spells values. It stops growing past limit bytes.
type writer struct {
	layout
	b     []byte
	limit int
}

// document spells v as a whole document.
func (l layout) document(v *value) ([]byte, error) {
	w := &writer{layout: l, limit: MaxSize}
	w.add(l.leading)
	w.value(v, 1)
	w.add(l.trailing)
	if w.full() {
		return nil, fail(ErrTooLarge, "the result would be %s", errTooLong)
	}
	return w.b, nil
}

func (w *writer) full() bool { return len(w.b) > w.limit }

func (w *writer) add(s string) {
	if !w.full() {
		w.b = append(w.b, s...)
	}
}

// value spells v; the elements of v, if they are spread, are at depth.
func (w *writer) value(v *value, depth int) {
	switch {
	case w.full():
	case v.container == nil:
		w.add(v.raw)
	case v.source != "":
		w.add(v.source)
	case v.kind == array:
		w.array(v, depth)
	default:
		w.object(v, depth)
	}
}

// array spells v, its elements at depth if they are on lines of their own.
func (w *writer) array(v *value, depth int) {
	lines := w.onLines(v)
	w.add("[")
	for i, item := range v.items {
		w.before(i, lines, depth)
		w.value(item, depth+1)
	}
	w.end("]", lines, depth)
}

func (w *writer) object(v *value, depth int) {
	lines, n := w.onLines(v), 0
	w.add("{")
	for _, m := range v.members {
		if m.value == nil {
			continue
		}
		w.before(n, lines, depth)
		w.add(m.raw)
		w.add(w.colon)
		w.value(m.value, depth+1)
		n++
	}
	w.end("}", lines, depth)
}

// onLines reports whether each element of v goes on a line of its own: as in the
// container's source, or as in the document, if it has none that tells.
func (w *writer) onLines(v *value) bool {
	if v.size() == 0 || v.breaks == unknown {
		return v.size() > 0 && w.spread
	}
	return v.breaks == lines
}

// before spells what stands before element i.
func (w *writer) before(i int, lines bool, depth int) {
	switch {
	case lines && i > 0:
		w.add(",")
	case i > 0:
		w.add(w.comma)
	}
	if lines {
		w.line(depth)
	}
}

func (w *writer) end(bracket string, lines bool, depth int) {
	if lines {
		w.line(depth - 1)
	}
	w.add(bracket)
}

func (w *writer) line(depth int) {
	w.add(w.newline)
	for range depth {
		w.add(w.unit)
	}
}
