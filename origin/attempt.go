package origin

import (
	"errors"

	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

const (
	// maxConflicts bounds how often a write is evaluated anew because others came
	// first. Each time at least one of them has succeeded.
	maxConflicts = 1000
	// patience is after how many conflicts a write that has no precondition, and
	// needs none, stops to insist on the revision it saw.
	patience = 8
)

// lookUp describes what is under the target's name, now. Nothing is a zero Info
// and no error.
func (x *exchange) lookUp() (store.Info, error) {
	info, err := x.store.Stat(x.ctx, x.target.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Info{}, nil
	case err == nil && info.Collection:
		return store.Info{}, store.ErrIsCollection
	}
	return info, err
}

// admits asks whether a lock stands in the way (RFC 4918 §6), evaluates a write against info
// (RFC 9110 §13.2), and, if it has no precondition, whether it needs one (RFC 6585 §3). If it is not to be
// performed it answers, and returns false. same reports whether the content
// of the request is known to be what is stored; it is asked only if the
// precondition is false.
func (x *exchange) admits(info store.Info, same func(store.Info) bool) bool {
	if !x.mayEnter(x.target.Name, info) {
		return false
	}
	current := x.stateOf(info)
	x.rec.Evaluated, x.rec.Current = true, current.Tag
	x.rec.Decision = x.policy.Evaluate(precondition.Origin, x.r.Method, x.fields, current)
	switch {
	case x.rec.Decision.Outcome != precondition.Perform:
		x.refuseWrite(info, current, same)
	case x.requires(info):
		x.refuse(x.required(info, current))
	default:
		return true
	}
	return false
}

// expect is the state that a write evaluated against seen insists on.
func (x *exchange) expect(seen store.Info, conflicts int) store.Expect {
	if conflicts >= patience && !x.guarded() && x.requirement() == RequireNever {
		return store.Any
	}
	return store.At(seen.Revision)
}

// lookUpExisting is lookUp for methods that need something to be there: its
// absence is ErrNotFound, whatever the preconditions, which "a server MUST ignore ...
// if its response to the same request without those conditions ... would have been
// a status code other than a 2xx or 412" (RFC 9110 §13.2.1).
func (x *exchange) lookUpExisting() (store.Info, error) {
	info, err := x.lookUp()
	if err == nil && !info.Exists() {
		err = store.ErrNotFound
	}
	return info, err
}

// attempt is a write in the making.
type attempt struct {
	// lookUp describes what is there now.
	lookUp func() (store.Info, error)
	// same is that of admits.
	same func(store.Info) bool
	// try performs the write on seen, and insists on expect.
	try func(seen store.Info, expect store.Expect) (store.Info, error)
}

// perform tries the write on seen, which it has been admitted for, and again
// after each conflict for as long as its precondition holds. It returns what was there before and
// what try returned. If ok is false the request has been answered.
func (x *exchange) perform(a attempt, seen store.Info) (before, after store.Info, ok bool) {
	for conflicts := range maxConflicts {
		x.tick()
		after, err := a.try(seen, x.expect(seen, conflicts))
		if err == nil {
			return seen, after, true
		}
		if errors.Is(err, store.ErrConflict) || errors.Is(err, resource.ErrMoved) {
			seen, err = a.lookUp()
		}
		if err != nil {
			x.fail(err)
			return seen, after, false
		}
		if !x.admits(seen, a.same) {
			return seen, after, false
		}
	}
	x.busy()
	return seen, store.Info{}, false
}
