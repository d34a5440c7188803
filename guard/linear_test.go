package guard_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// TestHistoriesAreLinearizable: whatever two groups of clients do at the same time at
// two guards that share their locks, in front of a backend that knows no preconditions,
// and though the backend dies and the guards' configurations are replaced in between, there is an
// order of their requests in which each answer is right. So it is with a cache: all writes pass through it.
func TestHistoriesAreLinearizable(t *testing.T) {
	for _, mode := range []guard.CacheMode{guard.CacheOff, guard.CacheOn, guard.CacheCoherent} {
		t.Run("cache "+mode.String(), func(t *testing.T) { testHistories(t, mode) })
	}
}

func testHistories(t *testing.T, mode guard.CacheMode) {
	b := &mortal{files: make(map[string]string)}
	if mode == guard.CacheOn {
		b.control = "max-age=600"
	}
	origin := httptest.NewServer(b)
	t.Cleanup(origin.Close)
	shared := guard.NewShared(nil)
	t.Cleanup(shared.Close)
	groups := [2]*group{newGroup(t, origin.URL, shared, mode), newGroup(t, origin.URL, shared, mode)}
	b.onWrite = func(n int64) {
		if n%17 == 0 {
			groups[n%2].swap()
		}
	}
	for seed := range uint64(20) {
		var h storetest.History
		clients := make([]storetest.Client, 4)
		for i := range clients {
			clients[i] = &linearClient{t: t, group: groups[i%2], last: make(map[string]string)}
		}
		name := func(s string) string { return fmt.Sprintf("/%d-%s.txt", seed, s) } // registers are empty at first
		w := storetest.Workload{Names: []string{name("a"), name("b")}, Seed: seed, Values: 3}
		w.Run(t.Context(), &h, clients)
		storetest.Check(t, &h)
	}
	t.Logf("%d reads at the backend, %d writes", b.reads.Load(), b.writes)
	if mode != guard.CacheOff && shared.Usage().Cache.Evicted == 0 {
		t.Error("nothing has given way")
	}
	if b.deaths.Load() == 0 || groups[0].swaps.Load() == 0 || groups[1].swaps.Load() == 0 {
		t.Errorf("%d deaths, %d and %d swaps", b.deaths.Load(), groups[0].swaps.Load(), groups[1].swaps.Load())
	}
}

// mortal is a backend that now and then dies: before a write has been stored, or
// after it, before it is answered. What else is under way dies with it.
type mortal struct {
	mu      sync.Mutex
	files   map[string]string
	life    int64
	writes  int64
	deaths  atomic.Int64
	onWrite func(n int64)
	control string // Cache-Control of what it has
	reads   atomic.Int64
}

func (b *mortal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	life := b.life
	b.mu.Unlock()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	for range 20 {
		runtime.Gosched()
	}
	status, body, n := b.perform(r, string(content), life)
	if n > 0 {
		b.onWrite(n)
	}
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	if r.Method == "GET" || r.Method == "HEAD" {
		b.reads.Add(1)
		if b.control != "" {
			w.Header().Set("Cache-Control", b.control)
		}
	}
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// perform returns the status 0 if the backend died.
func (b *mortal) perform(r *http.Request, content string, life int64) (status int, body string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, exists := b.files[r.URL.Path]
	reads := r.Method == "GET" || r.Method == "HEAD"
	switch {
	case b.life != life:
		return 0, "", 0
	case reads && exists:
		return 200, old, 0
	case reads || r.Method == "DELETE" && !exists:
		return 404, "no such file", 0
	}
	b.writes++
	n = b.writes
	if n%23 == 0 {
		b.die()
		return 0, "", n
	}
	status = 204
	if r.Method == "DELETE" {
		delete(b.files, r.URL.Path)
	} else {
		b.files[r.URL.Path] = content
	}
	if n%19 == 0 {
		b.die()
		return 0, "", n
	}
	return status, "", n
}

func (b *mortal) die() {
	b.life++
	b.deaths.Add(1)
}

// group is a guard of which the handler can be replaced, as when its configuration is
// read again.
type group struct {
	t       *testing.T
	options guard.Options
	current atomic.Pointer[guard.Handler]
	swaps   atomic.Int64
	url     string
	client  *http.Client
}

func newGroup(t *testing.T, backend string, shared *guard.Shared, mode guard.CacheMode) *group {
	t.Helper()
	u, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	g := &group{t: t, options: guard.Options{Routes: []guard.Route{{Backend: u, Cache: mode}}, Shared: shared}}
	g.options.CacheMemory = 8 << 10 // for a handful, so that what is stored gives way all the time
	g.swap()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.current.Load().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	g.url, g.client = server.URL, server.Client()
	return g
}

func (g *group) swap() {
	h, err := guard.New(g.options)
	if err != nil {
		g.t.Error(err)
		return
	}
	g.current.Store(h)
	g.swaps.Add(1)
}

// linearClient performs operations by HTTP. A value stands for content made by
// storetest.Expand, and the condition on it is a precondition on its tag.
type linearClient struct {
	t     *testing.T
	group *group
	reads int
	last  map[string]string // by name: the content last seen
}

func contentOf(value string) string { return storetest.Expand(value, 300) }

func tagOf(value string) string { return etag.Of([]byte(contentOf(value))).String() }

func (c *linearClient) Do(_ context.Context, op storetest.Op) storetest.Result {
	fields := map[string]string{}
	switch {
	case op.Kind == storetest.Read || op.If.IsAnything():
	case op.If.Value() == "":
		fields["If-None-Match"] = "*"
	default:
		fields["If-Match"] = tagOf(op.If.Value())
	}
	switch op.Kind {
	case storetest.Write:
		return c.write(op, "PUT", contentOf(op.Value), fields)
	case storetest.Delete:
		return c.write(op, "DELETE", "", fields)
	}
	return c.read(op, fields)
}

func (c *linearClient) write(op storetest.Op, method, content string, fields map[string]string) storetest.Result {
	r := c.do(op, method, content, fields)
	switch {
	case r.status/100 == 2:
		if tag := r.tag(); method == "PUT" && tag != "" && tag != tagOf(op.Value) {
			c.t.Errorf("%v: ETag %s, want that of what was written", op, tag)
		}
		return storetest.Result{Outcome: storetest.Done}
	case r.status == http.StatusNotFound:
		return storetest.Result{Outcome: storetest.NotFound}
	case r.status == http.StatusPreconditionFailed:
		return storetest.Result{Outcome: storetest.Conflict, Value: c.valueOf(op, r.tag()), Seen: true}
	case strings.Contains(r.body, "outcome-unknown"):
		return storetest.Result{Outcome: storetest.Unknown}
	}
	return c.failed(op, r)
}

// failed is for what certainly has not happened, and says so.
func (c *linearClient) failed(op storetest.Op, r response) storetest.Result {
	if r.status != http.StatusBadGateway || op.Kind != storetest.Read && !strings.Contains(r.body, "nothing was changed") {
		c.t.Errorf("%v: got %d %s", op, r.status, r.body)
	}
	return storetest.Result{Outcome: storetest.Failed}
}

func (c *linearClient) read(op storetest.Op, fields map[string]string) storetest.Result {
	method, last := "GET", c.last[op.Name]
	switch c.reads++; {
	case c.reads%3 == 1 && last != "":
		fields["If-None-Match"] = tagOf(last)
	case c.reads%3 == 2:
		method = "HEAD"
	}
	r := c.do(op, method, "", fields)
	if method == "HEAD" && r.status == http.StatusOK && r.tag() == "" { // the content was not looked at (RFC 9110 §9.3.2)
		r = c.do(op, "GET", "", fields)
	}
	switch r.status {
	case http.StatusNotFound:
		return storetest.Result{Outcome: storetest.Done}
	case http.StatusNotModified:
		return storetest.Result{Outcome: storetest.Done, Value: last}
	case http.StatusOK:
	default:
		return c.failed(op, r)
	}
	value := c.valueOf(op, r.tag())
	if method == "GET" && r.body != contentOf(value) {
		c.t.Errorf("%v: content %.20q has ETag %s, which is that of %s", op, r.body, r.tag(), value)
	}
	c.last[op.Name] = value
	return storetest.Result{Outcome: storetest.Done, Value: value}
}

// valueOf returns the value whose content has this tag, or "" for none.
func (c *linearClient) valueOf(op storetest.Op, tag string) string {
	if tag == "" {
		return ""
	}
	for client := range 4 {
		for n := range 3 {
			if value := fmt.Sprintf("c%dv%d", client, n); tagOf(value) == tag {
				return value
			}
		}
	}
	c.t.Errorf("%v: no value has ETag %s", op, tag)
	return ""
}

func (c *linearClient) do(op storetest.Op, method, content string, fields map[string]string) response {
	req, err := http.NewRequest(method, c.group.url+op.Name, strings.NewReader(content))
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range fields {
		req.Header.Set(name, value)
	}
	res, err := c.group.client.Do(req)
	if err != nil {
		c.t.Errorf("%v: %v", op, err)
		return response{}
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Errorf("%v: %v", op, err)
	}
	return response{status: res.StatusCode, Header: res.Header, body: string(data)}
}
