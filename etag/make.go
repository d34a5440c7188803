package etag

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
)

// digestLen is how much of the SHA-256 goes into a tag: 128 bits, 22
// characters of base64url. Two contents share a tag with probability 2^-128;
// looking for two that do takes about 2^64 hashes, and yields nothing that a
// writer could not have stored anyway.
const digestLen = 16

// Of returns the strong tag of content.
func Of(content []byte) Tag { return FromDigest(sha256.Sum256(content)) }

// OfVersion returns the strong tag of a version that is known by its number, as in a column that
// counts up: `"7"`. It is right as long as no number stands for two contents of one resource, after
// a deletion, too.
func OfVersion(n int64) Tag { return Tag{`"` + strconv.FormatInt(n, 10) + `"`} }

// FromDigest returns the strong tag of the content whose SHA-256 is sum: its
// first 128 bits, in base64url without padding (RFC 4648 §5).
func FromDigest(sum [sha256.Size]byte) Tag {
	var b [2 + (digestLen*8+5)/6]byte
	b[0], b[len(b)-1] = '"', '"'
	base64.RawURLEncoding.Encode(b[1:len(b)-1], sum[:digestLen])
	return Tag{string(b[:])}
}

// FromReader reads r to its end and returns the strong tag of what it read and
// the number of bytes. The error is r's.
func FromReader(r io.Reader) (Tag, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return Tag{}, n, err
	}
	return FromDigest([sha256.Size]byte(h.Sum(nil))), n, nil
}

// WithRevision puts a revision number (in base 36) and a dot before t's opaque
// text, for resources where going back to earlier content must count as a
// change. Weak stays weak, and the zero Tag stays zero.
func (t Tag) WithRevision(n uint64) Tag {
	return t.edit(func(opaque string) string { return strconv.FormatUint(n, 36) + "." + opaque })
}

// codings are those whose suffix SplitCoding knows, by their names in
// Content-Encoding (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
var codings = []string{"gzip", "br", "zstd", "deflate", "compress"}

// WithCoding returns the tag of t's representation in a content coding, such as
// "gzip": "abc" becomes "abc-gzip". It is a different representation with its
// own validator (RFC 9110 §8.8.3.3). For "" and "identity" it returns t.
// The coding is taken as it is; lower case is the custom. One that cannot stand
// in a tag, such as the list "gzip, br", yields the zero Tag: no validator is
// better than a malformed one.
func (t Tag) WithCoding(coding string) Tag {
	if coding == "" || coding == "identity" {
		return t
	}
	if _, err := Strong(coding); err != nil {
		return Tag{}
	}
	return t.edit(func(opaque string) string { return opaque + "-" + coding })
}

// SplitCoding undoes WithCoding: "abc-gzip" yields "abc" and gzip. ok is false,
// and base is t, when t does not end in the suffix of a registered coding.
// A number from 2 to 99 may stand behind it, as in "abc-gzip2", and is dropped: an
// encoder whose output is no longer what it was must have other tags.
//
// A tag can end so by chance, too (base64url has a hyphen). To decide whether a
// tag names a coding of a representation you know, compare it with that
// representation's WithCoding instead.
func (t Tag) SplitCoding() (base Tag, coding string, ok bool) {
	opaque := trimGeneration(t.Opaque())
	for _, c := range codings {
		if cut, found := strings.CutSuffix(opaque, c); found && strings.HasSuffix(cut, "-") {
			return t.edit(func(string) string { return cut[:len(cut)-1] }), c, true
		}
	}
	return t, "", false
}

// edit returns t with its opaque text changed; the zero Tag stays zero.
func (t Tag) edit(f func(opaque string) string) Tag {
	if t.IsZero() {
		return t
	}
	wire := `"` + f(t.Opaque()) + `"`
	if t.IsWeak() {
		wire = "W/" + wire
	}
	return Tag{wire}
}
