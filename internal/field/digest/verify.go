package digest

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
)

// ErrMismatch is what errors.Is finds in a [*MismatchError].
var ErrMismatch = errors.New("the content does not have the digest sent with it")

// MismatchError says that content is not what an integrity field says.
type MismatchError struct {
	// Field is Content-Digest or Repr-Digest, Algorithm SHA256 or SHA512.
	Field, Algorithm string
	// Sent is the digest in the field, Actual that of the content.
	Sent, Actual []byte
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s: %s is :%s:, but the content received has :%s:",
		e.Field, e.Algorithm, base64.StdEncoding.EncodeToString(e.Sent), base64.StdEncoding.EncodeToString(e.Actual))
}

// Is makes errors.Is(err, ErrMismatch) true.
func (e *MismatchError) Is(target error) bool { return target == ErrMismatch }

// Verifier holds the content of a request against its integrity fields. It takes
// the content's SHA-256 from whoever computes it anyway, and hashes the content
// itself only for a SHA-512. It serves one request and one goroutine.
//
// Both fields are held against the same bytes. That is right for a request whose
// content is the whole representation and has no content coding (RFC 9530
// §3), and for PATCH, where both digests are of the patch document (§3.1).
type Verifier struct {
	content, repr Fields
	sha512        hash.Hash // nil if no SHA-512 was sent
}

// NewVerifier reads the lines of the two fields. The error is a [*SyntaxError].
func NewVerifier(contentDigest, reprDigest []string) (*Verifier, error) {
	content, err := Parse(contentDigest)
	if err != nil {
		return nil, fmt.Errorf("Content-Digest: %w", err)
	}
	repr, err := Parse(reprDigest)
	if err != nil {
		return nil, fmt.Errorf("Repr-Digest: %w", err)
	}
	v := &Verifier{content: content, repr: repr}
	if content.Has512 || repr.Has512 {
		v.sha512 = sha512.New()
	}
	return v, nil
}

// Needed reports whether there is anything to verify.
func (v *Verifier) Needed() bool { return !v.content.Empty() || !v.repr.Empty() }

// Reader returns a reader of r's content that v sees too. It is r itself if v
// does not need to see it. It is to be read once, to the end, before Check.
func (v *Verifier) Reader(r io.Reader) io.Reader {
	if v.sha512 == nil {
		return r
	}
	return io.TeeReader(r, v.sha512)
}

// Check reports, as a [*MismatchError], the first digest that differs from the
// content's, sum256 being its SHA-256.
func (v *Verifier) Check(sum256 [sha256.Size]byte) error {
	var sum512 []byte
	if v.sha512 != nil {
		sum512 = v.sha512.Sum(nil)
	}
	if err := v.content.check("Content-Digest", sum256[:], sum512); err != nil {
		return err
	}
	return v.repr.check("Repr-Digest", sum256[:], sum512)
}

func (f *Fields) check(field string, sum256, sum512 []byte) error {
	switch {
	case f.Has512 && !bytes.Equal(f.SHA512[:], sum512):
		return &MismatchError{field, SHA512, bytes.Clone(f.SHA512[:]), sum512}
	case f.Has256 && !bytes.Equal(f.SHA256[:], sum256):
		return &MismatchError{field, SHA256, bytes.Clone(f.SHA256[:]), sum256}
	}
	return nil
}
