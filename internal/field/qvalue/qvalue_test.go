package qvalue

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// fieldLines reads a field value as the tables under testdata write it.
func fieldLines(s string) []string {
	if s == "(empty)" {
		return []string{""}
	}
	return strings.Split(strings.ReplaceAll(s, `\t`, "\t"), " // ")
}

func TestMembers(t *testing.T) {
	data, err := os.ReadFile("testdata/members.txt")
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		value, want, _ := strings.Cut(line, "|")
		var got []string
		for m := range Members(fieldLines(strings.TrimSpace(value))) {
			got = append(got, fmt.Sprintf("%s %d", m.Value, m.Weight))
		}
		if len(got) == 0 {
			got = []string{"(none)"}
		}
		if got, want := strings.Join(got, ", "), strings.TrimSpace(want); got != want {
			t.Errorf("members.txt:%d: %s\n got %s\nwant %s", n+1, strings.TrimSpace(value), got, want)
		}
	}
}

func TestMembersStops(t *testing.T) {
	for m := range Members([]string{"a, b, c", "d"}) {
		if m.Value == "b" {
			break
		}
	}
}

func TestMembersDoesNotAllocate(t *testing.T) {
	lines := []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
	sum := 0
	if n := testing.AllocsPerRun(100, func() {
		for m := range Members(lines) {
			sum += m.Weight
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzMembers(f *testing.F) {
	data, err := os.ReadFile("testdata/members.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		value, _, _ := strings.Cut(line, "|")
		f.Add(value, "gzip;q=0.5")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		all := slices.Collect(Members([]string{first, second}))
		for _, m := range all {
			if m.Value == "" || m.Value != trim(m.Value) || m.Weight < 0 || m.Weight > Max {
				t.Errorf("%q: not a member: %+v", first, m)
			}
			again := slices.Collect(Members([]string{fmt.Sprintf("%s;q=%d.%03d", m.Value, m.Weight/Max, m.Weight%Max)}))
			if quotes := strings.Count(m.Value, `"`); quotes == 0 && !slices.Equal(again, []Member{m}) {
				t.Errorf("%q: %+v written and read again is %+v", first, m, again)
			}
		}
		// Lines are read one by one: combining them by a comma is the same (§5.3),
		// unless a quoted string is left open.
		if strings.Contains(first, `"`) {
			return
		}
		if joined := slices.Collect(Members([]string{first + ", " + second})); !slices.Equal(all, joined) {
			t.Errorf("two lines %+v, one line %+v", all, joined)
		}
	})
}

func BenchmarkMembers(b *testing.B) {
	lines := []string{"gzip, deflate, br, zstd"}
	b.ReportAllocs()
	for b.Loop() {
		for range Members(lines) {
		}
	}
}
