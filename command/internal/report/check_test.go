package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/probe"
)

// Four checks, one for each outcome below.
var (
	savingCheck = &probe.Check{
		ID: "put-stale", Group: probe.Saving, Level: probe.Must, Title: "A PUT with a stale tag is refused", Section: "RFC 9110 §13.1.1",
		Sends: "PUT with If-Match: another tag.", Right: "412.", Means: "The last one to save wins, and the work of others is gone.",
		Fix:     []string{"Evaluate If-Match before anything is written."},
		Servers: []probe.ServerFix{{Server: "nginx", Fix: "put fourtwelve guard in front"}},
		Rules:   []string{"answer-against-standard"}, Writes: true, Since: "0.1",
	}
	cachingCheck = &probe.Check{
		ID: "inm-exact", Group: probe.Caching, Level: probe.Should, Title: "If-None-Match with the current tag gets 304",
		Section: "RFC 9110 §13.1.2",
		Sends:   "GET.", Right: "304.", Means: "More is sent than need be.", Fix: []string{"Evaluate it."}, Since: "0.1",
	}
	rangeCheck = &probe.Check{ID: "range-single", Group: probe.Downloading, Level: probe.Advice, Title: "A part can be had",
		Section: "RFC 9110 §14", Sends: "GET.", Right: "206.", Means: "Downloads begin anew.", Fix: []string{"Offer it."}, Since: "0.1"}
	anotherCheck = &probe.Check{ID: "range-suffix", Group: probe.Downloading, Level: probe.Advice, Title: "The end can be had",
		Section: "RFC 9110 §14", Sends: "GET.", Right: "206.", Means: "Downloads begin anew.", Fix: []string{"Offer it."}, Since: "0.1"}
)

// checked has one result of each outcome, with text from the server and the exchange wherever there is some.
func checked(text string, x *capture.Exchange) *report.Checked {
	started := time.Date(2026, 11, 3, 9, 15, 0, 0, time.UTC)
	failed := probe.Result{Check: savingCheck, Outcome: probe.Failed, Says: "got 204 for " + text, Exchanges: []*capture.Exchange{x},
		Curl: []string{"curl -i " + text}}
	rule, _ := diagnose.RuleByID("answer-against-standard")
	return &report.Checked{
		Report: &probe.Report{
			Target: "http://127.0.0.1:8412/plan.txt", WriteTo: "http://127.0.0.1:8412/" + text, Left: true, Server: "nginx " + text,
			Addresses: []string{"127.0.0.1:8412"},
			Started:   started, Took: 1500 * time.Millisecond, Requests: 12, Stopped: "the server answered 503, Retry-After: " + text,
			Results: []probe.Result{
				{Check: cachingCheck, Outcome: probe.Passed, Says: "304 " + text, Exchanges: []*capture.Exchange{x}, Curl: []string{"curl -i " + text}},
				{Check: rangeCheck, Outcome: probe.DoesNotApply, Says: "there are no parts, " + text},
				{Check: anotherCheck, Outcome: probe.NotAsked, Says: "no answer: " + text, Exchanges: []*capture.Exchange{silent(text)},
					Curl: []string{"curl -i " + text}},
				failed,
			},
		},
		Causes: []report.Cause{{
			Finding: diagnose.Finding{Rule: rule, Confidence: diagnose.Certain, Says: text,
				Evidence: []diagnose.Fact{{Name: text, Value: text, Source: text}}},
			Checks: []string{savingCheck.ID},
		}},
	}
}

// silent is an exchange without an answer.
func silent(reason string) *capture.Exchange {
	return &capture.Exchange{Scheme: "http", Request: capture.Request{Method: "GET", Target: "/plan.txt", Host: "127.0.0.1:8412"},
		Gaps: []capture.Gap{{Part: capture.ResponseLine, Reason: reason}, {Part: capture.ResponseHeader, Reason: reason}}}
}

func hostileCheck(t *testing.T) *report.Checked {
	t.Helper()
	x := hostileExchanges(t)[0]
	x.Request.Method, x.Request.Target = "PUT", "/"+hostile
	return checked(hostile, x)
}

// sampleCheck is checked with what servers usually say.
func sampleCheck(t *testing.T) *report.Checked {
	t.Helper()
	x := read(t, "PUT /scratch HTTP/1.1\nHost: 127.0.0.1:8412\nIf-Match: \"b\"\nContent-Length: 0\n\nHTTP/1.1 103 Early Hints\n\nHTTP/1.1 204 No Content\nETag: \"a\"\n\n")[0]
	x.Started, x.Duration = time.Date(2026, 11, 3, 9, 15, 0, 0, time.UTC), 20*time.Millisecond
	return checked("scratch", x)
}

// rightCheck has no failure, and nothing that was not judged.
func rightCheck() *report.Checked {
	r := &probe.Report{Target: "https://www.example.org/", Server: "", Took: time.Second, Requests: 4}
	for _, c := range []*probe.Check{cachingCheck, rangeCheck, anotherCheck, savingCheck} {
		r.Results = append(r.Results, probe.Result{Check: c, Outcome: probe.Passed, Says: "as it should be"})
	}
	return &report.Checked{Report: r}
}

// TestCheckText: the whole text for one server.
func TestCheckText(t *testing.T) {
	var b bytes.Buffer
	if err := report.Check(&b, sampleCheck(t), report.Style{}, report.CheckDetail{Failed: true, Curl: true}); err != nil {
		t.Fatal(err)
	}
	compareFile(t, "testdata/check.txt", b.Bytes())
}

func TestComparisonText(t *testing.T) {
	var b bytes.Buffer
	if err := report.Comparison(&b, sampleCheck(t), rightCheck(), report.Style{}, report.CheckDetail{}); err != nil {
		t.Fatal(err)
	}
	compareFile(t, "testdata/comparison.txt", b.Bytes())
}

func compareFile(t *testing.T, name string, got []byte) {
	t.Helper()
	compareDocument(t, name, func(w io.Writer) error { _, err := w.Write(got); return err })
}

// TestJUnit: the XML is well-formed and has what readers of JUnit need, whatever the server says.
func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := report.JUnit(&b, hostileCheck(t), rightCheck()); err != nil {
		t.Fatal(err)
	}
	for i, r := range b.String() {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\t' {
			t.Fatalf("byte %d is %q, which XML cannot have", i, r)
		}
	}
	if strings.Contains(b.String(), "<script") || !strings.Contains(b.String(), "&lt;script") {
		t.Error("the hostile text is not escaped, or not there")
	}
	attributes := map[string][]string{
		"testsuites": {"name", "tests", "failures", "errors", "skipped", "time"},
		"testsuite":  {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
		"testcase":   {"name", "classname", "time"},
		"failure":    {"message", "type"},
		"skipped":    {"message"},
	}
	seen := map[string]int{}
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		seen[start.Name.Local]++
		for _, name := range attributes[start.Name.Local] {
			if !slices.ContainsFunc(start.Attr, func(a xml.Attr) bool { return a.Name.Local == name }) {
				t.Errorf("a %s has no %s", start.Name.Local, name)
			}
		}
		if start.Name.Local == "testsuites" {
			for _, a := range start.Attr {
				if want, ok := map[string]string{"tests": "8", "failures": "1", "errors": "0", "skipped": "2", "time": "2.500"}[a.Name.Local]; ok &&
					a.Value != want {
					t.Errorf("%s is %q, want %s", a.Name.Local, a.Value, want)
				}
			}
		}
	}
	for name, want := range map[string]int{"testsuites": 1, "testsuite": 6, "testcase": 8, "failure": 1, "skipped": 2} {
		if seen[name] != want {
			t.Errorf("there are %d of %s, want %d", seen[name], name, want)
		}
	}
}

// A sarifLog is what GitHub and editors read of a log.
type sarifLog struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct {
					ID                                      string
					ShortDescription, FullDescription, Help struct{ Text string }
					HelpURI                                 string `json:"helpUri"`
					DefaultConfiguration                    struct{ Level string }
				}
			}
		}
		AutomationDetails struct{ ID string }
		Invocations       []struct {
			ExecutionSuccessful *bool
			StartTimeUTC        time.Time `json:"startTimeUtc"`
		}
		Results *[]struct {
			RuleID              string `json:"ruleId"`
			RuleIndex           int
			Level               string
			Message             struct{ Text string }
			PartialFingerprints map[string]string
			Locations           []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine int }
				}
				LogicalLocations []struct{ FullyQualifiedName string }
			}
			WebRequest  struct{ Method, Target string }
			WebResponse struct{ StatusCode int }
		}
	}
}

// TestSARIF: the log has what SARIF 2.1.0 and code scanning ask for, whatever the server says.
func TestSARIF(t *testing.T) {
	var b bytes.Buffer
	if err := report.SARIF(&b, hostileCheck(t), rightCheck()); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-2.1.0.json") || len(log.Runs) != 2 {
		t.Fatalf("got version %q, schema %q, %d runs", log.Version, log.Schema, len(log.Runs))
	}
	ids := map[string]bool{}
	for i, run := range log.Runs {
		ids[run.AutomationDetails.ID] = true
		if run.Tool.Driver.Name == "" || run.Results == nil || len(run.Invocations) != 1 || run.Invocations[0].ExecutionSuccessful == nil {
			t.Fatalf("run %d has no name, results or invocation", i)
		}
		for _, rule := range run.Tool.Driver.Rules {
			if rule.ID == "" || rule.ShortDescription.Text == "" || rule.FullDescription.Text == "" || rule.Help.Text == "" ||
				rule.DefaultConfiguration.Level == "" {
				t.Errorf("the rule %+v lacks something", rule)
			}
			if u, err := url.Parse(rule.HelpURI); err != nil || u.Scheme != "https" || u.Fragment == "" {
				t.Errorf("%s: help is at %q", rule.ID, rule.HelpURI)
			}
		}
	}
	if len(ids) != 2 {
		t.Errorf("two runs have the ids %v", ids)
	}
	wantOneFailure(t, log)
}

// wantOneFailure: what fails in the first run is told with its place, and nothing fails in the second.
func wantOneFailure(t *testing.T, log sarifLog) {
	t.Helper()
	failing := *log.Runs[0].Results
	if len(failing) != 1 || len(*log.Runs[1].Results) != 0 {
		t.Fatalf("there are %d and %d results, want 1 and 0", len(failing), len(*log.Runs[1].Results))
	}
	r := failing[0]
	if r.RuleID != "put-stale" || log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || r.Level != "error" ||
		len(r.PartialFingerprints) == 0 {
		t.Errorf("got rule %q, index %d, level %q", r.RuleID, r.RuleIndex, r.Level)
	}
	if strings.ContainsFunc(r.Message.Text, func(c rune) bool { return c < ' ' || c == utf8.RuneError }) ||
		!strings.Contains(r.Message.Text, "nginx: put fourtwelve guard in front") {
		t.Errorf("got the message %q", r.Message.Text)
	}
	if r.WebRequest.Method != "PUT" || r.WebResponse.StatusCode != 412 {
		t.Errorf("got %+v and %+v", r.WebRequest, r.WebResponse)
	}
	if len(r.Locations) != 1 || r.Locations[0].LogicalLocations[0].FullyQualifiedName != "http://127.0.0.1:8412/plan.txt" {
		t.Fatalf("got the locations %+v", r.Locations)
	}
	at := r.Locations[0].PhysicalLocation
	if u, err := url.Parse(at.ArtifactLocation.URI); err != nil || u.IsAbs() || u.Host != "" || u.Path != "127.0.0.1_8412/plan.txt" ||
		at.Region.StartLine != 1 {
		t.Errorf("got the place %+v", at)
	}
}

// TestCheckJSONDocument: docs/check.md names every member of the JSON.
func TestCheckJSONDocument(t *testing.T) {
	documented(t, "../../../docs/check.md", func(w io.Writer) error { return report.ComparisonJSON(w, sampleCheck(t), rightCheck()) })
}
