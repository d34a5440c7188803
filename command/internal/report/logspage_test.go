package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/logs"
)

// TestLogsPage: what explains refusals comes first, what is not told is grey, and what to log stands on the page once.
func TestLogsPage(t *testing.T) {
	rule := func(id string) *diagnose.Rule {
		r, ok := diagnose.RuleByID(id)
		if !ok {
			t.Fatalf("no rule %s", id)
		}
		return r
	}
	advice := diagnose.Config{Server: "IIS", Text: "<customFields>"}
	r := &logs.Report{
		Refused: logs.Refused{Count: 2},
		Causes: []logs.Cause{
			{Rule: rule("weak-etag-in-if-match"), Confidence: diagnose.Likely, Says: "weak", Count: 1, Refusals: 1},
			{Rule: rule("proxy-weakens-etag"), Confidence: diagnose.Certain, Says: "weakened", Count: 1},
			{Rule: rule("insufficient-evidence"), Confidence: diagnose.Insufficient, Says: "nothing", Count: 1, Refusals: 1,
				Config: []diagnose.Config{advice}},
		},
		Advice: []diagnose.Config{advice},
	}
	var b bytes.Buffer
	if err := report.LogsHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(b.String(), "<body")
	at := 0
	for _, want := range []string{
		"Why requests were refused", ">weak-etag-in-if-match<", `class="card finding untold"`, ">insufficient-evidence<", `href="#log-more"`,
		"What else the log shows", ">proxy-weakens-etag<", `id="log-more"`, "&lt;customFields&gt;",
	} {
		i := strings.Index(body[at:], want)
		if i < 0 {
			t.Fatalf("%s is not in its place on the page", want)
		}
		at += i
	}
	if n := strings.Count(body, "&lt;customFields&gt;"); n != 1 {
		t.Errorf("what to log stands there %d times", n)
	}
}
