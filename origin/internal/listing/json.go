package listing

import (
	"bufio"
	"encoding/json"
	"strconv"
	"time"
)

// renderJSON writes the listing as JSON, one member a line.
func (m *Members) renderJSON(w *bufio.Writer, name string) {
	var line []byte
	line = append(line, `{"name":`...)
	line = appendString(line, path(name))
	line = append(line, `,"members":[`...)
	for i := range m.inOrder() {
		if i > 0 {
			line = append(line, ',')
		}
		line = m.all[i].appendJSON(append(line, '\n'))
		_, _ = w.Write(line) // Flush tells
		line = line[:0]
	}
	_, _ = w.Write(append(line, "\n]}\n"...))
}

// appendJSON appends the member's JSON form. Its names and their order are an interface.
func (m *member) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"name":`...), m.name())
	b = appendString(append(b, `,"href":`...), m.href())
	if m.collection {
		b = append(b, `,"collection":true`...)
	} else {
		b = strconv.AppendInt(append(b, `,"size":`...), m.size, 10)
	}
	if m.modified != noDate {
		b = m.time().AppendFormat(append(b, `,"modified":"`...), time.RFC3339)
		b = append(b, '"')
	}
	if mediaType := m.mediaType(); mediaType != "" {
		b = appendString(append(b, `,"type":`...), mediaType)
	}
	return append(b, '}')
}

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendOdd(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendOdd is appendString for any s.
func appendOdd(b []byte, s string) []byte {
	w := &appender{b}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("listing: " + err.Error()) // every string can be encoded
	}
	return w.b[:len(w.b)-1] // without the line feed
}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
