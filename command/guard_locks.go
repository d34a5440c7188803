package command

import (
	"context"
	"errors"
	"slices"

	"github.com/fourtwelve/fourtwelve/command/internal/guardconfig"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/guard/pglock"
)

// openLocks connects to where the locks of writes are kept, if that is not this process.
func (p *guardPlan) openLocks(ctx context.Context) (stop func(), err error) {
	if p.config.Locks == "" {
		return func() {}, nil
	}
	locks, err := pglock.Open(ctx, p.config.Locks)
	if err != nil {
		return nil, err
	}
	p.locks = locks
	return locks.Close, nil
}

// checkShared refuses what does not hold for several guards: what one of them keeps the others do not forget. Locks stay where they
// were when the guard started, as writes may hold them.
func (p *guardPlan) checkShared(c *guardconfig.Config) error {
	coherent := func(r guard.Route) bool { return r.Cache == guard.CacheCoherent }
	switch {
	case c.Locks != p.config.Locks:
		return errors.New("locks cannot be kept elsewhere while the guard runs: restart all guards that share them")
	case c.Locks != "" && slices.ContainsFunc(c.Guard.Routes, coherent):
		return errors.New("a coherent cache is for one guard: it would not see a write through another one of those that share locks; " +
			"use cache on, which keeps what the backend allows")
	}
	return nil
}
