package origin

import (
	"crypto/sha256"
	"net/http"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/internal/field/digest"
	"github.com/fourtwelve/fourtwelve/store"
)

// maxHashed bounds the part of a representation, in bytes, that is read only to
// be hashed for a Content-Digest.
const maxHashed = 8 << 20

// setReprDigest sets Repr-Digest (RFC 9530 §3), of all of the representation
// data of rep, if the client wants it.
func (x *exchange) setReprDigest(res *resource, rep *representation) {
	if lines := x.r.Header["Want-Repr-Digest"]; len(lines) > 0 && wants(lines) {
		if sum, ok := x.reprDigest(res, rep); ok {
			x.header["Repr-Digest"] = integrityField(sum)
		}
	}
}

// setContentDigest sets Content-Digest (RFC 9530 §2), of what the answer's content
// will be: the part of c, which is rep. A part that is not all of size bytes is
// read twice for that.
func (x *exchange) setContentDigest(res *resource, rep *representation, c content, part byterange.Range, size int64) {
	lines := x.r.Header["Want-Content-Digest"]
	if len(lines) == 0 || x.r.Method == http.MethodHead || !wants(lines) {
		return
	}
	sum, ok := store.Digest{}, false
	if part.Length == size {
		sum, ok = x.reprDigest(res, rep)
	} else if part.Length <= maxHashed {
		sum, ok = digestOfPart(c, part)
	}
	if ok {
		x.header["Content-Digest"] = integrityField(sum)
	}
}

// wants reports whether the client takes a SHA-256, the one digest we have
// without reading anything.
func wants(lines []string) bool {
	_, ok := digest.Wanted(lines, digest.SHA256)
	return ok
}

func integrityField(sum store.Digest) []string {
	return []string{digest.Format(digest.SHA256, sum[:])}
}

func (x *exchange) reprDigest(res *resource, rep *representation) (store.Digest, bool) {
	switch {
	case rep.index == identityIndex:
		return res.info.Digest, true
	case rep.file.Revision != 0:
		return rep.file.Digest, true
	}
	encoded, err := x.encoded(res, rep.index)
	return sha256.Sum256(encoded), err == nil
}

func digestOfPart(c content, part byterange.Range) (store.Digest, bool) {
	h := sha256.New()
	n, err := c.WriteRange(h, part.Start, part.Length)
	return store.Digest(h.Sum(nil)), err == nil && n == part.Length
}
