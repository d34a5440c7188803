package condhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

func TestProblems(t *testing.T) {
	golden(t, "testdata/problems.txt", explained)
}

// explained is the problem of a case as the lines with < that it should have.
func explained(t *testing.T, c testCase) string {
	s := parseState(t, c)
	fields := precondition.FieldsOf(c.header)
	d := s.checker.Policy.Evaluate(precondition.Origin, c.method, fields, s.current)
	p := FromDecision(c.method, fields, d, s.current)
	if s.checker.Require != RequireNone {
		if d.Guarded {
			t.Errorf("%s: the request is guarded, so that nothing is to be required", c.title)
		}
		p = Required(c.method, fields, s.current)
	}
	if p == nil {
		t.Fatalf("%s: the request is not refused: %+v", c.title, d)
	}
	return quoted(t, p)
}

// quoted is p in indented JSON, without escapes that only HTML needs.
func quoted(t *testing.T, p *Problem) string {
	t.Helper()
	compact, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for line := range strings.SplitSeq(indented.String(), "\n") {
		lines.WriteString("< " + line + "\n")
	}
	return lines.String()
}

func TestFromDecisionOfNoRefusal(t *testing.T) {
	for _, o := range []precondition.Outcome{precondition.Perform, precondition.NotModified} {
		if p := FromDecision("GET", precondition.Fields{}, precondition.Decision{Outcome: o}, precondition.Current{}); p != nil {
			t.Errorf("%v: got %v, want no problem", o, p)
		}
	}
}

func TestProblemWrite(t *testing.T) {
	for _, method := range []string{"PUT", "GET", "HEAD"} {
		t.Run(method, func(t *testing.T) {
			w := httptest.NewRecorder()
			// What a handler may have set for the 200 it did not come to send.
			for name, value := range map[string]string{
				"Content-Type": "text/html", "Content-Length": "1000", "Content-Encoding": "gzip",
				"Content-Location": "/other", "Last-Modified": "Thu, 01 Jan 2026 10:00:00 GMT",
				"Cache-Control": "max-age=3600", "Expires": "Thu, 01 Jan 2026 10:00:00 GMT", "ETag": `"stale"`, "Vary": "Accept",
			} {
				w.Header().Set(name, value)
			}
			p := NewProblem(412, "none-matched", "it changed", "fetch it again")
			p.Current = &State{Exists: true, ETag: `"new"`}
			p.Write(w, httptest.NewRequest(method, "/", nil))

			want := http.Header{
				"Content-Type": {ProblemType}, "Content-Length": {fmt.Sprint(len(p.encode()))},
				"Cache-Control": {"no-store"}, "Etag": {`"new"`}, "Vary": {"Accept"},
				"X-Content-Type-Options": {"nosniff"},
			}
			if got := w.Result().Header; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got  fields %v\nwant fields %v", got, want)
			}
			if w.Code != 412 {
				t.Errorf("got status %d, want 412", w.Code)
			}
			if got, want := w.Body.Len() > 0, method != "HEAD"; got != want {
				t.Errorf("got content %q, want any: %t", w.Body, want)
			}
		})
	}
}

func TestProblemETagIsThatOf412Alone(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("ETag", `"new"`)
	current := precondition.Current{Exists: true, Tag: etag.MustParse(`"new"`)}
	Required("PUT", precondition.Fields{}, current).Write(w, httptest.NewRequest("PUT", "/", nil))
	if got := w.Header().Values("ETag"); w.Code != 428 || len(got) > 0 {
		t.Errorf("got status %d and ETag %q, want 428 and none", w.Code, got)
	}
}

func TestProblemMore(t *testing.T) {
	tests := []struct {
		name string
		more map[string]any
		want string
	}{
		{"none", nil, `{"status":409}`},
		{"sorted", map[string]any{"b": 2, "a": []int{1}}, `{"status":409,"a":[1],"b":2}`},
		{"a name that is taken", map[string]any{"status": 200, "a": 1}, `{"status":409,"a":1}`},
		{"a value that is no JSON", map[string]any{"a": func() {}}, `{"status":409}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string((&Problem{Status: 409, More: tt.more}).encode())
			if got != tt.want+"\n" {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestReservedAreTheMembersOfProblem(t *testing.T) {
	full := &Problem{
		Type: "t", Title: "t", Status: 1, Detail: "d", Instance: "i", Rule: "r", Precondition: "p",
		Sent: "s", Current: &State{}, Reason: "r", Hint: "h", Since: time.Unix(0, 0), Changes: &Changes{},
		Condition: &Condition{},
	}
	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	for name := range members {
		if !reserved[name] {
			t.Errorf("member %q is not reserved", name)
		}
	}
	if len(members) != len(reserved) {
		t.Errorf("got %d members, want the %d that are reserved", len(members), len(reserved))
	}
}

func TestProblemIsAnError(t *testing.T) {
	var err error = NewProblem(412, "none-matched", "it changed", "fetch it again")
	if got, want := err.Error(), "412 Precondition Failed: it changed (fetch it again)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStatusURL(t *testing.T) {
	tests := map[int]string{
		400: "rfc9110#section-15.5.1", 404: "rfc9110#section-15.5.5", 412: "rfc9110#section-15.5.13",
		417: "rfc9110#section-15.5.18", 421: "rfc9110#section-15.5.20", 426: "rfc9110#section-15.5.22",
		428: "rfc6585#section-3", 500: "rfc9110#section-15.6.1", 505: "rfc9110#section-15.6.6",
		423: "rfc4918#section-11.3", 424: "rfc4918#section-11.4", 507: "rfc4918#section-11.5",
	}
	for status, want := range tests {
		if got := statusURL(status); got != "https://www.rfc-editor.org/rfc/"+want {
			t.Errorf("%d: got %q, want …/%s", status, got, want)
		}
	}
	for _, status := range []int{200, 418, 451, 599} {
		if got := statusURL(status); got != "" {
			t.Errorf("%d: got %q, want none", status, got)
		}
	}
}

func TestSafe(t *testing.T) {
	tests := map[string]string{
		``:                             ``,
		`"abc"`:                        `"abc"`,
		"a\tb\x00c\x7f":                `a\tb\x00c\x7f`,
		"\x1b[31mred":                  `\x1b[31mred`,
		"caf\xe9":                      `caf\xe9`,
		"café":                         "café",
		"\u202egnp.exe":                `\u202egnp.exe`,
		strings.Repeat("a", 200):       strings.Repeat("a", 200),
		strings.Repeat("a", 201):       strings.Repeat("a", 200) + "…",
		strings.Repeat("é", 150):       strings.Repeat("é", 100) + "…",
		strings.Repeat("\x00", 10_000): strings.Repeat(`\x00`, 50) + "…",
	}
	for in, want := range tests {
		if got := safe(in); got != want {
			t.Errorf("safe(%.20q): got %q, want %q", in, got, want)
		}
	}
}

// FuzzProblem holds that no request, whatever its fields hold, makes a problem that
// is long, that is not JSON, or that has bytes a terminal would obey.
func FuzzProblem(f *testing.F) {
	f.Add("PUT", `"a"`, "", "")
	f.Add("DELETE", "abc", "\x1b]0;title\x07", "yesterday")
	f.Add("GET", "*, \"a\xff\u202e", "*", "Thu, 01 Jan 2026 10:00:00 GMT")
	f.Add("P\x00T", strings.Repeat(`"a", `, 1000), "'a'", "")
	current := precondition.Current{Exists: true, Tag: etag.MustParse(`"now"`), LastModified: time.Unix(1e9, 0)}
	f.Fuzz(func(t *testing.T, method, ifMatch, ifNoneMatch, ifUnmodifiedSince string) {
		fields := precondition.Fields{IfMatch: lines(ifMatch), IfNoneMatch: lines(ifNoneMatch), IfUnmodifiedSince: lines(ifUnmodifiedSince)}
		d := precondition.Evaluate(precondition.Origin, method, fields, current)
		problems := []*Problem{Required(method, fields, current)}
		if p := FromDecision(method, fields, d, current); p != nil {
			problems = append(problems, p)
		}
		for _, p := range problems {
			checkText(t, p)
		}
	})
}

func lines(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func checkText(t *testing.T, p *Problem) {
	t.Helper()
	for _, text := range []string{p.Detail, p.Hint, p.Sent} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u202e' }) {
			t.Errorf("text %q holds bytes that are not to be shown", text)
		}
	}
	body := p.encode()
	if !json.Valid(body) {
		t.Errorf("not JSON: %q", body)
	}
	if len(body) > 4096 {
		t.Errorf("got %d bytes, want at most 4096", len(body))
	}
	checkXML(t, p.encodeXML())
	if p.Detail == "" || p.Hint == "" {
		t.Errorf("a refusal without detail or hint: %s", body)
	}
}
