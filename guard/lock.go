package guard

import (
	"context"

	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
)

// ErrBusy says that too many requests wait for the lock of a target.
var ErrBusy = turn.ErrBusy

// Locker keeps writes to one target apart. Several guards in front of one backend
// must share one, and so an implementation may live elsewhere.
//
// Lock waits until key is held: alone, or, if shared is true, together with
// others that share it. Writes with a precondition hold their target alone; others
// share it, as the order among them is for the backend to make. Waiting ends with ctx, and then
// the error is that of context.Cause, or ErrBusy if too many wait already. A
// waiter that wants the key alone must not wait for ever because others keep
// sharing it.
//
// unlock is called exactly once, from any goroutine. A lock that can be lost
// (by a lease that ran out) must be lost only after the timeouts of the routes.
type Locker interface {
	Lock(ctx context.Context, key string, shared bool) (unlock func(), err error)
}
