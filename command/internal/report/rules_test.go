package report_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/probe"
)

var update = flag.Bool("update", false, "write docs/rules.md and docs/checks.md instead of comparing them")

// TestRulesDocument: docs/rules.md is what the records say.
func TestRulesDocument(t *testing.T) {
	compareDocument(t, "../../../docs/rules.md", func(w io.Writer) error { return report.RulesMarkdown(w, diagnose.Rules()) })
}

// TestChecksDocument: docs/checks.md is what the records say.
func TestChecksDocument(t *testing.T) {
	compareDocument(t, "../../../docs/checks.md", func(w io.Writer) error { return report.ChecksMarkdown(w, probe.Checks()) })
}

func compareDocument(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var want bytes.Buffer
	if err := write(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(name, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what the records say: go test ./command/internal/report -update", name)
	}
}
