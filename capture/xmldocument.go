package capture

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// This file reads what Burp and Charles write as XML. As in a trace of IIS, what is read for a
// token is bounded.

// An xmlReader pulls elements.
type xmlReader struct {
	b     *builder
	guard *xmlGuard
	dec   *xml.Decoder
	depth int
}

func newXMLReader(r io.Reader, b *builder) *xmlReader {
	x := &xmlReader{b: b, guard: &xmlGuard{r: r}}
	x.guard.max = b.limits.Content * 2 // base64, and a little
	x.dec = xml.NewDecoder(x.guard)
	x.dec.CharsetReader = charset
	x.dec.Strict = false // Burp writes a document type with declarations
	return x
}

func (x *xmlReader) token() (xml.Token, error) {
	x.guard.n = 0
	t, err := x.dec.Token()
	switch t.(type) {
	case xml.StartElement:
		if x.depth++; x.depth > maxXMLDepth {
			return nil, errXMLDepth
		}
	case xml.EndElement:
		x.depth--
	}
	return t, err
}

// text reads the text of an element to its end.
func (x *xmlReader) text() (string, error) {
	var b strings.Builder
	for level := x.depth; x.depth >= level; {
		t, err := x.token()
		if err != nil {
			return "", noEOF(err)
		}
		if s, ok := t.(xml.CharData); ok && b.Len() < x.guard.max {
			b.Write(s)
		}
	}
	return b.String(), nil
}

// each calls take for each start of an element, until the end of the document.
func (x *xmlReader) each(take func(xml.StartElement) error) error {
	for {
		t, err := x.token()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			if start, ok := t.(xml.StartElement); ok {
				err = take(start)
			}
		}
		if err != nil {
			return x.problem(err)
		}
	}
}

func (x *xmlReader) problem(err error) error {
	syntax, isSyntax := errors.AsType[*xml.SyntaxError](err)
	_, known := errors.AsType[*ReadError](err)
	switch {
	case known:
		return err
	case errors.Is(err, errXMLToken), errors.Is(err, errXMLDepth):
		return x.b.tooLarge(err.Error())
	case errors.Is(err, io.ErrUnexpectedEOF), isSyntax && syntax.Msg == "unexpected EOF":
		return x.b.error(ErrTruncated, "the document is cut off", "save it again; what came before is used")
	case isSyntax:
		return x.b.error(ErrMalformed, fmt.Sprintf("line %d is not well-formed XML: %s", syntax.Line, syntax.Msg), "")
	case x.guard.err != nil:
		return x.b.failed(x.guard.err)
	}
	return x.b.error(ErrMalformed, err.Error(), "")
}

// readBurp reads the items that Burp saves: each message whole, in base64.
func readBurp(r io.Reader, b *builder) error {
	x := newXMLReader(r, b)
	var item burpItem
	err := x.each(func(start xml.StartElement) (err error) {
		var text string
		switch name := start.Name.Local; name {
		case "item":
			if err := item.add(b); err != nil {
				return err
			}
			item = burpItem{some: true}
		case "request", "response", "url", "time", "host":
			if name == "host" {
				item.address = attr(start, "ip")
			}
			if text, err = x.text(); err != nil {
				return err
			}
			item.take(name, text, attr(start, "base64") == "true")
		}
		return nil
	})
	if added := item.add(b); added != nil {
		return added
	}
	return err
}

// A burpItem is an exchange as Burp saves it.
type burpItem struct {
	some                   bool
	request, response, url string
	address                string
	at                     time.Time
}

func (i *burpItem) take(name, text string, coded bool) {
	if coded {
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return
		}
		text = string(data)
	}
	switch name {
	case "request":
		i.request = text
	case "response":
		i.response = text
	case "url":
		i.url = strings.TrimSpace(text)
	case "time":
		i.at, _ = time.Parse("Mon Jan 02 15:04:05 MST 2006", strings.TrimSpace(text))
	}
}

// add adds the exchange, if there is one.
func (i *burpItem) add(b *builder) error {
	if !i.some || i.request+i.response == "" {
		return nil
	}
	p := &pairer{b: b, server: i.address, noRequest: "Burp did not save the request", noResponse: "Burp did not save the response"}
	p.scheme, _ = splitTarget(i.url)
	for _, text := range []string{i.request, i.response} {
		if err := readAlone(text, p, func(x *Exchange) { x.Started = i.at }); err != nil {
			return err
		}
	}
	return p.flush()
}

// readAlone reads one message, with interim ones before it, whose content goes to the end.
func readAlone(text string, p *pairer, begun func(*Exchange)) error {
	raw := &rawReader{t: newText(strings.NewReader(text), p.b.limits), limits: p.b.limits, p: p}
	for raw.toStart() {
		first, _, _ := raw.t.peekLine()
		m, _ := parseStart(trimBlank(string(first)))
		raw.alone = m.status == 0 || m.status >= 200
		m = raw.message(p.method())
		m.line = 0
		if p.open != nil {
			begun(p.open)
		}
		if _, err := p.next(m); err != nil {
			return err
		}
		if p.open != nil {
			begun(p.open)
		}
		if raw.alone {
			break
		}
	}
	return nil
}

// readCharlesXML reads a session that Charles saves as XML.
func readCharlesXML(r io.Reader, b *builder) error {
	x := newXMLReader(r, b)
	t := newDocument(b, "Charles")
	var h *half
	name := ""
	err := x.each(func(start xml.StartElement) (err error) {
		var text string
		switch start.Name.Local {
		case "transaction":
			h = t.request("")
			h.method, h.proto = attr(start, "method"), protocol(attr(start, "protocolVersion"))
			h.url(charlesURL(attr(start, "protocol"), attr(start, "host"), attr(start, "path"), attr(start, "query")))
			t.last("").started, _ = time.Parse(time.RFC3339Nano, attr(start, "startTime"))
		case "response":
			h = t.response("")
			h.code(attr(start, "status"), "")
		case "first-line":
			if text, err = x.text(); err == nil && h != nil {
				h.start(text)
			}
		case "name":
			name, err = x.text()
		case "value":
			if text, err = x.text(); err == nil && h != nil && name != "" {
				h.set(strings.TrimSpace(name), text)
			}
		case "body":
			if text, err = x.text(); err != nil || h == nil {
				return err
			}
			if attr(start, "encoding") == "base64" {
				data, bad := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
				if text = string(data); bad != nil {
					return nil
				}
			}
			h.whole(text)
		}
		return err
	})
	if added := t.end(); added != nil {
		return added
	}
	return err
}
