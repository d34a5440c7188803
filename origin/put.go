package origin

import (
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
	release, ok := x.claimKey(draft.Digest())
	if !ok {
		return
	}
	defer release()
	before, after, ok := x.perform(attempt{
		lookUp: x.lookUp,
		same:   func(current store.Info) bool { return current.Digest == draft.Digest() },
		try: func(seen store.Info, expect store.Expect) (store.Info, error) {
			return x.commit(x.target.Name, seen, func() (store.Info, error) {
				return x.commitDraft(draft, seen, expect, "")
			})
		},
	}, seen)
	if ok {
		x.written(before, after)
	}
}
