package listing

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"strconv"
	"strings"
	"unicode"
)

//go:embed page.html
var pageText string

//go:embed style.css
var style string

// top and bottom are what is before and after the members. Those are not the template's:
// it takes 30 microseconds a member, which is six seconds for 200,000.
var top, bottom = func() (top, bottom *template.Template) {
	before, after, _ := strings.Cut(pageText, "\n{{/* members */}}")
	return template.Must(template.New("top").Parse(before)), template.Must(template.New("bottom").Parse(after))
}()

// ContentSecurityPolicy is the value of the field of this name to send with the
// page: it may use its own style sheet and nothing else.
var ContentSecurityPolicy = "default-src 'none'; style-src 'sha256-" + styleHash() +
	"'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

func styleHash() string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// renderHTML writes the listing as a page.
func (m *Members) renderHTML(w *bufio.Writer, name string) {
	v := m.viewOf(name)
	execute(top, w, v)
	var row []byte
	for _, i := range m.forPeople() {
		row = m.all[i].appendRow(row[:0])
		_, _ = w.Write(row) // Flush tells
	}
	execute(bottom, w, v)
}

func execute(t *template.Template, w io.Writer, v view) {
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		panic("listing: " + err.Error()) // the template and its data are fixed together
	}
	_, _ = io.WriteString(w, b.String())
}

// view is what the template shows.
type view struct {
	Style   template.CSS
	Path    string
	Root    string // a reference
	Crumbs  []crumb
	Parent  string // a reference; "" for the root
	Summary string
}

// crumb is one element of the path, with a reference to it; the last has none.
type crumb struct{ Name, Href string }

func (m *Members) viewOf(name string) view {
	v := view{Style: template.CSS(style), Path: visible(path(name)), Crumbs: crumbs(name), Summary: m.summary()}
	if name != "" {
		v.Parent, v.Root = "../", strings.Repeat("../", len(v.Crumbs))
	}
	return v
}

func crumbs(name string) []crumb {
	if name == "" {
		return nil
	}
	elements := strings.Split(name, "/")
	all := make([]crumb, len(elements))
	for i, e := range elements {
		all[i] = crumb{Name: visible(e)}
		if up := len(elements) - 1 - i; up > 0 {
			all[i].Href = strings.Repeat("../", up)
		}
	}
	return all
}

// appendRow appends the member's row of the table, its values as people read them.
func (m *member) appendRow(b []byte) []byte {
	symbol := m.icon()
	b = append(b, "\n<tr><th scope=\"row\"><a href=\""...)
	b = appendEscaped(b, m.href())
	b = append(append(b, `"><svg class="icon `...), symbol...)
	b = append(append(b, `" aria-hidden="true"><use href="#`...), symbol...)
	b = append(b, `"/></svg><bdi>`...)
	b = appendEscaped(b, visible(m.name()))
	b = append(b, "</bdi></a></th><td class=\"size\">"...)
	if !m.collection {
		b = strconv.AppendInt(append(b, `<data value="`...), m.size, 10)
		b = append(append(b, `">`...), humanSize(m.size)...)
		b = append(b, `</data>`...)
	}
	b = append(b, `</td><td class="modified">`...)
	if m.modified != noDate {
		b = m.time().AppendFormat(b, `<time datetime="2006-01-02T15:04:05Z">2006-01-02 `)
		b = m.time().AppendFormat(append(b, `<span>`...), "15:04")
		b = append(b, `</span></time>`...)
	}
	return append(b, `</td></tr>`...)
}

// appendEscaped appends s as text or as the value of an attribute, both of which it cannot
// leave.
func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case 0:
			b = append(b, "\uFFFD"...)
		case '"':
			b = append(b, "&#34;"...)
		case '&':
			b = append(b, "&amp;"...)
		case '\'':
			b = append(b, "&#39;"...)
		case '+':
			b = append(b, "&#43;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// visible replaces the characters that change the direction of text, with which a
// name could look like another: "evil", U+202E, "gpj.exe" as "evilexe.jpg".
func visible(name string) string {
	if isASCII(name) {
		return name
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// icon returns the id of the symbol for a member.
func (m *member) icon() string {
	top, sub, _ := strings.Cut(m.mediaType(), "/")
	switch {
	case m.collection:
		return "folder"
	case top == "image":
		return "image"
	case top == "audio", top == "video":
		return "media"
	case top == "text", strings.HasSuffix(sub, "json"), strings.HasSuffix(sub, "xml"), strings.HasSuffix(sub, "pdf"):
		return "text"
	case strings.HasSuffix(sub, "zip"), strings.HasSuffix(sub, "-tar"), strings.HasSuffix(sub, "zstd"):
		return "archive"
	}
	return "file"
}

// humanSize writes a number of bytes with three digits or fewer, in powers of
// 1000, as people count them.
func humanSize(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.5 && unit < len("kMGTPE")-1 {
		value, unit = value/1000, unit+1
	}
	decimals := 0
	if value < 9.95 {
		decimals = 1
	}
	return strconv.FormatFloat(value, 'f', decimals, 64) + " " + "kMGTPE"[unit:unit+1] + "B"
}

// summary counts the members.
func (m *Members) summary() string {
	collections, files, size := 0, 0, int64(0)
	for _, one := range m.all {
		if one.collection {
			collections++
		} else {
			files++
			size += one.size
		}
	}
	var parts []string
	if collections > 0 {
		parts = append(parts, count(collections, "folder"))
	}
	if files > 0 {
		parts = append(parts, count(files, "file")+", "+humanSize(size))
	}
	return strings.Join(parts, " and ")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
