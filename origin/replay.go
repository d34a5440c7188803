package origin

import (
	"crypto/sha256"
	"io"

	"github.com/fourtwelve/fourtwelve/internal/field/digest"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// maxReread bounds the content, in bytes, that is read only to be able to say
// that a refused write had been applied before.
const maxReread = 1 << 20

// replays reports whether the content of a PUT is, byte for byte, what is stored
// already: the sign of a write that was performed, but whose answer was lost
// (RFC 9110 §13.1.1).
func (x *exchange) replays(current store.Info) bool {
	if !current.Exists() {
		return false
	}
	if sum, sent := x.sentDigest(); sent {
		return sum == current.Digest
	}
	if !x.worthReading(current) {
		return false
	}
	h := sha256.New()
	n, err := io.Copy(h, x.body(current.Size))
	return err == nil && n == current.Size && store.Digest(h.Sum(nil)) == current.Digest
}

// sentDigest is what the client says is the SHA-256 of the content.
func (x *exchange) sentDigest() (store.Digest, bool) {
	for _, name := range [...]string{"Content-Digest", "Repr-Digest"} {
		if f, err := digest.Parse(x.r.Header[name]); err == nil && f.Has256 {
			return f.SHA256, true
		}
	}
	return store.Digest{}, false
}

// worthReading reports whether the content may be read to be compared. One that
// the client holds back (Expect: 100-continue) is asked for only if the answer
// can become a success by it.
func (x *exchange) worthReading(current store.Info) bool {
	if x.r.ContentLength != current.Size {
		return false
	}
	if x.acceptsReplay() {
		return true
	}
	return x.r.Header.Get("Expect") == "" && current.Size <= maxReread
}

// acceptsReplay reports whether the refusal of the precondition becomes a success
// if the write has been applied before. That is allowed for If-Match and
// If-Unmodified-Since; for If-None-Match "the origin server MUST respond with
// ... the 412" (RFC 9110 §13.1.2).
func (x *exchange) acceptsReplay() bool {
	d := x.rec.Decision
	return x.options.AcceptReplay && d.Outcome == precondition.PreconditionFailed &&
		(d.Field == precondition.IfMatch || d.Field == precondition.IfUnmodifiedSince)
}
