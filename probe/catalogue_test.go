package probe_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/probe"
)

var (
	kebab   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	section = regexp.MustCompile(`^(RFC \d{4}|Fetch) §\d+(\.\d+)*$`)
	// seeAlso finds the ids of other checks in texts.
	seeAlso = regexp.MustCompile(`\bsee ([a-z0-9]+(?:-[a-z0-9]+)+)`)
)

// TestCatalogue sees to it that each check says everything, in the form that reports count on.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range probe.Checks() {
		if seen[c.ID] || !kebab.MatchString(c.ID) {
			t.Errorf("%q: an id must be in kebab case, and of one check", c.ID)
		}
		seen[c.ID] = true
		if got, ok := probe.CheckByID(c.ID); !ok || got != c {
			t.Errorf("%s: CheckByID does not find it", c.ID)
		}
		if !section.MatchString(c.Section) {
			t.Errorf("%s: section %q is not as in \"RFC 9110 §13.1\"", c.ID, c.Section)
		}
		if c.Title == "" || strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s: title %q must be a line without a period", c.ID, c.Title)
		}
		for name, text := range map[string]string{"Sends": c.Sends, "Right": c.Right, "Means": c.Means, "Since": c.Since + "."} {
			if len(text) < 2 || !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n\t") {
				t.Errorf("%s: %s must be a sentence: %q", c.ID, name, text)
			}
		}
		if len(c.Fix) == 0 || slices.Contains(c.Fix, "") {
			t.Errorf("%s: nothing is said about how to mend it", c.ID)
		}
		for _, s := range c.Servers {
			if s.Server == "" || s.Fix == "" {
				t.Errorf("%s: fix %+v lacks something", c.ID, s)
			}
		}
		for _, id := range c.Rules {
			if _, ok := diagnose.RuleByID(id); !ok {
				t.Errorf("%s: there is no rule %q", c.ID, id)
			}
		}
		refersToChecks(t, c, c.Right+" "+c.Means)
	}
}

// refersToChecks sees to it that a text of a check sends the reader to checks that there are.
func refersToChecks(t *testing.T, c *probe.Check, text string) {
	t.Helper()
	for _, m := range seeAlso.FindAllStringSubmatch(text, -1) {
		if _, ok := probe.CheckByID(m[1]); !ok {
			t.Errorf("%s: refers to %q, which is no check", c.ID, m[1])
		}
	}
}
