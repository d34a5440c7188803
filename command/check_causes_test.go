package command

import (
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/probe"
)

// failed is a check that failed with exchanges as in a capture. May are the rules that it may fail by, and told is
// the one it could tell, if any.
func failed(t *testing.T, id, text, told string, may ...string) probe.Result {
	t.Helper()
	xs, err := capture.Read(strings.NewReader(text), "-", capture.Options{Format: capture.Raw})
	if err != nil {
		t.Fatal(err)
	}
	return probe.Result{Check: &probe.Check{ID: id, Rules: may}, Outcome: probe.Failed, Says: "it was seen", Rule: told, Exchanges: xs}
}

const (
	weakRefused = "PUT / HTTP/1.1\nHost: a.example.org\nIf-Match: W/\"a\"\nContent-Length: 0\n\nHTTP/1.1 412 Precondition Failed\nETag: W/\"a\"\nContent-Length: 0\n\n"
	plain       = "GET / HTTP/1.1\nHost: a.example.org\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n"
)

func TestCausesOf(t *testing.T) {
	passed := failed(t, "passed", weakRefused, "", "weak-etag-in-if-match")
	passed.Outcome = probe.Passed
	refuted := failed(t, "refuted", weakRefused, "", "weak-etag-in-if-match")
	refuted.Refuted = []string{"weak-etag-in-if-match"}
	causes := causesOf(&probe.Report{Results: []probe.Result{
		failed(t, "told", plain, "clock-skew", "weak-etag-in-if-match"),
		failed(t, "proven", weakRefused, "", "farm-mtime-skew", "weak-etag-in-if-match"),
		failed(t, "told-and-proven", weakRefused, "weak-etag-in-if-match"),
		failed(t, "told-otherwise", weakRefused, "clock-skew", "weak-etag-in-if-match"),
		failed(t, "not-its-fault", weakRefused, "", "farm-mtime-skew"),
		refuted,
		failed(t, "unknown", plain, "", "weak-etag-in-if-match"),
		passed,
	}})
	for i, want := range []struct {
		rule       string
		confidence diagnose.Confidence
		checks     []string
	}{
		{"weak-etag-in-if-match", diagnose.Certain, []string{"proven", "told-and-proven"}},
		{"clock-skew", diagnose.Likely, []string{"told", "told-otherwise"}},
	} {
		if i >= len(causes) {
			t.Fatalf("there are %d causes", len(causes))
		}
		if c := causes[i]; c.Rule.ID != want.rule || c.Confidence != want.confidence || !slices.Equal(c.Checks, want.checks) ||
			len(c.Evidence) == 0 {
			t.Errorf("got %s, %v, %q, want %+v", c.Rule.ID, c.Confidence, c.Checks, want)
		}
	}
	if len(causes) != 2 {
		t.Errorf("there are %d causes, want 2", len(causes))
	}
}

// TestBestEvidenceSpeaks: of findings of one rule that of the highest confidence is shown, and its check comes first.
func TestBestEvidenceSpeaks(t *testing.T) {
	causes := causesOf(&probe.Report{Results: []probe.Result{
		failed(t, "told", plain, "weak-etag-in-if-match"),
		failed(t, "proven", weakRefused, "", "weak-etag-in-if-match"),
	}})
	if len(causes) != 1 || causes[0].Confidence != diagnose.Certain || !slices.Equal(causes[0].Checks, []string{"proven", "told"}) {
		t.Errorf("got %+v", causes)
	}
}
