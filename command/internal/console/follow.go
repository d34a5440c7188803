package console

import (
	"context"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

// Follow shows what access logs say, and goes on with the one that was changed last until ctx is done. See [accesslog.Open] for
// what names may be. ready is called when they are open. The error says what could not be read.
func (c *Console) Follow(ctx context.Context, names []string, o accesslog.Options, ready func()) error {
	o.Follow, o.Stop = true, ctx.Done()
	r, err := accesslog.Open(names, o)
	if err != nil {
		return err
	}
	ready()
	for line := range r.Entries(context.WithoutCancel(ctx)) {
		c.enter(line)
	}
	return r.Err()
}

// enter counts a line. What is not remarkable and comes too fast is only counted.
func (c *Console) enter(line *accesslog.Entry) {
	status := line.Status()
	if status == 0 {
		return
	}
	k := kindOf(line.Text(accesslog.Method), status)
	n := c.counts[k].Add(1)
	every := c.every.Load()
	at := line.Time()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.IsZero() {
		if at.After(c.newest) {
			c.newest, c.offset = at, max(c.options.Now().Sub(at), 0)
		}
		c.series.add(at, k, 1)
	}
	if k < failedPrecondition && k != written && every > 1 && n%every != 0 {
		return
	}
	c.see(eventOfEntry(line))
}
