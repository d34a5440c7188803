package origin

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/idempotency"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/store"
)

// field is one field of a response.
type field struct {
	name  string // in the canonical form of net/http
	value []string
}

func (x *exchange) writeHeader(status int) {
	x.rec.Status = status
	x.w.WriteHeader(status)
}

// noContent answers with a status and fields alone.
func (x *exchange) noContent(status int) {
	if status != http.StatusNoContent {
		x.header["Content-Length"] = zeroLength
	}
	x.writeHeader(status)
}

// refuse sends a problem, with fields beside those it sets itself, as XML to a client that
// speaks WebDAV, and as a page to a browser. One that passes says when to try again.
func (x *exchange) refuse(p *condhttp.Problem, fields ...field) {
	if x.repeats() {
		return
	}
	if p.Status == http.StatusServiceUnavailable {
		fields = append(fields, retrySoon)
	}
	if p.Status == http.StatusPreconditionFailed && x.isFirst() {
		fields = append(fields, field{idempotency.FieldReplayed, replayedFalse})
	}
	x.rec.Status, x.rec.Reason = p.Status, p.Reason
	w := &problemWriter{ResponseWriter: x.w, fields: fields}
	switch {
	case condhttp.AsksForXML(x.r.Header):
		p.WriteXML(w, x.r)
	case condhttp.AsksForHTML(x.r.Header):
		p.WriteHTML(w, x.r)
	default:
		p.Write(w, x.r)
	}
	x.rec.Bytes += w.bytes
}

// problemWriter adds fields to a problem's, and counts its content.
type problemWriter struct {
	http.ResponseWriter
	fields []field
	bytes  int64
}

func (w *problemWriter) WriteHeader(status int) {
	for _, f := range w.fields {
		if f.value != nil {
			w.Header()[f.name] = f.value
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *problemWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// fail answers an error of the store, or one that is a problem already. What
// goes wrong inside is for the log, not for the client.
func (x *exchange) fail(err error) {
	if p, ok := errors.AsType[*condhttp.Problem](err); ok {
		x.refuse(p)
		return
	}
	p := ProblemOf(err)
	if p.Status >= http.StatusInternalServerError {
		x.rec.Err = err
		if x.clientGone(err) {
			panic(http.ErrAbortHandler) // nobody waits for an answer
		}
		x.log.ErrorContext(x.ctx, "request failed", "method", x.r.Method, "name", x.target.Name,
			"status", p.Status, "reason", p.Reason, "error", err)
	}
	if p.Status == http.StatusServiceUnavailable {
		x.refuse(p, retrySoon)
		return
	}
	x.refuse(p)
}

// clientGone reports whether err is there because nobody waits for the answer
// any more.
func (x *exchange) clientGone(err error) bool {
	return x.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// retrySoon is for what will pass (RFC 9110 §10.2.3).
var retrySoon = field{"Retry-After", []string{"1"}}

// ProblemOf is what a client is told of an error of the store: nothing of what goes wrong inside. A
// handler around this one says the same.
func ProblemOf(err error) *condhttp.Problem {
	if name, ok := errors.AsType[*store.NameError](err); ok {
		return condhttp.NewProblem(http.StatusBadRequest, "bad-name", name.Error(), "choose another name")
	}
	for _, known := range storeProblems {
		if errors.Is(err, known.err) {
			return condhttp.NewProblem(known.status, known.reason, known.detail, known.hint)
		}
	}
	return condhttp.NewProblem(http.StatusInternalServerError, "internal-error",
		"something went wrong inside the server", "try again; the server's log says what happened")
}

var storeProblems = []struct {
	err    error
	status int
	reason string
	detail string
	hint   string
}{
	{store.ErrNotFound, http.StatusNotFound, "not-found", "there is no such resource", ""},
	{store.ErrGone, http.StatusGone, "revision-gone", "this revision is not kept any more", "fetch the resource without a query"},
	{store.ErrIsCollection, http.StatusConflict, "is-collection", "the name is that of a collection, which has members rather than content",
		"name one of its members"},
	{store.ErrNotCollection, http.StatusConflict, "not-a-collection",
		"the name lies inside of one that has content and so cannot have members",
		"choose another name, or delete the resource in its way"},
	{store.ErrNoSpace, http.StatusInsufficientStorage, "no-space", "there is no space left to store the content", "nothing was changed"},
	{store.ErrUnavailable, http.StatusServiceUnavailable, "store-unavailable", "the storage accepts no writes at present",
		"nothing was changed; try again later"},
	{store.ErrReadOnly, http.StatusInternalServerError, "store-read-only", "the storage cannot be written to", "nothing was changed"},
	{store.ErrUnknown, http.StatusInternalServerError, "outcome-unknown", "the write may or may not have taken place",
		"fetch the resource to see whether it has"},
	{store.ErrClosed, http.StatusServiceUnavailable, "shutting-down", "the server is shutting down", "try again"},
	{store.ErrChanged, http.StatusServiceUnavailable, "busy", "the resource is being changed faster than it can be read", "try again"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout", "the request took too long", "try again"},
	{os.ErrDeadlineExceeded, http.StatusServiceUnavailable, "timeout", "the request took too long", "try again"},
}

// busy answers a request whose resource changed again and again while it was
// looked at.
func (x *exchange) busy() {
	x.refuse(condhttp.NewProblem(http.StatusServiceUnavailable, "busy",
		"the resource is being changed faster than it can be read", "try again"))
}

// notACollection is the error for the path of a resource with a slash after it.
func notACollection(name string) error {
	return condhttp.NewProblem(http.StatusNotFound, "not-a-collection",
		"the path ends in a slash, but what it names is not a collection", "fetch "+resource.PathOf(name))
}

// redirectToCollection sends the client to the path with a slash, against which
// relative references in a listing are right. 301 lets old clients turn other methods into
// GET (RFC 9110 §15.4.2), so those get 308.
func (x *exchange) redirectToCollection() {
	status := http.StatusMovedPermanently
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		status = http.StatusPermanentRedirect
	}
	location := resource.CollectionPathOf(x.target.Name)
	if x.r.URL.RawQuery != "" {
		location += "?" + x.r.URL.RawQuery
	}
	x.header["Location"] = []string{location}
	x.noContent(status)
}
