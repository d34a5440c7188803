package condhttp

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/qvalue"
)

// XMLType is the media type that [Problem.WriteXML] sends.
const XMLType = "application/xml; charset=utf-8"

// davFields are sent by clients that speak WebDAV, and by no others: those of RFC 4918 §10, and
// Translate of [MS-WDVSE] §2.2.3, which Windows and Office send with all they do.
var davFields = [...]string{"If", "Lock-Token", "Depth", "Destination", "Overwrite", "Translate"}

// ShowsWebDAV reports whether a request with these fields shows that its client speaks WebDAV: it sent
// If, Lock-Token, Depth, Destination, Overwrite or Translate.
func ShowsWebDAV(h http.Header) bool {
	for _, name := range davFields {
		if _, sent := h[name]; sent {
			return true
		}
	}
	return false
}

// AsksForXML reports whether a refusal of a request with these fields is better sent with
// [Problem.WriteXML] than with [Problem.Write]: whether the client [ShowsWebDAV], or prefers XML, as its
// Accept gives application/xml or text/xml by name a higher weight than any type of JSON or HTML.
func AsksForXML(h http.Header) bool { return ShowsWebDAV(h) || prefersXML(h["Accept"]) }

func prefersXML(accept []string) bool {
	asXML, otherwise := 0, 0
	for m := range qvalue.Members(accept) {
		mediaType, _, _ := strings.Cut(m.Value, ";")
		switch strings.ToLower(strings.TrimRight(mediaType, " \t")) {
		case "application/xml", "text/xml":
			asXML = max(asXML, m.Weight)
		case ProblemType, "application/json", "text/html", "application/xhtml+xml":
			otherwise = max(otherwise, m.Weight)
		}
	}
	return asXML > otherwise
}

// WriteXML is [Problem.Write] for clients that speak WebDAV: the content is a DAV:error element
// (RFC 4918 §14.5) with the element of p.Condition, if there is one, and after it
// a "problem" element with all other members, in the form of RFC 9457 appendix B.
func (p *Problem) WriteXML(w http.ResponseWriter, r *http.Request) {
	p.write(w, r, XMLType, p.encodeXML())
}

func (p *Problem) encodeXML() []byte {
	buf := bytes.NewBufferString(xml.Header + `<D:error xmlns:D="DAV:">`)
	if c := p.Condition; c != nil {
		buf.WriteString("<D:" + c.Name + ">")
		for _, href := range c.Hrefs {
			element(buf, "D:href", href)
		}
		buf.WriteString("</D:" + c.Name + ">")
	}
	rest := *p
	rest.Condition = nil
	dec := json.NewDecoder(bytes.NewReader(rest.encode()))
	dec.UseNumber()
	buf.WriteString(`<problem xmlns="` + problemNamespace + `">`)
	toXML(buf, dec)
	buf.WriteString("</problem></D:error>\n")
	return buf.Bytes()
}

// problemNamespace is that of problem details in XML (RFC 9457 appendix B).
const problemNamespace = "urn:ietf:rfc:7807"

// toXML writes the JSON value that comes next as the content of an element (RFC 9457
// appendix B): members of an object become elements of their names, and those of
// an array are called "i". Members whose names no element can have are left out.
func toXML(buf *bytes.Buffer, dec *json.Decoder) {
	token, _ := dec.Token() // of JSON that this package has made
	switch token {
	case json.Delim('{'):
		for dec.More() {
			key, _ := dec.Token()
			member(buf, dec, key.(string))
		}
	case json.Delim('['):
		for dec.More() {
			member(buf, dec, "i")
		}
	case nil:
		return
	default:
		escape(buf, fmt.Sprint(token))
		return
	}
	_, _ = dec.Token() // what closes it
}

func member(buf *bytes.Buffer, dec *json.Decoder, name string) {
	if !isElementName(name) {
		toXML(new(bytes.Buffer), dec)
		return
	}
	buf.WriteString("<" + name + ">")
	toXML(buf, dec)
	buf.WriteString("</" + name + ">")
}

func element(buf *bytes.Buffer, name, text string) {
	buf.WriteString("<" + name + ">")
	escape(buf, text)
	buf.WriteString("</" + name + ">")
}

// escape writes text; what XML cannot hold becomes U+FFFD.
func escape(buf *bytes.Buffer, text string) { _ = xml.EscapeText(buf, []byte(text)) }

// isElementName reports whether an element may be called so: a part of what XML allows,
// and all that RFC 9457 §3.2 recommends for names of members.
func isElementName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || '9' < c)) {
			return false
		}
	}
	return name != ""
}
