package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/logs"
)

type logsView struct {
	Title, Of string
	Figures   []figure
	Chart     *chart
	Findings  []findingView // of refusals
	Others    []findingView
	Splits    []logs.Split
	Storms    []stormView
	Caches    []string
	Uncached  []uncached
	Health    []string
	Waste     []wasteView
	Lists     []listView
	Advice    []diagnose.Config
	Files     []logs.File
}

type figure struct{ Name, Value string }

type stormView struct {
	logs.Storm
	Rate string
}

type wasteView struct{ Path, Count, Bytes string }

type listView struct {
	Title string
	Rows  []rowView
}

type rowView struct {
	Name, Count, Refused string
	// Share is the part of the largest row, in percent.
	Share int
}

// A chart is a pile of bars for each part of a timeline.
type chart struct {
	Top, Width, From, Until string
	Columns                 int
	Bars                    []bar
	Legend                  []legend
}

type bar struct {
	X, W         int
	Y, H         string
	Class, Title string
}

type uncached struct{ Path, Requests, Answered string }

type legend struct{ Class, Name, Count string }

// LogsHTML writes what access logs tell as one page that needs nothing else.
func LogsHTML(w io.Writer, r *logs.Report) error {
	view := logsView{
		Title: number(r.Refused.Count) + " requests were answered 412", Of: logsOf(r), Chart: chartOf(r),
		Splits: r.Splits, Health: healthText(&r.Health), Advice: r.Advice, Files: r.Files,
	}
	if r.Hits != nil && r.Hits.Requests > 0 {
		view.Caches = hitText(r.Hits)
		for _, c := range r.Hits.Paths {
			view.Uncached = append(view.Uncached, uncached{Printable(c.Name), number(c.Requests), share(c.Answered, c.Requests)})
		}
	}
	view.Figures = []figure{
		{"requests", number(r.Totals.Requests)},
		{"answered 412", number(r.Refused.Count)},
		{"GETs answered 304", share(r.Health.NotModified, r.Health.NotModified+r.Health.Full)},
		{"sent again though unchanged", size(r.Health.RepeatedBytes + r.Health.IgnoredBytes)},
	}
	for i := range r.Causes {
		finding := causeView(&r.Causes[i])
		finding.leaveToEnd(r.Advice)
		if r.Causes[i].Refusals > 0 {
			view.Findings = append(view.Findings, finding)
		} else {
			view.Others = append(view.Others, finding)
		}
	}
	for _, s := range r.Storms {
		rate := ""
		if perMinute := s.PerMinute(); perMinute > 0 {
			rate = fmt.Sprintf("%.1f", perMinute)
		}
		view.Storms = append(view.Storms, stormView{s, rate})
	}
	for _, p := range r.Health.Paths {
		view.Waste = append(view.Waste, wasteView{p.Path, number(p.Count), size(p.Bytes)})
	}
	for _, l := range []struct {
		title  string
		counts []logs.Count
	}{
		{"Status", r.Totals.Status}, {"Method", r.Totals.Method}, {"Path", r.Totals.Paths},
		{"Client", r.Totals.Clients}, {"Node", r.Totals.Nodes}, {"Path answered 412", r.Refused.Paths},
		{"Client answered 412", r.Refused.Clients}, {"Node that answered 412", r.Refused.Nodes},
	} {
		if len(l.counts) > 0 {
			view.Lists = append(view.Lists, listOf(l.title, l.counts))
		}
	}
	return render(w, "logs.html", view)
}

// leaveToEnd takes out what is advised at the end of the page for all findings together.
func (f *findingView) leaveToEnd(advice []diagnose.Config) {
	n := len(f.Config)
	f.Config = slices.DeleteFunc(slices.Clone(f.Config), func(c diagnose.Config) bool { return slices.Contains(advice, c) })
	f.Below = len(f.Config) < n
}

func logsOf(r *logs.Report) string {
	files := "1 file"
	if len(r.Files) != 1 {
		files = fmt.Sprintf("%d files", len(r.Files))
	}
	if r.Totals.First.IsZero() {
		return files
	}
	return fmt.Sprintf("%s, %s to %s", files, clock(r.Totals.First), clock(r.Totals.Last))
}

func causeView(c *logs.Cause) findingView {
	v := findingView{
		Rule: c.Rule, Confidence: c.Confidence, Says: c.Says, Evidence: c.Evidence, Fix: c.Rule.Fix, Config: c.Config,
		Count: number(c.Count), Samples: c.Samples,
	}
	if !c.First.IsZero() {
		v.When = clock(c.First) + " to " + clock(c.Last)
	}
	return v
}

func listOf(title string, counts []logs.Count) listView {
	l := listView{Title: title}
	most := int64(1)
	for _, c := range counts {
		most = max(most, c.Count)
	}
	for _, c := range counts {
		name := c.Name
		if name == "" {
			name = "(not logged)"
		}
		l.Rows = append(l.Rows, rowView{name, number(c.Count), number(c.Refused), int(c.Count * 100 / most)})
	}
	return l
}

// maxSeries is how many causes have a color of their own; the others share the last.
const maxSeries = 7

// maxColumns bounds the bars beside each other.
const maxColumns = 240

// chartOf draws the 412s by cause over time; nil if there are none, or no times.
func chartOf(r *logs.Report) *chart {
	parts := r.Timeline.Parts
	first := slices.IndexFunc(parts, func(p logs.Part) bool { return p.Refused > 0 })
	if first < 0 || r.Timeline.Width <= 0 {
		return nil
	}
	series := seriesOf(parts)
	from, width := parts[0].Start, r.Timeline.Width
	span := int(parts[len(parts)-1].Start.Sub(from)/width) + 1
	if span > maxColumns { // several parts share a column
		width *= time.Duration((span + maxColumns - 1) / maxColumns)
		span = int(parts[len(parts)-1].Start.Sub(from)/width) + 1
	}
	columns := make([][]int64, span)
	for _, p := range parts {
		at := int(p.Start.Sub(from) / width)
		if columns[at] == nil {
			columns[at] = make([]int64, maxSeries+1)
		}
		for id, n := range p.Causes {
			columns[at][series.at(id)] += n
		}
	}
	c := &chart{Columns: span * 10, Width: durationText(width), From: clock(from), Until: clock(from.Add(time.Duration(span) * width))}
	c.draw(columns, series, from, width)
	return c
}

func (c *chart) draw(columns [][]int64, series series, from time.Time, width time.Duration) {
	top := int64(1)
	for _, column := range columns {
		sum := int64(0)
		for _, n := range column {
			sum += n
		}
		top = max(top, sum)
	}
	c.Top = "at most " + number(top)
	for i, column := range columns {
		y := 100.0
		for s, n := range column {
			if n == 0 {
				continue
			}
			h := float64(n) * 100 / float64(top)
			y -= h
			c.Bars = append(c.Bars, bar{
				X: i * 10, W: 9, Y: fixed(y), H: fixed(h), Class: series.color(s),
				Title: fmt.Sprintf("%s: %s, %s", clock(from.Add(time.Duration(i)*width)), series.name(s), number(n)),
			})
		}
	}
	for s, n := range series.totals() {
		c.Legend = append(c.Legend, legend{series.color(s), series.name(s), number(n)})
	}
}

func fixed(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// series are the causes of a chart, most frequent first.
type series struct {
	ids    []string
	counts map[string]int64
}

func seriesOf(parts []logs.Part) series {
	s := series{counts: map[string]int64{}}
	for _, p := range parts {
		for id, n := range p.Causes {
			s.counts[id] += n
		}
	}
	for id := range s.counts {
		s.ids = append(s.ids, id)
	}
	slices.SortFunc(s.ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.counts[b], s.counts[a]), cmp.Compare(a, b))
	})
	return s
}

func (s series) at(id string) int { return min(slices.Index(s.ids, id), maxSeries) }

func (s series) name(i int) string {
	if i < maxSeries {
		return s.ids[i]
	}
	return "others"
}

// color is the class of the color of a cause: what the evidence does not tell is grey.
func (s series) color(i int) string {
	if s.name(i) == "insufficient-evidence" {
		return "untold"
	}
	return "c" + strconv.Itoa(i)
}

// totals are the counts of the colors in use.
func (s series) totals() []int64 {
	sums := make([]int64, min(len(s.ids), maxSeries+1))
	for i, id := range s.ids {
		sums[min(i, maxSeries)] += s.counts[id]
	}
	return sums
}

func healthText(h *logs.Health) (lines []string) {
	if h.Full+h.NotModified == 0 {
		return []string{"There are no GETs."}
	}
	lines = append(lines, fmt.Sprintf("%s GETs were answered in full%s, %s with 304.", number(h.Full), sized(h.FullBytes),
		number(h.NotModified)))
	if h.Logged > 0 {
		lines = append(lines, fmt.Sprintf("%s of %s carried If-None-Match or If-Modified-Since.", number(h.Conditional), number(h.Logged)))
	}
	if h.Ignored > 0 {
		lines = append(lines, fmt.Sprintf("%s were sent in full though the client named the tag of the response: each should have been a 304%s.",
			number(h.Ignored), sized(h.IgnoredBytes)))
	}
	if h.Repeated > 0 {
		how := "by their size"
		if h.ByTag {
			how = "by their tags"
		}
		lines = append(lines, fmt.Sprintf("%s sent a client again what it had, %s: each could have been a 304, had it asked%s.",
			number(h.Repeated), how, sized(h.RepeatedBytes)))
	}
	if h.Whole > 0 {
		lines = append(lines, fmt.Sprintf("%s of %s requests for a part got the whole.", number(h.Whole), number(h.Ranges)))
	}
	return lines
}

// sized is a size in parentheses, or nothing where the log has none.
func sized(n int64) string {
	if n == 0 {
		return ""
	}
	return " (" + size(n) + ")"
}

// number writes n with commas between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes a number of bytes in the largest unit, a power of 1024, that it fills.
func size(n int64) string {
	if n < 1024 {
		return number(n) + " B"
	}
	f, unit := float64(n), -1
	for f >= 1024 && unit < 4 {
		f, unit = f/1024, unit+1
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + []string{"KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
}

func share(part, whole int64) string {
	if whole == 0 {
		return "none"
	}
	return strconv.FormatFloat(float64(part)*100/float64(whole), 'f', 1, 64) + " %"
}

// durationText writes a round duration in words.
func durationText(d time.Duration) string {
	for _, u := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / u.d; d >= u.d && d%u.d == 0 {
			if n == 1 {
				return article(u.name)
			}
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return d.String()
}

func article(unit string) string {
	if unit == "hour" {
		return "an hour"
	}
	return "a " + unit
}
