package byterange_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/byterange"
)

func TestParse(t *testing.T) {
	const most = math.MaxInt64
	for value, want := range map[string][]byterange.Spec{
		"bytes=0-499":                          {byterange.Interval(0, 499)},
		"bytes=500-":                           {byterange.From(500)},
		"bytes=-500":                           {byterange.Suffix(500)},
		"bytes=-0":                             {byterange.Suffix(0)},
		"BYTES= 007-8 ,, -1,":                  {byterange.Interval(7, 8), byterange.Suffix(1)},
		"bytes=9223372036854775807-":           {byterange.From(most)},
		"bytes=0-9223372036854775808":          {byterange.Interval(0, most)},
		"bytes=-18446744073709551616":          {byterange.Suffix(most)},
		"bytes=92233720368547758070-":          {byterange.From(most)},
		"bytes=9223372036854775806-":           {byterange.From(most - 1)},
		"bytes=4-4,3-3,-2,1-":                  {byterange.Interval(4, 4), byterange.Interval(3, 3), byterange.Suffix(2), byterange.From(1)},
		"bytes=0-0" + strings.Repeat(",", 1e6): {{}},
	} {
		got, err := byterange.Parse(value)
		if err != nil || got != byterange.NewSet(want...) {
			t.Errorf("Parse(%.40q) = %v, %v, want %v", value, got, err, want)
		}
	}
}

// Where the trouble is, and what is said about it.
func TestParseError(t *testing.T) {
	for _, test := range []struct {
		value  string
		err    error
		offset int
		text   string
	}{
		{"", byterange.ErrSyntax, 0, `Range "": malformed at offset 0: want bytes=`},
		{"0-499", byterange.ErrSyntax, 5, `Range "0-499": malformed at offset 5: want bytes=`},
		{" items=1-2", byterange.ErrUnit, 1, `Range " items=1-2": unknown range unit at offset 1: only bytes can be asked for`},
		{"bytes=", byterange.ErrSyntax, 6, `Range "bytes=": malformed at offset 6: want a range, as in bytes=0-99`},
		{"bytes=a", byterange.ErrSyntax, 6, `Range "bytes=a": malformed at offset 6: want a digit or "-"`},
		{"bytes=0-1,-", byterange.ErrSyntax, 11, `Range "bytes=0-1,-": malformed at offset 11: want a digit on one side of "-"`},
		{"bytes=0-1 2-3", byterange.ErrSyntax, 10, `Range "bytes=0-1 2-3": malformed at offset 10: want "," or the end`},
		{"bytes=0-1, 5-2", byterange.ErrSyntax, 11, `Range "bytes=0-1, 5-2": malformed at offset 11: want a last position that is not below the first`},
		{"bytes=" + strings.Repeat("0-0,", 16) + "0-0", byterange.ErrTooMany, 70,
			`Range "bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-"...: too many ranges at offset 70: ask for at most 16 ranges at once`},
		{"bytes=\x00", byterange.ErrSyntax, 6, `Range "bytes=\x00": malformed at offset 6: want a digit or "-"`},
	} {
		set, err := byterange.Parse(test.value)
		parseError, ok := errors.AsType[*byterange.ParseError](err)
		if !ok {
			t.Errorf("Parse(%q) = %v, %v, want a *ParseError", test.value, set, err)
			continue
		}
		if set != (byterange.Set{}) {
			t.Errorf("Parse(%q) = %v besides an error, want the zero Set", test.value, set)
		}
		if !errors.Is(err, test.err) || parseError.Offset != test.offset || err.Error() != test.text {
			t.Errorf("Parse(%q):\n got %v\nwant %s", test.value, err, test.text)
		}
		if parseError.Field != "Range" || parseError.Value != test.value {
			t.Errorf("Parse(%q): error is about %s %q", test.value, parseError.Field, parseError.Value)
		}
	}
}

func TestSet(t *testing.T) {
	set := byterange.NewSet(byterange.Interval(0, 499), byterange.From(9500), byterange.Suffix(1))
	if got, want := set.String(), "bytes=0-499,9500-,-1"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if set.Len() != 3 || set.At(0) != byterange.Interval(0, 499) || set.At(2) != byterange.Suffix(1) {
		t.Errorf("%v: Len() = %d, At(0) = %v, At(2) = %v", set, set.Len(), set.At(0), set.At(2))
	}
	if got := (byterange.Set{}).String(); got != "" {
		t.Errorf("zero Set: String() = %q, want none", got)
	}
	if got := (byterange.Set{}).Plan(10); answer(got) != "200 no-range" {
		t.Errorf("zero Set: Plan(10) = %v, want the whole for want of a Range", got)
	}
	if !panics(func() { set.At(3) }) || !panics(func() { set.At(-1) }) {
		t.Error("At outside the set: want a panic")
	}
	if !panics(func() { byterange.NewSet(make([]byterange.Spec, byterange.MaxRanges+1)...) }) {
		t.Error("NewSet with more than MaxRanges specs: want a panic")
	}
	if got := byterange.NewSet(make([]byterange.Spec, byterange.MaxRanges)...).Len(); got != byterange.MaxRanges {
		t.Errorf("NewSet with MaxRanges specs: Len() = %d", got)
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

func TestSpecResolve(t *testing.T) {
	for _, test := range []struct {
		spec        byterange.Spec
		size        int64
		want        byterange.Range
		satisfiable bool
	}{
		{byterange.Interval(0, 499), 10000, byterange.Range{Start: 0, Length: 500}, true},
		{byterange.Interval(0, 499), 100, byterange.Range{Start: 0, Length: 100}, true},
		{byterange.Interval(100, 499), 100, byterange.Range{}, false},
		{byterange.Interval(0, math.MaxInt64), math.MaxInt64, byterange.Range{Start: 0, Length: math.MaxInt64}, true},
		{byterange.From(99), 100, byterange.Range{Start: 99, Length: 1}, true},
		{byterange.From(100), 100, byterange.Range{}, false},
		{byterange.From(0), 0, byterange.Range{}, false},
		{byterange.From(math.MaxInt64), math.MaxInt64, byterange.Range{}, false},
		{byterange.Suffix(1), 100, byterange.Range{Start: 99, Length: 1}, true},
		{byterange.Suffix(math.MaxInt64), 100, byterange.Range{Start: 0, Length: 100}, true},
		{byterange.Suffix(0), 100, byterange.Range{}, false},
		{byterange.Suffix(0), 0, byterange.Range{}, false},
		// "When a selected representation has zero length, the only satisfiable
		// form of range-spec in a GET request is a suffix-range with a non-zero
		// suffix-length."
		{byterange.Suffix(1), 0, byterange.Range{}, true},
	} {
		got, satisfiable := test.spec.Resolve(test.size)
		if got != test.want || satisfiable != test.satisfiable {
			t.Errorf("%v of %d bytes: got %v, %t, want %v, %t", test.spec, test.size, got, satisfiable, test.want, test.satisfiable)
		}
	}
}
