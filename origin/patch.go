package origin

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/content/patch"
	"github.com/fourtwelve/fourtwelve/internal/field/digest"
	"github.com/fourtwelve/fourtwelve/store"
)

// maxPatch bounds a patch document, and the content it is applied to, in bytes:
// both are held in memory.
const maxPatch = 8 << 20

// acceptPatch are the patch documents understood (RFC 5789 §3.1).
var acceptPatch = []string{"application/merge-patch+json, application/json-patch+json"}

// patchFormat returns how to apply a patch document of this Content-Type.
func patchFormat(contentType string) (apply func(document, patch []byte) ([]byte, error), ok bool) {
	mediaType, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return nil, false
	case mediaType == "application/merge-patch+json":
		return patch.MergePatch, true
	case mediaType == "application/json-patch+json":
		return patch.JSONPatch, true
	}
	return nil, false
}

// patch answers PATCH (RFC 5789). A patch is applied to the revision its
// precondition was evaluated against and to no other; if that was replaced meanwhile, it
// is evaluated and applied again.
func (x *exchange) patch() {
	apply, ok := patchFormat(x.r.Header.Get("Content-Type"))
	if !ok {
		p := condhttp.NewProblem(http.StatusUnsupportedMediaType, "unsupported-patch",
			"the Content-Type is not that of a patch document known here", "send "+acceptPatch[0])
		x.refuse(p, field{"Accept-Patch", acceptPatch})
		return
	}
	verifier, err := x.checkContent(x.maxPatch())
	if err != nil {
		x.refuseContent(err)
		return
	}
	seen, err := x.lookUpExisting()
	if err != nil {
		x.fail(err)
		return
	}
	if !x.admits(seen, nil) {
		return
	}
	arrived, err := x.hold(x.memory.arriving, x.patchLength())
	if err != nil {
		x.fail(err)
		return
	}
	defer arrived.release()
	document, err := x.readPatch(verifier)
	if err != nil {
		x.fail(err)
		return
	}
	arrived.shrink(int64(cap(document)))
	release, ok := x.claimKey(sha256.Sum256(document))
	if !ok {
		return
	}
	defer release()
	before, after, ok := x.perform(attempt{
		lookUp: x.lookUpExisting,
		try: func(seen store.Info, _ store.Expect) (store.Info, error) {
			return x.applyPatch(seen, document, apply)
		},
	}, seen)
	if ok {
		x.written(before, after)
	}
}

// maxPatch is the bound on this server's patch documents.
func (x *exchange) maxPatch() int64 {
	if bound := x.options.MaxBody; bound >= 0 {
		return min(bound, maxPatch)
	}
	return maxPatch
}

// patchLength is how long the patch document will be at the most.
func (x *exchange) patchLength() int64 {
	if x.r.ContentLength >= 0 {
		return x.r.ContentLength + bytes.MinRead
	}
	return 2 * x.maxPatch() // a buffer that grows
}

// readPatch reads and verifies the patch document. The error is a problem.
func (x *exchange) readPatch(v *digest.Verifier) ([]byte, error) {
	body := x.body(x.maxPatch())
	var document bytes.Buffer
	document.Grow(int(max(x.r.ContentLength, 0)) + bytes.MinRead)
	if _, err := document.ReadFrom(v.Reader(body)); err != nil {
		x.rec.Err = err
		return nil, body.problem()
	}
	return document.Bytes(), checkDigest(v, sha256.Sum256(document.Bytes()))
}

// applyPatch replaces the revision seen, and no other, by the patched one.
func (x *exchange) applyPatch(seen store.Info, document []byte, apply func(document, patch []byte) ([]byte, error)) (store.Info, error) {
	if seen.Size > maxPatch {
		return store.Info{}, condhttp.NewProblem(http.StatusConflict, "not-patchable",
			fmt.Sprintf("the resource is longer than the %d bytes that can be patched", maxPatch), "replace it with PUT")
	}
	work, err := x.hold(x.memory.working, seen.Size+patch.Memory(seen.Size, int64(len(document))))
	if err != nil {
		return store.Info{}, err
	}
	defer work.release()
	content, err := x.catalog.ReadRevision(x.ctx, seen)
	if err != nil {
		return store.Info{}, err
	}
	patched, err := apply(content, document)
	if err != nil {
		return store.Info{}, patchProblem(err)
	}
	work.shrink(int64(cap(patched)))
	draft, err := x.store.Stage(x.ctx, seen.Name, bytes.NewReader(patched))
	if err != nil {
		return store.Info{}, err
	}
	defer x.abandon(draft)
	return x.commit(seen.Name, seen, func() (store.Info, error) {
		return x.commitDraft(draft, seen, store.At(seen.Revision), "")
	})
}

// patchProblem is the answer to a patch that was not applied: the statuses are
// those of RFC 5789 §2.2.
func patchProblem(err error) error {
	status, reason, hint := http.StatusInternalServerError, "internal-error", ""
	switch {
	case errors.Is(err, patch.ErrMalformed):
		status, reason, hint = http.StatusBadRequest, "malformed-patch", "correct the patch document"
	case errors.Is(err, patch.ErrTest):
		status, reason, hint = http.StatusConflict, "patch-test-failed", "fetch the resource and make the patch anew"
	case errors.Is(err, patch.ErrConflict):
		status, reason, hint = http.StatusConflict, "patch-conflict", "fetch the resource and make the patch anew"
	case errors.Is(err, patch.ErrDocument):
		status, reason, hint = http.StatusConflict, "not-patchable", "replace the resource with PUT"
	case errors.Is(err, patch.ErrTooLarge):
		status, reason, hint = http.StatusUnprocessableEntity, "patch-too-large", "split the patch, or replace the resource with PUT"
	default:
		return err
	}
	return condhttp.NewProblem(status, reason, err.Error(), hint)
}
