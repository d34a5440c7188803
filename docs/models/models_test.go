// Package models checks the models of this folder with spin, a model checker: that each holds in every order of
// things, and that each of the mistakes that it can be built with is found.
package models

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestModels(t *testing.T) {
	for _, tool := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("FOURTWELVE_REQUIRE_PEERS") != "" {
				t.Fatalf("%s is not installed, and FOURTWELVE_REQUIRE_PEERS is set", tool)
			}
			t.Skipf("%s is not installed", tool)
		}
	}
	for _, c := range []struct {
		model string
		with  []string // what it is built with
		finds string   // the assertion that fails; "" if all hold
	}{
		{"heads", nil, ""},
		{"heads", []string{"SWEEP"}, "there[named]"},
		{"heads", []string{"GUESS"}, "refused[carries"},
		{"heads", []string{"RING_MISTAKE"}, "made[content]"},
		{"heads", []string{"EARLY"}, "there[named]"},
		{"guards", nil, ""},
		{"guards", []string{"BOUNDED", "KEPT"}, ""},
		{"guards", []string{"FENCE"}, "done[0]&&done[1]"},
		{"guards", []string{"BEFORE"}, "done[0]&&done[1]"},
		{"guards", []string{"KEPT"}, "done[(version-1)]"}, // LATE: this cannot hold
		{"coherent", nil, ""},
		{"coherent", []string{"ONCE"}, "got>=must"},
		{"coherent", []string{"NUMBER"}, "got>=must"},
		{"coherent", []string{"OWN"}, "got>=must"},
		{"coherent", []string{"ANSWER"}, "got>=must"},
	} {
		t.Run(strings.Join(append([]string{c.model}, c.with...), " "), func(t *testing.T) {
			out := check(t, c.model, c.with)
			if !strings.Contains(out, "State-vector") || strings.Contains(out, "max search depth too small") ||
				strings.Contains(out, "out of memory") {
				t.Fatalf("the search did not reach its end:\n%s", out)
			}
			if c.finds == "" && !strings.Contains(out, "errors: 0") {
				t.Errorf("an assertion fails:\n%s", out)
			}
			if c.finds != "" && !(strings.Contains(out, "assertion violated") && strings.Contains(out, c.finds)) {
				t.Errorf("the mistake is not found; want a violation of %s:\n%s", c.finds, out)
			}
		})
	}
}

// check searches all states of a model that is built with the macros, and returns what the checker printed.
func check(t *testing.T, model string, macros []string) string {
	t.Helper()
	source, err := filepath.Abs(model + ".pml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := []string{"-a"}
	for _, m := range macros {
		args = append(args, "-D"+m)
	}
	run(t, dir, "spin", append(args, source)...)
	run(t, dir, "gcc", "-w", "-O2", "-DSAFETY", "-DNOCLAIM", "-o", "pan", "pan.c")
	return run(t, dir, filepath.Join(dir, "pan"), "-m100000", "-w22")
}

func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}
