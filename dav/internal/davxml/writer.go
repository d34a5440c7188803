package davxml

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ContentType is the media type of what a Writer writes. Application/xml and not text/xml: of the latter old clients
// believe nothing but the charset parameter.
const ContentType = `application/xml; charset="utf-8"`

// Writer writes one document in the namespace DAV:, which has the prefix D throughout. The default namespace is
// never declared, so that a fragment in no namespace is in none. An error of the writer below stays, and ends with
// Flush; whoever wants to stop early asks Err.
type Writer struct {
	b    *bufio.Writer
	open []string
	// begun is set while the tag of the innermost element lacks its end, which says whether anything is in it.
	begun bool
	err   error
}

// bufferSize is how much of a document waits to be sent.
const bufferSize = 16 << 10

// NewWriter begins a document on w.
func NewWriter(w io.Writer) *Writer {
	d := &Writer{b: bufio.NewWriterSize(w, bufferSize)}
	d.raw(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	return d
}

func (w *Writer) raw(s string) {
	if w.begun {
		w.begun = false
		w.raw(">")
	}
	if w.err == nil {
		_, w.err = w.b.WriteString(s)
	}
}

// Open begins an element of DAV:.
func (w *Writer) Open(local string) {
	w.raw("<D:")
	w.raw(local)
	if len(w.open) == 0 {
		w.raw(` xmlns:D="DAV:"`)
	}
	w.begun = true
	w.open = append(w.open, local)
}

// Close ends the element that was opened last.
func (w *Writer) Close() {
	local := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	if w.begun {
		w.begun = false
		w.raw("/>")
	} else {
		w.raw("</D:")
		w.raw(local)
		w.raw(">")
	}
	if len(w.open) <= 1 {
		w.raw("\n") // a line for each response, for people
	}
}

// Element writes an element of DAV: that has text alone.
func (w *Writer) Element(local, text string) {
	w.raw("<D:")
	w.raw(local)
	w.raw(">")
	w.Text(text)
	w.raw("</D:")
	w.raw(local)
	w.raw(">")
}

// Empty writes an element of DAV: that has nothing in it.
func (w *Writer) Empty(local string) {
	w.raw("<D:")
	w.raw(local)
	w.raw("/>")
}

// Name writes an element of any name that has nothing in it.
func (w *Writer) Name(n Name) {
	switch n.Space {
	case DAV:
		w.Empty(n.Local)
	case "":
		w.raw("<" + n.Local + "/>")
	case xmlSpace:
		w.raw("<xml:" + n.Local + "/>")
	default:
		w.raw("<p:" + n.Local + ` xmlns:p="`)
		w.escaped(n.Space, true)
		w.raw(`"/>`)
	}
}

// Fragment writes what [Element.Fragment] returned, as it is.
func (w *Writer) Fragment(s string) { w.raw(s) }

// Text writes character data. What XML cannot hold becomes U+FFFD.
func (w *Writer) Text(s string) { w.escaped(s, false) }

func (w *Writer) escaped(s string, attribute bool) {
	if plain(s) {
		w.raw(s)
		return
	}
	var b strings.Builder
	appendText(&b, strings.Map(inXML, s), attribute)
	w.raw(b.String())
}

// plain reports whether s can stand in XML as it is, in text and attributes.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c >= utf8.RuneSelf, c == '&', c == '<', c == '>', c == '"':
			return false
		}
	}
	return true
}

// inXML returns r, or U+FFFD if no document can have it (XML 1.0 §2.2).
func inXML(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r', r >= ' ' && r < 0xFFFE, r >= 0x10000:
		return r
	}
	return utf8.RuneError
}

// Int writes a number.
func (w *Writer) Int(n int64) {
	w.raw("")
	if w.err == nil {
		_, w.err = w.b.Write(strconv.AppendInt(w.b.AvailableBuffer(), n, 10))
	}
}

// Date writes an HTTP-date (RFC 9110 §5.6.7).
func (w *Writer) Date(t time.Time) {
	w.raw("")
	if w.err == nil {
		_, w.err = w.b.Write(t.UTC().AppendFormat(w.b.AvailableBuffer(), http.TimeFormat))
	}
}

// Status writes a status element: "HTTP/1.1 404 Not Found" (§14.28).
func (w *Writer) Status(code int) {
	w.Element("status", "HTTP/1.1 "+strconv.Itoa(code)+" "+http.StatusText(code))
}

// Err returns the first error.
func (w *Writer) Err() error { return w.err }

// Send hands over what has been written so far.
func (w *Writer) Send() error {
	if w.err == nil {
		w.err = w.b.Flush()
	}
	return w.err
}

// Flush ends the document: all that is open is closed and handed over. It returns the first error.
func (w *Writer) Flush() error {
	for len(w.open) > 0 {
		w.Close()
	}
	return w.Send()
}
