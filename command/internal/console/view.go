package console

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

//go:embed *.html console.css console.js
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"sentence": sentence,
	"name":     func(k kind) string { return kinds[k].name },
	"name2":    nameOf,
	"path":     func(name string) string { return "resource?name=" + url.QueryEscape(name) },
	"printable": func(s string) string {
		return report.Printable(s)
	},
}).ParseFS(files, "*.html"))

// sections are those of the page that are sent again when they change; each has a template of its name.
var sections = [...]string{"status", "figures", "answers", "refused", "hot", "loops", "blind", "locks", "backends", "cache"}

// maxRows bounds the rows of each table.
const maxRows = 8

type view struct {
	Title, Now, Since, Left string
	Log                     bool
	Figures                 []figure
	Answers, Refused        chart
	Refusals                []*refusal // newest first
	Hot                     []row
	Loops                   []*loop
	Blind                   []row
	HasLocks                bool
	Locks                   []Lock
	HasRoutes               bool
	Routes                  []routeView
	Cache                   cacheView
	HasSite                 bool
}

type figure struct{ Value, Name, Note, Class string }

// row is a line of a table of keys.
type row struct {
	Key, Name          string
	All, Refused, Same string
	Share              int // of the first row, in percent
}

type cacheView struct {
	Keys, Bytes, Evicted, Served, Validated, Asked, Saved string
}

type routeView struct {
	Name, Backend, Trust, Tone, Says, Cache string
}

// told is what is said of a refusal.
type told struct {
	Rule  *diagnose.Rule // nil for none
	Says  string
	Sides []report.Sides
	// Writer says who wrote what is current, if that was another client.
	Writer string
}

// Told judges a refusal, once, when somebody looks.
func (r *refusal) Told() *told {
	r.once.Do(func() {
		xs := r.exchanges("the console")
		d := diagnose.Exchanges(xs)
		last := len(xs) - 1
		r.told.Says = d.Verdicts[last].Why
		for _, c := range d.Verdicts[last].Tags {
			r.told.Sides = append(r.told.Sides, report.SidesOf(c))
		}
		if rule, ok := diagnose.RuleByID(r.reason); ok {
			r.told.Rule, r.told.Says = rule, rule.Summary
		}
		for _, f := range d.Findings {
			if f.Exchange != last || f.Confidence == diagnose.Insufficient || f.Confidence == diagnose.Possible && r.told.Rule != nil {
				continue
			}
			if f.Rule.Level > diagnose.Good {
				r.told.Rule, r.told.Says = f.Rule, f.Says
				break
			}
			if r.told.Rule == nil {
				r.told.Rule = f.Rule
			}
		}
		if w := r.writer; w != nil && w.etag != "" && w.etag == r.etag {
			r.told.Writer = fmt.Sprintf("%s wrote what is current, at %s.", w.client, w.Clock())
		}
	})
	return &r.told
}

// Number names the refusal on the page.
func (r *refusal) Number() int { return r.number }

// The following are for the templates.

func (e *event) Method() string { return e.method }
func (e *event) Target() string { return e.target }
func (e *event) Status() int    { return e.status }
func (e *event) Client() string { return e.client }
func (e *event) ETag() string   { return e.etag }
func (e *event) Clock() string  { return e.at.UTC().Format("15:04:05") }
func (e *event) Stamp() string  { return e.at.UTC().Format(time.RFC3339) }

// Field is the precondition that was sent, or "".
func (e *event) Field() string {
	for _, f := range e.fields {
		if strings.HasPrefix(f.Name, "If") {
			return f.Name + ": " + f.Value
		}
	}
	return ""
}

// Tone is the class by which a refusal is coloured.
func (e *event) Tone() string {
	if e.kind == failedPrecondition {
		return "error"
	}
	return "warning"
}

// The following are for the templates.

func (l *loop) Client() string { return l.client }
func (l *loop) Method() string { return l.method }
func (l *loop) Target() string { return l.target }
func (l *loop) Sent() string   { return l.sent }
func (l *loop) Status() int    { return l.status }
func (l *loop) Times() string  { return number(int64(l.times)) }
func (l *loop) For() string    { return duration(l.last.Sub(l.since)) }

// nameOf is the name in the store that a target asks for, or "" if it is that of a collection.
func nameOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	name, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil || strings.HasSuffix(name, "/") {
		return ""
	}
	return name
}

// view puts together what the page shows.
func (c *Console) view(now time.Time) *view {
	v := &view{
		Title: c.options.Title, Log: c.options.Log, HasLocks: c.options.Locks != nil,
		HasRoutes: c.options.Routes != nil, HasSite: c.options.Site != nil,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clock := c.clock(now)
	if !c.options.Log || !c.newest.IsZero() {
		c.series.move(columnOf(clock))
	}
	list := c.series.list()
	v.Now, v.Since = clock.UTC().Format("15:04:05"), c.started.UTC().Format("2006-01-02 15:04")
	v.Left = c.leftOut()
	v.Answers = chartOf("answers", "Answered", &list, answers, clock)
	v.Refused = chartOf("refused", "Refused", &list, refusals, clock)
	v.Figures = c.figures(&list)
	for i := len(c.refusals) - 1; i >= 0; i-- {
		v.Refusals = append(v.Refusals, c.refusals[i])
	}
	v.Hot, v.Blind, v.Loops = rowsOf(c.resources.top(maxRows)), rowsOf(c.blind.top(maxRows)), loopsOf(c.loops.top(maxRows))
	c.lookUp(v, now)
	return v
}

// lookUp asks for what others know.
func (c *Console) lookUp(v *view, now time.Time) {
	if c.options.Locks != nil {
		v.Locks = c.options.Locks()
	}
	if c.options.Routes != nil {
		for _, r := range c.options.Routes() {
			v.Routes = append(v.Routes, routeViewOf(r))
		}
	}
	if c.options.Usage != nil {
		u := c.options.Usage()
		v.Cache = cacheView{
			Keys: number(u.Keys), Bytes: size(u.Bytes), Evicted: number(u.Evicted), Served: number(c.cached.stored.Load()),
			Validated: number(c.cached.validated.Load()), Asked: number(c.cached.asked.Load()), Saved: size(c.cached.bytes.Load()),
		}
	}
}

// leftOut says what of all that happens is looked at, if that is not everything.
func (c *Console) leftOut() string {
	var parts []string
	if every := c.every.Load(); every > 1 {
		parts = append(parts, fmt.Sprintf("lists are made of one request in %d", every))
	}
	if n := c.unseen.Load(); n > 0 {
		parts = append(parts, fmt.Sprintf("%s refusals and blind overwrites came too fast to be listed", number(n)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "Sampled: " + strings.Join(parts, "; ") + ". The charts count everything."
}

// figures are the numbers at the top, of the last five minutes.
func (c *Console) figures(list *[columns][numKinds]int64) []figure {
	var rate float64
	const lately = 5 // columns, without the one that is not over
	for _, column := range list[columns-1-lately : columns-1] {
		for _, n := range column {
			rate += float64(n) / lately / step.Seconds()
		}
	}
	same, whole := c.series.sum(unmodified), c.series.sum(sent)
	share := "–"
	if same+whole > 0 {
		share = fmt.Sprintf("%.0f\u202f%%", 100*float64(same)/float64(same+whole))
	}
	var blind float64
	for _, b := range c.blind.keys {
		blind += b.all
	}
	perSecond := number(int64(rate + 0.5))
	if rate > 0 && rate < 9.95 {
		perSecond = fmt.Sprintf("%.1f", rate)
	}
	return []figure{
		{perSecond, "requests a second", "", ""},
		{share, "of reads not sent again", "304: the copy was right", "k-304"},
		{number(c.series.sum(written)), "writes", "performed", "k-written"},
		{number(c.series.sum(failedPrecondition)), "updates saved from loss", "412: would have overwritten", "k-412"},
		{number(c.series.sum(neededPrecondition)), "asked for a precondition", "428", "k-428"},
	}
}

func rowsOf(list []*counted) (rows []row) {
	for _, c := range list {
		share := 100
		if len(rows) > 0 {
			share = int(100 * c.all / list[0].all)
		}
		rows = append(rows, row{
			Key: c.key, Name: nameOf(c.key), All: number(int64(c.all + 0.5)), Refused: number(int64(c.refused + 0.5)),
			Same: number(int64(c.unmodified + 0.5)), Share: share,
		})
	}
	return rows
}

// loopsOf copies them, since they go on.
func loopsOf(list []*loop) (copies []*loop) {
	for _, l := range list {
		one := *l
		copies = append(copies, &one)
	}
	return copies
}

// render makes a frame.
func (c *Console) render(now time.Time) *frame {
	v := c.view(now)
	f := new(frame)
	for _, name := range sections {
		f.sections = append(f.sections, section{name, execute(name, v)})
	}
	for i := len(v.Refusals) - 1; i >= 0; i-- {
		r := v.Refusals[i]
		f.refusals = append(f.refusals, section{fmt.Sprintf("r%d", r.number), execute("refusal", refusalView{r, v.HasSite})})
	}
	return f
}

// refusalView is a refusal on a page that can lead to revisions, or not.
type refusalView struct {
	*refusal
	HasSite bool
}

// Of is for the template, which has the page at hand.
func (v *view) Of(r *refusal) refusalView { return refusalView{r, v.HasSite} }

func execute(name string, data any) string {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		panic("console: " + err.Error()) // the templates and their data are fixed together
	}
	return b.String()
}

// style is that of the reports, and what the console has beyond them.
func style(w io.Writer) {
	css, _ := files.ReadFile("console.css") // it is embedded
	_, _ = io.WriteString(w, report.StyleSheet()+string(css))
}

func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return s
	}
	end := "."
	if strings.ContainsAny(s[len(s)-1:], ".!?") {
		end = ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + end
}

func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under a second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}

// size is a number of bytes as people read it.
func size(n int64) string {
	if n < 1000 {
		return number(n) + " B"
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.5 && unit < len("kMGTPE")-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.*f %cB", cmp.Or(map[bool]int{true: 1}[value < 9.95], 0), value, "kMGTPE"[unit])
}
