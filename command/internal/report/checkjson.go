package report

import (
	"io"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/probe"
)

// CheckJSON writes what was found on a server for programs. The form is documented in docs/check.md; members are
// added to it, and never change or go.
func CheckJSON(w io.Writer, c *Checked) error { return writeJSON(w, checkJSONOf(c)) }

// ComparisonJSON writes what was found on two servers, and where they differ.
func ComparisonJSON(w io.Writer, a, b *Checked) error {
	out := comparisonJSON{Targets: []checkedJSON{checkJSONOf(a), checkJSONOf(b)}, Differences: []differenceJSON{}}
	for _, pair := range compare(a, b) {
		if pair.differs() {
			out.Differences = append(out.Differences, differenceJSON{
				Check: pair.A.Check.ID, Level: pair.A.Check.Level,
				Outcomes: []probe.Outcome{pair.A.Outcome, pair.B.Outcome}, Says: []string{pair.A.Says, pair.B.Says},
			})
		}
	}
	return writeJSON(w, out)
}

type comparisonJSON struct {
	Differences []differenceJSON `json:"differences"`
	Targets     []checkedJSON    `json:"targets"`
}

type differenceJSON struct {
	Check    string          `json:"check"`
	Level    probe.Level     `json:"level"`
	Outcomes []probe.Outcome `json:"outcomes"`
	Says     []string        `json:"says"`
}

type checkedJSON struct {
	Findings []causeJSON  `json:"findings"`
	Checks   []resultJSON `json:"checks"`
	Summary  summaryJSON  `json:"summary"`
}

// causeJSON is a finding as explain has it, with the checks that failed by it.
type causeJSON struct {
	FindingJSON
	Checks []string `json:"checks"`
}

type resultJSON struct {
	ID        string             `json:"id"`
	Group     probe.Group        `json:"group"`
	Level     probe.Level        `json:"level"`
	Loses     bool               `json:"loses"`
	Outcome   probe.Outcome      `json:"outcome"`
	Lacks     bool               `json:"lacks"`
	Title     string             `json:"title"`
	Says      string             `json:"says"`
	Sends     string             `json:"sends"`
	Right     string             `json:"right"`
	Means     string             `json:"means"`
	Fix       []string           `json:"fix"`
	Section   string             `json:"section,omitempty"`
	Rules     []string           `json:"rules"`
	Exchanges []sentExchangeJSON `json:"exchanges"`
}

type sentExchangeJSON struct {
	Curl     string      `json:"curl"`
	Started  time.Time   `json:"started"`
	TookMS   int64       `json:"took_ms"`
	Address  string      `json:"address,omitempty"`
	Method   string      `json:"method"`
	URL      string      `json:"url"`
	Sent     []fieldJSON `json:"sent"`
	Interim  []int       `json:"interim,omitempty"`
	Status   int         `json:"status,omitempty"`
	Received []fieldJSON `json:"received"`
	Bytes    int64       `json:"bytes"`
	Missing  []gapJSON   `json:"missing,omitempty"`
}

type summaryJSON struct {
	Target       string         `json:"target"`
	WriteTo      string         `json:"write_to,omitempty"`
	Written      bool           `json:"written"`
	Left         bool           `json:"left"`
	Server       string         `json:"server,omitempty"`
	Addresses    []string       `json:"addresses"`
	Started      time.Time      `json:"started"`
	TookMS       int64          `json:"took_ms"`
	Requests     int            `json:"requests"`
	Score        *int           `json:"score"`
	Judged       int            `json:"judged"`
	Lacking      int            `json:"lacking"`
	Passed       int            `json:"passed"`
	Failed       int            `json:"failed"`
	FailedBy     map[string]int `json:"failed_by"`
	DoesNotApply int            `json:"does_not_apply"`
	NotAsked     int            `json:"not_asked"`
	Stopped      string         `json:"stopped,omitempty"`
}

func checkJSONOf(c *Checked) checkedJSON {
	out := checkedJSON{Findings: []causeJSON{}, Checks: []resultJSON{}, Summary: summaryJSONOf(c.Report)}
	for i := range c.Causes {
		cause := &c.Causes[i]
		out.Findings = append(out.Findings, causeJSON{findingJSON(&cause.Finding), cause.Checks})
	}
	for i := range c.Results {
		out.Checks = append(out.Checks, resultJSONOf(c, &c.Results[i]))
	}
	return out
}

func summaryJSONOf(r *probe.Report) summaryJSON {
	s := summaryJSON{
		Target: r.Target, WriteTo: r.WriteTo, Written: r.Written, Left: r.Left, Server: r.Server, Addresses: notNil(r.Addresses),
		Started: r.Started.UTC(), TookMS: r.Took.Milliseconds(), Requests: r.Requests,
		Passed: r.Count(probe.Passed), Failed: r.Count(probe.Failed), DoesNotApply: r.Count(probe.DoesNotApply),
		NotAsked: r.Count(probe.NotAsked),
		FailedBy: map[string]int{}, Stopped: r.Stopped,
	}
	for _, l := range []probe.Level{probe.Must, probe.Should, probe.Advice} {
		s.FailedBy[l.String()] = failedAt(r, l)
	}
	s.Judged, s.Lacking = r.Judged()
	if n := r.Score(); n >= 0 {
		s.Score = &n
	}
	return s
}

func resultJSONOf(c *Checked, r *probe.Result) resultJSON {
	out := resultJSON{
		ID: r.Check.ID, Group: r.Check.Group, Level: r.Check.Level, Loses: r.Check.Loses,
		Outcome: r.Outcome, Lacks: r.Lacks, Title: r.Check.Title, Says: r.Says,
		Sends: r.Check.Sends, Right: r.Check.Right, Means: r.Check.Means, Fix: notNil(r.Check.FixFor(c.Server)), Section: r.Check.Section,
		Rules: notNil(ruleIDs(c, r)), Exchanges: []sentExchangeJSON{},
	}
	for i, x := range r.Exchanges {
		out.Exchanges = append(out.Exchanges, sentJSON(x, r.Curl[i]))
	}
	return out
}

func sentJSON(x *capture.Exchange, curl string) sentExchangeJSON {
	out := sentExchangeJSON{
		Curl: curl, Started: x.Started.UTC(), TookMS: x.Duration.Milliseconds(), Address: x.Server, Method: x.Request.Method, URL: x.URL(),
		Sent: fieldsJSON(exchangeFields(x)), Status: x.Response.Status, Received: fieldsJSON(slices.Collect(x.Response.Header.Lines())),
		Bytes: x.Response.Content.Len,
	}
	for _, r := range x.Interim {
		out.Interim = append(out.Interim, r.Status)
	}
	for _, g := range x.Gaps {
		out.Missing = append(out.Missing, gapJSON{g.Part.String(), g.Reason})
	}
	return out
}
