package guard

import (
	"context"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// exchange is one request of a client on its way to an answer.
type exchange struct {
	*Handler
	route *route
	w     *answerWriter
	r     *http.Request
	// sent is the request as net/http made it, which is where that puts the trailer section.
	sent   *http.Request
	fields precondition.Fields
	// destination is nil if the request writes to its target alone.
	destination *destination
	// ifLists are those of the field If, ifStates what was seen of resources whose entity tags they name, by path, and ifSent
	// is how the backend is to see the field; "" is as it came.
	ifLists  []ifList
	ifStates map[string]*held
	ifSent   string
	// key names the target among locks, keys are all that the request writes to, and lockKeys all that must not change meanwhile.
	key            string
	keys, lockKeys []string
	fences         []func(context.Context) error // of the locks that are held, if they can be lost
	// overridden says that the request names another method beside its own, which a backend may perform.
	overridden bool
	now        time.Time
	// source is the content of the request, if any of it was read.
	source *source
	// glance is the read of the representation, and asked its beginning, for what is remembered of it.
	glance turn.Glance
	asked  turn.Moment
	// sampled says that all of the content is looked at, though a question or a stream would do, to see
	// whether the backend still deserves its trust.
	sampled bool
	// keyed is what the request has a key for; nil if it has none.
	keyed *keyed
	// repeated says that a write is sent for the second time, as the first was refused and has changed nothing.
	repeated bool
	// atEnd is what is to be released when the request has been answered.
	atEnd []func()
	// outlives says that the request goes on when the client has closed its side: see outlive.
	outlives bool

	notes
}

// notes are what the record is made of. Nothing is decided by them.
type notes struct {
	// told is the state that the client is told of, decision what was decided by it, if evaluated, and made the tag of the
	// state that a write has made.
	told      state
	decision  precondition.Decision
	evaluated bool
	made      etag.Tag
	reason    string
	replayed  bool
	err       error
	lockWait  time.Duration
	backend   observe.Backend
}

func newExchange(h *Handler, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Handler: h, r: r, sent: r, now: h.options.Now()}
	x.w = &answerWriter{ResponseWriter: w, x: x}
	x.fields = precondition.FieldsOf(r.Header)
	return x
}

// record is what the observer is told.
func (x *exchange) record() *observe.Record {
	rec := &observe.Record{
		Started: x.now, Duration: x.options.Now().Sub(x.now), Status: x.w.status, Bytes: x.w.bytes,
		Decision: x.decision, Evaluated: x.evaluated, Current: x.told.Tag, New: x.made, Reason: x.reason, Err: x.err, Replayed: x.replayed,
		Validator: x.told.from, Why: x.told.why, LockWait: x.lockWait, Backend: x.backend,
	}
	if x.route != nil {
		rec.Route = x.route.Name
	}
	return rec
}

// loggedPath is the path of the target for the log, without what lets a reader in.
func (x *exchange) loggedPath() string { return secret.Text(x.r.URL.Path) }

// onEnd has release called at the end.
func (x *exchange) onEnd(release func()) { x.atEnd = append(x.atEnd, release) }
