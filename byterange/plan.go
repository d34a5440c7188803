package byterange

import (
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// Kind is the form of the answer to a request that may have a Range field.
type Kind uint8

const (
	// Whole is 200 with the whole representation: there is no Range, or it is
	// ignored.
	Whole Kind = iota
	// Single is 206 with one range and a Content-Range field (RFC 9110
	// §15.3.7.1).
	Single
	// Multi is 206 with two or more ranges as multipart/byteranges, and without
	// a Content-Range field of its own (RFC 9110 §15.3.7.2).
	Multi
	// Unsatisfiable is 416 with the Content-Range field of §14.4 (RFC 9110
	// §15.5.17).
	Unsatisfiable
)

// Status returns the status code of k: 200, 206 or 416.
func (k Kind) Status() int {
	switch k {
	case Single, Multi:
		return 206
	case Unsatisfiable:
		return 416
	}
	return 200
}

func (k Kind) String() string {
	switch k {
	case Whole:
		return "whole"
	case Single:
		return "single"
	case Multi:
		return "multi"
	case Unsatisfiable:
		return "unsatisfiable"
	}
	return "unknown"
}

// Reason says why a [Plan] is of its [Kind].
type Reason uint8

const (
	// NoRange: there is no Range field. Whole.
	NoRange Reason = iota
	// OtherUnit: the range unit is not "bytes". Whole.
	OtherUnit
	// Malformed: the field breaks the grammar, or has an invalid member. Whole.
	Malformed
	// TooMany: the field has more than MaxRanges ranges. Whole.
	TooMany
	// MoreThanWhole: the ranges overlap so much that together they are longer
	// than the representation. Whole.
	MoreThanWhole
	// Empty: the representation has no bytes to choose from. Whole.
	Empty
	// UnknownSize: the length of the representation is not known. Whole.
	UnknownSize
	// Satisfiable: at least one range can be sent. Single or Multi.
	Satisfiable
	// NoneSatisfiable: every range starts past the end, or is a suffix of
	// nothing. Unsatisfiable.
	NoneSatisfiable
)

// String returns the name of r in lower case with hyphens, as in "other-unit".
// The names do not change.
func (r Reason) String() string {
	switch r {
	case NoRange:
		return "no-range"
	case OtherUnit:
		return "other-unit"
	case Malformed:
		return "malformed"
	case TooMany:
		return "too-many"
	case MoreThanWhole:
		return "more-than-whole"
	case Empty:
		return "empty"
	case UnknownSize:
		return "unknown-size"
	case Satisfiable:
		return "satisfiable"
	case NoneSatisfiable:
		return "none-satisfiable"
	}
	return "unknown"
}

// Section returns the section of RFC 9110 that decides a case of r, as in
// "14.2".
func (r Reason) Section() string {
	switch r {
	case Malformed:
		return "14.1.1"
	case TooMany, MoreThanWhole:
		return "17.15"
	case NoneSatisfiable:
		return "15.5.17"
	case Satisfiable:
		return "15.3.7"
	}
	return "14.2"
}

// Plan is what to send for a Range field. The zero Plan is the whole
// representation because there is no Range field.
type Plan struct {
	Kind   Kind
	Reason Reason
	// Size is the length of the complete representation in bytes, as given.
	Size int64
	// Range is what to send if Kind is Single.
	Range Range
	// Parts is what to send if Kind is Multi: two or more ranges, in the order to
	// send them, with at least one byte between any two. Otherwise it is nil.
	Parts []Range
	// Err is the *ParseError behind OtherUnit, Malformed and TooMany. Otherwise
	// it is nil.
	Err error
}

// ContentRange returns the value of the Content-Range field of the answer, or ""
// if it has none.
func (p Plan) ContentRange() string {
	switch p.Kind {
	case Single:
		return p.Range.ContentRange(p.Size)
	case Unsatisfiable:
		return UnsatisfiedContentRange(p.Size)
	}
	return ""
}

// Applies reports whether Range has a meaning in a request with this method: it has in GET, and in
// QUERY as in GET (RFC 10008), and in no other. "A server MUST ignore a Range header field received
// with a request method that is unrecognized or for which range handling is not defined" (RFC 9110
// §14.2), which HEAD is.
func Applies(m string) bool { return method.Ranges(m) }

// Resolve decides what to send of a representation of size bytes for the Range
// field lines of a request, which are combined if there are several (RFC 9110
// §5.2). A size below 0 means that it is not known. See [Applies] for when not
// to call it.
//
// It does not allocate unless the answer is Multi or the field is malformed.
func Resolve(lines []string, size int64) Plan {
	if len(lines) == 0 {
		return Plan{Size: size}
	}
	value := lines[0]
	if len(lines) > 1 {
		value = strings.Join(lines, ", ")
	}
	var set Set
	if err := set.parse(value); err != nil {
		return Plan{Reason: ignored(err), Size: size, Err: err}
	}
	return set.plan(size)
}

func ignored(err error) Reason {
	switch err.(*ParseError).Err {
	case ErrUnit:
		return OtherUnit
	case ErrTooMany:
		return TooMany
	}
	return Malformed
}

// Plan decides what to send of a representation of size bytes for s. A size
// below 0 means that it is not known.
func (s Set) Plan(size int64) Plan { return s.plan(size) }

// plan is Plan without a copy of s.
func (s *Set) plan(size int64) Plan {
	switch {
	case s.n == 0:
		return Plan{Size: size}
	case size < 0:
		return Plan{Reason: UnknownSize, Size: size}
	case size == 0:
		return Plan{Reason: Empty, Size: size}
	}
	var buf [MaxRanges]Range
	ranges, ok := s.resolve(buf[:0], size)
	if !ok {
		return Plan{Reason: MoreThanWhole, Size: size}
	}
	ranges = coalesce(ranges)
	switch len(ranges) {
	case 0:
		return Plan{Kind: Unsatisfiable, Reason: NoneSatisfiable, Size: size}
	case 1:
		return Plan{Kind: Single, Reason: Satisfiable, Size: size, Range: ranges[0]}
	}
	return Plan{Kind: Multi, Reason: Satisfiable, Size: size, Parts: slices.Clone(ranges)}
}

// resolve appends the satisfiable ranges of s to ranges. It gives up, and
// reports false, if they are longer together than size.
func (s *Set) resolve(ranges []Range, size int64) ([]Range, bool) {
	left := size
	for _, spec := range s.specs[:s.n] {
		r, ok := spec.Resolve(size)
		if !ok {
			continue
		}
		if r.Length > left {
			return nil, false
		}
		left -= r.Length
		ranges = append(ranges, r)
	}
	return ranges, true
}

// coalesce replaces ranges that touch by their union, in place and in the
// position of the first of them. RFC 9110 §15.3.7.2 allows it "regardless of the
// order in which the corresponding range-spec appeared".
func coalesce(ranges []Range) []Range {
	for i := 0; i < len(ranges); i++ {
		for j := i + 1; j < len(ranges); j++ {
			if !ranges[i].touches(ranges[j]) {
				continue
			}
			ranges[i] = ranges[i].union(ranges[j])
			ranges = slices.Delete(ranges, j, j+1)
			j = i // the union may touch a range that was passed over
		}
	}
	return ranges
}
