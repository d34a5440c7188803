package report_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/caching"
	"github.com/fourtwelve/fourtwelve/diagnose/logs"
	"github.com/fourtwelve/fourtwelve/probe"
)

// hostile is put where a client or server can put anything.
const hostile = `</code></title><script>alert(1)</script><img src=x onerror=alert(1)>"'&{{.}}` + "\x1b[31m\x00\xff"

// hostileExchanges has it in every place that a page shows.
func hostileExchanges(t *testing.T) []*capture.Exchange {
	t.Helper()
	text := strings.NewReplacer("EVIL", hostile).Replace(`PUT /EVIL HTTP/1.1
Host: www.example.org
If-Match: W/"EVIL"
X-Evil: EVIL
Content-Length: 0

HTTP/1.1 412 EVIL
Server: EVIL
Via: 1.1 EVIL
ETag: "EVIL"
Last-Modified: EVIL
Content-Length: 0

`)
	xs, err := capture.Read(strings.NewReader(text), "EVIL"+hostile, capture.Options{Format: capture.Raw})
	if err != nil && len(xs) == 0 {
		t.Fatal(err)
	}
	return xs
}

func hostileLogs() *logs.Report {
	rule, _ := diagnose.RuleByID("weak-etag-in-if-match")
	at := time.Date(2026, 11, 3, 9, 15, 0, 0, time.UTC)
	evil := []logs.Count{{Name: hostile, Count: 2, Refused: 1}, {Name: "", Count: 1}}
	return &logs.Report{
		Causes: []logs.Cause{{
			Rule: rule, Confidence: diagnose.Certain, Says: hostile, Count: 1234, First: at, Last: at,
			Samples:  []logs.Sample{{File: hostile, Line: 1, Text: hostile}},
			Evidence: []diagnose.Fact{{Name: hostile, Value: hostile, Source: hostile}},
			Config:   []diagnose.Config{{Server: hostile, Where: hostile, Text: hostile, Note: hostile}},
		}},
		Totals:  logs.Totals{Requests: 3, First: at, Last: at, Status: evil, Method: evil, Paths: evil, Clients: evil, Nodes: evil},
		Refused: logs.Refused{Count: 1, Paths: evil, Clients: evil, Nodes: evil},
		Timeline: logs.Timeline{Width: time.Minute, Parts: []logs.Part{
			{Start: at, Requests: 3, Refused: 1, Causes: map[string]int64{"weak-etag-in-if-match": 1, "retry-after-lost-response": 2}},
			{Start: at.Add(1000 * time.Hour), Requests: 3, Refused: 1, Causes: map[string]int64{"farm-mtime-skew": 1}},
		}},
		Storms: []logs.Storm{{Client: hostile, User: hostile, Method: hostile, Path: hostile, IfMatch: hostile, Count: 3, First: at,
			Last: at.Add(time.Minute)}},
		Splits: []logs.Split{{Path: hostile, Says: hostile, Tags: []logs.NodeTag{{Node: hostile, ETag: hostile, Says: []string{hostile}}}}},
		Health: logs.Health{Gets: 9, Full: 8, FullBytes: 1 << 30, NotModified: 1, Logged: 9, Conditional: 2, Ignored: 1, Repeated: 1,
			RepeatedBytes: 4096, Ranges: 2, Whole: 1,
			Paths: []logs.Waste{{Path: hostile, Count: 1, Bytes: 4096}}},
		Advice: []diagnose.Config{{Server: hostile, Where: hostile, Text: hostile, Note: hostile}},
		Files: []logs.File{{Name: hostile, Format: hostile, Notes: []string{hostile}, Error: hostile, Bad: 1,
			BadLines: []logs.Sample{{File: hostile, Line: 1, Text: hostile}}}},
	}
}

// TestPagesAreSafe: whatever the input, a page has no element, attribute or address that is
// not ours, loads nothing, and is whole.
func TestPagesAreSafe(t *testing.T) {
	pages := map[string]func(io.Writer) error{
		"explain": func(w io.Writer) error { return report.ExplainHTML(w, explained(hostileExchanges(t))) },
		"logs":    func(w io.Writer) error { return report.LogsHTML(w, hostileLogs()) },
		"nothing": func(w io.Writer) error { return report.LogsHTML(w, &logs.Report{}) },

		"check":      func(w io.Writer) error { return report.CheckHTML(w, hostileCheck(t)) },
		"comparison": func(w io.Writer) error { return report.ComparisonHTML(w, hostileCheck(t), rightCheck()) },
	}
	elements := strings.Fields(`html head meta title style body main h1 h2 h3 p section div span ol ul li a b i br small code pre mark
		dl dt dd details summary table tbody tr th td svg rect circle text footer`)
	for name, write := range pages {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(strings.TrimSpace(b.String()), "</html>") {
				t.Error("the page is not whole")
			}
			seen := 0
			for z := html.NewTokenizer(&b); z.Next() != html.ErrorToken; {
				token := z.Token()
				if token.Type == html.TextToken {
					seen += strings.Count(token.Data, "<script>alert(1)")
				}
				if token.Type != html.StartTagToken {
					continue
				}
				if !slices.Contains(elements, token.Data) {
					t.Errorf("there is an element %q", token.Data)
				}
				for _, a := range token.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
						t.Errorf("there is an attribute %s=%q", a.Key, a.Val)
					}
				}
			}
			if name != "nothing" && seen == 0 {
				t.Error("the hostile text is not shown at all, so the test shows nothing")
			}
		})
	}
}

// TestManyExchanges: a page stays readable, whatever the number of exchanges.
func TestManyExchanges(t *testing.T) {
	one := "GET /%s HTTP/1.1\nHost: a.example.org\n\nHTTP/1.1 200 OK\nETag: \"a\"\nContent-Length: 0\n\n"
	bad := "PUT / HTTP/1.1\nHost: a.example.org\nIf-Match: W/\"a\"\nContent-Length: 0\n\nHTTP/1.1 412 Precondition Failed\nETag: W/\"a\"\nContent-Length: 0\n\n"
	var b bytes.Buffer
	if err := report.ExplainHTML(&b, report.Explanation{Report: diagnose.Exchanges(read(t, strings.Repeat(one, 1000)+bad))}); err != nil {
		t.Fatal(err)
	}
	if n := b.Len(); n > 64<<10 {
		t.Errorf("the page has %d bytes", n)
	}
	for _, want := range []string{"1000 more are not in the picture", "1001. ", "weak-etag-in-if-match"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestTerminalIsSafe: no byte of the input reaches a terminal that it would obey.
func TestTerminalIsSafe(t *testing.T) {
	texts := map[string]func(io.Writer) error{
		"explain": func(w io.Writer) error {
			return report.Explain(w, explained(hostileExchanges(t)), report.Style{}, true)
		},
		"logs": func(w io.Writer) error { return report.Logs(w, hostileLogs(), report.Style{}) },
		"check": func(w io.Writer) error {
			return report.Check(w, hostileCheck(t), report.Style{}, report.CheckDetail{All: true, Curl: true})
		},
		"comparison": func(w io.Writer) error {
			return report.Comparison(w, rightCheck(), hostileCheck(t), report.Style{}, report.CheckDetail{Failed: true})
		},
	}
	for name, write := range texts {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			for i, r := range b.String() {
				if r != '\n' && (r < ' ' || r == 0x7f || r == utf8.RuneError) {
					t.Fatalf("byte %d is %q, in %.80q", i, r, b.String()[max(0, i-40):])
				}
			}
			if !strings.Contains(b.String(), `\x1b[31m`) {
				t.Error("the hostile text is not shown")
			}
		})
	}
}

// TestPrintable: what a terminal shows as it is stays, all else is escaped.
func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":        "plain",
		"grün → 日本":    "grün → 日本",
		"a\tb\nc":      `a\x09b\x0ac`,
		"\x1b]0;x\x07": `\x1b]0;x\x07`,
		"\xff\xc3":     `\xff\xc3`,
		"\u202egpj":    `\xe2\x80\xaegpj`, // right-to-left override
		"\ufffd":       `�`,
	} {
		if got := report.Printable(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

// TestColors: a style says how text is set off, and nothing else of it changes.
func TestColors(t *testing.T) {
	xs := read(t, "PUT / HTTP/1.1\nHost: a.example.org\nIf-Match: \"a-gzip\"\nContent-Length: 0\n\nHTTP/1.1 412 Precondition Failed\nETag: \"a\"\nContent-Length: 0\n\n")
	var plain, colored bytes.Buffer
	r := diagnose.Exchanges(xs)
	if err := report.Explain(&plain, report.Explanation{Report: r}, report.Style{}, false); err != nil {
		t.Fatal(err)
	}
	if err := report.Explain(&colored, report.Explanation{Report: r}, report.Style{Color: true}, false); err != nil {
		t.Fatal(err)
	}
	bare := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(colored.String(), "")
	marks := regexp.MustCompile(`(?m)^ *\^+\n`) // which stand for the color
	if want := marks.ReplaceAllString(plain.String(), ""); bare != want {
		t.Errorf("without its colors it is\n%s\nwant\n%s", bare, want)
	}
	if !marks.MatchString(plain.String()) {
		t.Error("where the tags differ is not marked")
	}
}

func read(t *testing.T, text string) []*capture.Exchange {
	t.Helper()
	xs, err := capture.Read(strings.NewReader(text), "-", capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return xs
}

// TestLinesFit: nothing that can be broken is wider than a terminal.
func TestLinesFit(t *testing.T) {
	var b bytes.Buffer
	for _, r := range diagnose.Rules() {
		if err := report.Rule(&b, r, report.Style{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range probe.Checks() {
		if err := report.CheckRecord(&b, c, report.Style{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := report.Rules(&b, diagnose.Rules(), report.Style{}); err != nil {
		t.Fatal(err)
	}
	if err := report.Checks(&b, probe.Checks(), report.Style{}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		verbatim := strings.HasPrefix(line, "  ") && line[2] != ' ' // examples and commands
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 96 && !verbatim {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestJSONDocument: docs/explain.md names every member of the JSON.
func TestJSONDocument(t *testing.T) {
	text := "GET / HTTP/1.1\nHost: a.example.org\n\nHTTP/1.1 200 OK\nServer: nginx\nETag: \"a-gzip\"\nContent-Encoding: gzip\n\n" +
		"PUT / HTTP/1.1\nHost: a.example.org\nIf-Match: \"a-gzip\"\nContent-Length: 0\n\nHTTP/1.1 412 Precondition Failed\nETag: \"a\"\nLast-Modified: Tue, 03 Nov 2026 09:14:22 GMT\nContent-Length: 0\n\n"
	const date = "\nDate: Tue, 03 Nov 2026 09:14:22 GMT\n"
	text += "GET /b HTTP/1.1\nHost: a.example.org\n\nHTTP/1.1 200 OK\nCache-Control: max-age=9\nContent-Length: 0\n\n" +
		"GET /b HTTP/1.1\nHost: a.example.org\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n" +
		"PUT /b HTTP/1.1\nHost: a.example.org\nContent-Length: 0\n\nHTTP/1.1 204 No Content\nCache-Group-Invalidation: \"g\"\n\n"
	text = regexp.MustCompile(`(HTTP/1\.1 \d.*)\n`).ReplaceAllString(text, "$1"+date)
	text += "HTTP/1.1 200 OK\nContent-Length: 0\n\n" +
		"GET /c HTTP/1.1\nHost: a.example.org\nIf-None-Match: \"x\"\n\nHTTP/1.1 304 Not Modified" + date + "\n"
	documented(t, "../../../docs/explain.md", func(w io.Writer) error { return report.JSON(w, explained(read(t, text))) })
}

// explained is all that can be told of exchanges.
func explained(xs []*capture.Exchange) report.Explanation {
	return report.Explanation{Report: diagnose.Exchanges(xs), Caching: caching.Exchanges(xs)}
}

// documented demands that a document names every member of JSON.
func documented(t *testing.T, document string, write func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	members(v, names)
	if len(names) < 30 {
		t.Errorf("there are only %d members, so the test shows little", len(names))
	}
	for name := range names {
		if !bytes.Contains(doc, []byte("`"+name+"`")) {
			t.Errorf("%s does not say what %q is", document, name)
		}
	}
}

// members collects the names of all members inside v.
func members(v any, names map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			names[name] = true
			members(value, names)
		}
	case []any:
		for _, value := range v {
			members(value, names)
		}
	}
}
