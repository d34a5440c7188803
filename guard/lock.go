package guard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
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
// unlock is called exactly once, from any goroutine. A lock that can be lost is that of a
// [FencedLocker].
type Locker interface {
	Lock(ctx context.Context, key string, shared bool) (unlock func(), err error)
}

// FencedLocker is implemented by a Locker whose locks can be lost while they are held: a lease runs out, or
// the connection breaks that the lock lives by.
//
// held asks whoever keeps the lock. It returns nil only if the lock was held without a break from the return of
// LockFenced to some moment during this call. The guard calls it when the backend has answered, before the client is
// told of a success: so of two writes on one state at most one is reported as done. After an
// error the outcome is reported as unknown. Any goroutine may call it, before unlock.
type FencedLocker interface {
	Locker
	LockFenced(ctx context.Context, key string, shared bool) (unlock func(), held func(context.Context) error, err error)
}

// lock takes the lock of the target, and of the destination of MOVE and COPY. If it cannot be had, there is an answer.
func (x *exchange) lock(shared bool) (unlock func(), busy answer) {
	began := time.Now()
	defer func() { x.lockWait = time.Since(began) }()
	if unlock := x.shared.tryLock(x.lockKeys, shared); unlock != nil {
		return unlock, nil
	}
	ctx := x.r.Context()
	if d := x.route.Timeouts.Lock; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errLockTimeout)
		defer cancel()
	}
	var held []func()
	unlock = func() {
		for _, release := range held {
			release()
		}
	}
	for _, key := range x.lockKeys {
		release, err := x.lockOne(ctx, key, shared)
		if err != nil {
			unlock()
			return nil, x.locked(err)
		}
		held = append(held, release)
	}
	return unlock, nil
}

// lockOne takes one lock, and notes how to find out whether it is still held.
func (x *exchange) lockOne(ctx context.Context, key string, shared bool) (unlock func(), err error) {
	l, ok := x.shared.locker.(FencedLocker)
	if !ok {
		return x.shared.locker.Lock(ctx, key, shared)
	}
	unlock, held, err := l.LockFenced(ctx, key, shared)
	if err == nil {
		x.fences = append(x.fences, held)
	}
	return unlock, err
}

// fencePatience is how long the service that keeps the locks may take to say whether they are still held.
const fencePatience = 5 * time.Second

// confirm asks whether all locks were held until now. If not, another write may have come in between.
func (x *exchange) confirm() error {
	if len(x.fences) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), fencePatience)
	defer cancel()
	for _, held := range x.fences {
		if err := held(ctx); err != nil {
			return fmt.Errorf("%w: %w", errLockLost, err)
		}
	}
	return nil
}

var errLockLost = errors.New("the lock on the resource was lost while the backend was at work")

// tryLock takes a single lock that is free, with nothing to wait or set a timer for; nil if it has to
// be waited for.
func (s *Shared) tryLock(keys []string, shared bool) (unlock func()) {
	if l, ok := s.locker.(*turn.Locks); ok && len(keys) == 1 {
		unlock, _ = l.TryLock(keys[0], shared)
	}
	return unlock
}

var errLockTimeout = errors.New("the writes before this one took too long")

// locked is the answer where a lock cannot be had.
func (x *exchange) locked(err error) answer {
	x.err = err
	switch {
	case errors.Is(err, errLockTimeout), errors.Is(err, ErrBusy):
		return refusal(condhttp.NewProblem(http.StatusServiceUnavailable, reasonBusy,
			"too many writes to this resource are under way; nothing was changed", "try again"))
	case x.r.Context().Err() != nil:
		return failed{err}
	}
	return refusal(condhttp.NewProblem(http.StatusServiceUnavailable, "no-lock",
		"the lock on this resource cannot be had; nothing was changed", "try again later"))
}

// nameLocks finds the keys of what the request writes to, and of what it depends on. They are sorted, so that two requests
// never wait for each other.
func (x *exchange) nameLocks(out *http.Request) {
	x.key = turn.Key(x.route.backend.Host, out.URL.Path)
	x.keys = []string{x.key}
	if x.destination != nil {
		x.keys = append(x.keys, x.route.keyOf(x.destination.url))
		slices.Sort(x.keys)
		x.keys = slices.Compact(x.keys)
	}
	x.lockKeys = x.keys
	for _, l := range x.ifLists {
		if l.hasTag() {
			x.lockKeys = append(slices.Clip(x.lockKeys), x.route.keyOf(l.about))
		}
	}
	if len(x.lockKeys) > len(x.keys) {
		slices.Sort(x.lockKeys)
		x.lockKeys = slices.Compact(x.lockKeys)
	}
}
