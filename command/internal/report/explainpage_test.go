package report_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

const (
	plainExchange = "GET /plain HTTP/1.1\nHost: a.example.org\n\nHTTP/1.1 200 OK\nETag: \"p\"\nContent-Length: 0\n\n"
	wrongExchange = "PUT /wrong HTTP/1.1\nHost: a.example.org\nIf-Match: W/\"a\"\nContent-Length: 0\n\n" +
		"HTTP/1.1 412 Precondition Failed\nETag: W/\"a\"\nContent-Length: 0\n\n"
	designedExchange = "GET /designed HTTP/1.1\nHost: a.example.org\nIf-None-Match: \"d\"\n\nHTTP/1.1 304 Not Modified\nETag: \"d\"\n\n"
)

// TestPageShowsEveryExchange: wherever in a capture the exchanges stand that nothing was found about, the
// picture has every exchange once, in order, with its own request and answer, and what has
// findings is told below it, under the address that the picture refers to.
func TestPageShowsEveryExchange(t *testing.T) {
	captures := map[string]string{
		"plain first":   plainExchange + wrongExchange,
		"plain last":    wrongExchange + plainExchange,
		"plain between": wrongExchange + plainExchange + designedExchange,
		"plain around":  plainExchange + plainExchange + wrongExchange + plainExchange + designedExchange + plainExchange,
		"only plain":    plainExchange + plainExchange,
		"none plain":    wrongExchange + designedExchange,
		"alone":         wrongExchange,
		"alone, plain":  plainExchange,
	}
	for name, text := range captures {
		t.Run(name, func(t *testing.T) {
			r := diagnose.Exchanges(read(t, text))
			page := parsePage(t, r)
			if got, want := page.picture, wantPicture(r); !slices.Equal(got, want) {
				t.Errorf("the picture has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if got, want := page.told, wantTold(r); !slices.Equal(got, want) {
				t.Errorf("told in full is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			for _, link := range page.links {
				if !slices.Contains(page.ids, strings.TrimPrefix(link, "#")) {
					t.Errorf("the link %s leads nowhere: there are %v", link, page.ids)
				}
			}
			if got, want := page.rules, wantRules(r); !slices.Equal(got, want) {
				t.Errorf("the findings are %v, want %v", got, want)
			}
		})
	}
}

// wantPicture is a row for each exchange, if there are several.
func wantPicture(r *diagnose.Report) (rows []string) {
	if len(r.Verdicts) < 2 {
		return nil
	}
	for i, v := range r.Verdicts {
		row := fmt.Sprintf("%d. %s a.example.org%s", i+1, v.Exchange.Request.Method, v.Exchange.Request.Target)
		for _, l := range v.Preconditions {
			row += fmt.Sprintf(" %s: %s", l.Name, l.Value)
		}
		row += fmt.Sprintf(" %d %s", v.Exchange.Response.Status, v.Exchange.Response.Reason)
		if tag := v.Exchange.Response.Header.Get("ETag"); tag != "" {
			row += " ETag: " + tag
		}
		for _, f := range r.Findings {
			if f.Exchange == i && f.Rule.Level > diagnose.Good && f.Confidence > diagnose.Insufficient {
				row += " " + f.Rule.ID
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// wantTold are the headings of the exchanges that have a finding, or of the only one.
func wantTold(r *diagnose.Report) (headings []string) {
	for i, v := range r.Verdicts {
		number := fmt.Sprintf("%d. ", i+1)
		if len(r.Verdicts) == 1 {
			number = ""
		}
		if hasFinding(r, i) || len(r.Verdicts) == 1 {
			headings = append(headings, fmt.Sprintf("%s%s a.example.org%s → %d %s", number,
				v.Exchange.Request.Method, v.Exchange.Request.Target, v.Exchange.Response.Status, v.Exchange.Response.Reason))
		}
	}
	return headings
}

func hasFinding(r *diagnose.Report, exchange int) bool {
	return slices.ContainsFunc(r.Findings, func(f diagnose.Finding) bool { return f.Exchange == exchange })
}

// wantRules are the findings, by exchange.
func wantRules(r *diagnose.Report) (ids []string) {
	for i := range r.Verdicts {
		for _, f := range r.Findings {
			if f.Exchange == i {
				ids = append(ids, f.Rule.ID)
			}
		}
	}
	return ids
}

// An explainPage is what a reader sees of a page of explain.
type explainPage struct {
	picture, told, rules, links, ids []string
}

// parsePage writes the page and reads it as a browser does.
func parsePage(t *testing.T, r *diagnose.Report) (page explainPage) {
	t.Helper()
	var b bytes.Buffer
	if err := report.ExplainHTML(&b, report.Explanation{Report: r}); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "li" && attribute(n.Parent, "class") == "ladder":
			page.picture = append(page.picture, wordsOf(n))
		case n.Data == "h2" && attribute(n, "id") != "":
			page.told = append(page.told, wordsOf(n))
		case n.Data == "h3":
			page.rules = append(page.rules, wordsOf(n))
		case n.Data == "a":
			page.links = append(page.links, attribute(n, "href"))
		}
		if id := attribute(n, "id"); id != "" {
			page.ids = append(page.ids, id)
		}
	}
	return page
}

// wordsOf is the text inside n, with single blanks; line breaks and blocks part words.
func wordsOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case d.Data == "br" || d.Data == "div":
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
