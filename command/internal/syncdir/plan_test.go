package syncdir_test

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fourtwelve/fourtwelve/command/internal/syncdir"
)

var sides = []string{"nothing", "same", "changed", "folder", "other", "unknown"}

// TestDecide: the table of all cases, for people.
func TestDecide(t *testing.T) {
	f, err := os.Open("testdata/decisions.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		left, want, ok := strings.Cut(text, "->")
		fields := strings.Fields(left)
		if len(fields) == 0 {
			continue
		}
		if !ok || len(fields) != 3 {
			t.Fatalf("not a case: %s", text)
		}
		had, local, remote := fields[0] == "had", slices.Index(sides, fields[1]), slices.Index(sides, fields[2])
		seen[strings.Join(fields, " ")] = true
		if got := syncdir.Decide(had, syncdir.Side(local), syncdir.Side(remote)).String(); got != strings.TrimSpace(want) {
			t.Errorf("%s: %s, want %s", strings.Join(fields, " "), got, want)
		}
	}
	for _, had := range []string{"had", "new"} {
		for _, local := range sides {
			for _, remote := range sides {
				row := strings.Join([]string{had, local, remote}, " ")
				impossible := had == "new" && (local == "same" || remote == "same")
				outside := local == "other" || local == "unknown" || remote == "other" || remote == "unknown"
				if !seen[row] && !impossible && !outside {
					t.Errorf("no case for %s", row)
				}
				if outside && syncdir.Decide(had == "had", index(local), index(remote)) != syncdir.Leave {
					t.Errorf("%s is not left alone", row)
				}
			}
		}
	}
}

func index(side string) syncdir.Side { return syncdir.Side(slices.Index(sides, side)) }

// TestPlan: what no plan does, whatever the three states are.
func TestPlan(t *testing.T) {
	names := []string{"a", "a/b", "a/b/c", "a/d", "e"}
	rapid.Check(t, func(t *rapid.T) {
		trios := map[string]syncdir.Trio{}
		for _, name := range names {
			trio := syncdir.Trio{Had: rapid.Bool().Draw(t, name+" had")}
			trio.Local = syncdir.Side(rapid.IntRange(0, 5).Draw(t, name+" local"))
			trio.Remote = syncdir.Side(rapid.IntRange(0, 5).Draw(t, name+" remote"))
			trios[name] = trio
		}
		place := map[string]int{}
		steps := syncdir.Plan(trios)
		for i, step := range steps {
			if _, twice := place[step.Name]; twice {
				t.Fatalf("%s is in the plan twice: %v", step.Name, steps)
			}
			place[step.Name] = i
			if fault := unsafe(trios[step.Name], step.Action); fault != "" {
				t.Fatalf("%s %v: %s: %s", step.Name, trios[step.Name], step.Action, fault)
			}
		}
		// Nothing is done in a folder that clashes, and a deletion comes before what needs the room.
		for _, step := range steps {
			for _, other := range steps {
				if !strings.HasPrefix(other.Name, step.Name+"/") {
					continue
				}
				if step.Action == syncdir.Clash {
					t.Fatalf("%s clashes, and %s is %s", step.Name, other.Name, other.Action)
				}
				deletes := other.Action == syncdir.DeleteLocal || other.Action == syncdir.DeleteRemote
				if deletes && place[other.Name] > place[step.Name] {
					t.Fatalf("%s is done before what is in it: %v", step.Name, steps)
				}
			}
		}
	})
}

// unsafe says how an action would lose something.
func unsafe(t syncdir.Trio, a syncdir.Action) string {
	switch {
	case t.Local >= syncdir.Other || t.Remote >= syncdir.Other:
		return "a side is not known"
	case a == syncdir.DeleteLocal && t.Local != syncdir.Same:
		return "it deletes here what both did not have"
	case a == syncdir.DeleteRemote && t.Remote != syncdir.Same:
		return "it deletes there what both did not have"
	case a == syncdir.Upload && t.Remote == syncdir.Changed:
		return "it overwrites there what was changed"
	case a == syncdir.Download && t.Local == syncdir.Changed:
		return "it overwrites here what was changed"
	case a == syncdir.Forget && (t.Local == syncdir.Changed || t.Remote == syncdir.Changed):
		return "it forgets what is there"
	}
	return ""
}

func TestIgnore(t *testing.T) {
	for _, pattern := range []string{"[", ""} {
		if err := (syncdir.Ignore{pattern}).Check(); err == nil {
			t.Errorf("%q is taken for a pattern", pattern)
		}
	}
	if err := (syncdir.Ignore{"*.tmp", "build/", "docs/*.pdf"}).Check(); err != nil {
		t.Error(fmt.Sprint(err))
	}
}
