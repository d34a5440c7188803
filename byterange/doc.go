// Package byterange is RFC 9110 §14 for the "bytes" range unit: it reads Range,
// decides which bytes to send, and writes Content-Range and
// multipart/byteranges.
//
// [Resolve] is all that most handlers need:
//
//	plan := byterange.Resolve(r.Header["Range"], size)
//	switch plan.Kind {
//	case byterange.Whole: // 200
//	case byterange.Single: // 206, Content-Range: plan.ContentRange(), send plan.Range
//	case byterange.Multi: // 206, see NewMultipart
//	case byterange.Unsatisfiable: // 416, Content-Range: plan.ContentRange()
//	}
//
// Range has a meaning only on GET (see [Applies]), only after the preconditions
// of §13.1 were evaluated, If-Range included, and only if the answer without it
// would be 200. Those three are the caller's to see to.
//
// # Choices
//
// Where the RFC leaves a choice, this package ignores rather than rejects, since
// a 200 with the whole representation is never wrong:
//
//   - An unknown range unit is ignored: §14.2 says MUST, and that sentence is
//     stronger than the SHOULD for 416 further down in the same section.
//   - A malformed field, or one with an invalid member such as 5-2, is ignored as
//     a whole (§14.2 allows that or a rejection).
//   - More than [MaxRanges] ranges are ignored, and so are ranges that together
//     would send more bytes than the whole representation has (§14.2, §17.15).
//   - Any range of an empty representation is ignored (§14.2). A suffix such as
//     -5 would be satisfiable there, but Content-Range cannot express it; an
//     answer of 416 to 0- would be an error for clients that ask every resource
//     for its first part.
//   - Unsatisfiable members are dropped if another one is satisfiable.
//   - Ranges that overlap or touch are sent as one, in the place of the one asked
//     for first; the others keep the order asked for (§15.3.7.2). Gaps are
//     not filled, so that what is sent is what was asked for and nothing else.
//   - If one range remains it is sent as a single part, even if several were
//     asked for: every client understands that, and it is shorter.
//
// Positions have no upper bound in the grammar. Those beyond an int64 are valid
// and are read as [math.MaxInt64], which is at or past the end of every
// representation.
//
// The package depends on no HTTP library. Nothing in it keeps state: every
// function may be called from any number of goroutines.
package byterange
