package davxml

import (
	"slices"
	"strings"
)

// Fragment returns e as a document of its own, without a declaration: prefixes as they were written, with their
// declarations, and the language in scope. Prefixes are kept as values may use them in text, as XPath does (§4.3).
func (e *Element) Fragment() string {
	var b strings.Builder
	e.appendTo(&b, e.wanted(), true)
	return b.String()
}

// Content returns all that is inside e, each element in it a document of its own.
func (e *Element) Content() string {
	var b strings.Builder
	for _, n := range e.content {
		if n.element != nil {
			b.WriteString(n.element.Fragment())
		} else {
			appendText(&b, n.text, false)
		}
	}
	return b.String()
}

// wanted are the declarations that e needs from outside: those of prefixes that it uses in names, or may use in
// text. An inner declaration of the same prefix is written where it was.
func (e *Element) wanted() []scope {
	var found []scope
	var seen []string // an inner declaration hides an outer one
	for s := e.scope; s != nil; s = s.outer {
		if slices.Contains(seen, s.prefix) {
			continue
		}
		seen = append(seen, s.prefix)
		none := s.prefix == "" && s.space == "" // what a fragment begins with
		if !none && e.mentions(s.prefix) {
			found = append(found, scope{prefix: s.prefix, space: s.space})
		}
	}
	slices.SortFunc(found, func(a, b scope) int { return strings.Compare(a.prefix, b.prefix) })
	return found
}

// mentions reports whether prefix may be used in e.
func (e *Element) mentions(prefix string) bool {
	if e.raw.Space == prefix {
		return true
	}
	use := prefix + ":"
	for _, a := range e.attrs {
		if a.Name.Space == prefix && prefix != "" || prefix != "" && strings.Contains(a.Value, use) {
			return true
		}
	}
	for _, n := range e.content {
		if n.element != nil && n.element.mentions(prefix) || prefix != "" && strings.Contains(n.text, use) {
			return true
		}
	}
	return false
}

// appendTo writes e. declared are what it declares: at the root, all that the fragment takes from outside.
func (e *Element) appendTo(b *strings.Builder, declared []scope, root bool) {
	b.WriteByte('<')
	e.appendName(b)
	for _, d := range declared {
		b.WriteString(" xmlns")
		if d.prefix != "" {
			b.WriteString(":" + d.prefix)
		}
		appendAttribute(b, d.space)
	}
	if root && e.Lang != "" {
		b.WriteString(" xml:lang")
		appendAttribute(b, e.Lang)
	}
	for _, a := range e.attrs {
		if root && a.Name.Space == "xml" && a.Name.Local == "lang" {
			continue
		}
		b.WriteByte(' ')
		if a.Name.Space != "" {
			b.WriteString(a.Name.Space + ":")
		}
		b.WriteString(a.Name.Local)
		appendAttribute(b, a.Value)
	}
	if len(e.content) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	for _, n := range e.content {
		if n.element != nil {
			n.element.appendTo(b, n.element.own(e.scope), false)
		} else {
			appendText(b, n.text, false)
		}
	}
	b.WriteString("</")
	e.appendName(b)
	b.WriteByte('>')
}

func (e *Element) appendName(b *strings.Builder) {
	if e.raw.Space != "" {
		b.WriteString(e.raw.Space + ":")
	}
	b.WriteString(e.raw.Local)
}

// own are the declarations that e itself has made, outer being the scope around it.
func (e *Element) own(outer *scope) []scope {
	var found []scope
	for s := e.scope; s != outer; s = s.outer {
		found = append(found, scope{prefix: s.prefix, space: s.space})
	}
	slices.Reverse(found)
	return found
}

func appendAttribute(b *strings.Builder, value string) {
	b.WriteString(`="`)
	appendText(b, value, true)
	b.WriteByte('"')
}

// appendText escapes what would be markup. What readers normalize (a carriage return anywhere, any white space in an
// attribute: XML 1.0 §2.11, §3.3.3) becomes a reference, and stays what it is.
func appendText(b *strings.Builder, s string, attribute bool) {
	last := 0
	for i := range len(s) {
		ref := reference(s[i], attribute)
		if ref == "" {
			continue
		}
		b.WriteString(s[last:i])
		b.WriteString(ref)
		last = i + 1
	}
	b.WriteString(s[last:])
}

func reference(c byte, attribute bool) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '\r':
		return "&#xD;"
	}
	if !attribute {
		return ""
	}
	switch c {
	case '"':
		return "&quot;"
	case '\n':
		return "&#xA;"
	case '\t':
		return "&#x9;"
	}
	return ""
}
