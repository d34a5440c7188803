package report_test

import (
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/probe"
)

// TestWorstFirst: what loses the work of people comes before what is as binding, and a write that is refused and done before all.
func TestWorstFirst(t *testing.T) {
	r := &probe.Report{Target: "http://127.0.0.1:8412/"}
	for _, id := range []string{"tag-strong", "put-status", "put-if-match-stale", "refused-not-done", "put-content-range"} {
		c, ok := probe.CheckByID(id)
		if !ok {
			t.Fatalf("no check %s", id)
		}
		r.Results = append(r.Results, probe.Result{Check: c, Outcome: probe.Failed, Says: "it was seen"})
	}
	var text, page strings.Builder
	checked := &report.Checked{Report: r}
	if err := report.Check(&text, checked, report.Style{}, report.CheckDetail{}); err != nil {
		t.Fatal(err)
	}
	if err := report.CheckHTML(&page, checked); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"text": text.String(), "page": page.String()} {
		at := -1
		for _, id := range []string{"refused-not-done", "put-if-match-stale", "put-status", "put-content-range", "tag-strong"} {
			if next := strings.Index(out, id); next < at {
				t.Errorf("%s: %s comes before what is worse", name, id)
			} else {
				at = next
			}
		}
	}
}
