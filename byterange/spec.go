package byterange

import "strconv"

// MaxRanges is how many ranges a [Set] holds, and so how many a client may ask
// for at once. A Range field with more is ignored (RFC 9110 §17.15).
const MaxRanges = 16

// Spec is one range-spec of the "bytes" unit as sent (RFC 9110 §14.1.2), not yet
// held against a representation. There are three forms:
//
//	0-499   Spec{First: 0, Last: 499}   both positions inclusive
//	500-    Spec{First: 500, Last: -1}  to the end
//	-500    Spec{First: -1, Last: 500}  the last 500 bytes
//
// The zero Spec is 0-0, the first byte. [Interval], [From] and [Suffix] make
// them. Any other negative value is meaningless, and so is a Last below First.
type Spec struct{ First, Last int64 }

// Interval returns the spec first-last, both inclusive.
func Interval(first, last int64) Spec { return Spec{First: first, Last: last} }

// From returns the spec first-, from first to the end.
func From(first int64) Spec { return Spec{First: first, Last: -1} }

// Suffix returns the spec -length, the last length bytes.
func Suffix(length int64) Spec { return Spec{First: -1, Last: length} }

// IsSuffix reports whether s asks for the last bytes, as in -500.
func (s Spec) IsSuffix() bool { return s.First < 0 }

// IsOpen reports whether s has no last position, as in 500-.
func (s Spec) IsOpen() bool { return s.First >= 0 && s.Last < 0 }

// Resolve returns the bytes of a representation of size bytes that s asks for,
// and whether s is satisfiable there (RFC 9110 §14.1.2); if it is not, the Range
// is zero. The last position is cut to the representation, and a suffix longer
// than it is all of it. A suffix of an empty representation is satisfiable by
// that section, and is the only satisfiable spec whose Range is empty.
func (s Spec) Resolve(size int64) (Range, bool) {
	if s.IsSuffix() {
		if s.Last == 0 {
			return Range{}, false
		}
		length := min(s.Last, size)
		return Range{Start: size - length, Length: length}, true
	}
	if s.First >= size {
		return Range{}, false
	}
	end := size
	if !s.IsOpen() && s.Last < size {
		end = s.Last + 1
	}
	return Range{Start: s.First, Length: end - s.First}, true
}

// String returns s as it is sent, without the unit.
func (s Spec) String() string { return string(s.AppendTo(nil)) }

// AppendTo appends s, as it is sent, to b.
func (s Spec) AppendTo(b []byte) []byte {
	if !s.IsSuffix() {
		b = strconv.AppendInt(b, s.First, 10)
	}
	b = append(b, '-')
	if !s.IsOpen() {
		b = strconv.AppendInt(b, s.Last, 10)
	}
	return b
}

// Set is the value of a Range field in the "bytes" unit: one to [MaxRanges]
// specs, in the order sent. It is a comparable value. The zero Set has no
// specs, and stands for no Range field at all.
type Set struct {
	n     int
	specs [MaxRanges]Spec
}

// NewSet returns the set of specs. It panics if there are more than [MaxRanges].
func NewSet(specs ...Spec) Set {
	set := Set{n: len(specs)}
	if copy(set.specs[:], specs) < len(specs) {
		panic("byterange: more than " + strconv.Itoa(MaxRanges) + " ranges in a set")
	}
	return set
}

// Len returns the number of specs in s.
func (s Set) Len() int { return s.n }

// At returns the spec i of s, counted from 0 in the order sent. It panics unless
// 0 <= i < s.Len().
func (s Set) At(i int) Spec { return s.specs[:s.n][i] }

// String returns s as the value of a Range field, as in "bytes=0-499,-1", or ""
// for the zero Set.
func (s Set) String() string { return string(s.AppendTo(nil)) }

// AppendTo appends what [Set.String] returns to b.
func (s Set) AppendTo(b []byte) []byte {
	for i, spec := range s.specs[:s.n] {
		if i == 0 {
			b = append(b, Unit+"="...)
		} else {
			b = append(b, ',')
		}
		b = spec.AppendTo(b)
	}
	return b
}
