package trust

import (
	"net/http"
	"sync/atomic"
)

// Passing is what is known of how a backend evaluates the preconditions that are passed on to it. Some perform a write, hold its
// precondition against what is there afterwards, and refuse what they have done.
type Passing struct {
	stopped  atomic.Bool
	accepted [2]atomic.Bool // by Passed
}

// Passed is a precondition that is passed on.
type Passed uint8

// What is passed on: If-Match with the tag that the guard saw, or If-None-Match: * where it saw nothing.
const (
	IfMatchTag Passed = iota
	IfNoneMatchAny
)

// Allows reports whether a precondition is passed on. Of PUT and DELETE it can be seen afterwards whether they were
// performed, and so they come first.
func (p *Passing) Allows(field Passed, method string) bool {
	if p.stopped.Load() {
		return false
	}
	return CanBeSeen(method) || p.accepted[field].Load()
}

// CanBeSeen reports whether the state tells that a write was performed.
func CanBeSeen(method string) bool { return method == http.MethodPut || method == http.MethodDelete }

// Accepted reports whether the backend has accepted a write with a true precondition of this kind, though that changed the
// state: then it evaluates it before it writes.
func (p *Passing) Accepted(field Passed) bool { return p.accepted[field].Load() }

// Accepts says that it has.
func (p *Passing) Accepts(field Passed) { p.accepted[field].Store(true) }

// Stopped reports whether none is passed on any more.
func (p *Passing) Stopped() bool { return p.stopped.Load() }

// Stop says that none is to be.
func (p *Passing) Stop() { p.stopped.Store(true) }
