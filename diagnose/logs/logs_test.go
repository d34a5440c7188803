package logs

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/diagnose"
)

var update = flag.Bool("update", false, "write the expected files in testdata anew")

// A testCase is a log testdata/<rule>/bad-<confidence>-<name>.log in which the rule must be found with that
// confidence, or testdata/<rule>/good-<name>.log in which neither it nor any other rule of level Warning or
// Error may be found. Without ".log" it is a directory of logs that are read together.
type testCase struct {
	rule, name string
	paths      []string
}

func (c testCase) bad() bool { return strings.HasPrefix(c.name, "bad-") }

func (c testCase) String() string { return c.rule + "/" + c.name }

func cases(t testing.TB) (list []testCase) {
	t.Helper()
	found, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		c := testCase{rule: filepath.Base(filepath.Dir(path)), name: filepath.Base(path), paths: []string{path}}
		if c.rule == "fuzz" || c.rule == "stories" {
			continue
		}
		if info, err := os.Stat(path); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			c.paths, _ = filepath.Glob(path + "/*.log")
		}
		list = append(list, c)
	}
	if len(list) < 100 {
		t.Fatalf("only %d cases", len(list))
	}
	return list
}

// confidence is that in the name of a bad case.
func (c testCase) confidence(t *testing.T) diagnose.Confidence {
	t.Helper()
	rest := strings.TrimPrefix(c.name, "bad-")
	for _, known := range []diagnose.Confidence{diagnose.Insufficient, diagnose.Possible, diagnose.Likely, diagnose.Certain} {
		if strings.HasPrefix(rest, known.String()+"-") {
			return known
		}
	}
	t.Fatalf("%s: a bad case is called bad-<confidence>-<name>", c)
	return 0
}

var reports sync.Map

func (c testCase) report(t testing.TB) *Report {
	t.Helper()
	if r, ok := reports.Load(c.String()); ok {
		return r.(*Report)
	}
	r := analyse(t, Options{}, c.paths...)
	reports.Store(c.String(), r)
	return r
}

// analyse reads logs of which every line must be good.
func analyse(t testing.TB, o Options, paths ...string) *Report {
	t.Helper()
	r, err := Analyse(context.Background(), paths, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Files {
		if f.Bad > 0 || f.Error != "" {
			t.Fatalf("%s: %d bad lines, such as %v; %s", f.Name, f.Bad, f.BadLines, f.Error)
		}
	}
	return r
}

func (r *Report) cause(id string) *Cause {
	for i := range r.Causes {
		if r.Causes[i].Rule.ID == id {
			return &r.Causes[i]
		}
	}
	return nil
}

// list has a line for each cause.
func (r *Report) list() string {
	var b strings.Builder
	for _, c := range r.Causes {
		fmt.Fprintf(&b, "    %-22s %-8s %s ×%d\n", c.Confidence, c.Rule.Level, c.Rule.ID, c.Count)
	}
	return b.String()
}

func TestBadCasesFire(t *testing.T) {
	for _, c := range cases(t) {
		if !c.bad() {
			continue
		}
		want, r := c.confidence(t), c.report(t)
		got := r.cause(c.rule)
		if got == nil || got.Confidence != want {
			t.Errorf("%s: want %s; found:\n%s", c, want, r.list())
			continue
		}
		if got.Says == "" || len(got.Samples) == 0 || got.First.IsZero() || got.Last.Before(got.First) {
			t.Errorf("%s: says too little: %+v", c, got)
		}
		if got.Confidence < diagnose.Likely && got.Refusals > 0 && len(got.Config) == 0 {
			t.Errorf("%s: does not say what to log", c)
		}
	}
}

func TestGoodCasesAreSilent(t *testing.T) {
	for _, c := range cases(t) {
		if c.bad() {
			continue
		}
		r := c.report(t)
		for _, found := range r.Causes {
			if found.Rule.ID == c.rule || found.Rule.Level >= diagnose.Warning {
				t.Errorf("%s: found:\n%s", c, r.list())
				break
			}
		}
	}
}

// TestFires compares which cases fire which rules with the table testdata/fires.txt.
func TestFires(t *testing.T) {
	var b strings.Builder
	for _, c := range cases(t) {
		fmt.Fprintf(&b, "%s\n%s", c, c.report(t).list())
	}
	golden(t, "testdata/fires.txt", b.String())
}

// TestSays compares what is said of each bad case with testdata/says.txt.
func TestSays(t *testing.T) {
	var b strings.Builder
	for _, c := range cases(t) {
		if !c.bad() {
			continue
		}
		found := c.report(t).cause(c.rule)
		if found == nil {
			continue // TestBadCasesFire says so
		}
		fmt.Fprintf(&b, "%s\n    %s\n", c, found.Says)
		for _, f := range found.Evidence {
			fmt.Fprintf(&b, "      %s: %s (%s)\n", f.Name, f.Value, filepath.Base(f.Source))
		}
	}
	golden(t, "testdata/says.txt", b.String())
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run the test with -update and look at the difference\ngot:\n%s", file, got)
	}
}

// TestEachRuleHasCases shows that each rule has a bad and a good case, and is in the catalogue.
func TestEachRuleHasCases(t *testing.T) {
	bad, good := map[string]bool{}, map[string]bool{}
	for _, c := range cases(t) {
		if c.bad() {
			bad[c.rule] = true
		} else {
			good[c.rule] = true
		}
		if _, ok := diagnose.RuleByID(c.rule); !ok {
			t.Errorf("%s: no such rule in the catalogue of package diagnose", c.rule)
		}
	}
	for id := range bad {
		if !good[id] {
			t.Errorf("%s has no good case", id)
		}
	}
	for _, c := range cases(t) {
		for _, found := range c.report(t).Causes {
			if !bad[found.Rule.ID] {
				t.Errorf("%s: %s was found, and has no bad case", c, found.Rule.ID)
			}
		}
	}
}

// TestNeedsALog shows that each rule said to be decided by a log has a bad case here, and that no case fires
// one that is not said to be.
func TestNeedsALog(t *testing.T) {
	fired, said := map[string]bool{}, 0
	for _, c := range cases(t) {
		for _, found := range c.report(t).Causes {
			fired[found.Rule.ID] = fired[found.Rule.ID] || c.bad() && c.rule == found.Rule.ID
			if !slices.Contains(found.Rule.Needs, diagnose.FromLog) {
				t.Errorf("%s: %s was found, and does not have diagnose.FromLog in Needs", c, found.Rule.ID)
			}
		}
	}
	for _, r := range diagnose.Rules() {
		if !slices.Contains(r.Needs, diagnose.FromLog) {
			continue
		}
		if said++; !fired[r.ID] {
			t.Errorf("%s has diagnose.FromLog in Needs, and no bad case testdata/%s fires it", r.ID, r.ID)
		}
	}
	if said < 50 {
		t.Errorf("only %d rules are decided by a log", said)
	}
}

// TestEachRefusalHasOneCause shows that each 412 is put down to exactly one rule, in the causes and
// in the timeline.
func TestEachRefusalHasOneCause(t *testing.T) {
	for _, c := range cases(t) {
		r := c.report(t)
		var causes, parts, refused int64
		for _, found := range r.Causes {
			causes += found.Refusals
		}
		for _, p := range r.Timeline.Parts {
			refused += p.Refused
			for _, n := range p.Causes {
				parts += n
			}
		}
		if causes != r.Refused.Count || parts != causes || refused != causes {
			t.Errorf("%s: %d refusals, %d in causes, %d in the timeline, by cause %d", c, r.Refused.Count, causes, refused, parts)
		}
	}
}
