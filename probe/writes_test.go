package probe_test

import (
	"bufio"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

// faults reads testdata/writes.txt: the ids of failing checks by fault.
func faults(t *testing.T) map[string][]string {
	t.Helper()
	return faultsIn(t, "testdata/writes.txt")
}

// faultsIn reads a file of that form.
func faultsIn(t *testing.T, file string) map[string][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string][]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fault, ids, ok := strings.Cut(line, ":")
		if _, twice := all[fault]; twice || !ok {
			t.Fatalf("%s: %q: want one line a fault, as in \"race: race-create\"", file, line)
		}
		all[fault] = strings.Fields(ids)
	}
	return all
}

func writeChecks(t *testing.T) (checks []*probe.Check) {
	t.Helper()
	for _, c := range probe.Checks() {
		if c.Writes {
			checks = append(checks, c)
		}
	}
	return checks
}

// TestWritesFail has each fault fail its checks, and no others.
func TestWritesFail(t *testing.T) {
	reports := map[string]*probe.Report{}
	var mu sync.Mutex
	var runs sync.WaitGroup
	// Most of the time they wait, so all wait at once.
	for fault := range faults(t) {
		runs.Go(func() {
			r := askNotes(t, newNotes(fault))
			mu.Lock()
			defer mu.Unlock()
			reports[fault] = r
		})
	}
	runs.Wait()
	for fault, want := range faults(t) {
		t.Run(fault, func(t *testing.T) {
			report := reports[fault]
			var failed []string
			for _, r := range report.Results {
				switch r.Outcome {
				case probe.Failed:
					failed = append(failed, r.Check.ID)
					t.Logf("%s: %s (%s)", r.Check.ID, r.Says, r.Rule)
				case probe.NotAsked:
					t.Errorf("%s was not asked: %s", r.Check.ID, r.Says)
				}
			}
			slices.Sort(failed)
			slices.Sort(want)
			if !slices.Equal(failed, want) {
				t.Errorf("got failures of %q, want %q", failed, want)
			}
			if wantLeft := fault == "no-delete"; report.Left != wantLeft {
				t.Errorf("got Left %v, want %v", report.Left, wantLeft)
			}
		})
	}
}

// askNotes asks the server the checks that write.
func askNotes(t *testing.T, n *notes) *probe.Report {
	server := httptest.NewServer(n)
	defer server.Close()
	target, _ := url.Parse(server.URL + "/page.txt")
	report, err := probe.Run(t.Context(), target, probe.Options{
		Checks: writeChecks(t), WriteTo: target.JoinPath("../scratch.txt"),
	})
	if err != nil {
		t.Error(err)
		return &probe.Report{}
	}
	return report
}

// TestEachWriteFails has each check that writes fail on some fault.
func TestEachWriteFails(t *testing.T) {
	failing := map[string]bool{}
	for _, file := range []string{"testdata/writes.txt", "testdata/dav.txt"} {
		for _, ids := range faultsIn(t, file) {
			for _, id := range ids {
				failing[id] = true
			}
		}
	}
	for _, c := range writeChecks(t) {
		if !failing[c.ID] {
			t.Errorf("%s fails on no fault of testdata/writes.txt or dav.txt", c.ID)
		}
	}
}
