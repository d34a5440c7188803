// Package coding is the content codings of RFC 9110 §8.4.1: it chooses one by
// Accept-Encoding (§12.5.3), encodes, and remembers what it encoded.
//
//	name, ok := coding.Negotiate(r.Header["Accept-Encoding"], coding.Brotli, coding.Zstd, coding.Gzip)
//	if !ok {
//		// not even the content as it is would do
//	}
//	encoded, err := cache.Get(info.Digest, name, load)
//	if errors.Is(err, coding.ErrNoGain) {
//		// send it as it is
//	}
//	tag := etag.FromDigest(info.Digest).WithCoding(coding.Suffix(name))
//
// A coded representation has a strong entity tag made of the content's digest
// and the coding's name, so encoding must be a function: the same content has
// the same encoded bytes on every machine and in every run. No encoder here
// writes a time or a name, uses more than one goroutine, or adapts its level. A
// test pins the encoded bytes; when an encoder changes them, the generation in
// its [Suffix] is raised, and with it every tag.
//
// # Choices
//
// The RFC leaves these to the server:
//
//   - Without Accept-Encoding "any content coding is considered acceptable", but
//     content is sent as it is: who does not mention codings rarely knows them.
//   - For the same reason a coding that only "*" covers comes after identity of
//     the same weight; it is chosen when identity is refused.
//   - Identity that is not mentioned comes after every coding that is.
//   - Among codings of equal weight the server's order decides.
//   - A member with a malformed weight is ignored. Of several members for one
//     coding the lowest weight counts: what was refused once is not sent.
package coding
