package diagnose

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/capture"
)

var update = flag.Bool("update", false, "write what was found to testdata/fires.txt and testdata/says.txt, and new rules to testdata/ids.txt")

// A testCase is a capture testdata/<rule>/bad-<confidence>*.* in which the rule must be found with that
// confidence, or testdata/<rule>/good*.* in which neither it nor any other rule above level
// Good may be found.
type testCase struct {
	rule, name, path string
}

func (c testCase) bad() bool { return strings.HasPrefix(c.name, "bad") }

// confidence is the one in the name of a bad case.
func (c testCase) confidence(t *testing.T) Confidence {
	t.Helper()
	rest, ok := strings.CutPrefix(c.name, "bad-")
	for i, name := range confidenceNames {
		if ok && strings.HasPrefix(rest, name) {
			return Confidence(i)
		}
	}
	t.Fatalf("%s: a bad case is called bad-<confidence>…, with one of %s", c.path, strings.Join(confidenceNames[:], ", "))
	return 0
}

func cases(t testing.TB) []testCase {
	t.Helper()
	paths, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	var list []testCase
	for _, path := range paths {
		rule, name := filepath.Base(filepath.Dir(path)), filepath.Base(path)
		if rule == "fuzz" {
			continue
		}
		list = append(list, testCase{rule: rule, name: name, path: path})
	}
	return list
}

// reports has the report of each case, which several tests look at.
var reports sync.Map

func (c testCase) diagnose(t testing.TB) *Report {
	t.Helper()
	if r, ok := reports.Load(c.path); ok {
		return r.(*Report)
	}
	r := Exchanges(readCapture(t, c.path))
	reports.Store(c.path, r)
	return r
}

func readCapture(t testing.TB, path string) []*capture.Exchange {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	xs, err := capture.Read(f, filepath.Base(path), capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return xs
}

func TestBadCasesFire(t *testing.T) {
	for _, c := range cases(t) {
		if !c.bad() {
			continue
		}
		want, got := c.confidence(t), -1
		r := c.diagnose(t)
		for _, f := range r.Findings {
			if f.Rule.ID == c.rule {
				got = max(got, int(f.Confidence))
			}
		}
		if got != int(want) {
			t.Errorf("%s: got %s, want %s to be %s; found:\n%s", c.path, confidenceOrNone(got), c.rule, want, listFindings(r))
		}
	}
}

func confidenceOrNone(c int) string {
	if c < 0 {
		return "nothing"
	}
	return Confidence(c).String()
}

// TestGoodCasesAreSilent shows that no rule fires where nothing is wrong. What is of level Good
// says just that, but a case that is good for a rule of that level must not have it.
func TestGoodCasesAreSilent(t *testing.T) {
	for _, c := range cases(t) {
		if c.bad() {
			continue
		}
		if !strings.HasPrefix(c.name, "good") {
			t.Errorf("%s is neither bad nor good", c.path)
		}
		for _, f := range c.diagnose(t).Findings {
			if f.Rule.ID == c.rule || f.Rule.Level > Good {
				t.Errorf("%s: %s %s: %s", c.path, f.Confidence, f.Rule.ID, f.Says)
			}
		}
	}
}

func TestEachRuleHasCases(t *testing.T) {
	have := map[string]bool{}
	for _, c := range cases(t) {
		if _, ok := RuleByID(c.rule); !ok {
			t.Errorf("%s: there is no rule %s", c.path, c.rule)
		}
		have[fmt.Sprint(c.rule, c.bad())] = true
	}
	for _, r := range Rules() {
		if r.Group == Refusals {
			continue // its example is its case: see TestRefusalExamples
		}
		if r.check != nil && !have[r.ID+"true"] {
			t.Errorf("%s has no case testdata/%s/bad-<confidence>.txt", r.ID, r.ID)
		}
		if r.check != nil && !have[r.ID+"false"] {
			t.Errorf("%s has no case testdata/%s/good.txt", r.ID, r.ID)
		}
	}
}

// TestFires compares what is found in all cases with two files: fires.txt, the table of which case fires
// which rules, and says.txt, which has the words. After a change:
//
//	go test ./diagnose -run TestFires -update
//
// and review the difference.
func TestFires(t *testing.T) {
	var fires, says bytes.Buffer
	for _, c := range cases(t) {
		r := c.diagnose(t)
		name := c.rule + "/" + c.name
		fmt.Fprintf(&fires, "%s\n", name)
		fmt.Fprintf(&says, "%s\n", name)
		for i, v := range r.Verdicts {
			fmt.Fprintf(&fires, "    %d %s\n", i+1, v.Judgement)
			fmt.Fprintf(&says, "    %d %s %v: %s\n", i+1, v.Judgement, v.Expected, v.Why)
		}
		for _, f := range r.Findings {
			fmt.Fprintf(&fires, "    %-10s %-7s %s\n", f.Confidence, f.Rule.Level, f.Rule.ID)
		}
		says.WriteString(listFindings(r))
	}
	compareFile(t, "testdata/fires.txt", fires.String())
	compareFile(t, "testdata/says.txt", says.String())
}

func listFindings(r *Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "    %s %s (exchange %d): %s\n", f.Confidence, f.Rule.ID, f.Exchange+1, f.Says)
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "        %s: %s (%s)\n", e.Name, e.Value, e.Source)
		}
	}
	return b.String()
}

func compareFile(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s, line %d: got %q, want %q; if that is right: go test ./diagnose -run TestFires -update", path, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Errorf("%s: got %d lines, want %d; if that is right: go test ./diagnose -run TestFires -update", path, len(gotLines), len(wantLines))
}

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// TestRecords shows that each rule says all that the lists, pages and documents need.
func TestRecords(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || !kebab.MatchString(r.ID) {
			t.Errorf("%q is not in kebab case, or is there twice", r.ID)
		}
		seen[r.ID] = true
		for what, text := range map[string]string{
			"summary": r.Summary, "explanation": r.Explanation, "example": r.Example, "section": r.Section, "since": r.Since,
		} {
			if strings.TrimSpace(text) == "" || text != strings.TrimSpace(text) {
				t.Errorf("%s: the %s is empty, or has spaces around it", r.ID, what)
			}
		}
		if strings.HasSuffix(r.Summary, ".") || strings.Contains(r.Summary, "\n") || len(r.Summary) > 100 {
			t.Errorf("%s: the summary is to be one line of at most 100 bytes without a period", r.ID)
		}
		if !strings.HasSuffix(r.Explanation, ".") || len(r.Explanation) < 150 {
			t.Errorf("%s: the explanation does not teach", r.ID)
		}
		if len(r.Fix) == 0 || len(r.Needs) == 0 {
			t.Errorf("%s: does not say what to do, or what it needs", r.ID)
		}
		if !slices.Contains(Groups(), r.Group) || r.Level > Error {
			t.Errorf("%s: group %q or level %s is none", r.ID, r.Group, r.Level)
		}
		testDecided(t, r)
	}
}

// testDecided shows that each rule can be decided by something.
func testDecided(t *testing.T, r *Rule) {
	t.Helper()
	for _, p := range r.Probe {
		if !strings.HasPrefix(p, "curl ") || !strings.Contains(p, "URL") {
			t.Errorf("%s: probe %q is no curl command for URL", r.ID, p)
		}
	}
	if slices.Contains(r.Needs, FromProbe) && len(r.Probe) == 0 {
		t.Errorf("%s: says that asking the server decides, and not how", r.ID)
	}
	here := slices.Contains(r.Needs, FromExchange) || slices.Contains(r.Needs, FromHistory)
	switch {
	case r.check != nil && !here:
		t.Errorf("%s: has a check, but says it needs neither exchange nor history", r.ID)
	case r.check == nil && here:
		t.Errorf("%s: says that an exchange or the history decides, but has no check", r.ID)
	case r.check == nil && len(r.Probe) == 0 && !slices.Contains(r.Needs, FromLog):
		t.Errorf("%s: nothing decides it", r.ID)
	}
}

// TestIDsAreForEver shows that no ID is lost: people filter by them. A new rule adds its ID to
// testdata/ids.txt; with -update that is done, and nothing is removed.
func TestIDsAreForEver(t *testing.T) {
	const path = "testdata/ids.txt"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ids := strings.Fields(string(data))
	for _, id := range ids {
		if _, ok := RuleByID(id); !ok {
			t.Errorf("the rule %s is gone", id)
		}
	}
	for _, r := range Rules() {
		if !slices.Contains(ids, r.ID) {
			ids = append(ids, r.ID)
			if !*update {
				t.Errorf("%s is not in %s", r.ID, path)
			}
		}
	}
	if *update {
		slices.Sort(ids)
		if err := os.WriteFile(path, []byte(strings.Join(ids, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCatalogueOrder shows that Rules is ordered by group, and that RuleByID finds them all.
func TestCatalogueOrder(t *testing.T) {
	at := 0
	for _, r := range Rules() {
		i := slices.Index(Groups(), r.Group)
		if i < at {
			t.Errorf("%s of group %s comes after group %s", r.ID, r.Group, Groups()[at])
		}
		at = max(at, i)
		if found, ok := RuleByID(r.ID); !ok || found != r {
			t.Errorf("RuleByID(%q) = %v, %t", r.ID, found, ok)
		}
	}
	if r, ok := RuleByID("no-such-rule"); ok || r != nil {
		t.Errorf("RuleByID of an unknown ID = %v, %t", r, ok)
	}
}
