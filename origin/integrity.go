package origin

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/internal/field/digest"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/store"
)

// maxHashed bounds the part of a representation, in bytes, that is read only to
// be hashed for a Content-Digest.
const maxHashed = 8 << 20

// setReprDigest sets Repr-Digest (RFC 9530 §3), of all of the representation
// data of rep, if the client wants it.
func (x *exchange) setReprDigest(res *resource.Resource, rep *resource.Representation) {
	if lines := x.r.Header["Want-Repr-Digest"]; len(lines) > 0 && wants(lines) {
		if sum, err := x.catalog.Digest(x.ctx, res, rep); err == nil {
			x.header["Repr-Digest"] = integrityField(sum)
		}
	}
}

// setContentDigest sets Content-Digest (RFC 9530 §2), of what the answer's content
// will be: the part of c, which is rep. A part that is not all of size bytes is
// read twice for that.
func (x *exchange) setContentDigest(res *resource.Resource, rep *resource.Representation, c resource.Content,
	part byterange.Range, size int64) {
	lines := x.r.Header["Want-Content-Digest"]
	if len(lines) == 0 || x.r.Method == http.MethodHead || !wants(lines) {
		return
	}
	var sum store.Digest
	err := errTooLong
	if part.Length == size {
		sum, err = x.catalog.Digest(x.ctx, res, rep)
	} else if part.Length <= maxHashed {
		sum, err = digestOfPart(c, part)
	}
	if err == nil {
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

// errTooLong says that a part is not read only to be hashed.
var errTooLong = errors.New("the part is too long to be read twice")

func digestOfPart(c resource.Content, part byterange.Range) (store.Digest, error) {
	h := sha256.New()
	n, err := c.WriteRange(h, part.Start, part.Length)
	if err == nil && n != part.Length {
		err = io.ErrUnexpectedEOF
	}
	return store.Digest(h.Sum(nil)), err
}
