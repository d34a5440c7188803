package report

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/caching"
)

// Explain writes a diagnosis as text: of each exchange what was asked and answered and
// what should have been, the tags, and the causes.
//
// Of several exchanges only those are told in full that have a finding; the others are one line
// each. All tells all of them in full.
func Explain(w io.Writer, e Explanation, style Style, all bool) error {
	p, r := &page{Style: style}, e.Report
	if len(r.Verdicts) > 1 {
		p.overview(r)
	}
	for i := range r.Verdicts {
		findings := findingsOf(r, i)
		if i > 0 || len(r.Verdicts) > 1 {
			p.line("")
		}
		if len(findings) == 0 && len(r.Verdicts) > 1 && !all {
			p.headline(&r.Verdicts[i], i, len(r.Verdicts))
			p.caching(e.caching(i))
			continue
		}
		p.verdict(&r.Verdicts[i], i, len(r.Verdicts))
		p.caching(e.caching(i))
		for _, f := range findings {
			p.line("")
			p.finding(f)
		}
	}
	return p.flush(w)
}

// findingsOf returns the findings about an exchange, most probable first.
func findingsOf(r *diagnose.Report, exchange int) (list []*diagnose.Finding) {
	for i := range r.Findings {
		if r.Findings[i].Exchange == exchange {
			list = append(list, &r.Findings[i])
		}
	}
	return list
}

// overview says in a line each what was found in several exchanges.
func (p *page) overview(r *diagnose.Report) {
	type count struct {
		f     *diagnose.Finding
		times int
	}
	var counts []*count
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Rule.Level == diagnose.Good {
			continue
		}
		at := slices.IndexFunc(counts, func(c *count) bool { return c.f.Rule == f.Rule && c.f.Confidence == f.Confidence })
		if at < 0 {
			counts = append(counts, &count{f, 1})
			continue
		}
		counts[at].times++
	}
	if len(counts) == 0 {
		p.line("%d exchanges, and nothing wrong was found.", len(r.Verdicts))
		return
	}
	p.line("%d exchanges. Found, most probable first:", len(r.Verdicts))
	for _, c := range counts {
		times := ""
		if c.times > 1 {
			times = fmt.Sprintf(" (%d times)", c.times)
		}
		p.line("  %s  %s%s: %s", p.confidence(c.f.Confidence), p.paint(c.f.Rule.ID, bold), times, c.f.Rule.Summary)
	}
}

// headline names an exchange and its answer in a line.
func (p *page) headline(v *diagnose.Verdict, i, of int) {
	x := v.Exchange
	number := ""
	if of > 1 {
		number = strconv.Itoa(i+1) + ". "
	}
	p.line("%s%s%s  %s", number, p.paint(Printable(requestLine(x)), bold),
		" → "+p.paint(statusText(x.Response), statusColor(x.Response.Status)), p.paint("("+Printable(x.Source.String())+")", faint))
}

func requestLine(x *capture.Exchange) string {
	method, url := x.Request.Method, shownURL(x)
	switch {
	case method == "" && url == "":
		return "(the request is not in the capture)"
	case method == "":
		return "(method not known) " + url
	}
	return method + " " + url
}

// shownURL is the target URI, without the slashes in front if the scheme is not known.
func shownURL(x *capture.Exchange) string { return strings.TrimPrefix(x.URL(), "//") }

func statusText(r capture.Response) string {
	if r.Status == 0 {
		return "(no response in the capture)"
	}
	text := http.StatusText(r.Status)
	if text == "" {
		text = Printable(r.Reason)
	}
	return strings.TrimSpace(strconv.Itoa(r.Status) + " " + text)
}

func statusColor(status int) string {
	switch {
	case status >= 400:
		return red
	case status >= 300:
		return cyan
	}
	return green
}

// verdict tells an exchange in full.
func (p *page) verdict(v *diagnose.Verdict, i, of int) {
	p.headline(v, i, of)
	p.line("")
	p.asked(v)
	p.label("Judgement", p.judgement(v.Judgement)+": "+Printable(strings.TrimSuffix(v.Why, ".")+"."))
	for n, s := range v.Steps {
		p.item(n == 0, "Steps", fmt.Sprintf("%d. %s (%s, RFC 9110 §%s)", s.Number, Printable(s.Text), s.Reason, s.Section))
	}
	p.state(v)
	for _, c := range v.Tags {
		p.tags(c)
	}
	p.between(v)
	for n, g := range v.Exchange.Gaps {
		p.item(n == 0, "Missing", g.Part.String()+": "+Printable(g.Reason))
	}
}

// caching tells what caches make of an exchange.
func (p *page) caching(v *caching.Verdict) {
	if v == nil {
		return
	}
	for n, text := range whatCachesDo(v) {
		p.item(n == 0, "Caches", Printable(clip(text)))
	}
}

// labelWidth is that of the column of labels.
const labelWidth = 13

// label writes text behind a label, and wraps it there.
func (p *page) label(name, text string) { p.item(true, name, text) }

// item is label, without the label unless it is the first of several.
func (p *page) item(is bool, name, text string) {
	p.block(p.head(first(is, name)), p.head(""), text)
}

func first(is bool, name string) string {
	if is {
		return name
	}
	return ""
}

// head is the column of labels.
func (p *page) head(name string) string {
	if name == "" {
		return strings.Repeat(" ", labelWidth)
	}
	return "  " + p.paint(name, faint) + strings.Repeat(" ", max(1, labelWidth-2-len(name)))
}

// noPrecondition says that there is none, as far as the capture shows.
func noPrecondition(x *capture.Exchange) string {
	if x.Missing(capture.RequestHeader) {
		return "not known: the capture lacks header fields of the request"
	}
	return "no precondition"
}

func (p *page) asked(v *diagnose.Verdict) {
	if len(v.Preconditions) == 0 {
		p.label("Asked", noPrecondition(v.Exchange))
	}
	for n, l := range v.Preconditions {
		p.item(n == 0, "Asked", Printable(clip(l.Name+": "+l.Value)))
	}
	if v.Exchange.Request.Header.Has("Range") {
		p.item(false, "", Printable(clip("Range: "+v.Exchange.Request.Header.Get("Range"))))
	}
}

// clip cuts long values: a page is for people.
func clip(s string) string {
	const limit = 400
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:cut], len(s))
}

func (p *page) judgement(j diagnose.Judgement) string {
	switch j {
	case diagnose.Right:
		return p.paint("right", bold, green)
	case diagnose.Wrong:
		return p.paint("wrong", bold, red)
	case diagnose.Unconditional:
		return p.paint("not conditional", bold)
	}
	return p.paint("cannot tell", bold, yellow)
}

func (p *page) state(v *diagnose.Verdict) {
	if text := stateText(v.State); text != "" {
		p.label("State", Printable(text))
	}
}

// tags puts two tags below each other and marks where they differ.
func (p *page) tags(c diagnose.Comparison) {
	sent, current := Printable(clip(c.Sent)), Printable(clip(c.Current))
	from, sentTo, currentTo := differing(sent, current)
	p.line("%s%s  %s   %s", p.head("Tags"), p.paint("sent   ", faint), p.marked(sent, from, sentTo), p.paint("in "+c.Field, faint))
	p.line("%s%s  %s", p.head(""), p.paint("current", faint), p.marked(current, from, currentTo))
	if sent != current && !p.Color {
		blanks := utf8.RuneCountInString(sent[:from])
		marks := max(utf8.RuneCountInString(sent[from:sentTo]), utf8.RuneCountInString(current[from:currentTo]))
		p.line("%s%s", strings.Repeat(" ", labelWidth+len("current  ")+blanks), strings.Repeat("^", marks))
	}
	p.item(false, "", Printable(sentence(c.Relation.String())))
}

func (p *page) marked(s string, from, to int) string {
	if from >= to {
		return s
	}
	return s[:from] + p.paint(s[from:to], bold, yellow) + s[to:]
}

// differing returns where two texts begin to differ, and where each of them ends to,
// in bytes. It cuts at whole characters.
func differing(a, b string) (from, aTo, bTo int) {
	for from < len(a) && from < len(b) {
		r, n := utf8.DecodeRuneInString(a[from:])
		if s, _ := utf8.DecodeRuneInString(b[from:]); r != s {
			break
		}
		from += n
	}
	aTo, bTo = len(a), len(b)
	for aTo > from && bTo > from {
		r, n := utf8.DecodeLastRuneInString(a[from:aTo])
		if s, _ := utf8.DecodeLastRuneInString(b[from:bTo]); r != s {
			break
		}
		aTo, bTo = aTo-n, bTo-n
	}
	return from, aTo, bTo
}

func (p *page) between(v *diagnose.Verdict) {
	for n, party := range v.Between {
		p.item(n == 0, "Handled by", Printable(party.Name)+" ("+Printable(clip(party.Sign))+")")
	}
}

// finding tells a cause, its evidence and what to do.
func (p *page) finding(f *diagnose.Finding) {
	p.line("%s  %s  %s", p.confidence(f.Confidence), p.paint(f.Rule.ID, bold), p.level(f.Rule.Level))
	p.block("  ", "  ", capital(f.Rule.Summary)+".")
	if f.Says != "" && f.Says != f.Rule.Summary {
		p.block("  ", "  ", Printable(sentence(f.Says)))
	}
	for n, e := range f.Evidence {
		source := ""
		if e.Source != "" {
			source = p.paint("  ("+Printable(e.Source)+")", faint)
		}
		p.item(n == 0, "Evidence", Printable(clip(e.Name))+": "+Printable(clip(e.Value))+source)
	}
	steps := fixOf(f)
	for n, step := range steps {
		if len(steps) > 1 {
			p.block(p.head(first(n == 0, "Do"))+"- ", p.head("")+"  ", Printable(step))
		} else {
			p.label("Do", Printable(step))
		}
	}
	for _, c := range f.Config {
		p.config(c)
	}
	p.label("See", strings.Join(slices.DeleteFunc([]string{f.Rule.Section, "fourtwelve rules " + f.Rule.ID},
		func(s string) bool { return s == "" }), "; "))
}

func fixOf(f *diagnose.Finding) []string {
	if len(f.Fix) > 0 {
		return f.Fix
	}
	return f.Rule.Fix
}

// config shows lines to copy as they are, so they are not wrapped.
func (p *page) config(c diagnose.Config) {
	p.label("Add", Printable(strings.Join(slices.DeleteFunc([]string{c.Server, c.Where}, func(s string) bool { return s == "" }), ", ")))
	for l := range strings.SplitSeq(c.Text, "\n") {
		if l != "" {
			p.line("%s%s", strings.Repeat(" ", labelWidth+2), p.paint(Printable(l), cyan))
		}
	}
	if c.Note != "" {
		p.item(false, "", Printable(c.Note))
	}
}

// capital makes the first letter of a sentence a capital, unless it is no word of ours.
func capital(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if s == "" || s[0] < 'a' || s[0] > 'z' || strings.ContainsAny(word, `"-_.:/=`) {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// sentence makes a text of ours a sentence.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, ")") && strings.Contains(s, ". ") {
		return capital(s)
	}
	return capital(s) + "."
}

func (p *page) confidence(c diagnose.Confidence) string {
	text := strings.ToUpper(strings.ReplaceAll(c.String(), "-", " "))
	switch c {
	case diagnose.Certain:
		return p.paint(text, bold, green)
	case diagnose.Likely:
		return p.paint(text, bold, cyan)
	}
	return p.paint(text, bold, yellow)
}

func (p *page) level(l diagnose.Level) string {
	switch l {
	case diagnose.Good:
		return p.paint("working as designed", green)
	case diagnose.Error:
		return p.paint("error", red)
	case diagnose.Warning:
		return p.paint("warning", yellow)
	}
	return l.String()
}
