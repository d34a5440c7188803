package accesslog

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentedConfiguration shows that docs/log-formats.md has the configuration that Advice
// gives, for each server, and no other.
func TestDocumentedConfiguration(t *testing.T) {
	text := readDoc(t)
	var got []string
	for _, m := range regexp.MustCompile("(?s)```(xml|nginx|apache|haproxy)\n(.*?)\n```").FindAllStringSubmatch(text, -1) {
		got = append(got, m[2])
	}
	var want []string
	for _, name := range FormatNames() {
		for _, a := range (Format{name: name}).Advice(0) {
			if a.Config != "" && !slices.Contains(want, a.Config) {
				want = append(want, a.Config)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) != 4 || !slices.Equal(got, want) {
		t.Errorf("docs/log-formats.md has\n%s\n\nand Advice gives\n%s", strings.Join(got, "\n\n"), strings.Join(want, "\n\n"))
	}
}

// TestDocumentedFormats shows that docs/log-formats.md lists all formats, and that its examples can
// be read.
func TestDocumentedFormats(t *testing.T) {
	text := readDoc(t)
	table, _, _ := strings.Cut(text, "\n## ")
	for _, name := range FormatNames() {
		if !strings.Contains(table, "`"+name+"`") {
			t.Errorf("docs/log-formats.md does not list %s", name)
		}
	}
	examples := regexp.MustCompile(`--format (?:'([^']+)'|(\S+)) FILE`).FindAllStringSubmatch(text, -1)
	if len(examples) < 5 {
		t.Errorf("only %d examples of --format", len(examples))
	}
	for _, m := range examples {
		if _, err := ParseFormat(m[1] + m[2]); err != nil {
			t.Error(err)
		}
	}
}

func readDoc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/log-formats.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
