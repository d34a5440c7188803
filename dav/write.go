package dav

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// maxConflicts bounds how often a write is evaluated anew because others came first.
const maxConflicts = 1000

// write is a change in the making.
type write struct {
	// lookUp describes the target, and what else the write replaces, as they are now.
	lookUp func() (target, other store.Info, err error)
	// touched are the names that locks may hold.
	touched []touch
	// check is what else has to hold; nil is nothing.
	check func(target, other store.Info) error
	// replaces reports whether the write would replace or delete something.
	replaces func(target, other store.Info) bool
	// tidies is set for a DELETE, by which a client may mean to remove what a PUT has left.
	tidies bool
	// overwrites is the name of what else the write replaces; "" is nothing.
	overwrites string
	// try performs the write on what was seen, and on nothing else.
	// ctx is that of the change.
	try func(ctx context.Context, p passage, target, other store.Info) (store.Info, error)
}

// attempt evaluates a write and tries it, and again after each conflict for as long as all holds. The order is that of
// package origin: what is there, the locks with the field If, the preconditions, and whether one is required.
func (x *exchange) attempt(w write) (store.Info, error) {
	for range maxConflicts {
		x.tick()
		target, other, err := w.lookUp()
		if err != nil {
			return store.Info{}, err
		}
		after, err := x.once(w, target, other)
		if !errors.Is(err, store.ErrConflict) {
			return after, err
		}
	}
	return store.Info{}, origin.ProblemOf(store.ErrChanged)
}

// once tries a write on what was seen, while no lock can come in between.
func (x *exchange) once(w write, target, other store.Info) (store.Info, error) {
	passage, err := x.locks.enterAll(x.r, w.touched...)
	if err != nil {
		return store.Info{}, x.describing(err, target)
	}
	defer passage.Leave()
	if err := w.unchanged(target, other); err != nil {
		return store.Info{}, err
	}
	if err := x.evaluate(target); err != nil {
		return store.Info{}, err
	}
	if w.check != nil {
		if err := w.check(target, other); err != nil {
			return store.Info{}, err
		}
	}
	guarded := passage.Guarded || x.rec.Decision.Guarded
	if !guarded && x.demands(w.replaces != nil && w.replaces(target, other)) {
		return store.Info{}, condhttp.Required(x.r.Method, x.fields, x.current(target))
	}
	ctx := x.ctx
	if w.tidies && !guarded && x.tidiesUp(target) {
		return store.Info{}, x.nothingToTidy(target)
	}
	if w.overwrites != "" && isThere(other) && !passage.guards(w.overwrites) {
		if x.demands(true) || x.wouldLose(other) {
			return store.Info{}, x.unseenDestination(other)
		}
		ctx = store.Sparing(ctx)
	}
	return w.try(ctx, passage, target, other)
}

// formOf tells nothing, a resource and a collection apart.
func formOf(info store.Info) [2]bool { return [2]bool{info.Exists(), info.Collection} }

// unchanged makes sure that what was seen is still there, where collections are concerned: they have no revision that the store
// could be told to insist on. From now on nobody else changes what the write takes away or replaces.
func (w write) unchanged(target, other store.Info) error {
	if !target.Collection && !other.Collection {
		return nil
	}
	targetNow, otherNow, err := w.lookUp()
	if err == nil && (formOf(targetNow) != formOf(target) || formOf(otherNow) != formOf(other)) {
		err = store.ErrConflict
	}
	return err
}

// unseenDestination refuses a request that says which version of its target it means, or nothing, but not which one of what it replaces.
func (x *exchange) unseenDestination(other store.Info) *condhttp.Problem {
	p := condhttp.Required(x.r.Method, x.fields, x.current(other))
	p.Current = nil
	p.Detail = x.r.Method + " without a precondition on its destination could overwrite what another client has written there"
	if x.wouldLose(other) {
		p.Detail += fmt.Sprintf("; that has %d bytes, more than is kept of earlier revisions here, and would be lost", other.Size)
	}
	p.Hint = "say in If which version you have seen there: If: <destination> ([\"...\"]); or lock it, or choose another destination"
	if other.Collection { // which has no tag
		p.Hint = "lock the destination with all that is in it, and send the token: If: <destination> (<urn:uuid:...>); " +
			"or delete it first, if that is meant; or choose another destination"
	}
	return p
}

// wouldLoseSome refuses a request that says nothing about what it replaces, of which something could not be kept.
func (t *transfer) wouldLoseSome(lost *store.UnsparedError) error {
	p := t.unseenDestination(t.at)
	at := store.Info{Name: lost.Name, Collection: lost.Name == t.to && t.at.Collection}
	p.Detail += fmt.Sprintf("; %s %s, so it would be lost", pathOf(at), lost.Reason)
	return p
}

func (x *exchange) current(info store.Info) precondition.Current {
	if !info.Exists() { // a collection has neither a tag nor a date
		return precondition.Current{Exists: info.Collection, Now: x.now}
	}
	res := x.catalog.Of(info)
	return res.Current(&res.Identity, x.fields, x.now)
}

// evaluate decides the preconditions of RFC 9110 §13 about the target.
func (x *exchange) evaluate(target store.Info) error {
	current := x.current(target)
	x.rec.Evaluated, x.rec.Current = true, current.Tag
	x.rec.Decision = x.policy.Evaluate(precondition.Origin, x.r.Method, x.fields, current)
	if x.rec.Decision.Outcome == precondition.Perform {
		return nil
	}
	return condhttp.FromDecision(x.r.Method, x.fields, x.rec.Decision, current)
}

// demands reports whether a write needs a precondition that has none.
func (x *exchange) demands(replaces bool) bool {
	switch x.requireOf(x.r) {
	case origin.RequireNever, origin.RequireWhereLost:
		return false
	case origin.RequireAlways:
		return true
	}
	return replaces
}

// wouldLose reports whether other, if it is a resource, would be lost when it is replaced, on a server that refuses only that.
func (x *exchange) wouldLose(other store.Info) bool {
	return other.Exists() && x.requireOf(x.r) == origin.RequireWhereLost && !store.CanSpare(x.store, other)
}

// describing adds the current state of the target to a problem that has none.
func (x *exchange) describing(err error, target store.Info) error {
	p, ok := errors.AsType[*condhttp.Problem](err)
	if !ok || p.Current != nil {
		return err
	}
	own := *p // as errors are, p may be shared
	current := x.current(target)
	own.Current = condhttp.StateOf(current)
	x.rec.Current = current.Tag
	return &own
}

// hasCollection returns an error unless something exists that could hold name.
func (x *exchange) hasCollection(name string) error {
	parent, err := x.stat(parentOf(name))
	if err == nil && !isThere(parent) {
		return errNoParent
	}
	return err
}

// lacksParent reports whether a PUT of a client that speaks WebDAV is to create something in a collection that does
// not exist: that is a 409 (§9.7.1). For all others package origin makes the collections on the way.
func (x *exchange) lacksParent() bool {
	if x.fault != nil || x.name == "" || x.slash || !x.speaksDAV(x.r) {
		return false
	}
	parent, err := x.stat(parentOf(x.name))
	return err == nil && !parent.Exists() && !parent.Collection
}

// isCollection reports whether the target is a collection.
func (x *exchange) isCollection() bool {
	if x.fault != nil {
		return false
	}
	info, err := x.store.Stat(x.ctx, x.name)
	return err == nil && info.Collection
}

// delete answers DELETE of a collection, with all that is in it (§9.6.1), and every DELETE of a client that speaks WebDAV: what it
// names may be a collection one moment and a resource the next.
func (x *exchange) delete() {
	_, err := x.attempt(write{
		lookUp: func() (store.Info, store.Info, error) {
			info, err := x.lookUp()
			if err == nil && info.Collection {
				err = x.mayDeleteTree()
			}
			return info, store.Info{}, err
		},
		touched:  []touch{{name: x.name, tree: true, member: true}},
		replaces: func(_, _ store.Info) bool { return true }, tidies: true,
		try: func(_ context.Context, p passage, target, _ store.Info) (store.Info, error) {
			err := x.remove(target)
			if err == nil {
				p.unmapped(x.name)
			}
			return store.Info{}, err
		},
	})
	if err != nil {
		x.fail(err)
		return
	}
	x.noContent(http.StatusNoContent)
}

// mayDeleteTree refuses what no DELETE of a collection can ask for.
func (x *exchange) mayDeleteTree() error {
	if d, err := depthOf(x.r.Header["Depth"], infinity); err != nil || d != infinity {
		return badDepth("DELETE of a collection takes all that is in it, so its Depth can be infinity alone")
	}
	if x.name == "" {
		return condhttp.NewProblem(http.StatusForbidden, "bad-name", "the root collection cannot be deleted", "delete its members")
	}
	return nil
}

// remove deletes what was seen, and nothing else.
func (x *exchange) remove(seen store.Info) error {
	if seen.Collection {
		return x.store.DeleteCollection(x.ctx, x.name)
	}
	_, err := x.store.Delete(x.ctx, x.name, store.At(seen.Revision))
	if errors.Is(err, store.ErrIsCollection) {
		return store.ErrConflict
	}
	return err
}
