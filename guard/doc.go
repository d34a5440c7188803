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
// One layer does both. Clients see tags made of content ([etag.Of]), or the backend's
// own, once the guard has seen them to be sound. The guard evaluates preconditions and
// ranges against the representation that the backend has just sent, whatever the backend
// would have made of them. Without a cache ([Route.Cache]) every answer is made of a
// response of the backend to that very request; what the guard learns of a backend says
// only whether it is believed, and what a 304 or a part leaves out.
//
// The guard asks the backend for content without coding, and compresses it itself. Each
// coding has a tag of its own, and in If-Match each of them names the state.
//
// # Writes
//
// A write with a precondition, or one that may need one, locks its target. It asks the
// backend for the current state, with the writer's own fields, and holds the lock until
// the backend has answered the write. Writes without preconditions share that lock: they
// never come in between, and do not wait for each other. The guard holds the whole
// content of a request, in memory and then on disk, before it sends any of it on. If it
// cannot see the state, it writes nothing. If it sent a write and no answer came, it
// tells the client that the outcome is unknown, and sends nothing again.
//
// # What only a store can promise
//
// The guard does not see who writes around it until the next request. A backend that
// evaluates preconditions closes that gap ([PreconditionsPass]). The guard cannot keep a
// backend from going on with a write after its connection was cut, or from showing half
// of a write to readers. A collection that is moved or deleted takes its members along
// without their locks.
package guard
