package guard

import (
	"maps"
	"net/http"

	"github.com/fourtwelve/fourtwelve/etag"
)

// isConditional reports whether a read asks for something that the cache, or the backend, is to decide. What
// names a version for sure (If-Match, If-Range) is decided by the guard, from the whole.
func (x *exchange) isConditional() bool {
	f := &x.fields
	return x.route.isThrough() && len(f.IfMatch) == 0 && len(f.IfUnmodifiedSince) == 0 && len(f.IfRange) == 0 &&
		(len(f.IfNoneMatch) > 0 || len(f.IfModifiedSince) > 0 || len(f.Range) > 0)
}

// askThrough sends the request with the conditions and the Range that the client has sent. short says that res is an answer to these.
// If a write came between, it counts for nothing.
func (x *exchange) askThrough(out *http.Request) (res *http.Response, short bool, err error) {
	asked := *out
	asked.Header = maps.Clone(out.Header)
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "Range"} {
		copyField(asked.Header, x.r.Header, name)
	}
	res, err = x.send(&asked)
	if err != nil || !isShort(res.StatusCode) {
		return res, false, err
	}
	if x.glance.Overtaken() {
		discardAndClose(res)
		res, err = x.send(out)
		return res, false, err
	}
	x.noteShort(res)
	return res, true, nil
}

func isShort(status int) bool {
	switch status {
	case http.StatusNotModified, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable, http.StatusPreconditionFailed:
		return true
	}
	return false
}

// noteShort gives a short answer from the cache the tag of the content if it has none, and keeps what the record will say.
func (x *exchange) noteShort(res *http.Response) {
	h := x.received(res)
	h.own = true
	if h.Tag.IsZero() && h.stored && len(res.Header["Etag"]) == 0 && res.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		if x.takeDigest(h); !h.content.IsZero() {
			res.Header["Etag"] = []string{h.content.String()}
		}
	}
	c := x.stateOf(h)
	x.note(c, x.evaluate(c))
}

// takeDigest makes the content tag of what is stored, if all of it is there. It is made once for what is stored.
func (x *exchange) takeDigest(h *held) {
	stored, ok := h.res.Body.(interface {
		Digest() (digest [32]byte, size int64, ok bool)
	})
	if !ok {
		return
	}
	if digest, size, ok := stored.Digest(); ok {
		h.digest, h.content, h.Size = digest, etag.FromDigest(digest), size
	}
}
