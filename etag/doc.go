// Package etag holds the entity tag, the validator of RFC 9110 §8.8.3, as a
// small comparable value.
//
//	t, err := etag.Parse(`W/"v1"`)
//	t.IsWeak()                       // true
//	t.StrongEqual(etag.MustParse(`"v1"`)) // false: one of them is weak
//	t.WeakEqual(etag.MustParse(`"v1"`))   // true
//
// A [Tag] made by [Of] or [FromDigest] is made of content: the same bytes have
// the same tag on every machine, after every deployment, restart and copy.
//
// [Members] walks the list in an If-Match or If-None-Match field without
// allocating. Parsing is strict; what it refuses keeps its text and a [Fault]
// that says how to write it instead.
//
// To HTTP a tag is opaque. For people who look for the cause of a 412, [Recognise] says
// what made a tag and of what, and [Relate] how two tags differ.
package etag
