package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"

	"github.com/fourtwelve/fourtwelve/probe"
)

// JUnit writes what was found as JUnit XML, as CI systems read it: a suite for each server and group, a test case for each
// check. One that does not apply, or was not answered, is skipped.
func JUnit(w io.Writer, list ...*Checked) error {
	out := junitSuites{Name: "fourtwelve check"}
	for _, c := range list {
		for _, g := range probe.Groups() {
			if results := groupOf(c.Report, g); len(results) > 0 {
				out.add(junitSuiteOf(c, g, results))
			}
		}
		out.Time = junitTime(float64(out.Time) + c.Took.Seconds())
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     junitTime    `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

func (s *junitSuites) add(suite junitSuite) {
	s.Suites = append(s.Suites, suite)
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Skipped += suite.Skipped
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      junitTime   `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	ClassName string        `xml:"classname,attr"`
	Name      string        `xml:"name,attr"`
	Time      junitTime     `xml:"time,attr"`
	Failure   *junitFailure `xml:"failure"`
	Skipped   *junitSkipped `xml:"skipped"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

// junitTime is in seconds.
type junitTime float64

func (t junitTime) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%.3f", float64(t)), nil }

func junitSuiteOf(c *Checked, g probe.Group, results []*probe.Result) junitSuite {
	suite := junitSuite{
		Name: g.Title() + ", " + Printable(c.Target), Tests: len(results), Timestamp: c.Started.UTC().Format("2006-01-02T15:04:05"),
	}
	for _, r := range results {
		one := junitCase{ClassName: "fourtwelve.check." + g.String(), Name: r.Check.ID + ": " + r.Check.Title,
			Time: junitTime(askedFor(r).Seconds())}
		switch r.Outcome {
		case probe.Failed:
			suite.Failures++
			one.Failure = &junitFailure{Message: Printable(sentence(clip(r.Says))), Type: r.Check.Level.String(), Text: failureText(c, r)}
		case probe.DoesNotApply, probe.NotAsked:
			suite.Skipped++
			one.Skipped = &junitSkipped{Message: outcomeWords(r.Outcome, 1) + ": " + Printable(clip(r.Says))}
		}
		suite.Time += one.Time
		suite.Cases = append(suite.Cases, one)
	}
	return suite
}

// askedFor is how long a check took.
func askedFor(r *probe.Result) (d time.Duration) {
	for _, x := range r.Exchanges {
		d += x.Duration
	}
	return d
}

// failureText tells a failure as the text for terminals does, with its commands.
func failureText(c *Checked, r *probe.Result) string {
	p := &page{}
	p.line("")
	p.failure(c, r, nil)
	p.sent(r, true, true)
	return p.String()
}
