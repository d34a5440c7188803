package condhttp

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/qvalue"
)

//go:embed problem.html
var problemPage string

//go:embed problem.css
var problemStyle string

var problemTemplate = template.Must(template.New("problem").Parse(problemPage))

// problemPolicy lets the page use its own style and nothing else.
var problemPolicy = func() string {
	sum := sha256.Sum256([]byte(problemStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// AsksForHTML reports whether a refusal of a request with these fields is for a person in front of a browser: whether its Accept
// gives text/html by name a higher weight than any type of JSON. It is then better sent with [Problem.WriteHTML].
func AsksForHTML(h http.Header) bool {
	asHTML, asJSON := 0, 0
	for m := range qvalue.Members(h["Accept"]) {
		mediaType, _, _ := strings.Cut(m.Value, ";")
		switch strings.ToLower(strings.TrimRight(mediaType, " \t")) {
		case "text/html":
			asHTML = max(asHTML, m.Weight)
		case ProblemType, "application/json":
			asJSON = max(asJSON, m.Weight)
		}
	}
	return asHTML > asJSON
}

// WriteHTML is [Problem.Write] for a person in front of a browser: the content is a page with the same facts, without scripts, which
// a Content-Security-Policy holds it to.
func (p *Problem) WriteHTML(w http.ResponseWriter, r *http.Request) {
	var page bytes.Buffer
	if err := problemTemplate.Execute(&page, p.page()); err != nil {
		p.Write(w, r)
		return
	}
	w.Header()["Content-Security-Policy"] = []string{problemPolicy}
	p.write(w, r, "text/html; charset=utf-8", page.Bytes())
}

// problemView is what the page shows.
type problemView struct {
	*Problem
	Style        template.CSS
	Says, Do     string
	LastModified string
	SinceText    string
	Difference   string
	Others       []otherMember
}

type otherMember struct{ Name, Value string }

func (p *Problem) page() *problemView {
	v := &problemView{Problem: p, Style: template.CSS(problemStyle), Says: sentence(p.Detail), Do: sentence(p.Hint)}
	if p.Current != nil && !p.Current.LastModified.IsZero() {
		v.LastModified = p.Current.LastModified.UTC().Format(http.TimeFormat)
	}
	if !p.Since.IsZero() {
		v.SinceText = p.Since.UTC().Format(time.RFC1123)
	}
	if c := p.Changes; c != nil {
		v.Difference = c.Text
		if c.Text == "" {
			v.Difference = string(c.Patch)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.More)) {
		if value, err := json.Marshal(p.More[name]); err == nil && !reserved[name] {
			v.Others = append(v.Others, otherMember{name, string(value)})
		}
	}
	return v
}

// sentence makes one of a detail or a hint, which begin in lower case and have no end.
func sentence(s string) string {
	if s == "" {
		return s
	}
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
