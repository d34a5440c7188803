// Package guard is a reverse proxy (RFC 9110 §3.7) that gives a backend which
// somebody else wrote what it lacks: entity tags that are right, conditional reads
// and ranges that never splice, conditional writes that lose nothing, and refusals
// that say why.
//
//	h, err := guard.New(guard.Options{Routes: []guard.Route{{Backend: backend}}})
//	if err != nil {
//		return err
//	}
//	defer h.Close()
//	http.ListenAndServe("127.0.0.1:8412", h)
//
// # Who mints, who judges
//
// One layer does both. Clients see tags made of content ([etag.Of]), or, once they have
// been seen to be sound, the backend's own. Preconditions and ranges are evaluated against
// the representation that the backend has just sent, whatever it would have made of
// them itself. Nothing is cached: every answer is made of a response of the backend to that very
// request, and what is learned of a backend says only whether it is believed, and what a 304 or a part leaves out.
//
// The backend is asked for content without coding, and the guard compresses it. Each coding has a
// tag of its own, and in If-Match all of them name the state.
//
// # Writes
//
// A write with a precondition, or one that may need one, holds the lock of its target from
// the moment at which the backend is asked for the current state, with the
// writer's own fields, until the backend has answered. Other writes share that lock, so that
// they never come in between, but do not wait for each other. The content of a request
// is held, in memory and then on disk, before any of it is sent on. When the state cannot be
// seen, nothing is written. When a write was sent on and no answer came, the client is told
// that the outcome is unknown, and nothing is sent again.
//
// # What only a store can promise
//
// Those who write around the guard are not seen until the next request. A backend that
// evaluates preconditions closes that gap ([PreconditionsPass]). A backend that goes on with a write
// after its connection was cut, or that shows half of a write to readers, cannot be
// kept from it, and a collection that is moved or deleted takes its members
// along without their locks.
package guard
