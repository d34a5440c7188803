package dav

import (
	"context"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	requested "github.com/fourtwelve/fourtwelve/internal/target"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Handler serves a store over WebDAV and HTTP. It may be used from any number of goroutines.
type Handler struct {
	options Options
	store   Store
	origin  *origin.Handler
	catalog *resource.Catalog
	policy  precondition.Policy
	locks   *admission
	clients *clients
	uploads *uploads
	log     *slog.Logger
}

// New returns a handler that serves o.Origin.Store. The error says what is wrong with o.
func New(o Options) (*Handler, error) {
	s, err := o.full()
	if err != nil {
		return nil, err
	}
	h := &Handler{
		options: o, store: s, clients: newClients(), uploads: newUploads(), log: o.Origin.Logger,
		catalog: resource.New(resource.Options{Store: s, RevisionTags: o.Origin.RevisionTags, Logger: o.Origin.Logger}),
		policy:  precondition.Policy{LenientTags: o.Origin.LenientTags},
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.locks, err = newAdmission(context.Background(), h); err != nil {
		return nil, err
	}
	behind := o.Origin
	behind.Locks = h.locks
	behind.RequireOf = h.requireOf
	behind.Observe = h.observing(behind.Observe)
	if behind.Methods = methods; behind.ReadOnly {
		behind.Methods = readMethods
	}
	if h.origin, err = origin.New(behind); err != nil {
		return nil, err
	}
	return h, nil
}

// requireOf says whether a write needs a precondition: clients that speak WebDAV have a rule of their own. Never means that what they
// overwrite is kept, so it needs one where that cannot be.
func (h *Handler) requireOf(r *http.Request) origin.Require {
	switch {
	case !h.speaksDAV(r):
		return h.options.Origin.Require
	case h.options.Require == origin.RequireNever:
		return origin.RequireWhereLost
	}
	return h.options.Require
}

// ServeHTTP answers r. When an answer that has begun cannot be ended, it panics with http.ErrAbortHandler, so that
// the client sees a cut and not an end.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isDAV(r) {
		h.clients.note(h.clientOf(r), h.options.now())
	} else if h.isPlain(r) {
		h.origin.ServeHTTP(w, r)
		return
	}
	revision := resource.AsksForRevision(r.URL)
	if fault := requested.Check(r, schemeOf(r)); fault != nil || revision && (!isOwn(r.Method) || r.Method == http.MethodOptions) {
		h.origin.ServeHTTP(w, r) // refuses it, or knows revisions
		return
	}
	x := h.begin(w, r)
	x.revision = revision
	refused := x.mayRead()
	if refused == nil && x.passes() {
		h.origin.ServeHTTP(w, x.r)
		return
	}
	defer x.end()
	if refused != nil {
		x.fail(refused)
		return
	}
	x.serve()
}

// isPlain reports whether there is nothing about a request that does not show WebDAV, which this handler would have to
// look at: reads mostly, and a PUT of a client that is not known to speak WebDAV.
func (h *Handler) isPlain(r *http.Request) bool {
	switch r.Method {
	case http.MethodDelete, http.MethodOptions:
		return false
	case http.MethodPut:
		if h.speaksDAV(r) {
			return false
		}
	}
	for i := range len(r.URL.Path) {
		if r.URL.Path[i] >= utf8.RuneSelf { // it may have to be respelled
			return false
		}
	}
	return true
}

// isOwn reports whether the method is one that is answered here.
func isOwn(m string) bool {
	switch m {
	case method.Propfind, method.Proppatch, method.Lock, method.Unlock, "MKCOL", "COPY", "MOVE", http.MethodOptions:
		return true
	}
	return false
}

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w      http.ResponseWriter
	header http.Header // of the response
	r      *http.Request
	// ctx is not cancelled with the request, as in package origin.
	ctx context.Context
	// name is the name in the store, and slash set for a path that ends in "/". fault is why there is none.
	name  string
	slash bool
	fault error
	// revision is set if the query asks for an earlier revision.
	revision bool
	fields   precondition.Fields
	// now is the time before the state was looked up.
	now time.Time
	rec observe.Record
}

func (h *Handler) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{
		Handler: h, w: w, header: w.Header(), r: r,
		ctx:    context.WithoutCancel(r.Context()),
		fields: precondition.FieldsOf(r.Header),
	}
	x.tick()
	x.rec.Started = x.now
	if !requested.IsServer(r) {
		x.name, x.slash, x.fault = nameOf(r.URL)
	}
	if x.fault == nil {
		x.respell()
	}
	return x
}

// end tells the observer, also while a panic passes.
func (x *exchange) end() {
	if observer := x.options.Origin.Observe; observer != nil {
		x.rec.Duration = x.options.now().Sub(x.rec.Started)
		observer(x.r, &x.rec)
	}
}

// tick takes the time again. It comes before the state is looked up or changed.
func (x *exchange) tick() {
	x.now = x.options.now()
	x.header["Date"] = []string{x.now.UTC().Format(http.TimeFormat)}
}

// passes reports whether the handler behind answers the request.
func (x *exchange) passes() bool {
	switch x.r.Method {
	case http.MethodPut:
		return !x.lacksParent()
	case http.MethodDelete:
		return !x.slash && !x.speaksDAV(x.r) && !x.isCollection()
	}
	return !isOwn(x.r.Method)
}

func (x *exchange) serve() {
	switch {
	case x.fault != nil:
		x.fail(x.fault)
		return
	case x.revision:
		x.refuse(condhttp.NewProblem(http.StatusMethodNotAllowed, "method-not-allowed",
			x.r.Method+" cannot be applied to an earlier revision", "send it without the query"))
		return
	}
	switch x.r.Method {
	case http.MethodOptions:
		x.capabilities()
		return
	case method.Propfind:
		x.propfind()
		return
	}
	if x.options.Origin.ReadOnly {
		x.refuse(condhttp.NewProblem(http.StatusForbidden, "read-only", "this server does not accept writes", ""))
		return
	}
	switch x.r.Method {
	case method.Proppatch:
		x.proppatch()
	case "MKCOL":
		x.mkcol()
	case "COPY", "MOVE":
		x.transfer()
	case http.MethodPut:
		x.fail(errNoParent)
	case http.MethodDelete:
		x.delete()
	case method.Lock:
		x.lock()
	case method.Unlock:
		x.unlock()
	}
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}
