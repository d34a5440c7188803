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
	for i := 0; i < len(doc)-1; i++ {
		switch doc[i] {
		case '"':
			i = stringEnd(doc, i) - 1
		case ':':
			return doc[i+1] == ' '
		case ',':
			if next := doc[i+1]; next != '\n' && next != '\r' {
				return next == ' '
			}
		}
	}
	return false
}

// writer spells values. It stops growing past limit bytes.
type writer struct {
	layout
	t     *tree
	b     []byte
	limit int
}

// document spells v as a whole document, about as long as expected.
func (l layout) document(t *tree, v ref, expected int) ([]byte, error) {
	w := &writer{layout: l, t: t, limit: MaxSize, b: make([]byte, 0, min(expected, MaxSize))}
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
func (w *writer) value(v ref, depth int) {
	switch {
	case w.full():
	case v.isText() && v&respelled == 0:
		w.add(w.t.text[v.at():w.t.end(v.at())])
	case v.isText():
		w.respell(v.at(), depth, v&stripped != 0)
	case w.t.containers[v.at()].source != "":
		w.add(w.t.containers[v.at()].source)
	default:
		w.container(v, depth)
	}
}

// container spells one that was looked into, its elements at depth if they are on
// lines of their own.
func (w *writer) container(v ref, depth int) {
	container := w.t.containers[v.at()]
	lines, n := w.onLines(container), 0
	w.add(brackets[container.kind].open)
	for c := w.t.cursor(v); c.next(); n++ {
		w.before(n, lines, depth)
		if c.kind == object {
			w.add(w.t.raw(c.name))
			w.add(w.colon)
		}
		w.value(c.value, depth+1)
	}
	w.end(brackets[container.kind].close, lines, depth)
}

var brackets = map[kind]struct{ open, close string }{array: {"[", "]"}, object: {"{", "}"}}

// respell spells the value at i in the text in this layout, and returns its end.
// stripped leaves out the members of objects that are null, but not of those in arrays.
func (w *writer) respell(i, depth int, stripped bool) int {
	s := w.t.text
	kind := kindOf(s[i])
	if kind < array {
		end := scalarEnd(s, i)
		w.add(s[i:end])
		return end
	}
	w.add(brackets[kind].open)
	n := 0
	for i = nextElement(s, i+1); s[i] != ']' && s[i] != '}'; i = nextElement(s, i) {
		name := ""
		if kind == object {
			end := stringEnd(s, i)
			name, i = s[i:end], spaceEnd(s, spaceEnd(s, end)+1) // past the colon
		}
		if stripped && kind == object && s[i] == 'n' {
			i = scalarEnd(s, i)
			continue
		}
		w.before(n, w.spread, depth)
		if kind == object {
			w.add(name)
			w.add(w.colon)
		}
		i = w.respell(i, depth+1, stripped && kind == object)
		n++
	}
	w.end(brackets[kind].close, w.spread && n > 0, depth)
	return i + 1
}

// onLines reports whether each element of c goes on a line of its own: as in the
// container's source, or as in the document, if it has none that tells.
func (w *writer) onLines(c *container) bool {
	if c.size() == 0 || c.breaks == unknown {
		return c.size() > 0 && w.spread
	}
	return c.breaks == lines
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
