package dav

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/dav/internal/davxml"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
)

func (x *exchange) writeHeader(status int) {
	x.rec.Status = status
	x.w.WriteHeader(status)
}

// noContent answers with a status and fields alone.
func (x *exchange) noContent(status int) {
	if status != http.StatusNoContent {
		x.header["Content-Length"] = []string{"0"}
	}
	x.writeHeader(status)
}

// refuse sends a problem: as XML, which clients that speak WebDAV read, unless the client prefers JSON.
func (x *exchange) refuse(p *condhttp.Problem) {
	x.rec.Status, x.rec.Reason = p.Status, p.Reason
	if p.Status == http.StatusServiceUnavailable {
		x.header["Retry-After"] = []string{"1"}
	}
	w := &counter{ResponseWriter: x.w}
	if prefersJSON(x.r.Header["Accept"]) {
		p.Write(w, x.r)
	} else {
		p.WriteXML(w, x.r)
	}
	x.rec.Bytes += w.bytes
}

// prefersJSON reports whether Accept names a type of JSON. Nothing that speaks WebDAV does.
func prefersJSON(accept []string) bool {
	return slices.ContainsFunc(accept, func(line string) bool { return strings.Contains(strings.ToLower(line), "json") })
}

// counter counts the content that is sent.
type counter struct {
	http.ResponseWriter
	bytes int64
}

func (w *counter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// fail answers an error: a problem, or one of the store. What goes wrong inside is for the log, not for the client.
func (x *exchange) fail(err error) {
	if p, ok := errors.AsType[*condhttp.Problem](err); ok {
		x.refuse(p)
		return
	}
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		x.rec.Err = err
		x.log.ErrorContext(x.ctx, "request failed", "method", x.r.Method, "name", x.name,
			"status", p.Status, "reason", p.Reason, "error", err)
	}
	x.refuse(p)
}

// problemOf is what a client is told of an error that is no problem yet.
func problemOf(err error) *condhttp.Problem {
	switch {
	case errors.Is(err, store.ErrInside):
		return errInside
	case errors.Is(err, store.ErrNoParent):
		return errNoParent
	case errors.Is(err, store.ErrTooLarge):
		return condhttp.NewProblem(http.StatusInsufficientStorage, "properties-too-large",
			"the resource would have more properties, or longer ones, than are kept", "nothing was changed; send fewer or shorter ones")
	case errors.Is(err, davxml.ErrTooLarge):
		return condhttp.NewProblem(http.StatusRequestEntityTooLarge, "xml-too-large", err.Error(), "ask for less at once")
	case errors.Is(err, davxml.ErrEntities):
		p := condhttp.NewProblem(http.StatusForbidden, "xml-entities", err.Error(), "send the document without a DOCTYPE")
		p.Condition = &condhttp.Condition{Name: "no-external-entities"}
		return p
	case errors.Is(err, davxml.ErrMalformed), errors.Is(err, davxml.ErrEmpty):
		return condhttp.NewProblem(http.StatusBadRequest, "malformed-xml", err.Error(), "correct the document")
	}
	return origin.ProblemOf(err)
}

var (
	errNoParent = condhttp.NewProblem(http.StatusConflict, "no-parent",
		"the collection that would hold it does not exist (RFC 4918 §9.3.1, §9.7.1)", "create the collection first, with MKCOL")
	errInside = condhttp.NewProblem(http.StatusForbidden, "destination-inside",
		"source and destination are the same, or one lies inside the other", "choose another destination")
)

// notACollection is the error for the path of a resource with a slash after it.
func notACollection(name string) error {
	return condhttp.NewProblem(http.StatusNotFound, "not-a-collection",
		"the path ends in a slash, but what it names is not a collection", "send the request to "+resource.PathOf(name))
}

// lookUp describes the target. Its absence, and a slash after the name of a resource, is an error: cadaver asks for
// "/y.txt/" to learn whether y.txt is a collection.
func (x *exchange) lookUp() (store.Info, error) {
	info, err := x.store.Stat(x.ctx, x.name)
	if err == nil && x.slash && !info.Collection {
		err = notACollection(x.name)
	}
	return info, err
}

// multistatus begins a 207 (§13). The caller writes responses, and ends it with x.sent.
func (x *exchange) multistatus() (*davxml.Writer, *counter) {
	x.header["Content-Type"] = []string{davxml.ContentType}
	x.header["Cache-Control"] = []string{"no-store"}
	x.writeHeader(http.StatusMultiStatus)
	to := &counter{ResponseWriter: x.w}
	w := davxml.NewWriter(to)
	w.Open("multistatus")
	return w, to
}

// sent ends a 207. If it could not be sent whole, the client has to see a cut and not an end.
func (x *exchange) sent(w *davxml.Writer, to *counter, err error) {
	if err == nil {
		err = w.Flush()
	}
	x.rec.Bytes += to.bytes
	if err != nil {
		x.rec.Err = err
		panic(http.ErrAbortHandler)
	}
}
