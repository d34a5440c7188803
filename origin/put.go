package origin

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/store"
)

// put answers PUT (RFC 9110 §9.3.4).
func (x *exchange) put() {
	verifier, err := x.checkContent(x.options.MaxBody)
	if err != nil {
		x.refuseContent(err)
		return
	}
	if err := store.CheckNewName(x.target.Name); err != nil {
		x.fail(err)
		return
	}
	seen, err := x.lookUp()
	if err != nil {
		x.fail(err)
		return
	}
	if !x.admits(seen, x.replays) {
		return
	}
	draft := x.stage(x.target.Name, verifier)
	if draft == nil {
		return
	}
	defer x.abandon(draft)
	before, after, ok := x.perform(attempt{
		lookUp: x.lookUp,
		same:   func(current store.Info) bool { return current.Digest == draft.Digest() },
		try: func(seen store.Info, expect store.Expect) (store.Info, error) {
			return x.commit(x.target.Name, seen, func() (store.Info, error) { return draft.Commit(x.ctx, expect) })
		},
	}, seen)
	if ok {
		x.written(before, after)
	}
}

// written answers a write that was performed: 201 if it created the resource,
// else 204, or 200 with the new representation if the client prefers that.
func (x *exchange) written(before, after store.Info) {
	status := http.StatusNoContent
	if !before.Exists() {
		status = http.StatusCreated
	}
	x.succeeded(status, after)
}
