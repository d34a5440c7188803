package digest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"
)

// The algorithms, by their keys in the fields (RFC 9530 §5).
const (
	SHA256 = "sha-256"
	SHA512 = "sha-512"
)

// Fields is what a Content-Digest or a Repr-Digest says, as far as its
// algorithms are known here. It is comparable; the zero Fields says nothing.
type Fields struct {
	// Has256 and Has512 report which of the digests were given.
	Has256, Has512 bool
	SHA256         [sha256.Size]byte
	SHA512         [sha512.Size]byte
}

// Empty reports whether f holds no digest.
func (f Fields) Empty() bool { return !f.Has256 && !f.Has512 }

// Parse reads the field lines of a Content-Digest or Repr-Digest (RFC 9530 §2,
// §3). Unknown and deprecated algorithms are ignored whatever their value is. The
// error is a [*SyntaxError]: the field is not a Dictionary, or the value of a known
// algorithm is not a byte sequence of the right length.
func Parse(lines []string) (Fields, error) {
	var f Fields
	known := map[string]value{} // the last value of a key counts
	err := dictionary(lines, func(key string, v value) {
		if key == SHA256 || key == SHA512 {
			known[key] = v
		}
	})
	if err == nil {
		f.Has256, err = fill(f.SHA256[:], SHA256, known, lines)
	}
	if err == nil {
		f.Has512, err = fill(f.SHA512[:], SHA512, known, lines)
	}
	if err != nil {
		return Fields{}, err
	}
	return f, nil
}

// fill copies the digest known[algorithm] to sum, and reports whether there is one.
func fill(sum []byte, algorithm string, known map[string]value, lines []string) (bool, error) {
	v, ok := known[algorithm]
	if !ok {
		return false, nil
	}
	reason := ""
	switch {
	case v.kind != byteSequence:
		reason = fmt.Sprintf("%s takes a byte sequence, base64 between two colons, not %s", algorithm, v.kind)
	case len(v.bytes) != len(sum):
		reason = fmt.Sprintf("%s has %d bytes, not %d", algorithm, len(sum), len(v.bytes))
	}
	if reason != "" {
		return false, &SyntaxError{Value: strings.Join(lines, ", "), Offset: v.offset, Reason: reason}
	}
	copy(sum, v.bytes)
	return true, nil
}

// Wanted returns the algorithm that the field lines of a Want-Repr-Digest or
// Want-Content-Digest prefer (RFC 9530 §4) among those available, which are in the
// order the server prefers: that decides between equals. Without available it is
// SHA256, SHA512. ok is false if the client wants none of them, or the field is
// malformed, which is then ignored: it is only a hint.
func Wanted(lines []string, available ...string) (algorithm string, ok bool) {
	if len(available) == 0 {
		available = []string{SHA256, SHA512}
	}
	preferences := make(map[string]int64, len(available))
	for _, a := range available {
		preferences[a] = 0
	}
	err := dictionary(lines, func(key string, v value) {
		if _, ok := preferences[key]; ok {
			preferences[key] = preference(v)
		}
	})
	if err != nil {
		return "", false
	}
	best := int64(0)
	for _, a := range available {
		if p := preferences[a]; p > best {
			algorithm, best = a, p
		}
	}
	return algorithm, best > 0
}

// preference is 1 (least) to 10 (most), and 0 for "not acceptable" and for
// values that are no preference.
func preference(v value) int64 {
	if v.kind != integer || v.number < 0 || v.number > 10 {
		return 0
	}
	return v.number
}

// Format returns the value of an integrity field with one digest, such as
// "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:".
func Format(algorithm string, sum []byte) string {
	return algorithm + "=:" + base64.StdEncoding.EncodeToString(sum) + ":"
}
