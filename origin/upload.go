package origin

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/digest"
	"github.com/fourtwelve/fourtwelve/store"
)

// upload is the content of a request while it is read.
type upload struct {
	io.Reader
	err error // what ended it, if not its end
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		u.err = err
	}
	return n, err
}

// checkContent checks what the fields say about the content of a PUT, PATCH or
// POST, of at most bound bytes, before it is asked for. The error is a problem.
func (x *exchange) checkContent(bound int64) (*digest.Verifier, error) {
	header := x.r.Header
	if len(header["Content-Range"]) > 0 {
		return nil, condhttp.NewProblem(http.StatusBadRequest, "partial-content",
			"the request has a Content-Range, and this server does not write part of a resource (RFC 9110 §14.5)",
			"send the whole content without Content-Range, or the change with PATCH")
	}
	for _, line := range header["Content-Encoding"] {
		if !strings.EqualFold(strings.TrimSpace(line), "identity") {
			return nil, errCoded
		}
	}
	if bound >= 0 && x.r.ContentLength > bound {
		return nil, condhttp.ContentTooLarge(bound)
	}
	v, err := digest.NewVerifier(header["Content-Digest"], header["Repr-Digest"])
	if err != nil {
		return nil, condhttp.NewProblem(http.StatusBadRequest, "malformed-digest", err.Error(),
			"a digest field looks like sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")
	}
	return v, nil
}

// errCoded refuses content in a content coding: stored as it came it would be
// served as something it is not. It is answered with Accept-Encoding (RFC 9110 §15.5.16).
var errCoded = condhttp.NewProblem(http.StatusUnsupportedMediaType, "content-coding",
	"the content is in a content coding, and this server stores content as it is",
	"send the content without Content-Encoding")

var acceptIdentity = field{"Accept-Encoding", []string{"identity"}}

// refuseContent answers an error of checkContent.
func (x *exchange) refuseContent(err error) {
	if err == error(errCoded) {
		x.refuse(errCoded, acceptIdentity)
		return
	}
	x.fail(err)
}

// body returns the content of the request, of which no more than bound bytes
// will be read.
func (x *exchange) body(bound int64) *upload {
	if x.key != nil {
		x.key.reading = true
	}
	if bound < 0 {
		return &upload{Reader: x.r.Body}
	}
	return &upload{Reader: http.MaxBytesReader(x.w, x.r.Body, bound)}
}

// problem is what the client is told of content that ended early.
func (u *upload) problem() error { return condhttp.ContentUnread(u.err, "nothing was changed") }

// stage reads the content of the request into a draft for name and verifies its
// digests. If that fails it answers, keeps nothing, and returns nil.
func (x *exchange) stage(name string, v *digest.Verifier) store.Draft {
	body := x.body(x.options.MaxBody)
	draft, err := x.store.Stage(x.ctx, name, v.Reader(body))
	switch {
	case body.err != nil:
		if err == nil { // a store that takes a cut for an end is not believed
			x.abandon(draft)
		}
		x.rec.Err = body.err
		x.fail(body.problem())
		return nil
	case err != nil:
		x.fail(err)
		return nil
	}
	if err := checkDigest(v, draft.Digest()); err != nil {
		x.abandon(draft)
		x.fail(err)
		return nil
	}
	return draft
}

// checkDigest holds the digests sent against that of what arrived. The error is
// a problem.
func checkDigest(v *digest.Verifier, sum store.Digest) error {
	if err := v.Check(sum); err != nil {
		return condhttp.NewProblem(http.StatusBadRequest, "digest-mismatch", err.Error(),
			"the content was damaged on its way, or the digest is not of it; nothing was changed")
	}
	return nil
}

// abandon gives up a draft; after a commit it does nothing.
func (x *exchange) abandon(d store.Draft) {
	if err := d.Abort(context.WithoutCancel(x.ctx)); err != nil {
		x.log.WarnContext(x.ctx, "staged content could not be removed", "name", x.target.Name, "error", err)
	}
}
