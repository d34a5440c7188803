package etag_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
)

const dialectsDocument = "../docs/etag-dialects.md"

// TestDialectsAreDocumented checks the table in docs/etag-dialects.md, or writes it if -update is
// set.
func TestDialectsAreDocumented(t *testing.T) {
	const head, end = "| --- | --- | --- | --- | --- | --- |\n", "\n<!-- end of table -->"
	data, err := os.ReadFile(dialectsDocument)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), head)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s: the table has no head or no end", dialectsDocument)
	}
	want := dialectsTable()
	if *update {
		if err := os.WriteFile(dialectsDocument, []byte(before+head+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("the table in %s is not that of etag.Dialects: run this test with -update", dialectsDocument)
	}
}

func dialectsTable() string {
	var b strings.Builder
	for _, d := range etag.Dialects() {
		verified := "no"
		if d.Verified {
			verified = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` | %s |\n", d.ID, d.By, d.Form, d.Tells, d.Example, verified)
	}
	return b.String()
}

// TestDialects checks the records: what else refers to them relies on it.
func TestDialects(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, d := range etag.Dialects() {
		if !id.MatchString(d.ID) || seen[d.ID] {
			t.Errorf("the ID %q is malformed or taken", d.ID)
		}
		seen[d.ID] = true
		if d.By == "" || d.Form == "" || strings.HasSuffix(d.Form, ".") || strings.Contains(d.By+d.Form+d.Tells, "|") {
			t.Errorf("%s: By %q and Form %q are for tables and the middle of sentences", d.ID, d.By, d.Form)
		}
		if _, err := etag.Parse(d.Example); err != nil {
			t.Errorf("%s: the example: %v", d.ID, err)
		}
		if !exemplary(d) {
			t.Errorf("%s: the example %s is not of that dialect", d.ID, d.Example)
		}
	}
}

func exemplary(d etag.Dialect) bool {
	for _, r := range etag.Recognise(d.Example, etag.Facts{}) {
		if r.Dialect.ID == d.ID {
			return true
		}
	}
	return false
}
