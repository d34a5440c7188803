package byterange_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// addRangeTables seeds f with what the tables hold.
func addRangeTables(f *testing.F, add func(value string, size int64)) {
	for _, row := range readRangeTables(f) {
		add(strings.Join(fieldLines(row.cells[1]), ", "), parseSize(f, row.where, row.cells[0]))
	}
}

// Parse agrees with the naive reader, and what it read is read again from what
// it writes.
func FuzzParse(f *testing.F) {
	addRangeTables(f, func(value string, _ int64) { f.Add(value) })
	f.Fuzz(func(t *testing.T, value string) {
		set, err := byterange.Parse(value)
		specs, want := naiveParse(value)
		if !errors.Is(err, want) {
			t.Fatalf("Parse(%q): got error %v, want %v", value, err, want)
		}
		if err != nil {
			checkParseError(t, err, "Range", value)
			return
		}
		if set.Len() != len(specs) {
			t.Fatalf("Parse(%q) = %v: got %d specs, want %d", value, set, set.Len(), len(specs))
		}
		for i, want := range specs {
			if got := set.At(i); !sameSpec(got, want) {
				t.Errorf("Parse(%q): spec %d is %v, want %v-%v", value, i, got, want.first, want.last)
			}
		}
		if again, err := byterange.Parse(set.String()); again != set || err != nil {
			t.Errorf("Parse(%q) = %v, but Parse(%q) = %v, %v", value, set, set.String(), again, err)
		}
	})
}

func checkParseError(t testing.TB, err error, field, value string) {
	t.Helper()
	e, ok := errors.AsType[*byterange.ParseError](err)
	if !ok || e.Field != field || e.Value != value || e.Offset < 0 || e.Offset > len(value) || e.Reason == "" {
		t.Errorf("%s %q: poor error %#v", field, value, err)
	}
}

// sameSpec reports whether got says what want says, with numbers cut to an
// int64.
func sameSpec(got byterange.Spec, want naiveSpec) bool {
	position := func(n *big.Int) int64 {
		switch {
		case n == nil:
			return -1
		case !n.IsInt64():
			return math.MaxInt64
		}
		return n.Int64()
	}
	return got == byterange.Spec{First: position(want.first), Last: position(want.last)}
}

// Resolve sends exactly the bytes asked for. Small representations are compared
// byte by byte, large ones at the ends of what was asked for.
func FuzzResolve(f *testing.F) {
	addRangeTables(f, func(value string, size int64) { f.Add(value, size) })
	f.Add("bytes=0-0,-1", int64(3))
	f.Add("bytes=4-5,1-2,3-3", int64(7))
	f.Fuzz(func(t *testing.T, value string, size int64) {
		plan := byterange.Resolve([]string{value}, size)
		checkPlan(t, plan, size)
		specs, err := naiveParse(value)
		switch {
		case err != nil || size < 0:
			if plan.Kind != byterange.Whole {
				t.Errorf("%q of %d bytes: got %v, want the whole", value, size, answer(plan))
			}
		case size <= 4096:
			checkSmallPlan(t, plan, specs)
		default:
			checkLargePlan(t, plan, specs)
		}
	})
}

func checkSmallPlan(t testing.TB, got byterange.Plan, specs []naiveSpec) {
	t.Helper()
	kind, ranges := naivePlan(specs, got.Size)
	if got.Kind != kind || !slices.Equal(planned(got), ranges) {
		t.Errorf("%v of %d bytes: got %v %v, want %v %v", specs, got.Size, got.Kind, planned(got), kind, ranges)
	}
}

func checkLargePlan(t testing.TB, got byterange.Plan, specs []naiveSpec) {
	t.Helper()
	firsts, total := naiveFirsts(specs, got.Size)
	if more := total.Cmp(big.NewInt(got.Size)) > 0; more != (got.Kind == byterange.Whole) {
		t.Errorf("%v of %d bytes: got %v, want the whole: %t", specs, got.Size, got.Kind, more)
	}
	if got.Kind == byterange.Whole {
		return
	}
	ranges := planned(got)
	part := func(i int64) int {
		return slices.IndexFunc(ranges, func(r byterange.Range) bool { return r.Start <= i && i < r.End() })
	}
	asked := func(i int64) bool {
		return slices.ContainsFunc(specs, func(s naiveSpec) bool { return s.covers(i, got.Size) })
	}
	for _, i := range interesting(got, specs) {
		if sent := part(i) >= 0; sent != asked(i) {
			t.Errorf("%v of %d bytes: byte %d sent: %t, asked for: %t", specs, got.Size, i, sent, asked(i))
		}
	}
	seen := 0
	for _, first := range firsts {
		switch at := part(first); {
		case at > seen:
			t.Errorf("%v of %d bytes: parts %v are not in the order asked for", specs, got.Size, ranges)
		case at == seen:
			seen++
		}
	}
}

// interesting returns the offsets on both sides of every border.
func interesting(p byterange.Plan, specs []naiveSpec) []int64 {
	borders := []int64{0, p.Size}
	for _, s := range specs {
		for _, n := range []*big.Int{s.first, s.last} {
			if n != nil && n.IsInt64() && n.Int64() < p.Size {
				borders = append(borders, n.Int64(), p.Size-n.Int64())
			}
		}
	}
	for _, r := range planned(p) {
		borders = append(borders, r.Start, r.End())
	}
	var offsets []int64
	for _, border := range borders {
		for _, i := range []int64{border - 1, border, border + 1} {
			if 0 <= i && i < p.Size {
				offsets = append(offsets, i)
			}
		}
	}
	return offsets
}

// Several field lines mean what their combination means (RFC 9110 §5.2).
func FuzzResolveLines(f *testing.F) {
	f.Add("bytes=0-0", "2-2", "-1", int64(100))
	f.Add("bytes=", "0-0", "", int64(100))
	f.Add("bytes", "=0-0", "bytes=1-1", int64(100))
	f.Fuzz(func(t *testing.T, a, b, c string, size int64) {
		lines := byterange.Resolve([]string{a, b, c}, size)
		value := byterange.Resolve([]string{a + "," + b + ",\t" + c}, size)
		if answer(lines) != answer(value) {
			t.Errorf("%q, %q, %q of %d bytes: got %s, want %s", a, b, c, size, answer(lines), answer(value))
		}
	})
}

// ParseContentRange agrees with the naive reader, and what it read is read again
// from what it writes.
func FuzzParseContentRange(f *testing.F) {
	for _, row := range readTable(f, "14.4-content-range.txt", 2) {
		f.Add(fieldValue(row.cells[0]))
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := byterange.ParseContentRange(value)
		want, wantErr := naiveContentRange(value)
		if got != want || (err == nil) != (wantErr == nil) || errors.Is(err, byterange.ErrUnit) != errors.Is(wantErr, byterange.ErrUnit) {
			t.Fatalf("ParseContentRange(%q) = %+v, %v, want %+v, %v", value, got, err, want, wantErr)
		}
		if err != nil {
			checkParseError(t, err, "Content-Range", value)
			return
		}
		if again, err := byterange.ParseContentRange(got.String()); again != got || err != nil {
			t.Errorf("ParseContentRange(%q) = %+v, but ParseContentRange(%q) = %+v, %v", value, got, got, again, err)
		}
	})
}
