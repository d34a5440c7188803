package dav

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/dav/internal/davxml"
	"github.com/fourtwelve/fourtwelve/dav/internal/lock"
	"github.com/fourtwelve/fourtwelve/store"
)

// lock answers LOCK (§9.10): without content it refreshes a lock, with content it makes one. Neither changes entity tag or
// Last-Modified: Word takes that for a change by somebody else.
func (x *exchange) lock() {
	info, err := davxml.ReadLockInfo(x.document())
	switch {
	case errors.Is(err, davxml.ErrEmpty):
		err = x.refreshLock()
	case err != nil:
		err = x.documentError(err)
	default:
		err = x.makeLock(info)
	}
	if err != nil {
		x.fail(err)
	}
}

// makeLock grants the lock that was asked for.
//
// No Depth is infinity (§9.10.3), also on a resource that has no members: Explorer and npm's webdav lock files so.
func (x *exchange) makeLock(info *davxml.LockInfo) error {
	d, err := depthOf(x.r.Header["Depth"], infinity)
	if err != nil {
		return err
	}
	if d == depth1 {
		return badDepth("a lock is on a resource alone (Depth: 0) or with all that is in it (Depth: infinity)")
	}
	c, err := x.locks.condition(x.r)
	if err != nil {
		return err
	}
	r := lock.Request{
		Root: x.name, Infinite: d == infinity, Shared: info.Shared, Owner: info.Owner, Timeout: lock.ReadTimeout(x.r.Header["Timeout"]),
		Writer: x.locks.writer(x.r, c), Client: x.lockClient(), Holds: c.others(),
	}
	granted, made, err := x.locks.table.Lock(x.ctx, x.now, r, lock.Place{
		Look: func() (exists, collection bool, err error) { return x.lookToLock(c) },
		Make: x.makeEmpty,
	})
	if err != nil {
		return refusalOf(err)
	}
	x.header["Lock-Token"] = []string{"<" + granted.Token + ">"}
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	x.sendLock(status, granted)
	return nil
}

// lookToLock looks at what is to be locked, and evaluates the preconditions against it.
func (x *exchange) lookToLock(c *condition) (exists, collection bool, err error) {
	if err := c.check(x.now); err != nil {
		return false, false, err
	}
	info, err := x.stat(x.name)
	if err == nil {
		err = x.evaluate(info)
	}
	if err == nil && x.slash && !info.Collection {
		err = notACollection(x.name)
	}
	return isThere(info), info.Collection, err
}

// makeEmpty makes an empty resource under the target's name (§7.3). Collections on the way are not made (§9.10.6).
func (x *exchange) makeEmpty() error {
	if err := x.hasCollection(x.name); err != nil {
		return err
	}
	if err := store.CheckNewName(x.name); err != nil {
		return err
	}
	draft, err := x.store.Stage(x.ctx, x.name, strings.NewReader(""))
	if err != nil {
		return err
	}
	if _, err = draft.Commit(x.ctx, store.Absent); err != nil {
		_ = draft.Abort(x.ctx)
	}
	return err
}

// lockClient is whose locks are counted together.
func (x *exchange) lockClient() string {
	if user := x.principal(x.r); user != "" {
		return "user " + user
	}
	return "address " + addressOf(x.r)
}

// refreshLock restarts the time of the lock whose token stands in If (§9.10.2). Depth is ignored.
func (x *exchange) refreshLock() error {
	c, err := x.locks.condition(x.r)
	if err != nil {
		return err
	}
	tokens := c.header.Tokens()
	if len(tokens) == 0 {
		return condhttp.NewProblem(http.StatusBadRequest, "lock-without-content",
			"a LOCK without content refreshes a lock, and the request does not say which (RFC 4918 §9.10.2)",
			"send the token: If: (<urn:uuid:...>); to make a lock, send a lockinfo element")
	}
	if err := c.check(x.now); err != nil {
		return matching(err)
	}
	covering := x.locks.table.Covering(x.now, x.name)
	covering = slices.DeleteFunc(covering, func(l lock.Lock) bool { return !slices.Contains(tokens, l.Token) })
	if len(covering) != 1 {
		return matching(condhttp.NewProblem(http.StatusPreconditionFailed, "if-not-locked",
			strconv.Itoa(len(covering))+" of the tokens sent are those of locks on this resource, and one lock can be refreshed at a time",
			"send one token of a lock on it"))
	}
	l, err := x.locks.table.Refresh(x.ctx, x.now, x.name, covering[0].Token, x.principal(x.r), lock.ReadTimeout(x.r.Header["Timeout"]))
	switch {
	case errors.Is(err, lock.ErrNotCreator):
		return errNotCreator
	case errors.Is(err, lock.ErrNoLock):
		return matching(errLockEnded)
	case err != nil:
		return err
	}
	x.sendLock(http.StatusOK, l)
	return nil
}

var (
	errNotCreator = condhttp.NewProblem(http.StatusForbidden, "lock-of-another",
		"the lock belongs to another user (RFC 4918 §6.4)", "ask that user to end it, or wait until it ends by itself")
	errLockEnded = condhttp.NewProblem(http.StatusPreconditionFailed, "if-not-locked",
		"the lock has just ended", "look whether the resource has changed, and lock it again")
)

// matching adds to a 412 of a refresh which condition it is that does not hold (§9.10.6).
func matching(err error) error {
	p, ok := errors.AsType[*condhttp.Problem](err)
	if !ok || p.Status != http.StatusPreconditionFailed {
		return err
	}
	own := *p
	own.Condition = &condhttp.Condition{Name: "lock-token-matches-request-uri"}
	return &own
}

// sendLock answers a LOCK: "MUST contain a body with the value of the DAV:lockdiscovery property in a prop XML
// element" (§9.10.1). Other locks on the resource are left out, as clients take the first for theirs.
func (x *exchange) sendLock(status int, l lock.Lock) {
	x.header["Content-Type"] = []string{davxml.ContentType}
	x.header["Cache-Control"] = []string{"no-store"} // §9.10: "Responses to this method MUST NOT be cached"
	x.writeHeader(status)
	to := &counter{ResponseWriter: x.w}
	w := davxml.NewWriter(to)
	w.Open("prop")
	w.Open("lockdiscovery")
	writeLock(w, &l, x.now)
	x.sent(w, to, nil)
}

// discover writes the value of lockdiscovery of a name (§15.8): an activelock for each lock on it.
func (a *admission) discover(w *davxml.Writer, name string) {
	now := a.options.now()
	for _, l := range a.table.Covering(now, name) {
		writeLock(w, &l, now)
	}
}

// writeLock writes an activelock (§14.1).
func writeLock(w *davxml.Writer, l *lock.Lock, now time.Time) {
	scope, depth := "exclusive", "0"
	if l.Shared {
		scope = "shared"
	}
	if l.Infinite {
		depth = "infinity"
	}
	w.Open("activelock")
	w.Open("locktype")
	w.Empty("write")
	w.Close()
	w.Open("lockscope")
	w.Empty(scope)
	w.Close()
	w.Element("depth", depth)
	w.Fragment(l.Owner)
	w.Element("timeout", "Second-"+strconv.FormatInt(int64(l.Expires.Sub(now).Round(time.Second)/time.Second), 10))
	for _, e := range [...][2]string{{"locktoken", l.Token}, {"lockroot", rootPath(l)}} {
		w.Open(e[0])
		w.Element("href", e[1])
		w.Close()
	}
	w.Close()
}
