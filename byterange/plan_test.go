package byterange_test

import (
	"errors"
	"testing"

	"github.com/fourtwelve/fourtwelve/byterange"
)

func TestRangeTables(t *testing.T) {
	rows := readRangeTables(t)
	for _, row := range rows {
		t.Run(row.where, func(t *testing.T) {
			size, lines, want := parseSize(t, row.where, row.cells[0]), fieldLines(row.cells[1]), row.cells[2]
			plan := byterange.Resolve(lines, size)
			if got := answer(plan); got != want {
				t.Errorf("%s bytes, Range: %s\n got %s\nwant %s", row.cells[0], row.cells[1], got, want)
			}
			checkPlan(t, plan, size)
		})
	}
	t.Logf("%d cases", len(rows))
}

// checkPlan checks what is true of every plan.
func checkPlan(t testing.TB, p byterange.Plan, size int64) {
	t.Helper()
	if p.Size != size {
		t.Errorf("size is %d, want %d", p.Size, size)
	}
	left := max(size, 0)
	for _, r := range planned(p) {
		if r.Start < 0 || r.Length < 1 || r.Length > size-r.Start {
			t.Errorf("%v does not lie within %d bytes", r, size)
		}
		left -= r.Length
	}
	if left < 0 {
		t.Errorf("%v: longer together than %d bytes", planned(p), size)
	}
	for i, r := range p.Parts {
		for _, s := range p.Parts[:i] {
			if r.Start <= s.End() && s.Start <= r.End() {
				t.Errorf("parts %v and %v touch", s, r)
			}
		}
	}
	checkReason(t, p)
}

// checkReason checks that the parts of p go together.
func checkReason(t testing.TB, p byterange.Plan) {
	t.Helper()
	parts := map[byterange.Kind][2]int{byterange.Multi: {2, byterange.MaxRanges}}[p.Kind]
	if n := len(p.Parts); n < parts[0] || n > parts[1] {
		t.Errorf("%v with %d parts", p.Kind, n)
	}
	if (p.Kind == byterange.Single) != (p.Range != byterange.Range{}) {
		t.Errorf("%v with range %v", p.Kind, p.Range)
	}
	var kind byterange.Kind
	var err error
	switch p.Reason {
	case byterange.OtherUnit:
		err = byterange.ErrUnit
	case byterange.Malformed:
		err = byterange.ErrSyntax
	case byterange.TooMany:
		err = byterange.ErrTooMany
	case byterange.Satisfiable:
		kind = byterange.Single
		if len(p.Parts) > 0 {
			kind = byterange.Multi
		}
	case byterange.NoneSatisfiable:
		kind = byterange.Unsatisfiable
	}
	if p.Kind != kind || !errors.Is(p.Err, err) {
		t.Errorf("%v: kind %v, error %v, want %v, %v", p.Reason, p.Kind, p.Err, kind, err)
	}
}

func TestMethods(t *testing.T) {
	for _, row := range readTable(t, "14.2-methods.txt", 2) {
		want := map[string]bool{"yes": true, "no": false}[row.cells[1]]
		if got := byterange.Applies(fieldValue(row.cells[0])); got != want {
			t.Errorf("%s: Applies(%q) = %t, want %t", row.where, row.cells[0], got, want)
		}
	}
}

func TestPlanContentRange(t *testing.T) {
	for _, test := range []struct {
		value  string
		size   int64
		status int
		want   string
	}{
		{"bytes=0-1", 10, 206, "bytes 0-1/10"},
		{"bytes=10-", 10, 416, "bytes */10"},
		{"bytes=0-0,9-", 10, 206, ""}, // each part has its own
		{"bytes=0-1", 0, 200, ""},
		{"items=0-1", 10, 200, ""},
		{"bytes=0-1", -1, 200, ""},
	} {
		plan := byterange.Resolve([]string{test.value}, test.size)
		if plan.Kind.Status() != test.status || plan.ContentRange() != test.want {
			t.Errorf("%s of %d bytes: got %d, Content-Range %q, want %d, %q",
				test.value, test.size, plan.Kind.Status(), plan.ContentRange(), test.status, test.want)
		}
	}
	if got := (byterange.Plan{}); got.Kind.Status() != 200 || got.ContentRange() != "" {
		t.Errorf("zero Plan: got %d, Content-Range %q, want 200 and none", got.Kind.Status(), got.ContentRange())
	}
}

// The names go into logs and JSON, where others rely on them.
func TestNames(t *testing.T) {
	for reason, want := range map[byterange.Reason][2]string{
		byterange.NoRange:         {"no-range", "14.2"},
		byterange.OtherUnit:       {"other-unit", "14.2"},
		byterange.Malformed:       {"malformed", "14.1.1"},
		byterange.TooMany:         {"too-many", "17.15"},
		byterange.MoreThanWhole:   {"more-than-whole", "17.15"},
		byterange.Empty:           {"empty", "14.2"},
		byterange.UnknownSize:     {"unknown-size", "14.2"},
		byterange.Satisfiable:     {"satisfiable", "15.3.7"},
		byterange.NoneSatisfiable: {"none-satisfiable", "15.5.17"},
	} {
		if got := [2]string{reason.String(), reason.Section()}; got != want {
			t.Errorf("reason %d: got %v, want %v", reason, got, want)
		}
	}
	for kind, want := range map[byterange.Kind]string{
		byterange.Whole: "whole", byterange.Single: "single", byterange.Multi: "multi", byterange.Unsatisfiable: "unsatisfiable",
	} {
		if got := kind.String(); got != want {
			t.Errorf("kind %d: got %q, want %q", kind, got, want)
		}
	}
}

// What every range request passes through does not allocate.
func TestNoAllocs(t *testing.T) {
	b := make([]byte, 0, 100)
	for _, value := range []string{
		"bytes=0-499", "bytes=500-", "bytes=-500", "bytes=20000-", "bytes=500-700,601-999", "bytes=0-,0-",
	} {
		lines := []string{value}
		if n := testing.AllocsPerRun(100, func() { byterange.Resolve(lines, 10000) }); n != 0 {
			t.Errorf("Resolve(%q): %v allocations, want 0", value, n)
		}
		if n := testing.AllocsPerRun(100, func() { byterange.Parse(value) }); n != 0 {
			t.Errorf("Parse(%q): %v allocations, want 0", value, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { byterange.Resolve(nil, 10000) }); n != 0 {
		t.Errorf("Resolve without a field: %v allocations, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { b = byterange.Range{Start: 0, Length: 2}.AppendContentRange(b[:0], 10) }); n != 0 {
		t.Errorf("AppendContentRange: %v allocations, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { byterange.ParseContentRange("bytes 0-1/10") }); n != 0 {
		t.Errorf("ParseContentRange: %v allocations, want 0", n)
	}
}
