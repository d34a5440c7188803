// Package patch applies patch documents to JSON and says what changed between two
// contents: JSON Merge Patch (RFC 7396), JSON Patch (RFC 6902), unified diffs.
//
//	changed, err := patch.JSONPatch(document, patchDocument)
//	switch {
//	case errors.Is(err, patch.ErrMalformed): // 400: not a patch document
//	case errors.Is(err, patch.ErrTest), errors.Is(err, patch.ErrConflict): // 409
//	case errors.Is(err, patch.ErrDocument): // 409: what is there cannot be patched
//	case errors.Is(err, patch.ErrTooLarge): // 422: it asks for too much
//	}
//
// The statuses are those RFC 5789 §2.2 has for each case. A patch is applied as a
// whole or not at all.
//
// # Faithful
//
// What a patch does not touch stays as it was: members keep their order, numbers
// and strings their spelling (no number ever becomes a float), and a document
// that was indented, or ended in a line feed, still is and does. New members come
// last, in the order of the patch. The result depends on nothing but the
// arguments, so that it has the same entity tag on every machine.
//
// # Strict
//
// A write that goes wrong silently is worse than one refused:
//
//   - "test" compares as RFC 6902 §4.6 says: numbers by value (1 is 1.0 is 10e-1),
//     strings by character, objects regardless of order; a missing target fails,
//     also when null is expected.
//   - An array index has no sign and no leading zero, a pointer begins with "/",
//     and "~" stands before 0 or 1 only (RFC 6901 §3, §4).
//   - An object that has a name twice means different things to different readers
//     (RFC 8259 §4). Neither a document nor a patch may contain one.
//   - null inside an array of a merge patch is a value, not a removal (RFC 7396 §1).
//
// # Bounded
//
// Values nest at most [MaxDepth] deep, a JSON Patch has at most [MaxOperations],
// and all its copies and array shifts together are bounded too, so that time and
// memory grow no faster than linearly with the arguments' size. [Memory] says how much
// a patch may take.
//
// A document is not made into a tree of all its values: that would take up to a hundred
// times its length. Only the arrays and objects that a patch leads through are taken
// apart, into four bytes an element; the rest stays text and is copied as it is. So a
// value in the depths of a large document is passed over once for each level above it;
// what that may come to is bounded, at 64 times [MaxSize].
//
// The package has its own JSON tree, because the spelling and order that it
// keeps are lost in encoding/json's and in patch libraries'; the tests hold it
// against such a library where that one follows the RFCs.
package patch
