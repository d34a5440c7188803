package davxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Parse reads one document to the end of r, in UTF-8 or UTF-16. The error is an [*Error], or that of r, wrapped.
func Parse(r io.Reader) (*Element, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the request's content: %w", err)
	}
	if len(data) > MaxBytes {
		return nil, &Error{MaxBytes, fmt.Sprintf("the document is longer than %d bytes", MaxBytes), ErrTooLarge}
	}
	if data, err = utf8Of(data); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &Error{0, "there is no document", ErrEmpty}
	}
	p := &parser{d: xml.NewDecoder(bytes.NewReader(data)), data: data}
	p.d.CharsetReader = charset
	return p.document()
}

// utf8Of drops a byte order mark, and decodes UTF-16 that has one (XML 1.0 §4.3.3).
func utf8Of(data []byte) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(data, []byte("\ufeff")); ok {
		return rest, nil
	}
	if len(data) < 2 || len(data)%2 != 0 {
		return data, nil
	}
	big := data[0] == 0xFE && data[1] == 0xFF
	if little := data[0] == 0xFF && data[1] == 0xFE; !big && !little {
		return data, nil
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i < len(data); i += 2 {
		if big {
			units = append(units, uint16(data[i])<<8|uint16(data[i+1]))
		} else {
			units = append(units, uint16(data[i+1])<<8|uint16(data[i]))
		}
	}
	runes := utf16.Decode(units)
	// What Decode cannot decode becomes U+FFFD. The others are in the document.
	for i, at := 0, 0; i < len(runes); i, at = i+1, at+utf16.RuneLen(runes[i]) {
		if runes[i] == '\uFFFD' && units[at] != '\uFFFD' {
			return nil, &Error{int64(2 + 2*at), "there is half of a surrogate pair, which is no character", ErrMalformed}
		}
	}
	return []byte(string(runes)), nil
}

// charset lets documents pass that name the encoding they were in: they are in UTF-8 by now, or not readable.
func charset(name string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-16", "utf-16le", "utf-16be", "us-ascii":
		return r, nil
	}
	return nil, fmt.Errorf("the encoding %.32q is not known here: send UTF-8", name)
}

// parser builds the tree. It uses raw tokens: package xml would take a prefix that nobody has declared for a
// namespace, and lose the prefixes.
type parser struct {
	d     *xml.Decoder
	data  []byte // what d reads
	items int
	open  []*Element
	root  *Element
}

func (p *parser) document() (*Element, error) {
	for {
		begin := p.d.InputOffset()
		token, err := p.d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, p.syntax(err)
		}
		if err := p.references(token, p.data[begin:p.d.InputOffset()]); err != nil {
			return nil, err
		}
		if err := p.token(token); err != nil {
			return nil, err
		}
	}
	switch {
	case len(p.open) > 0:
		return nil, p.malformed("the document ends inside of %s", p.top().Name)
	case p.root == nil:
		return nil, p.malformed("the document has no element")
	}
	return p.root, nil
}

// references refuses the reference to half of a surrogate pair in a token, which is no character (XML 1.0 §4.1): package xml makes it
// U+FFFD. It refuses the others itself.
func (p *parser) references(t xml.Token, raw []byte) error {
	switch t.(type) {
	case xml.StartElement, xml.CharData:
	default:
		return nil
	}
	if bytes.HasPrefix(raw, []byte("<![CDATA[")) {
		return nil // which has none
	}
	for {
		_, rest, ok := bytes.Cut(raw, []byte("&#"))
		if !ok {
			return nil
		}
		number, after, _ := bytes.Cut(rest, []byte(";"))
		raw = after
		base := 10
		if hex, ok := bytes.CutPrefix(number, []byte("x")); ok {
			number, base = hex, 16
		}
		if n, err := strconv.ParseUint(string(number), base, 32); err == nil && utf16.IsSurrogate(rune(n)) {
			return p.malformed("there is a reference to U+%04X, which is no character", n)
		}
	}
}

func (p *parser) syntax(err error) error {
	reason := err.Error()
	if s, ok := errors.AsType[*xml.SyntaxError](err); ok {
		reason = s.Msg
	}
	return p.malformed("%s", reason)
}

func (p *parser) malformed(format string, args ...any) error {
	return &Error{p.d.InputOffset(), fmt.Sprintf(format, args...), ErrMalformed}
}

func (p *parser) top() *Element { return p.open[len(p.open)-1] }

func (p *parser) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		return p.end(t.Name)
	case xml.CharData:
		return p.text(string(t))
	case xml.Directive:
		return &Error{p.d.InputOffset(), "the document has a document type, and this server takes none", ErrEntities}
	}
	return nil // comments and processing instructions (RFC 4918 §17)
}

func (p *parser) text(s string) error {
	if len(p.open) > 0 {
		e := p.top()
		e.content = append(e.content, node{text: s})
		return nil
	}
	if strings.TrimSpace(s) != "" {
		return p.malformed("there is text outside of the document's element")
	}
	return nil
}

// start opens an element.
func (p *parser) start(t xml.StartElement) error {
	if p.items += 1 + len(t.Attr); p.items > MaxItems {
		return &Error{p.d.InputOffset(), fmt.Sprintf("the document has more than %d elements and attributes", MaxItems), ErrTooLarge}
	}
	if len(p.open) == MaxDepth {
		return &Error{p.d.InputOffset(), fmt.Sprintf("elements lie more than %d deep in each other", MaxDepth), ErrTooLarge}
	}
	e := &Element{raw: t.Name}
	switch {
	case len(p.open) > 0:
		e.scope, e.Lang = p.top().scope, p.top().Lang
	case p.root != nil:
		return p.malformed("there is a second element after the document's own")
	}
	if err := p.declare(e, t.Attr); err != nil {
		return err
	}
	if err := p.name(e, t.Attr); err != nil {
		return err
	}
	if len(p.open) > 0 {
		parent := p.top()
		parent.Children = append(parent.Children, e)
		parent.content = append(parent.content, node{element: e})
	} else {
		p.root = e
	}
	p.open = append(p.open, e)
	return nil
}

// declare takes the declarations of namespaces into the element's scope (Namespaces in XML 1.0 §3).
func (p *parser) declare(e *Element, attrs []xml.Attr) error {
	for _, a := range attrs {
		prefix, ok := declares(a.Name)
		if !ok {
			continue
		}
		switch {
		case prefix == "xmlns" || a.Value == xmlnsSpace:
			return p.malformed("xmlns is not a prefix that can be declared")
		case (prefix == "xml") != (a.Value == xmlSpace):
			return p.malformed("xml is the prefix of one namespace, and that has no other")
		case prefix != "" && a.Value == "":
			return p.malformed("the prefix %.64q is declared to stand for no namespace", prefix)
		}
		e.scope = e.scope.with(prefix, a.Value)
		if e.scope.size > MaxDeclared {
			return &Error{p.d.InputOffset(), fmt.Sprintf("more than %d namespaces are declared", MaxDeclared), ErrTooLarge}
		}
	}
	return nil
}

const (
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace = "http://www.w3.org/2000/xmlns/"
)

// declares returns the prefix that an attribute of this raw name declares.
func declares(n xml.Name) (prefix string, ok bool) {
	switch {
	case n.Space == "xmlns":
		return n.Local, true
	case n.Space == "" && n.Local == "xmlns":
		return "", true
	}
	return "", false
}

// name expands the names of e and of its attributes, which have to differ.
func (p *parser) name(e *Element, attrs []xml.Attr) (err error) {
	if e.Name, err = p.expand(e.scope, e.raw); err != nil {
		return err
	}
	seen := make(map[Name]bool, len(attrs))
	for _, a := range attrs {
		prefix, declaration := declares(a.Name)
		name := Name{xmlnsSpace, prefix}
		if !declaration {
			// An attribute without a prefix is in no namespace, whatever the default is (§6.2).
			name = Name{Local: a.Name.Local}
			if a.Name.Space != "" || strings.Contains(a.Name.Local, ":") {
				if name, err = p.expand(e.scope, a.Name); err != nil {
					return err
				}
			}
			e.attrs = append(e.attrs, a)
		}
		if seen[name] {
			return p.malformed("the attribute %.64q is there twice", a.Name.Local)
		}
		seen[name] = true
		if name == (Name{xmlSpace, "lang"}) {
			e.Lang = a.Value
		}
	}
	return nil
}

func (p *parser) expand(s *scope, n xml.Name) (Name, error) {
	switch {
	case strings.Contains(n.Local, ":") || n.Local == "":
		return Name{}, p.malformed("%.64q is not a name", n.Local)
	case n.Space == "xml":
		return Name{xmlSpace, n.Local}, nil
	}
	space, ok := s.find(n.Space)
	if !ok {
		return Name{}, p.malformed("the prefix %.64q is not declared", n.Space)
	}
	return Name{space, n.Local}, nil
}

func (p *parser) end(n xml.Name) error {
	if len(p.open) == 0 || p.top().raw != n {
		return p.malformed("an element ends that is not open: %.64q", n.Local)
	}
	p.open = p.open[:len(p.open)-1]
	return nil
}
