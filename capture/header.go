package capture

import (
	"iter"
	"net/textproto"
	"strings"
)

// A Line is a field line of a header section (RFC 9110 §5.2).
type Line struct {
	// Name is the field name in the case it was sent in.
	Name string
	// Value is the field value without the whitespace around it, or what is shown in place of a
	// credential.
	Value string
	// Redacted is set if Value, or a part of it, is not what was sent because that was a
	// credential, or somebody has hidden it.
	Redacted bool
	// Cut is set if Value is only the beginning, or hidden though it is no credential, so that it
	// must not be compared.
	Cut bool
}

// A Header is a header section: its field lines in the order they were sent. It cannot hold
// a credential, for Add replaces those. The zero Header is empty.
type Header struct{ lines []Line }

// Add appends a line. A credential in the value is replaced; see IsCredential and RedactURL.
func (h *Header) Add(name, value string) { h.add(Line{Name: name, Value: value}) }

func (h *Header) add(l Line) {
	value, redacted := redactValue(l.Name, l.Value)
	l.Value, l.Redacted = value, l.Redacted || redacted
	if isHidden(l.Name, value) {
		l.Redacted, l.Cut = true, true
	}
	h.lines = append(h.lines, l)
}

// Len is the number of lines.
func (h Header) Len() int { return len(h.lines) }

// Lines yields the lines in the order they were sent.
func (h Header) Lines() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for _, l := range h.lines {
			if !yield(l) {
				return
			}
		}
	}
}

// Named returns the lines with the name, whose case does not matter.
func (h Header) Named(name string) []Line {
	var lines []Line
	for _, l := range h.lines {
		if strings.EqualFold(l.Name, name) {
			lines = append(lines, l)
		}
	}
	return lines
}

// Values returns the values of the lines with the name, one for each line; nil if
// there is none.
func (h Header) Values(name string) []string {
	var values []string
	for _, l := range h.lines {
		if strings.EqualFold(l.Name, name) {
			values = append(values, l.Value)
		}
	}
	return values
}

// Get returns the field value: the lines with the name, combined with commas (RFC 9110 §5.3).
// It is "" if there is none; see Has.
func (h Header) Get(name string) string { return strings.Join(h.Values(name), ", ") }

// Has reports whether there is a line with the name.
func (h Header) Has(name string) bool {
	for _, l := range h.lines {
		if strings.EqualFold(l.Name, name) {
			return true
		}
	}
	return false
}

// Map returns the lines by name in the canonical form of net/http, for precondition.FieldsOf.
// The map is the caller's.
func (h Header) Map() map[string][]string {
	m := make(map[string][]string, len(h.lines))
	for _, l := range h.lines {
		name := textproto.CanonicalMIMEHeaderKey(l.Name)
		m[name] = append(m[name], l.Value)
	}
	return m
}
