package origin_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// TestHistoriesAreLinearizable: whatever clients do at the same time, over TCP, with
// and without preconditions, there is an order of their requests in which each
// answer is right. Values are written again and again, so that going back to
// earlier content (A-B-A) happens.
func TestHistoriesAreLinearizable(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		srv := serve(t, origin.Options{Store: s, Require: origin.RequireNever})
		for seed := range uint64(25) {
			var h storetest.History
			name := func(s string) string { return fmt.Sprintf("/%d-%s.txt", seed, s) } // registers are empty at first
			clients := make([]storetest.Client, 4)
			for i := range clients {
				clients[i] = &httpClient{t: t, server: srv, last: make(map[string]string)}
			}
			w := storetest.Workload{Names: []string{name("a"), name("b")}, Seed: seed, Values: 3}
			w.Run(t.Context(), &h, clients)
			storetest.Check(t, &h)
		}
	})
}

// httpClient performs operations by HTTP. A value stands for content made by
// storetest.Expand, and the condition on it is a precondition on its tag.
type httpClient struct {
	t      *testing.T
	server *server
	reads  int
	last   map[string]string // by name: the content last seen
}

// valueSize is the length of contents, in bytes, but for a few more.
const valueSize = 700

func contentOfValue(value string) string { return storetest.Expand(value, valueSize) }

func tagOfValue(value string) string { return etag.Of([]byte(contentOfValue(value))).String() }

func (c *httpClient) Do(_ context.Context, op storetest.Op) storetest.Result {
	var fields []string
	switch {
	case op.Kind == storetest.Read || op.If.IsAnything():
	case op.If.Value() == "":
		fields = []string{"If-None-Match: *"}
	default:
		fields = []string{"If-Match: " + tagOfValue(op.If.Value())}
	}
	switch op.Kind {
	case storetest.Write:
		return c.write(op, fields)
	case storetest.Delete:
		return c.delete(op, fields)
	}
	return c.read(op)
}

// read looks in one of several ways, in turn.
func (c *httpClient) read(op storetest.Op) storetest.Result {
	method, fields, last := "GET", []string(nil), c.last[op.Name]
	switch c.reads++; {
	case c.reads%3 == 1 && last != "":
		fields = []string{"If-None-Match: " + tagOfValue(last)}
	case c.reads%3 == 2:
		method = "HEAD"
	}
	r := c.do(op, method, "", fields)
	switch {
	case r.status == http.StatusNotFound:
		return storetest.Result{Outcome: storetest.Done}
	case r.status == http.StatusNotModified:
		return storetest.Result{Outcome: storetest.Done, Value: last}
	case r.status != http.StatusOK:
		c.t.Errorf("%v: status %d", op, r.status)
		return storetest.Result{Outcome: storetest.Failed}
	}
	value := c.valueOf(op, r.etag())
	if method == "GET" && r.body != contentOfValue(value) {
		c.t.Errorf("%v: content %.20q has ETag %s, which is that of %s", op, r.body, r.etag(), value)
	}
	c.last[op.Name] = value
	return storetest.Result{Outcome: storetest.Done, Value: value}
}

func (c *httpClient) write(op storetest.Op, fields []string) storetest.Result {
	r := c.do(op, "PUT", contentOfValue(op.Value), fields)
	switch r.status {
	case http.StatusCreated, http.StatusNoContent:
		if r.etag() != tagOfValue(op.Value) {
			c.t.Errorf("%v: ETag %s, want that of what was written, %s", op, r.etag(), tagOfValue(op.Value))
		}
		return storetest.Result{Outcome: storetest.Done}
	}
	return c.refused(op, r)
}

func (c *httpClient) delete(op storetest.Op, fields []string) storetest.Result {
	r := c.do(op, "DELETE", "", fields)
	switch r.status {
	case http.StatusNoContent:
		return storetest.Result{Outcome: storetest.Done}
	case http.StatusNotFound:
		return storetest.Result{Outcome: storetest.NotFound}
	}
	return c.refused(op, r)
}

// refused takes a 412 by its word, the current tag included.
func (c *httpClient) refused(op storetest.Op, r response) storetest.Result {
	if r.status != http.StatusPreconditionFailed {
		c.t.Errorf("%v: status %d\n%s", op, r.status, r.body)
		return storetest.Result{Outcome: storetest.Failed}
	}
	seen := storetest.Result{Outcome: storetest.Conflict, Seen: true}
	if r.etag() != "" {
		seen.Value = c.valueOf(op, r.etag())
	}
	return seen
}

func (c *httpClient) do(op storetest.Op, method, content string, fields []string) response {
	r, err := c.server.try(method, op.Name, content, fields...)
	if err != nil {
		c.t.Errorf("%v: %v", op, err)
	}
	return r
}

// valueOf finds the value by the tag of its content. There are few.
func (c *httpClient) valueOf(op storetest.Op, tag string) string {
	for client := range 4 {
		for n := range 3 {
			if value := fmt.Sprintf("c%dv%d", client, n); tagOfValue(value) == tag {
				return value
			}
		}
	}
	c.t.Errorf("%v: ETag %s is that of nothing that was written", op, tag)
	return ""
}
