package origin

import (
	"errors"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/store"
)

// Locks decides whether a write may touch a name, for a protocol that locks
// resources (RFC 4918 §6, §10.4). Its methods may be called from any number of
// goroutines.
type Locks interface {
	// Enter reports whether r may write to name now. The handler asks when it
	// evaluates the request's preconditions, before it reads content, and asks again
	// around the commit: what Enter granted then is held until Leave, and until then no lock
	// is granted that would have refused r. A write that meets a conflict is
	// asked for anew.
	//
	// Enter comes before If-Match and the other fields of RFC 9110 §13, and both must
	// hold. Conditions of r that are about the state of name (an entity tag in If)
	// may be judged against the store: the handler commits on the revision that it
	// looked up before it called Enter, and on no other.
	//
	// exists reports whether name was there when the handler looked, just before. For a POST name is
	// that of the member to be created, which does not exist. DELETE of an earlier revision is not
	// asked for, since it does not change the resource.
	//
	// An error that is or wraps a [*condhttp.Problem] is sent as the refusal, such as
	// 412, 423 or 424, with the current state if the problem has none. Any other
	// error is a 500, and nothing of it goes to the client.
	Enter(r *http.Request, name string, exists bool) (Passage, error)
}

// Passage is a write's leave to touch a name.
type Passage struct {
	// Leave gives back what Enter granted. It is called once; it is not nil unless
	// Enter returned an error.
	Leave func()
	// Guarded reports whether r named an active lock's token, or had an If field with a
	// condition that could have been false. Either counts as a precondition for
	// [Options.Require].
	Guarded bool
}

// enter asks whether the write may touch name, in the state seen. The error is ready to be sent.
// The caller must call leave, if there is no error.
func (x *exchange) enter(name string, seen store.Info) (leave func(), err error) {
	passage, err := x.options.Locks.Enter(x.r, name, seen.Exists())
	if err != nil {
		return nil, x.describing(err, seen)
	}
	x.unlocked = passage.Guarded
	return passage.Leave, nil
}

// describing adds the current state of the target to a problem that has none. The target
// of a POST is not what the lock is on.
func (x *exchange) describing(err error, seen store.Info) error {
	p, ok := errors.AsType[*condhttp.Problem](err)
	if !ok || p.Current != nil || x.r.Method == http.MethodPost {
		return err
	}
	own := *p // as errors are, p may be shared
	current := x.stateOf(seen)
	own.Current = condhttp.StateOf(current)
	x.rec.Current = current.Tag
	return x.withheld(&own, current)
}

// mayEnter asks whether the write may touch name, before its content is read. If it may
// not it answers, and returns false.
func (x *exchange) mayEnter(name string, seen store.Info) bool {
	if x.options.Locks == nil {
		return true
	}
	leave, err := x.enter(name, seen)
	if err != nil {
		x.fail(err)
		return false
	}
	leave()
	return true
}

// commit calls write, which changes name in the store, while no lock can come in between. What made the
// write a guarded one may have ended while its content arrived, so that is looked at again.
func (x *exchange) commit(name string, seen store.Info, write func() (store.Info, error)) (store.Info, error) {
	if x.options.Locks == nil {
		return write()
	}
	leave, err := x.enter(name, seen)
	if err != nil {
		return store.Info{}, err
	}
	defer leave()
	if x.requires(seen) {
		return store.Info{}, x.required(seen, x.stateOf(seen))
	}
	return write()
}
