package byterange_test

import (
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// This file says the same as the package once more, in the most direct way there
// is: regular expressions, integers without limits, and one bool a byte.

// naiveSpec is a range-spec; nil stands for a number that is not there.
type naiveSpec struct{ first, last *big.Int }

var (
	naiveField = regexp.MustCompile("(?s)^([-!#$%&'*+.^_`|~0-9A-Za-z]+)=(.*)$")
	naiveRange = regexp.MustCompile(`^([0-9]*)-([0-9]*)$`)
)

// naiveParse reads a Range field value. The error is one of the package's
// sentinels.
func naiveParse(value string) ([]naiveSpec, error) {
	field := naiveField.FindStringSubmatch(strings.Trim(value, " \t"))
	if field == nil {
		return nil, byterange.ErrSyntax
	}
	if strings.ToLower(field[1]) != "bytes" {
		return nil, byterange.ErrUnit
	}
	var specs []naiveSpec
	for member := range strings.SplitSeq(field[2], ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		if len(specs) == 16 {
			return nil, byterange.ErrTooMany
		}
		m := naiveRange.FindStringSubmatch(member)
		if m == nil || member == "-" {
			return nil, byterange.ErrSyntax
		}
		spec := naiveSpec{naiveNumber(m[1]), naiveNumber(m[2])}
		if spec.first != nil && spec.last != nil && spec.last.Cmp(spec.first) < 0 {
			return nil, byterange.ErrSyntax
		}
		specs = append(specs, spec)
	}
	if len(specs) == 0 {
		return nil, byterange.ErrSyntax
	}
	return specs, nil
}

func naiveNumber(digits string) *big.Int {
	if digits == "" {
		return nil
	}
	n, _ := new(big.Int).SetString(digits, 10)
	return n
}

// covers reports whether s asks for the byte at offset i of size.
func (s naiveSpec) covers(i, size int64) bool {
	at := big.NewInt(i)
	if s.first == nil {
		fromEnd := big.NewInt(size - i)
		return fromEnd.Cmp(s.last) <= 0
	}
	return at.Cmp(s.first) >= 0 && (s.last == nil || at.Cmp(s.last) <= 0)
}

// naiveFirsts returns the first byte that each spec asks for, if it asks for any,
// and how many bytes they ask for together.
func naiveFirsts(specs []naiveSpec, size int64) (firsts []int64, total *big.Int) {
	total = new(big.Int)
	end := big.NewInt(size - 1)
	for _, s := range specs {
		first, last := s.first, s.last
		if first == nil {
			first, last = new(big.Int).Sub(big.NewInt(size), s.last), end
		}
		if first.Sign() < 0 {
			first = new(big.Int)
		}
		if last == nil || last.Cmp(end) > 0 {
			last = end
		}
		if first.Cmp(last) > 0 {
			continue
		}
		firsts = append(firsts, first.Int64())
		total.Add(total, new(big.Int).Add(new(big.Int).Sub(last, first), big.NewInt(1)))
	}
	return firsts, total
}

// naivePlan decides what to send of a small representation: it marks the bytes
// asked for, and each unbroken run of marks is sent as one range, in the order
// in which the runs were first asked for.
func naivePlan(specs []naiveSpec, size int64) (kind byterange.Kind, ranges []byterange.Range) {
	if size == 0 {
		return byterange.Whole, nil
	}
	marked := make([]bool, size)
	var firsts []int64 // of each spec, the first byte it asks for
	asked := int64(0)
	for _, s := range specs {
		first := int64(-1)
		for i := range size {
			if s.covers(i, size) {
				if first < 0 {
					first = i
				}
				marked[i] = true
				asked++
			}
		}
		if first >= 0 {
			firsts = append(firsts, first)
		}
	}
	if asked > size {
		return byterange.Whole, nil
	}
	for _, i := range firsts {
		if r := naiveRun(marked, i); !slices.Contains(ranges, r) {
			ranges = append(ranges, r)
		}
	}
	switch len(ranges) {
	case 0:
		return byterange.Unsatisfiable, nil
	case 1:
		return byterange.Single, ranges
	}
	return byterange.Multi, ranges
}

// naiveRun returns the run of marks around i.
func naiveRun(marked []bool, i int64) byterange.Range {
	start, end := i, i
	for start > 0 && marked[start-1] {
		start--
	}
	for end < int64(len(marked)) && marked[end] {
		end++
	}
	return byterange.Range{Start: start, Length: end - start}
}

// planned returns what p sends, as a list.
func planned(p byterange.Plan) []byterange.Range {
	if p.Kind == byterange.Single {
		return []byterange.Range{p.Range}
	}
	return p.Parts
}

var (
	naiveUnit         = regexp.MustCompile("^([-!#$%&'*+.^_`|~0-9A-Za-z]+) ")
	naiveContentField = regexp.MustCompile(`^(?:\*/([0-9]+)|([0-9]+)-([0-9]+)/(\*|[0-9]+))$`)
)

// naiveContentRange reads a Content-Range field value. The error is ErrUnit or,
// for all that is malformed, invalid or too large, ErrSyntax.
func naiveContentRange(value string) (byterange.ContentRange, error) {
	value = strings.Trim(value, " \t")
	unit := naiveUnit.FindStringSubmatch(value)
	if unit == nil {
		return byterange.ContentRange{}, byterange.ErrSyntax
	}
	if strings.ToLower(unit[1]) != "bytes" {
		return byterange.ContentRange{}, byterange.ErrUnit
	}
	m := naiveContentField.FindStringSubmatch(value[len("bytes "):])
	if m == nil {
		return byterange.ContentRange{}, byterange.ErrSyntax
	}
	if m[1] != "" {
		size := naiveNumber(m[1])
		if !size.IsInt64() {
			return byterange.ContentRange{}, byterange.ErrSyntax
		}
		return byterange.ContentRange{Size: size.Int64()}, nil
	}
	first, last, size := naiveNumber(m[2]), naiveNumber(m[3]), naiveNumber(strings.TrimPrefix(m[4], "*"))
	end := new(big.Int).Add(last, big.NewInt(1))
	if last.Cmp(first) < 0 || !end.IsInt64() || size != nil && (size.Cmp(end) < 0 || !size.IsInt64()) {
		return byterange.ContentRange{}, byterange.ErrSyntax
	}
	c := byterange.ContentRange{Range: byterange.Range{Start: first.Int64(), Length: end.Int64() - first.Int64()}, Size: -1}
	if size != nil {
		c.Size = size.Int64()
	}
	return c, nil
}
