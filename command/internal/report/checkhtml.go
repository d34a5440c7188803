package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/probe"
)

// CheckHTML writes what was found on a server as one page that needs nothing else.
func CheckHTML(w io.Writer, c *Checked) error {
	return render(w, "check.html", checkViewOf(c, ""))
}

// ComparisonHTML writes what was found on two servers as one page that needs nothing else.
func ComparisonHTML(w io.Writer, a, b *Checked) error {
	view := comparisonView{Sides: []checkView{checkViewOf(a, "A"), checkViewOf(b, "B")}}
	for _, p := range compare(a, b) {
		row := pairView{Check: p.A.Check, Title: sentence(p.A.Check.Title), A: cellOf(p.A, "A"), B: cellOf(p.B, "B")}
		if p.differs() {
			view.Differ = append(view.Differ, row)
		} else {
			view.Same = append(view.Same, row)
		}
	}
	return render(w, "comparison.html", view)
}

type comparisonView struct {
	Sides        []checkView
	Differ, Same []pairView
}

type pairView struct {
	Check *probe.Check
	Title string
	A, B  cellView
}

type checkView struct {
	// Name is A or B of two; "" of one.
	Name, Title        string
	Target, Server, Of string
	WriteTo            string
	Stopped, Left      string
	Score              scoreView
	Basis              string
	Counts             string
	Groups             []groupView
	Failures           []failureView
}

// scoreView is a ring that is filled as far as the score goes. Rest is what is missing of 100.
type scoreView struct {
	Known       bool
	Score, Rest int
	Tone        string
}

type groupView struct {
	Title  string
	Counts string
	Bars   []outcomeBar
	Cells  []cellView
	Rows   []failureView
}

// outcomeBar is a part of a bar that is 100 wide.
type outcomeBar struct {
	X, W, Class, Title string
}

// cellView is a check in a picture: what became of it as a sign with a tone.
type cellView struct {
	Anchor, ID, Sign, Words, Tone, Title, Says string
}

type failureView struct {
	cellView
	Check     *probe.Check
	Level     string
	Fix       []string
	Causes    []*Cause
	See       []string
	Exchanges []ladderView
}

// ladderView is an exchange as a pair of arrows. What was sent by default is left out.
type ladderView struct {
	Number            int
	Method, URL       string
	Sent, Received    []capture.Line
	Status, Mark      string
	Content, NoAnswer string
	Curl              string
}

func checkViewOf(c *Checked, name string) checkView {
	view := checkView{
		Name: name, Title: "Preconditions of " + c.Target, Target: c.Target, Server: serverText(c.Report),
		Of: fmt.Sprintf("%s, %s", clock(c.Started), askedText(c.Report)), Score: scoreViewOf(c.Report), Basis: basisText(c.Report),
		Counts: countsText(c.Report),
	}
	if c.WriteTo != "" {
		view.WriteTo = c.WriteTo + leftText(c.Report)
	}
	if c.Stopped != "" {
		view.Stopped = sentence(c.Stopped)
	}
	for _, g := range probe.Groups() {
		if results := groupOf(c.Report, g); len(results) > 0 {
			view.Groups = append(view.Groups, groupViewOf(c, g, results, name))
		}
	}
	for _, r := range failuresOf(c.Report) {
		view.Failures = append(view.Failures, failureViewOf(c, r, name))
	}
	return view
}

func scoreViewOf(r *probe.Report) scoreView {
	n := r.Score()
	if n < 0 {
		return scoreView{Rest: 100}
	}
	v := scoreView{Known: true, Score: n, Rest: 100 - n, Tone: "good"}
	if r.Count(probe.Failed) > 0 {
		v.Tone = "warning"
	}
	if r.Fails(probe.Must) {
		v.Tone = "error"
	}
	return v
}

// outcomesShown is the order of outcomes in a bar.
var outcomesShown = []probe.Outcome{probe.Failed, probe.Passed, probe.NotAsked, probe.DoesNotApply}

func groupViewOf(c *Checked, g probe.Group, results []*probe.Result, name string) groupView {
	view := groupView{Title: g.Title()}
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b *probe.Result) int {
		return cmp.Or(cmp.Compare(slices.Index(outcomesShown, a.Outcome), slices.Index(outcomesShown, b.Outcome)), worseFirst(a, b))
	})
	for _, r := range results {
		view.Cells = append(view.Cells, cellOf(r, name))
		view.Rows = append(view.Rows, failureViewOf(c, r, name))
	}
	var words []string
	x := 0.0
	for _, o := range outcomesShown {
		n := 0
		for _, r := range results {
			if r.Outcome == o {
				n++
			}
		}
		if n == 0 {
			continue
		}
		says := fmt.Sprintf("%d %s", n, outcomeWords(o, n))
		words = append(words, says)
		w := float64(n) * 100 / float64(len(results))
		view.Bars = append(view.Bars, outcomeBar{fixed(x), fixed(w), "o-" + o.String(), says})
		x += w
	}
	view.Counts = strings.Join(words, ", ")
	return view
}

func cellOf(r *probe.Result, name string) cellView {
	v := cellView{Anchor: "c" + name + "-" + r.Check.ID, ID: r.Check.ID, Says: sentence(r.Says), Words: outcomeWords(r.Outcome, 1)}
	switch r.Outcome {
	case probe.Passed:
		v.Sign, v.Tone = "✓", "good"
	case probe.Failed:
		v.Sign, v.Tone = "✗", failureTone(r.Check.Level)
	case probe.NotAsked:
		v.Sign, v.Tone = "?", "unknown"
	default:
		v.Sign, v.Tone = "–", "none"
	}
	v.Title = v.Words + ": " + r.Check.ID + ": " + r.Check.Title
	return v
}

func failureTone(l probe.Level) string {
	switch l {
	case probe.Must:
		return "error"
	case probe.Should:
		return "warning"
	}
	return "info"
}

func failureViewOf(c *Checked, r *probe.Result, name string) failureView {
	view := failureView{
		cellView: cellOf(r, name), Check: r.Check, Level: r.Check.Level.String(), Fix: r.Check.FixFor(c.Server), Causes: causesOf(c, r.Check.ID),
		See: seeAlso(c, r),
	}
	for i, x := range r.Exchanges {
		view.Exchanges = append(view.Exchanges, ladderViewOf(i+1, x, r.Curl[i]))
	}
	return view
}

// usualFields are sent with every request, so that they are no news.
var usualFields = []string{"accept", "user-agent"}

func ladderViewOf(n int, x *capture.Exchange, curl string) ladderView {
	v := ladderView{Number: n, Method: x.Request.Method, URL: shownURL(x), Status: statusText(x.Response), Mark: "info",
		Content: contentText(x.Response.Content), Curl: curl}
	for l := range x.Request.Header.Lines() {
		if !slices.Contains(usualFields, strings.ToLower(l.Name)) {
			v.Sent = append(v.Sent, l)
		}
	}
	for l := range x.Response.Header.Lines() {
		if isTelling(l.Name) {
			v.Received = append(v.Received, l)
		}
	}
	if x.Response.Status == 0 {
		v.Status, v.Mark, v.NoAnswer = "no answer", "warning", strings.Join(noAnswer(x), "; ")
	}
	return v
}

// tellingFields are those of a response that say something of its validators, its parts and who may keep it.
var tellingFields = []string{
	"accept-ranges", "age", "cache-control", "content-encoding", "content-length", "content-range", "content-type", "date", "etag",
	"expires", "last-modified", "location", "vary", "via",
}

func isTelling(name string) bool { return slices.Contains(tellingFields, strings.ToLower(name)) }
