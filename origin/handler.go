package origin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/content/recent"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/internal/idempotency"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	requested "github.com/fourtwelve/fourtwelve/internal/target"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// Handler serves a store. It may be used from any number of goroutines.
type Handler struct {
	options Options
	store   store.Store
	history store.History // nil if the store keeps no earlier revisions
	policy  precondition.Policy
	catalog *resource.Catalog
	memory  memories
	// once has the answers to writes with an Idempotency-Key, which recorder keeps; nil if there are to be none.
	once     *idempotency.Table
	recorder store.Recorder
	log      *slog.Logger

	dates    dateField
	listings *listings
	// differences are nil where there is none to be told.
	differences *recent.Cache[change, *condhttp.Changes]
	exchanges   sync.Pool // of *exchange
}

// New returns a handler that serves o.Store. The error says what is wrong with o.
func New(o Options) (*Handler, error) {
	if o.Store == nil {
		return nil, errors.New("origin: no store to serve")
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	log := secret.Logger(o.Logger)
	h := &Handler{
		options: o,
		store:   o.Store,
		catalog: resource.New(resource.Options{
			Store: o.Store, RevisionTags: o.RevisionTags, CacheControl: o.CacheControl, Logger: log,
		}),
		memory:      newMemories(o.MaxMemory),
		policy:      precondition.Policy{LenientTags: o.LenientTags, StaleIfRange: o.StaleIfRange},
		log:         log,
		listings:    newListings(),
		differences: recent.New[change, *condhttp.Changes](maxChanges),
	}
	h.history, _ = o.Store.(store.History)
	h.recorder, _ = o.Store.(store.Recorder)
	var err error
	if h.once, err = openOnce(o); err != nil {
		return nil, fmt.Errorf("origin: the answers to writes with an Idempotency-Key: %w", err)
	}
	h.exchanges.New = func() any { return new(exchange) }
	return h, nil
}

// ServeHTTP answers r. When content that has been announced cannot be sent whole, it
// panics with http.ErrAbortHandler, so that the client sees a cut and not
// an end.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := h.exchanges.Get().(*exchange)
	x.begin(h, w, r)
	defer x.end()
	x.serve()
}

// exchange is one request and its answer. It lives as long as ServeHTTP runs.
type exchange struct {
	*Handler
	w      http.ResponseWriter
	header http.Header // of the response
	r      *http.Request
	// ctx is not cancelled with the request: net/http does so when the client
	// closes its sending side, but a client that has sent all it had to say may still
	// be listening, and a write must not depend on that.
	ctx    context.Context
	target resource.Target
	// forCollection is set if the answer is about a collection: then it was
	// chosen by Accept.
	forCollection bool
	fields        precondition.Fields
	// now is the time before the state was looked up: no version that came
	// later can be older.
	now time.Time
	// unlocked is set if the request has what guards a write beside its preconditions:
	// see Passage.Guarded.
	unlocked bool
	key      *keyed // nil without an Idempotency-Key
	rec      observe.Record
}

func (x *exchange) begin(h *Handler, w http.ResponseWriter, r *http.Request) {
	x.Handler, x.w, x.header, x.r = h, w, w.Header(), r // all else is zero
	x.ctx = context.WithoutCancel(r.Context())
	x.fields = precondition.FieldsOf(r.Header)
	x.tick()
	x.rec.Started = x.now
}

// end tells the observer, also while a panic passes.
func (x *exchange) end() {
	h := x.Handler
	if h.options.Observe != nil {
		x.rec.Duration = h.options.Now().Sub(x.rec.Started)
		rec := x.rec // an observer may keep it
		h.options.Observe(x.r, &rec)
	}
	*x = exchange{}
	h.exchanges.Put(x)
}

// serve finds the resource and the method. Nothing here depends on the state of the
// store or on preconditions.
func (x *exchange) serve() {
	if fault := requested.Check(x.r, schemeOf(x.r)); fault != nil {
		x.refuse(condhttp.NewProblem(http.StatusBadRequest, fault.Reason, fault.Detail, fault.Hint))
		return
	}
	if requested.IsServer(x.r) {
		x.optionsOfServer()
		return
	}
	var err error
	if x.target, err = resource.ParseTarget(x.r.URL); err != nil {
		x.fail(err)
		return
	}
	switch x.r.Method {
	case http.MethodGet, http.MethodHead:
		x.get()
	case http.MethodOptions:
		x.optionsOf()
	case http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodPost:
		x.write()
	case http.MethodTrace, http.MethodConnect:
		x.methodNotAllowed(KindResource)
	default:
		x.notImplemented()
	}
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}
