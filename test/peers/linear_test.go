package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// lives is how often a backend is started. All but its last life end by a kill while
// requests are under way.
const lives = 4

// TestGuardedHistoriesAreLinearizable: whatever clients do at the same time, there is
// an order of their requests in which each answer is right. Half of them come through
// a guard that has taken the place of the other's, as when a configuration is
// read again: the two share their locks. When the backend is killed in the middle of
// everything, it is started again, and so are the guards, which remember nothing.
func TestGuardedHistoriesAreLinearizable(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			dir := writableDir(t)
			s := b.start(t, dir)
			for seed := range uint64(3) {
				var h storetest.History
				w := workload(seed)
				for life := range lives {
					clients := guardedClients(t, s, dir)
					if life == lives-1 {
						w.Run(t.Context(), &h, clients)
						break
					}
					runUntilKilled(t, &h, w, clients, s.process)
					h.Settle() // what the backend has not done it never will
					s.process.start(t)
				}
				storetest.Check(t, &h)
			}
		})
	}
}

// TestHistoriesAloneAreNot: the same clients are not told the truth by backends
// that do not know of preconditions.
func TestHistoriesAloneAreNot(t *testing.T) {
	for _, b := range backends {
		if b.name == "Apache" {
			continue // it knows of them, and it is luck when it is wrong
		}
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			dir := writableDir(t)
			s := newSubject(t, b.start(t, dir), dir)
			var h storetest.History
			workload(1).Run(t.Context(), &h, clientsOf(s, new(sync.Map), 4))
			judged := &verdict{TB: t}
			if storetest.Check(judged, &h); !judged.failed {
				t.Error("the history is linearizable")
			}
		})
	}
}

// workload is for two registers that have not been used.
func workload(seed uint64) storetest.Workload {
	n := names.Add(1)
	return storetest.Workload{Names: []string{fmt.Sprintf("%d-a.txt", n), fmt.Sprintf("%d-b.txt", n)}, Seed: seed, Values: 3}
}

// verdict keeps what a check says from the test.
type verdict struct {
	testing.TB
	failed bool
}

func (v *verdict) Errorf(string, ...any) { v.failed = true }

// guardedClients are two groups of clients, each with its own guard, and no more.
func guardedClients(t *testing.T, s server, dir string) []storetest.Client {
	shared, values := guard.NewShared(nil), new(sync.Map)
	t.Cleanup(shared.Close)
	var clients []storetest.Client
	for range 2 {
		g := startGuard(t, s, func(o *guard.Options) { o.Shared = shared })
		clients = append(clients, clientsOf(newSubject(t, g, dir), values, 2)...)
	}
	return clients
}

func clientsOf(s *subject, values *sync.Map, n int) []storetest.Client {
	clients := make([]storetest.Client, n)
	for i := range clients {
		clients[i] = &registerClient{s: s, values: values, last: make(map[string]string)}
	}
	return clients
}

// runUntilKilled runs a workload in which a client, halfway, kills the backend.
func runUntilKilled(t *testing.T, h *storetest.History, w storetest.Workload, clients []storetest.Client, p *process) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var begun atomic.Int64
	for i, c := range clients {
		clients[i] = doing(func(ctx context.Context, op storetest.Op) storetest.Result {
			if begun.Add(1) == 50 {
				p.kill()
				stop()
			}
			return c.Do(ctx, op)
		})
	}
	w.Run(ctx, h, clients)
	p.kill() // if there were too few operations
}

type doing func(context.Context, storetest.Op) storetest.Result

func (do doing) Do(ctx context.Context, op storetest.Op) storetest.Result { return do(ctx, op) }

// registerClient performs operations by HTTP. A value stands for the content that
// contentOf makes of it, and a condition on it is a precondition on the content tag.
type registerClient struct {
	s      *subject
	values *sync.Map         // by content tag, of all clients
	last   map[string]string // by name: the value last read
	reads  int
}

func tagOf(value string) string { return etag.Of([]byte(contentOf(value))).String() }

func (c *registerClient) Do(_ context.Context, op storetest.Op) storetest.Result {
	method, content := map[storetest.Kind]string{storetest.Read: "GET", storetest.Write: "PUT", storetest.Delete: "DELETE"}[op.Kind], ""
	if op.Kind == storetest.Write {
		content = contentOf(op.Value)
		c.values.Store(tagOf(op.Value), op.Value)
	}
	r, err := c.s.try(method, op.Name, content, c.fields(op)...)
	if err != nil { // the guard always answers, but a backend that was killed does not
		c.s.t.Errorf("%v: %v", op, err)
		return storetest.Result{}
	}
	return c.understand(op, r)
}

// fields returns the precondition. Every other read has one, too.
func (c *registerClient) fields(op storetest.Op) []string {
	if op.Kind == storetest.Read {
		if c.reads++; c.reads%2 == 0 && c.last[op.Name] != "" {
			return []string{"If-None-Match: " + tagOf(c.last[op.Name])}
		}
		return nil
	}
	switch {
	case op.If.IsAnything():
		return nil
	case op.If.Value() == "":
		return []string{"If-None-Match: *"}
	}
	return []string{"If-Match: " + tagOf(op.If.Value())}
}

// understand takes every answer by its word.
func (c *registerClient) understand(op storetest.Op, r reply) storetest.Result {
	switch {
	case r.status/100 == 5:
		return c.failed(op, r)
	case op.Kind == storetest.Read:
		return c.read(op, r)
	case r.done():
		return storetest.Result{Outcome: storetest.Done}
	case r.status == http.StatusNotFound:
		return storetest.Result{Outcome: storetest.NotFound}
	case r.status == http.StatusPreconditionFailed:
		return c.refused(r)
	case r.status == http.StatusForbidden && op.Kind == storetest.Delete && op.If.IsAnything():
		// By Apache, if the file goes away between its look and its removing it. Writes without a
		// precondition are not kept apart; one with a precondition must never see this.
		return storetest.Result{Outcome: storetest.Failed}
	}
	c.s.t.Errorf("%v: %d\n%s", op, r.status, r.body)
	return storetest.Result{}
}

func (c *registerClient) read(op storetest.Op, r reply) storetest.Result {
	switch r.status {
	case http.StatusNotFound:
		return storetest.Result{Outcome: storetest.Done}
	case http.StatusNotModified:
		return storetest.Result{Outcome: storetest.Done, Value: c.last[op.Name]}
	case http.StatusForbidden: // by Apache, if the file goes away between its look and its opening it
		return storetest.Result{Outcome: storetest.Failed}
	}
	value, whole := valueOf(r.body)
	if !whole || r.status != http.StatusOK {
		c.s.t.Errorf("%v: %d with content that nobody wrote", op, r.status)
		return storetest.Result{Outcome: storetest.Failed}
	}
	c.last[op.Name] = value
	return storetest.Result{Outcome: storetest.Done, Value: value}
}

// refused takes the current state from a 412.
func (c *registerClient) refused(r reply) storetest.Result {
	if r.tag() == "" {
		return storetest.Result{Outcome: storetest.Conflict, Seen: true}
	}
	value, known := c.values.Load(r.tag())
	if !known { // the backend's own tag, which the guard has come to trust, or from an earlier life
		return storetest.Result{Outcome: storetest.Conflict}
	}
	return storetest.Result{Outcome: storetest.Conflict, Seen: true, Value: value.(string)}
}

// harmless are reasons by which the guard says that nothing was changed.
var harmless = map[string]bool{"backend-unreachable": true, "cannot-check": true, "busy": true}

// failed believes the guard if it says that nothing was changed.
func (c *registerClient) failed(op storetest.Op, r reply) storetest.Result {
	var problem struct{ Reason string }
	if err := json.Unmarshal([]byte(r.body), &problem); op.Kind == storetest.Read || err == nil && harmless[problem.Reason] {
		return storetest.Result{Outcome: storetest.Failed}
	}
	return storetest.Result{}
}
