package byterange

import "strconv"

// Unit is the name of the only range unit this package knows, as sent in
// Accept-Ranges (RFC 9110 §14.3).
const Unit = "bytes"

// Range is a run of bytes within a representation. Those this package makes
// lie within it: 0 <= Start, 1 <= Length, Start+Length <= size.
type Range struct{ Start, Length int64 }

// End returns the offset of the first byte after r.
func (r Range) End() int64 { return r.Start + r.Length }

// ContentRange returns the value of the Content-Range field that goes with r
// (RFC 9110 §14.4), as in "bytes 0-1/10". size is the length of the complete
// representation, or negative if it is not known: "bytes 0-1/*".
func (r Range) ContentRange(size int64) string {
	return string(r.AppendContentRange(nil, size))
}

// AppendContentRange appends what [Range.ContentRange] returns to b.
func (r Range) AppendContentRange(b []byte, size int64) []byte {
	return ContentRange{Range: r, Size: size}.AppendTo(b)
}

// UnsatisfiedContentRange returns the value of the Content-Range field of a 416
// (RFC 9110 §14.4), as in "bytes */10".
func UnsatisfiedContentRange(size int64) string {
	return ContentRange{Size: size}.String()
}

// touches reports whether r and s overlap or are neighbours.
func (r Range) touches(s Range) bool {
	return r.Start <= s.End() && s.Start <= r.End()
}

// union returns the shortest range that holds r and s.
func (r Range) union(s Range) Range {
	start := min(r.Start, s.Start)
	return Range{Start: start, Length: max(r.End(), s.End()) - start}
}

// ContentRange is the value of a Content-Range field (RFC 9110 §14.4). The
// zero ContentRange is "bytes */0".
type ContentRange struct {
	// Range is what the message, or the part, holds. Its Length is zero in a
	// 416, which holds none of the representation.
	Range Range
	// Size is the complete length of the representation in bytes, negative if it
	// was not known to the sender ("*").
	Size int64
}

// Unsatisfied reports whether c is of the form "bytes */10".
func (c ContentRange) Unsatisfied() bool { return c.Range.Length == 0 }

// String returns c as it is sent.
func (c ContentRange) String() string { return string(c.AppendTo(nil)) }

// AppendTo appends c, as it is sent, to b.
func (c ContentRange) AppendTo(b []byte) []byte {
	b = append(b, "bytes "...)
	if c.Unsatisfied() {
		b = append(b, '*')
	} else {
		b = strconv.AppendInt(b, c.Range.Start, 10)
		b = append(b, '-')
		b = strconv.AppendInt(b, c.Range.End()-1, 10)
	}
	b = append(b, '/')
	if c.Size < 0 {
		return append(b, '*')
	}
	return strconv.AppendInt(b, c.Size, 10)
}
