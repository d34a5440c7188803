package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/logs"
	"github.com/fourtwelve/fourtwelve/precondition"
)

//go:embed *.html page.css
var files embed.FS

// pages are parsed when the first is asked for.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(pageFuncs).ParseFS(files, "*.html"))
})

var pageFuncs = template.FuncMap{
	"css":        func() template.CSS { css, _ := files.ReadFile("page.css"); return template.CSS(css) },
	"capital":    capital,
	"sentence":   sentence,
	"clip":       clip,
	"printable":  Printable,
	"words":      func(c diagnose.Confidence) string { return strings.ReplaceAll(c.String(), "-", " ") },
	"paragraphs": func(s string) []string { return strings.Split(s, "\n\n") },
}

// render writes a page at once, so that an error leaves nothing half written.
func render(w io.Writer, name string, data any) error {
	var b bytes.Buffer
	if err := pages().ExecuteTemplate(&b, name, data); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// A findingView is a finding of either command.
type findingView struct {
	Rule       *diagnose.Rule
	Confidence diagnose.Confidence
	Says       string
	Evidence   []diagnose.Fact
	Fix        []string
	Config     []diagnose.Config
	// of logs only; Below is set if the end of the page says what to log
	Below   bool
	Count   string
	When    string
	Samples []logs.Sample
}

type explainView struct {
	Title, Of string
	Exchanges []exchangeView
	// Shown are the exchanges of the picture, and LeftOut how many are not in it.
	Shown   []exchangeView
	LeftOut int
	// Many is set if there is more than one exchange.
	Many bool
}

// maxShown bounds the exchanges in the picture.
const maxShown = 60

type exchangeView struct {
	Number               int
	Method, URL, Status  string
	Source, Clock, ETag  string
	Tone, Judgement, Why string
	// Mark is the tone in the picture: that of the worst finding.
	Mark          string
	State         string
	Preconditions []capture.Line
	// None is said if there is no precondition.
	None     string
	Steps    []precondition.Step
	Between  []diagnose.Party
	Gaps     []capture.Gap
	Tags     []Sides
	Caching  []string // what caches do, in sentences
	Findings []findingView
	// Causes are the IDs of those findings that are not as designed.
	Causes []string
}

// Sides is a tag that was sent and the current one, cut where they begin to differ and where they end to.
type Sides struct {
	Field, Says                                    string
	Before, Sent, SentAfter, Current, CurrentAfter string
}

// ExplainHTML writes a diagnosis as one page that needs nothing else.
func ExplainHTML(w io.Writer, e Explanation) error {
	r := e.Report
	view := explainView{Title: "Why: " + titleOf(r), Of: sourcesOf(r), Many: len(r.Verdicts) > 1}
	for i := range r.Verdicts {
		exchange := exchangeViewOf(r, i)
		if v := e.caching(i); v != nil {
			exchange.Caching = whatCachesDo(v)
		}
		view.Exchanges = append(view.Exchanges, exchange)
	}
	view.Shown = view.Exchanges
	if len(view.Shown) > maxShown { // those that are no news do not fit
		view.Shown = withFindings(view.Shown)
		view.Shown = view.Shown[:min(len(view.Shown), maxShown)]
		view.LeftOut = len(view.Exchanges) - len(view.Shown)
	}
	if len(view.Exchanges) > 1 && e.Caching == nil { // as in the text
		view.Exchanges = withFindings(view.Exchanges)
	}
	return render(w, "explain.html", view)
}

// withFindings returns those exchanges that have a finding. It leaves the list itself alone, since
// the picture shows all of it.
func withFindings(list []exchangeView) (some []exchangeView) {
	for _, x := range list {
		if len(x.Findings) > 0 {
			some = append(some, x)
		}
	}
	return some
}

// titleOf is the most probable cause of what is not as it should be, or what was answered.
func titleOf(r *diagnose.Report) string {
	for _, f := range r.Findings {
		if f.Rule.Level > diagnose.Info && f.Confidence > diagnose.Insufficient {
			return f.Rule.Summary
		}
	}
	if len(r.Verdicts) == 1 {
		return statusText(r.Verdicts[0].Exchange.Response)
	}
	return fmt.Sprintf("%d exchanges", len(r.Verdicts))
}

func sourcesOf(r *diagnose.Report) string {
	var names []string
	for _, v := range r.Verdicts {
		name := v.Exchange.Source.File
		if name == "-" {
			name = "standard input"
		}
		if name = filepath.Base(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	count := "1 exchange"
	if len(r.Verdicts) != 1 {
		count = fmt.Sprintf("%d exchanges", len(r.Verdicts))
	}
	return count + " from " + strings.Join(names, ", ")
}

func exchangeViewOf(r *diagnose.Report, i int) exchangeView {
	v := &r.Verdicts[i]
	x := v.Exchange
	view := exchangeView{
		Number: i + 1, Method: x.Request.Method, URL: shownURL(x), Status: statusText(x.Response), Source: x.Source.String(),
		ETag: x.Response.Header.Get("ETag"), Why: v.Why, State: stateText(v.State), Preconditions: v.Preconditions, None: noPrecondition(x),
		Steps: v.Steps, Between: v.Between, Gaps: x.Gaps,
	}
	if view.Method == "" {
		view.Method = "(request not captured)"
	}
	if !x.Started.IsZero() {
		view.Clock = x.Started.UTC().Format("2006-01-02 15:04:05.000 UTC")
	}
	view.Judgement, view.Tone = judgementWords(v.Judgement)
	view.Mark = view.Tone
	worst := diagnose.Good
	for _, f := range findingsOf(r, i) {
		view.Findings = append(view.Findings, findingView{
			Rule: f.Rule, Confidence: f.Confidence, Says: f.Says, Evidence: f.Evidence, Fix: fixOf(f), Config: f.Config,
		})
		if f.Rule.Level > diagnose.Good && f.Confidence > diagnose.Insufficient {
			view.Causes = append(view.Causes, f.Rule.ID)
			worst = max(worst, f.Rule.Level)
			view.Mark = worst.String()
		}
	}
	for _, c := range v.Tags {
		view.Tags = append(view.Tags, SidesOf(c))
	}
	return view
}

func judgementWords(j diagnose.Judgement) (words, tone string) {
	switch j {
	case diagnose.Right:
		return "right", "good"
	case diagnose.Wrong:
		return "wrong", "error"
	case diagnose.Unconditional:
		return "not conditional", "info"
	}
	return "cannot tell", "warning"
}

func stateText(s diagnose.State) string {
	if !s.Known {
		return ""
	}
	var has []string
	switch {
	case !s.Exists:
		has = append(has, "no current representation")
	case s.ETag == "" && s.LastModified == "":
		has = append(has, "exists, without validators")
	}
	if s.ETag != "" {
		has = append(has, "ETag: "+clip(s.ETag))
	}
	if s.LastModified != "" {
		has = append(has, "Last-Modified: "+clip(s.LastModified))
	}
	return strings.Join(has, ", ") + " (from " + s.Source + ")"
}

// SidesOf cuts the tags of a comparison for a page.
func SidesOf(c diagnose.Comparison) Sides {
	sent, current := clip(c.Sent), clip(c.Current)
	from, sentTo, currentTo := differing(sent, current)
	return Sides{
		Field: c.Field, Says: c.Relation.String(), Before: sent[:from],
		Sent: sent[from:sentTo], SentAfter: sent[sentTo:], Current: current[from:currentTo], CurrentAfter: current[currentTo:],
	}
}

// clock is how times are shown on pages.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// Told reports whether the finding names a cause.
func (f findingView) Told() bool { return f.Confidence > diagnose.Insufficient }
