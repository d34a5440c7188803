package dav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/dav/internal/lock"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
)

// touch is a name that a request changes, and how.
type touch struct {
	name string
	// tree is set if all that is in the collection is changed, too.
	tree bool
	// member is set if the name begins or ceases to exist, which changes the collection that it is in (RFC 4918 §7.4).
	member bool
	// inCollection is set if the collection that it is in has to exist, and the store would make it.
	inCollection bool
	// settled is set if member says whether the name exists, which has to be so still when the write gets its turn.
	settled bool
}

// passage is leave to change what was touched.
type passage struct {
	origin.Passage
	// unmapped is told of a name that the write has taken away, with all below it: the locks on them end (§6.1).
	// replaced is told of one that something else has now: the locks below it end. Both before Leave.
	unmapped, replaced func(name string)
	// guards reports whether the field If, or a lock whose token it submits, would have stopped the write had name been in another
	// state.
	guards func(name string) bool
}

// admission lets writes through, or refuses them, by their field If and by the locks there are. It is the
// [origin.Locks] of the handler behind.
type admission struct {
	*Handler
	table *lock.Table
}

// newAdmission returns the admission of h, with the locks that its store has kept.
func newAdmission(ctx context.Context, h *Handler) (*admission, error) {
	exists := func(ctx context.Context, name string) (bool, error) {
		_, err := h.store.Stat(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return true, err
	}
	table, err := lock.Open(ctx, h.options.now(), lock.Options{Keeper: h.store, MaxTimeout: h.options.LockTimeout}, exists)
	if err != nil {
		return nil, fmt.Errorf("dav: %w", err)
	}
	return &admission{Handler: h, table: table}, nil
}

// Enter lets r write to name, as [origin.Locks] says. PUT and POST make what does not exist, and DELETE takes it away.
func (a *admission) Enter(r *http.Request, name string, exists bool) (origin.Passage, error) {
	if a.isPlainPut(r) {
		if p := a.table.EnterFree(name); p != nil {
			return origin.Passage{Leave: p.Leave}, nil
		}
	}
	ctx := context.WithoutCancel(r.Context())
	p, err := a.enterOne(r, name, exists)
	for tries := 1; errors.Is(err, errMeanwhile) && tries < maxConflicts; tries++ {
		p, err = a.enterOne(r, name, a.exists(ctx, name))
	}
	switch {
	case errors.Is(err, errMeanwhile):
		return origin.Passage{}, origin.ProblemOf(store.ErrChanged)
	case err != nil:
		return origin.Passage{}, err
	}
	if leave := p.Leave; r.Method == http.MethodDelete {
		p.Leave = func() {
			if !a.exists(ctx, name) {
				p.unmapped(name)
			}
			leave()
		}
	}
	return p.Passage, nil
}

// isPlainPut reports whether r is a PUT that says nothing of locks, of a client that does not speak WebDAV. Where there are no
// locks nothing has to be looked up for it: what it replaces is a matter of the store, and collections are made for it.
func (a *admission) isPlainPut(r *http.Request) bool {
	return r.Method == http.MethodPut && r.Header["If"] == nil && r.Header["Lock-Token"] == nil && !a.speaksDAV(r)
}

// errMeanwhile: what the write touches was made or taken away before its turn, so that it touches something else.
var errMeanwhile = errors.New("it was made or taken away meanwhile")

// enterOne is Enter, once.
func (a *admission) enterOne(r *http.Request, name string, exists bool) (passage, error) {
	switch r.Method {
	case http.MethodDelete:
		return a.enterAll(r, touch{name: name, member: true})
	case http.MethodPost:
		return a.enterAll(r, touch{name: name, member: true, inCollection: true})
	}
	return a.enterAll(r, touch{name: name, member: !exists, inCollection: !exists && a.speaksDAV(r), settled: true})
}

// exists reports whether something is under name. Of what cannot be looked up it is said that it does.
func (a *admission) exists(ctx context.Context, name string) bool {
	_, err := a.store.Stat(ctx, name)
	return !errors.Is(err, store.ErrNotFound)
}

// enterAll is Enter for a request that changes several names, or a name in another way than its content. What it
// grants is granted for all of them, or for none.
func (a *admission) enterAll(r *http.Request, touched ...touch) (passage, error) {
	c, err := a.condition(r)
	if err != nil {
		return passage{}, err
	}
	now, ctx := a.options.now(), context.WithoutCancel(r.Context())
	w := lock.Write{Writer: a.writer(r, c), Holds: c.others()}
	for _, t := range touched {
		w.Claims = append(w.Claims, lock.Claim{Name: t.name, Tree: t.tree, Member: t.member})
	}
	w.Check = func() error { return c.admit(now, touched) }
	p, err := a.table.Enter(ctx, now, w)
	if err != nil {
		return passage{}, refusalOf(err)
	}
	return passage{
		Passage:  origin.Passage{Leave: p.Leave, Guarded: len(p.Opened) > 0 || c.guards(touched)},
		unmapped: func(name string) { p.Unmapped(ctx, name) },
		replaced: func(name string) { p.Replaced(ctx, name) },
		guards: func(name string) bool {
			return c.decision.Guards(name) || slices.ContainsFunc(p.Opened, func(l lock.Lock) bool { return l.Covers(name) })
		},
	}, nil
}

// writer is who sent r, with the tokens that it submits.
func (a *admission) writer(r *http.Request, c *condition) lock.Writer {
	return lock.Writer{Principal: a.principal(r), Tokens: c.header.Tokens()}
}

// principal is the user who sent r, or "" if the server knows none.
func (h *Handler) principal(r *http.Request) string {
	if h.options.Client == nil {
		return ""
	}
	return h.options.Client(r)
}

// refusalOf is what a client is told of an error of the table of locks.
func refusalOf(err error) error {
	if locked, ok := errors.AsType[*lock.LockedError](err); ok {
		return lockedProblem(locked.Locks)
	}
	if conflict, ok := errors.AsType[*lock.ConflictError](err); ok {
		return conflictProblem(conflict.Locks)
	}
	switch {
	case errors.Is(err, lock.ErrBusy):
		return condhttp.NewProblem(http.StatusServiceUnavailable, "locks-busy",
			"other requests for the resource did not end in time", "try again")
	case errors.Is(err, lock.ErrTooMany):
		return condhttp.NewProblem(http.StatusServiceUnavailable, "too-many-locks",
			"the server has as many locks as it keeps", "try again when some have ended, or write with If-Match instead")
	case errors.Is(err, lock.ErrTooManyOfClient):
		return condhttp.NewProblem(http.StatusInsufficientStorage, "too-many-locks-of-client",
			"one client may not have more locks than you have", "end some with UNLOCK")
	case errors.Is(err, lock.ErrOwner):
		return condhttp.NewProblem(http.StatusRequestEntityTooLarge, "owner-too-long",
			fmt.Sprintf("the owner element has more than %d bytes", lock.MaxOwner), "say less of the owner")
	}
	return err
}

// lockedProblem refuses a write that locks are in the way of.
func lockedProblem(locks []lock.Lock) *condhttp.Problem {
	p := condhttp.NewProblem(http.StatusLocked, "locked", describe(locks)+", and the request does not submit its token (RFC 4918 §7.5)",
		"wait until the lock ends, or ask whoever holds it; the holder sends the token: If: (<urn:uuid:...>)")
	p.Condition = &condhttp.Condition{Name: "lock-token-submitted", Hrefs: hrefs(locks)}
	return p
}

// conflictProblem refuses a lock that others are in the way of.
func conflictProblem(locks []lock.Lock) *condhttp.Problem {
	p := condhttp.NewProblem(http.StatusLocked, "lock-conflict", describe(locks)+", and the lock asked for does not go together with it "+
		"(RFC 4918 §9.10.5)",
		"wait until the lock ends, or ask whoever holds it; PROPFIND of lockdiscovery says who that is")
	p.Condition = &condhttp.Condition{Name: "no-conflicting-lock", Hrefs: hrefs(locks)}
	return p
}

// describe says which lock is in the way.
func describe(locks []lock.Lock) string {
	l := &locks[0]
	return fmt.Sprintf("%s is locked until %s", rootPath(l), l.Expires.UTC().Format(time.RFC3339))
}

// hrefs are the paths of what was locked, each once.
func hrefs(locks []lock.Lock) []string {
	var paths []string
	for _, l := range locks {
		if path := rootPath(&l); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// rootPath is the path of what was locked.
func rootPath(l *lock.Lock) string {
	if l.Collection {
		return resource.CollectionPathOf(l.Root)
	}
	return resource.PathOf(l.Root)
}
