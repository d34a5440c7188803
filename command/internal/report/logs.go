package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/logs"
)

// Logs writes what access logs tell as text: the causes, then who and what was refused and when,
// then revalidation, the totals and the files.
func Logs(w io.Writer, r *logs.Report, style Style) error {
	p := &page{Style: style}
	p.summary(r)
	for i := range r.Causes {
		p.line("")
		p.cause(&r.Causes[i])
	}
	p.refusedOverTime(&r.Timeline)
	p.splits(r.Splits)
	p.storms(r.Storms)
	p.counts("Refused, by path", r.Refused.Paths, false)
	p.counts("Refused, by client", r.Refused.Clients, false)
	p.health(&r.Health)
	p.hits(r.Hits)
	p.totals(r)
	p.files(r.Files)
	p.advice(r)
	p.estimates(&r.Bounds)
	return p.flush(w)
}

// Refusal writes a 412 that was just logged, with its cause.
func Refusal(w io.Writer, r *logs.Refusal, style Style) error {
	p := &page{Style: style}
	who := r.Client
	if r.User != "" {
		who = strings.TrimSpace(r.User + " at " + who)
	}
	when := ""
	if !r.Time.IsZero() {
		when = r.Time.Format("15:04:05") + " "
	}
	what := r.Method + " " + Printable(r.Path)
	p.block("", "  ", fmt.Sprintf("%s%s (%s): %s, %s", when, what, Printable(who), p.paint(r.Rule, bold), r.Confidence))
	if r.Says != "" {
		p.block("  ", "  ", Printable(sentence(r.Says)))
	}
	return p.flush(w)
}

// LogsJSON writes what access logs tell for programs. The form is documented in docs/logs.md; members are
// added to it, and never change or go.
func LogsJSON(w io.Writer, r *logs.Report) error { return writeJSON(w, r) }

// heading begins a part.
func (p *page) heading(text string) {
	p.line("")
	p.line("%s", p.paint(text, bold))
}

func (p *page) summary(r *logs.Report) {
	p.line("%s, %s (%s).", count(r.Totals.Requests, "request"),
		p.paint(count(r.Refused.Count, "of them was", "of them were")+" answered 412", bold),
		Printable(logsOf(r)))
	switch {
	case r.Totals.Requests == 0:
		p.line("There is nothing to look at.")
	case len(r.Causes) == 0:
		p.line("Nothing wrong was found.")
	}
}

// count writes a number and what it counts: one, and several, or one with an s.
func count(n int64, words ...string) string {
	word := words[0]
	if n != 1 {
		if word += "s"; len(words) > 1 {
			word = words[1]
		}
	}
	return number(n) + " " + word
}

func (p *page) cause(c *logs.Cause) {
	p.line("%s  %s  %s  %s", p.confidence(c.Confidence), p.paint(c.Rule.ID, bold), p.level(c.Rule.Level), p.paint("×"+number(c.Count), bold))
	p.block("  ", "  ", capital(c.Rule.Summary)+".")
	if c.Says != "" && c.Says != c.Rule.Summary {
		p.block("  ", "  ", Printable(sentence(clip(c.Says))))
	}
	if !c.First.IsZero() {
		p.label("When", whenText(c.First, c.Last))
	}
	if text := mixed(c); text != "" {
		p.label("Of these", text)
	}
	for n, e := range c.Evidence {
		p.item(n == 0, "Evidence", Printable(clip(e.Name))+": "+Printable(clip(e.Value)))
	}
	for n, s := range c.Samples {
		p.item(n == 0, "Lines", Printable(fmt.Sprintf("%s:%d", s.File, s.Line))+p.paint("  "+Printable(clip(s.Text)), faint))
	}
	for n, step := range c.Rule.Fix {
		p.block(p.head(first(n == 0, "Do"))+"- ", p.head("")+"  ", Printable(step))
	}
	for _, s := range c.Config {
		p.label("Log", Printable(s.Server)+", as said below")
	}
	p.label("See", strings.Join(slices.DeleteFunc([]string{c.Rule.Section, "fourtwelve rules " + c.Rule.ID},
		func(s string) bool { return s == "" }), "; "))
}

// mixed says how many findings of each confidence there are, if they differ.
func mixed(c *logs.Cause) string {
	var list []string
	for _, confidence := range []diagnose.Confidence{diagnose.Certain, diagnose.Likely, diagnose.Possible, diagnose.Insufficient} {
		if n := c.ByConfidence[confidence]; n > 0 {
			list = append(list, number(n)+" "+confidence.String())
		}
	}
	if len(list) < 2 {
		return ""
	}
	return strings.Join(list, ", ")
}

func whenText(from, until time.Time) string {
	if from.Equal(until) {
		return clock(from)
	}
	return clock(from) + " to " + clock(until)
}

// maxBars bounds the parts of a timeline that are shown as text.
const maxBars = 24

// refusedOverTime draws a bar for each part of the time in which something was refused, and a mark for those
// in between.
func (p *page) refusedOverTime(t *logs.Timeline) {
	parts, width := coarser(t, maxBars)
	most := int64(0)
	for _, part := range parts {
		most = max(most, part.Refused)
	}
	if most == 0 || len(parts) < 2 {
		return
	}
	p.heading("Refused, by time (" + durationText(width) + " a line)")
	gap := false
	for _, part := range parts {
		if part.Refused == 0 {
			gap = true
			continue
		}
		if gap {
			p.line("  %s", p.paint("…", faint))
			gap = false
		}
		bar := strings.Repeat("█", int((part.Refused*30+most-1)/most))
		line := fmt.Sprintf("  %s  %7s  %s", clock(part.Start), number(part.Refused), p.paint(bar, red))
		if main := mainCause(part.Causes); main != "" {
			line += "  " + p.paint(main, faint)
		}
		p.line("%s", line)
	}
}

// coarser joins the parts of a timeline until there are at most n, with those in which nothing
// happened.
func coarser(t *logs.Timeline, n int) ([]logs.Part, time.Duration) {
	if len(t.Parts) == 0 || t.Width <= 0 {
		return nil, 0
	}
	start := t.Parts[0].Start
	span := int(t.Parts[len(t.Parts)-1].Start.Sub(start)/t.Width) + 1
	times := roundUp((span + n - 1) / n)
	width := t.Width * time.Duration(times)
	list := make([]logs.Part, (span+times-1)/times)
	for i := range list {
		list[i].Start = start.Add(width * time.Duration(i))
	}
	for _, part := range t.Parts {
		into := &list[int(part.Start.Sub(start)/width)]
		into.Requests += part.Requests
		into.Refused += part.Refused
		for id, n := range part.Causes {
			if into.Causes == nil {
				into.Causes = map[string]int64{}
			}
			into.Causes[id] += n
		}
	}
	return list, width
}

// roundUp returns the first number from n on of which twelve, thirty or sixty are a multiple, or which
// has one digit that is no zero.
func roundUp(n int) int {
	for _, m := range []int{1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60} {
		if n <= m {
			return m
		}
	}
	tens := 10
	for n > 9*tens {
		tens *= 10
	}
	return (n + tens - 1) / tens * tens
}

// mainCause is the most frequent cause.
func mainCause(causes map[string]int64) string {
	best, sum := "", int64(0)
	for id, n := range causes {
		sum += n
		if best == "" || n > causes[best] || n == causes[best] && id < best {
			best = id
		}
	}
	if best != "" && causes[best] < sum {
		return fmt.Sprintf("%s (%s)", best, share(causes[best], sum))
	}
	return best
}

func (p *page) splits(list []logs.Split) {
	if len(list) == 0 {
		return
	}
	p.heading("Different tags on different nodes")
	for _, s := range list {
		p.block("  ", "    ", Printable(clip(s.Path))+p.paint("  "+s.Rule, faint))
		for _, t := range s.Tags {
			p.line("    %-16s %-36s %7s  %s", Printable(t.Node), Printable(clip(t.ETag)), number(t.Count), p.paint(whenText(t.First, t.Last), faint))
		}
	}
}

func (p *page) storms(list []logs.Storm) {
	if len(list) == 0 {
		return
	}
	p.heading("Series of 412s of one client for one target")
	for _, s := range list {
		who := s.Client
		if s.User != "" {
			who = s.User + " at " + s.Client
		}
		rate := ""
		if perMinute := s.PerMinute(); perMinute > 0 {
			rate = fmt.Sprintf(", %.1f a minute", perMinute)
		}
		same := ""
		if s.Same {
			same = ", each with " + s.IfMatch
		}
		p.line("  %7s  %s", number(s.Count), Printable(clip(fmt.Sprintf("%s %s  by %s%s%s", s.Method, s.Path, who, same, rate))))
	}
}

// counts is a list of what is most frequent; with refused it has how many were.
func (p *page) counts(title string, list []logs.Count, refused bool) {
	if len(list) == 0 {
		return
	}
	p.heading(title)
	for _, c := range list {
		name := Printable(clip(c.Name))
		if name == "" {
			name = "(not logged)"
		}
		if refused && c.Refused > 0 {
			name += p.paint("  ("+number(c.Refused)+" refused)", faint)
		}
		p.line("  %11s  %s", number(c.Count), name)
	}
}

func (p *page) health(h *logs.Health) {
	p.heading("Revalidation")
	for _, l := range healthText(h) {
		p.block("  ", "  ", l)
	}
	for _, w := range h.Paths {
		p.line("  %11s  %s  %s", size(w.Bytes), Printable(clip(w.Path)), p.paint("×"+number(w.Count), faint))
	}
}

// hits says what caches did, and of what most went past them.
func (p *page) hits(h *logs.Hits) {
	if h == nil || h.Requests == 0 {
		return
	}
	p.heading("Caches")
	for _, l := range hitText(h) {
		p.block("  ", "  ", l)
	}
	for _, c := range h.Status {
		p.line("  %11s  %s", number(c.Requests), "status "+c.Name+p.paint("  "+share(c.Answered, c.Requests)+" from the cache", faint))
	}
	for _, c := range h.Paths {
		if c.Answered < c.Requests {
			p.line("  %11s  %s", number(c.Requests), Printable(clip(c.Name))+p.paint("  "+share(c.Answered, c.Requests)+" from the cache", faint))
		}
	}
}

// hitText is what caches did, in sentences.
func hitText(h *logs.Hits) (lines []string) {
	var parts []string
	for _, k := range []struct {
		n     int64
		words []string
	}{
		{h.Hit, []string{"hit"}}, {h.Stale, []string{"stale", "stale"}}, {h.Validated, []string{"validated", "validated"}},
		{h.Collapsed, []string{"with the answer to another request", "with the answers to others"}}, {h.Miss, []string{"miss", "misses"}},
		{h.Passed, []string{"passed on, as the cache is not for it", "passed on, as the cache is not for them"}},
	} {
		if k.n > 0 {
			parts = append(parts, count(k.n, k.words...))
		}
	}
	lines = append(lines, fmt.Sprintf("Of %s whose log tells what a cache did, %s were answered from it: %s.",
		count(h.Requests, "request"), share(h.Answered(), h.Requests), strings.Join(parts, ", ")))
	if h.Bytes > 0 {
		lines = append(lines, fmt.Sprintf("It sent %s of %s by itself.", size(h.SavedBytes), size(h.Bytes)))
	}
	return lines
}

func (p *page) totals(r *logs.Report) {
	t := &r.Totals
	p.counts("Status", t.Status, false)
	p.counts("Method", t.Method, true)
	p.counts("Node", t.Nodes, true)
	p.counts("Path", t.Paths, true)
	p.counts("Client", t.Clients, true)
}

func (p *page) files(list []logs.File) {
	p.heading("Files")
	for _, f := range list {
		text := Printable(f.Name) + ": "
		switch {
		case f.Error != "":
			text += p.paint(Printable(f.Error), red)
		default:
			text += Printable(f.Format) + ", " + count(f.Requests, "request")
		}
		for _, n := range []struct {
			n    int64
			what string
		}{{f.Skipped, "passed over"}, {f.Bad, "not readable"}, {f.Lost, "lost by the server"}} {
			if n.n > 0 {
				text += ", " + number(n.n) + " " + n.what
			}
		}
		p.block("  ", "    ", text)
		for _, n := range f.Notes {
			p.block("    ", "    ", Printable(sentence(n)))
		}
		for _, s := range f.BadLines {
			p.block("    ", "      ", p.paint(fmt.Sprintf("line %d: %s", s.Line, Printable(clip(s.Text))), faint))
			if s.Why != "" {
				p.block("      ", "      ", Printable(sentence(s.Why)))
			}
		}
	}
}

// advice is shown if it would help: there is something that the log does not explain.
func (p *page) advice(r *logs.Report) {
	helps := slices.ContainsFunc(r.Causes, func(c logs.Cause) bool { return len(c.Config) > 0 || c.Confidence < diagnose.Certain })
	if !helps || len(r.Advice) == 0 {
		return
	}
	p.heading("To learn more, log more")
	for _, c := range r.Advice {
		p.config(c)
	}
}

func (p *page) estimates(b *logs.Bounds) {
	var list []string
	if n := max(b.Paths, b.RefusedPaths); n > 0 {
		list = append(list, "counts of paths may be too low by up to "+number(n))
	}
	if n := max(b.Clients, b.RefusedClients); n > 0 {
		list = append(list, "those of clients by up to "+number(n))
	}
	if b.Repeated > 1 {
		list = append(list, "what was sent again is estimated from one in "+number(b.Repeated))
	}
	if b.Tags > 1 {
		list = append(list, "tags were compared for one target in "+number(b.Tags))
	}
	if b.Unordered > 0 {
		list = append(list, number(b.Unordered)+" requests came out of order")
	}
	if len(list) > 0 {
		p.line("")
		p.block("", "", sentence("the log is large: "+strings.Join(list, ", ")))
	}
}
