package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/probe"
)

// A Checked is what was found on one server.
type Checked struct {
	*probe.Report
	// Causes are those of the failures that could be named, most probable first.
	Causes []Cause
}

// A Cause is why checks failed.
type Cause struct {
	// Finding is about the first of Checks: its Exchange is the position among the exchanges of that.
	diagnose.Finding
	// Checks are the ids of those that failed by it, in the order of the report.
	Checks []string
}

// CheckDetail is how much of what went to and fro is shown.
type CheckDetail struct {
	// Failed shows the exchanges of checks that failed, All those of all.
	Failed, All bool
	// Curl shows each request as a command.
	Curl bool
}

// Check writes what was found on a server as text: a table of the checks by what they mean for users, then of
// each failure what was sent and got, what that means and what to do.
func Check(w io.Writer, c *Checked, style Style, detail CheckDetail) error {
	p := &page{Style: style}
	p.checkSummary(c, "")
	width := idWidth(c.Results)
	for _, g := range probe.Groups() {
		p.checkGroup(c, g, width)
	}
	p.failures(c, "What is wrong, worst first", detail)
	return p.flush(w)
}

// checkSummary says what was asked, and how it went, in a few lines. Prefix goes before the target.
func (p *page) checkSummary(c *Checked, prefix string) {
	p.line("%s%s", prefix, p.paint(Printable(c.Target), bold))
	p.label("Server", Printable(clip(serverText(c.Report))))
	if c.WriteTo != "" {
		p.label("Written to", Printable(c.WriteTo)+leftText(c.Report))
	}
	p.label("Score", p.score(c.Report))
	p.label("Checks", countsText(c.Report))
	p.label("Asked", askedText(c.Report))
	if c.Stopped != "" {
		p.label("Stopped", p.paint(Printable(sentence(c.Stopped)), yellow))
	}
}

func serverText(r *probe.Report) string {
	name := cmp.Or(r.Server, "(not named)")
	if len(r.Addresses) == 0 {
		return name
	}
	return name + " at " + strings.Join(r.Addresses, ", ")
}

func leftText(r *probe.Report) string {
	switch {
	case r.Left:
		return " (it could not be removed: remove it by hand)"
	case !r.Written:
		return " (nothing was written)"
	}
	return " (removed again)"
}

// score is the score with a bar.
func (p *page) score(r *probe.Report) string {
	n := r.Score()
	if n < 0 {
		return scoreText(r)
	}
	color := green
	if r.Count(probe.Failed) > 0 {
		color = yellow
	}
	if r.Fails(probe.Must) {
		color = red
	}
	const columns = 20
	full := n * columns / 100
	return p.paint(scoreText(r), bold) + "  " + p.paint(strings.Repeat("█", full), color) + p.paint(strings.Repeat("░", columns-full), faint) +
		" " + basisText(r)
}

func scoreText(r *probe.Report) string {
	switch n := r.Score(); {
	case n >= 0:
		return fmt.Sprintf("%d of 100", n)
	case r.Stopped != "" || r.Interrupted:
		return "none, for not everything was asked"
	}
	return "none, for nothing could be judged"
}

// basisText says what the score rests on.
func basisText(r *probe.Report) string {
	judged, lacking := r.Judged()
	text := fmt.Sprintf("on %d of %s", judged, count(int64(len(r.Results)), "check"))
	if lacking > 0 {
		text += fmt.Sprintf("; the server lacks what %d are about", lacking)
	}
	return text
}

// countsText says how many checks came out how, and how binding those are that failed.
func countsText(r *probe.Report) string {
	wrong := fmt.Sprintf("%d wrong", r.Count(probe.Failed))
	var by []string
	for _, l := range []probe.Level{probe.Must, probe.Should, probe.Advice} {
		if n := failedAt(r, l); n > 0 {
			by = append(by, fmt.Sprintf("%d %s", n, l))
		}
	}
	if len(by) > 0 {
		wrong += " (" + strings.Join(by, ", ") + ")"
	}
	text := fmt.Sprintf("%d right, %s", r.Count(probe.Passed), wrong)
	for _, o := range []probe.Outcome{probe.DoesNotApply, probe.NotAsked} {
		if n := r.Count(o); n > 0 {
			text += fmt.Sprintf(", %d %s", n, outcomeWords(o, n))
		}
	}
	return text
}

func failedAt(r *probe.Report, l probe.Level) (n int) {
	for i := range r.Results {
		if r.Results[i].Outcome == probe.Failed && r.Results[i].Check.Level == l {
			n++
		}
	}
	return n
}

func outcomeWords(o probe.Outcome, n int) string {
	switch o {
	case probe.Passed:
		return "right"
	case probe.Failed:
		return "wrong"
	case probe.NotAsked:
		return "not asked"
	}
	if n == 1 {
		return "does not apply"
	}
	return "do not apply"
}

func askedText(r *probe.Report) string {
	return count(int64(r.Requests), "request") + " in " + secondsText(r.Took)
}

// outcomeMark is an outcome in a column of four.
func (p *page) outcomeMark(o probe.Outcome) string {
	switch o {
	case probe.Passed:
		return p.paint("ok  ", green)
	case probe.Failed:
		return p.paint("FAIL", bold, red)
	case probe.NotAsked:
		return p.paint("?   ", yellow)
	}
	return p.paint("n/a ", faint)
}

// maxIDWidth bounds the column of ids; longer ones push their title away.
const maxIDWidth = 30

func idWidth(results []probe.Result) (n int) {
	for i := range results {
		if o := results[i].Outcome; o == probe.Passed || o == probe.Failed {
			n = max(n, len(results[i].Check.ID))
		}
	}
	return min(n, maxIDWidth)
}

// checkGroup is the part of the table for one group: a line for each check that was judged, those that failed
// first, worst first, and one for all that were not for the same reason.
func (p *page) checkGroup(c *Checked, g probe.Group, width int) {
	results := groupOf(c.Report, g)
	if len(results) == 0 {
		return
	}
	slices.SortStableFunc(results, worseFirst)
	p.heading(g.Title())
	for _, o := range []probe.Outcome{probe.Failed, probe.Passed} {
		for _, r := range results {
			if r.Outcome == o {
				head := fmt.Sprintf("  %s  %-6s  %-*s  ", p.outcomeMark(o), r.Check.Level, width, r.Check.ID)
				p.block(head, strings.Repeat(" ", visible(head)), r.Check.Title)
			}
		}
	}
	for _, s := range unjudged(results) {
		text := fmt.Sprintf("%d %s: %s %s", len(s.ids), outcomeWords(s.outcome, len(s.ids)), Printable(clip(s.says)),
			p.paint("("+strings.Join(s.ids, ", ")+")", faint))
		p.block("  "+p.outcomeMark(s.outcome)+"  ", strings.Repeat(" ", 8), text)
	}
}

func groupOf(r *probe.Report, g probe.Group) (list []*probe.Result) {
	for i := range r.Results {
		if r.Results[i].Check.Group == g {
			list = append(list, &r.Results[i])
		}
	}
	return list
}

// same are checks that were not judged for the same reason.
type same struct {
	outcome probe.Outcome
	says    string
	ids     []string
}

func unjudged(results []*probe.Result) (list []same) {
	for _, r := range results {
		if r.Outcome == probe.Passed || r.Outcome == probe.Failed {
			continue
		}
		at := slices.IndexFunc(list, func(s same) bool { return s.outcome == r.Outcome && s.says == r.Says })
		if at < 0 {
			at = len(list)
			list = append(list, same{outcome: r.Outcome, says: r.Says})
		}
		list[at].ids = append(list[at].ids, r.Check.ID)
	}
	return list
}

// failuresOf returns what failed, worst first.
func failuresOf(r *probe.Report) (list []*probe.Result) {
	for i := range r.Results {
		if r.Results[i].Outcome == probe.Failed {
			list = append(list, &r.Results[i])
		}
	}
	slices.SortStableFunc(list, func(a, b *probe.Result) int {
		return cmp.Or(worseFirst(a, b), cmp.Compare(a.Check.Group, b.Check.Group))
	})
	return list
}

// worseFirst orders results by how much a failure matters; what did not fail stays where it is.
func worseFirst(a, b *probe.Result) int {
	weight := func(r *probe.Result) int {
		if r.Outcome != probe.Failed {
			return 0
		}
		return r.Check.Weight()
	}
	return cmp.Compare(weight(b), weight(a))
}

// failures tells all that failed in full, and what else was sent if that is wanted.
func (p *page) failures(c *Checked, title string, detail CheckDetail) {
	list := failuresOf(c.Report)
	if len(list) > 0 {
		p.heading(title)
	}
	for i, r := range list {
		p.line("")
		p.failure(c, r, list[:i])
		p.sent(r, detail.Failed || detail.All, detail.Curl)
	}
	p.othersSent(c.Report, detail)
}

// failure tells what failed in full. What to do is not said again if it was of one before.
func (p *page) failure(c *Checked, r *probe.Result, before []*probe.Result) {
	p.line("%s  %s  %s  %s", p.outcomeMark(r.Outcome), p.checkLevel(r.Check.Level), p.paint(r.Check.ID, bold),
		p.paint(r.Check.Group.Title(), faint))
	p.block("  ", "  ", sentence(r.Check.Title))
	p.label("Sent", sentence(r.Check.Sends))
	p.label("Right", sentence(r.Check.Right))
	p.label("Found", p.paint(Printable(sentence(clip(r.Says))), bold))
	p.label("Means", sentence(r.Check.Means))
	for n, cause := range causesOf(c, r.Check.ID) {
		p.item(n == 0, "Cause", p.confidence(cause.Confidence)+"  "+p.paint(cause.Rule.ID, bold)+": "+sentence(cause.Rule.Summary))
	}
	p.steps(c, r, before)
	p.label("See", strings.Join(seeAlso(c, r), "; "))
}

// steps says what to do.
func (p *page) steps(c *Checked, r *probe.Result, before []*probe.Result) {
	steps := r.Check.FixFor(c.Server)
	at := slices.IndexFunc(before, func(b *probe.Result) bool { return slices.Equal(b.Check.FixFor(c.Server), steps) })
	switch {
	case at >= 0:
		p.label("Do", "As for "+before[at].Check.ID+".")
	case len(steps) == 1:
		p.label("Do", Printable(sentence(steps[0])))
	default:
		for n, step := range steps {
			p.block(p.head(first(n == 0, "Do"))+"- ", p.head("")+"  ", Printable(sentence(step)))
		}
	}
}

func (p *page) checkLevel(l probe.Level) string {
	switch l {
	case probe.Must:
		return p.paint("must", red)
	case probe.Should:
		return p.paint("should", yellow)
	}
	return l.String()
}

// causesOf returns the causes of a check's failure.
func causesOf(c *Checked, id string) (list []*Cause) {
	for i := range c.Causes {
		if slices.Contains(c.Causes[i].Checks, id) {
			list = append(list, &c.Causes[i])
		}
	}
	return list
}

// ruleIDs are the rules that teach the cause of a failure: those that were found, or else those that
// come into question.
func ruleIDs(c *Checked, r *probe.Result) (ids []string) {
	for _, cause := range causesOf(c, r.Check.ID) {
		ids = append(ids, cause.Rule.ID)
	}
	if len(ids) > 0 {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(r.Check.Rules), func(id string) bool { return slices.Contains(r.Refuted, id) })
}

func seeAlso(c *Checked, r *probe.Result) (list []string) {
	list = append(list, r.Check.Section, "fourtwelve check --list "+r.Check.ID)
	if ids := ruleIDs(c, r); len(ids) > 0 {
		list = append(list, "fourtwelve rules "+strings.Join(ids, " "))
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// othersSent shows what the checks sent that did not fail.
func (p *page) othersSent(r *probe.Report, detail CheckDetail) {
	if !detail.All && !detail.Curl {
		return
	}
	begun := false
	for i := range r.Results {
		result := &r.Results[i]
		if result.Outcome == probe.Failed || len(result.Exchanges) == 0 {
			continue
		}
		if !begun {
			p.heading("What else was sent")
			begun = true
		}
		p.line("\n%s  %s  %s", p.outcomeMark(result.Outcome), p.paint(result.Check.ID, bold), p.paint(Printable(clip(result.Says)), faint))
		p.sent(result, detail.All, detail.Curl)
	}
}

// sent shows the requests of a check with their answers, as commands, as they went over the wire, or both. Lines are not
// wrapped, so that they can be copied.
func (p *page) sent(r *probe.Result, exchanges, commands bool) {
	for i, x := range r.Exchanges {
		if commands {
			p.line("  %s", p.paint(Printable(r.Curl[i]), cyan))
		}
		if exchanges {
			p.exchange(x)
		}
	}
}

func (p *page) exchange(x *capture.Exchange) {
	p.line("  > %s", p.paint(Printable(strings.TrimSpace(x.Request.Method+" "+x.Request.Target+" "+x.Request.Proto)), bold))
	p.fields("  > ", exchangeFields(x))
	p.content("  > ", x.Request.Content)
	for _, r := range x.Interim {
		p.line("  < %s", Printable(statusLine(r)))
	}
	if x.Response.Status == 0 {
		for _, reason := range noAnswer(x) {
			p.line("  < %s", p.paint("(no answer: "+Printable(reason)+")", yellow))
		}
		return
	}
	p.line("  < %s", p.paint(Printable(statusLine(x.Response)), bold, statusColor(x.Response.Status)))
	for l := range x.Response.Header.Lines() {
		p.line("  < %s", Printable(clip(l.Name+": "+l.Value)))
	}
	p.content("  < ", x.Response.Content)
}

// exchangeFields are those of the request with the Host field, as HTTP/1.1 has it.
func exchangeFields(x *capture.Exchange) []capture.Line {
	var lines []capture.Line
	if !x.Request.Header.Has("Host") {
		lines = append(lines, capture.Line{Name: "Host", Value: x.Request.Host})
	}
	return slices.AppendSeq(lines, x.Request.Header.Lines())
}

func (p *page) fields(prefix string, lines []capture.Line) {
	for _, l := range lines {
		p.line("%s%s", prefix, Printable(clip(l.Name+": "+l.Value)))
	}
}

// content says how long content is. It is not shown, for it may hold secrets.
func (p *page) content(prefix string, c capture.Content) {
	if text := contentText(c); text != "" {
		p.line("%s%s", prefix, p.paint("("+text+")", faint))
	}
}

func contentText(c capture.Content) string {
	switch {
	case c.Len > 0:
		return count(c.Len, "byte") + " of content"
	case c.Len < 0:
		return "content of unknown length"
	}
	return ""
}

func statusLine(r capture.Response) string {
	return strings.TrimSpace(r.Proto + " " + statusText(r))
}

// noAnswer returns why there is none, each reason once.
func noAnswer(x *capture.Exchange) (reasons []string) {
	for _, g := range x.Gaps {
		if !slices.Contains(reasons, g.Reason) {
			reasons = append(reasons, g.Reason)
		}
	}
	return reasons
}

// secondsText is a duration for people, to a tenth of a second.
func secondsText(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
