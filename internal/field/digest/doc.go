// Package digest is the integrity fields of RFC 9530: Content-Digest, Repr-Digest,
// and the preferences for them.
//
// Reading what a client sent with a write, and holding it against what arrived:
//
//	v, err := digest.NewVerifier(r.Header["Content-Digest"], r.Header["Repr-Digest"])
//	if err != nil {
//		// 400: the field cannot be read
//	}
//	draft, err := store.Stage(ctx, name, v.Reader(r.Body))
//	…
//	if err := v.Check(draft.Digest()); err != nil {
//		// 400: a *MismatchError; abort the draft
//	}
//
// Answering a request that wants one:
//
//	if algorithm, ok := digest.Wanted(r.Header["Want-Repr-Digest"]); ok { … }
//
// # Choices
//
// The fields are Dictionaries of Structured Fields (RFC 8941 §3.2) and are read by its
// letter. A field that is not one would have to be ignored (RFC 8941 §4.2),
// which the sender of a digest cannot want: the error here is meant for a 400. A
// malformed preference is only a hint (RFC 9530 §4) and counts as none.
//
// The algorithms are sha-256 and sha-512, those with status "Active" in the
// registry (§7.2). Others are allowed beside them and ignored, the deprecated
// ones (md5, sha, unixsum, unixcksum, adler, crc32c) included: §2 allows a recipient
// to ignore any digest, and agreeing to a weak one would prove nothing.
package digest
