package probe_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

var update = flag.Bool("update", false, "write testdata/reads.txt anew")

// askReads asks all checks that write nothing of the server about its plan, and returns the ids of those
// that fail.
func askReads(t *testing.T, h http.Handler, o probe.Options) (report *probe.Report, failed []string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	target, err := url.Parse(server.URL + planPath)
	if err != nil {
		t.Fatal(err)
	}
	o.Risky = true
	report, err = probe.Run(t.Context(), target, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Outcome == probe.Failed {
			failed = append(failed, r.Check.ID)
		}
		if r.Says == "" || strings.ContainsAny(r.Says, "\n\r") || strings.Contains(r.Says, "%!") {
			t.Errorf("%s: says %q", r.Check.ID, r.Says)
		}
		refersToChecks(t, r.Check, r.Says)
		if asked := r.Outcome == probe.Passed || r.Outcome == probe.Failed; asked && (len(r.Exchanges) == 0 || len(r.Curl) != len(r.Exchanges)) {
			t.Errorf("%s: %d exchanges and %d commands show what was asked", r.Check.ID, len(r.Exchanges), len(r.Curl))
		}
		if r.Rule != "" && !slices.Contains(r.Check.Rules, r.Rule) {
			t.Errorf("%s: rule %q is not one of the check's: %q", r.Check.ID, r.Rule, r.Check.Rules)
		}
	}
	if report.Stopped != "" {
		t.Errorf("stopped: %s", report.Stopped)
	}
	return report, failed
}

// TestReadsFail asks servers that do one thing wrong. testdata/reads.txt says which checks fail
// there, and that no others do.
func TestReadsFail(t *testing.T) {
	const file = "testdata/reads.txt"
	faults := readFaults()
	got := make([]string, len(faults))
	t.Run("faults", func(t *testing.T) {
		for i, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				_, failed := askReads(t, f.layer(rightServer(t)), probe.Options{})
				got[i] = fmt.Sprintf("%s: %s\n", f.name, strings.Join(failed, " "))
			})
		}
	})
	head, want := splitTable(t, file)
	if *update {
		if err := os.WriteFile(file, []byte(head+strings.Join(got, "")), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text := strings.Join(got, ""); text != want {
		t.Errorf("got\n%s\nwant\n%s", difference(text, want), difference(want, text))
	}
}

// splitTable returns the comment at the head of a file and the rest.
func splitTable(t *testing.T, file string) (head, rest string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest == "" && strings.HasPrefix(line, "#") {
			head += line
		} else {
			rest += line
		}
	}
	return head, rest
}

// difference returns the lines of a that b does not have.
func difference(a, b string) string {
	has := strings.SplitAfter(b, "\n")
	var lines strings.Builder
	for line := range strings.Lines(a) {
		if !slices.Contains(has, line) {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

// TestEachReadFails sees to it that no check is one that cannot fail.
func TestEachReadFails(t *testing.T) {
	_, table := splitTable(t, "testdata/reads.txt")
	for _, c := range probe.Checks() {
		if !c.Writes && c.ID != "addresses-agree" && !slices.Contains(strings.Fields(table), c.ID) {
			t.Errorf("no server in testdata/reads.txt fails %s", c.ID)
		}
	}
}

// TestRightServersFailNothing asks servers that are right, though they do not do everything.
func TestRightServersFailNothing(t *testing.T) {
	for name, less := range map[string]layer{
		"everything":                  layers(),
		"tags only":                   noDates,
		"dates only":                  noTags,
		"no ranges":                   noRanges,
		"no codings":                  noCodings,
		"dates, no ranges":            layers(noTags, noRanges),
		"tags, no ranges, no codings": layers(noDates, noRanges, noCodings),
		"a cache that ignores If-Match": layers(without("If-Match", "If-Unmodified-Since"), also(200, "Age", "5"), also(206, "Age", "5"),
			also(304, "Age", "5")),
		"fresh until a date": layers(gone(0, "Cache-Control"), also(200, "Expires", "Fri, 31 Dec 2100 23:59:59 GMT"),
			also(206, "Expires", "Fri, 31 Dec 2100 23:59:59 GMT"), also(304, "Expires", "Fri, 31 Dec 2100 23:59:59 GMT")),
		"no date at all, so none fresh": layers(gone(0, "Cache-Control"), also(200, "Expires", "0"), also(206, "Expires", "0"),
			also(304, "Expires", "0")),
		"all fields allowed to scripts": layers(
			answering(func(r *http.Request, w *response) {
				if r.Method == http.MethodOptions {
					w.header.Set("Access-Control-Allow-Headers", "*")
				}
				w.header.Set("Access-Control-Expose-Headers", "*")
				w.header.Set("Access-Control-Allow-Credentials", "true")
			})),
		"not to be kept, no validators": layers(noTags, noDates, also(200, "Cache-Control", "no-store")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, _ := askReads(t, less(rightServer(t)), probe.Options{})
			for _, r := range report.Results {
				if r.Outcome == probe.Failed || r.Outcome == probe.NotAsked {
					t.Errorf("%s: %v: %s", r.Check.ID, r.Outcome, r.Says)
				}
			}
			if name == "everything" && report.Score() != 100 {
				t.Errorf("got score %d", report.Score())
			}
		})
	}
}

// TestAddresses asks two servers under one name.
func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		name string
		layer
		want probe.Outcome
		rule string
	}{
		{"copies", layers(), probe.Passed, ""},
		{"another tag", retagged(func(*http.Request, *response, string) string { return `"copy"` }), probe.Failed, "farm-mtime-skew"},
		{"another date", shifted(-1e9), probe.Failed, "farm-mtime-skew"},
		{"other content", layers(noCodings, counting(func(_ int64, w *response) { w.content[0]++ })), probe.Failed, ""},
		{"no content", instead(isGet, http.StatusNotFound), probe.Failed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := rightServer(t)
			here, there := httptest.NewServer(h), httptest.NewServer(c.layer(h))
			defer here.Close()
			defer there.Close()
			gone := httptest.NewServer(h)
			gone.Close()
			target, _ := url.Parse(here.URL + planPath)
			chosen, err := probe.Select([]string{"addresses-agree", "inm-exact"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			report, err := probe.Run(t.Context(), target, probe.Options{Checks: chosen, Addresses: []string{
				gone.Listener.Addr().String(), here.Listener.Addr().String(), there.Listener.Addr().String(),
			}})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range report.Results {
				want, rule := c.want, c.rule
				if r.Check.ID == "inm-exact" {
					want, rule = probe.Passed, ""
				}
				if r.Outcome != want || r.Rule != rule {
					t.Errorf("%s: got %v %q (%s), want %v %q", r.Check.ID, r.Outcome, r.Rule, r.Says, want, rule)
				}
			}
		})
	}
}
