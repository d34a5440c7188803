package report_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/internal/report"
)

var update = flag.Bool("update", false, "write docs/rules.md instead of comparing it")

// TestRulesDocument: docs/rules.md is what the records say.
func TestRulesDocument(t *testing.T) {
	const name = "../../docs/rules.md"
	var want bytes.Buffer
	if err := report.RulesMarkdown(&want, diagnose.Rules()); err != nil {
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
		t.Errorf("%s is not what the rules say: go test ./internal/report -update", name)
	}
}
