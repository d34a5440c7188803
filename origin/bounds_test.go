package origin

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/content/budget"
	"github.com/fourtwelve/fourtwelve/internal/content/patch"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// crowded is a store with one collection of n members.
type crowded struct {
	store.Store
	n     int
	walks atomic.Int64
	wait  chan struct{} // if not nil, List waits for it
}

func (c *crowded) Stat(_ context.Context, name string) (store.Info, error) {
	if name != "" {
		return store.Info{}, store.ErrNotFound
	}
	return store.Info{Collection: true}, nil
}

func (c *crowded) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		c.walks.Add(1)
		if c.wait != nil {
			<-c.wait
		}
		for i := range c.n {
			if !yield(store.Info{Name: fmt.Sprintf("file-%08d.txt", i), Size: 5, Modified: time.Unix(1e9, 0)}, nil) {
				return
			}
		}
	}
}

func handlerOf(t testing.TB, o Options) *Handler {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// sink is a client that counts what it gets.
type sink struct {
	header http.Header
	status int
	n      int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.n += len(p); return len(p), nil }

func ask(h http.Handler, method string, fields ...string) (s *sink, allocated int64) {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	s = &sink{header: http.Header{}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.ServeHTTP(s, r)
	runtime.ReadMemStats(&after)
	return s, int64(after.TotalAlloc - before.TotalAlloc)
}

// TestListingsAreNotHeld: a listing is never in memory as a whole, and HEAD and 304 do not
// even make it, once its tag is known.
func TestListingsAreNotHeld(t *testing.T) {
	const members = 20_000
	for _, accept := range []string{"text/html", "application/json"} {
		h := handlerOf(t, Options{Store: &crowded{n: members}})
		first, cost := ask(h, "GET", "Accept", accept)
		// What the members take: the store's own strings, those of the list, and one that grows.
		const most = members * 400
		if first.status != 200 || first.n < members*80 || cost > most {
			t.Errorf("%s: GET: %d, %d bytes of content, and %d allocated; at most %d are allowed", accept, first.status, first.n, cost, most)
		}
		head, cost := ask(h, "HEAD", "Accept", accept)
		const least = members * 350 // the race detector takes 20 of these
		if head.header.Get("Content-Length") != fmt.Sprint(first.n) || head.header.Get("Etag") != first.header.Get("Etag") || cost > least {
			t.Errorf("%s: HEAD: %v, and %d bytes allocated; at most %d are allowed", accept, head.header, cost, least)
		}
		same, cost := ask(h, "GET", "Accept", accept, "If-None-Match", first.header.Get("Etag"))
		if same.status != 304 || cost > least {
			t.Errorf("%s: with its tag: %d, and %d bytes allocated; at most %d are allowed", accept, same.status, cost, least)
		}
		part, _ := ask(h, "GET", "Accept", accept, "Range", "bytes=1000-1099")
		if part.status != 206 || part.n != 100 {
			t.Errorf("%s: a part: %d, %d bytes", accept, part.status, part.n)
		}
		if used := h.memory.working.Used(); used != 0 {
			t.Errorf("%s: %d bytes are still counted as held", accept, used)
		}
	}
}

// TestListingsShareWalks: of a crowd of requests for a large collection the first goes
// through it, and then one for all others, who must not see what was before them.
func TestListingsShareWalks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &crowded{n: 3, wait: make(chan struct{})}
		h := handlerOf(t, Options{Store: files})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if s, _ := ask(h, "GET"); s.status != 200 {
					t.Errorf("got %d", s.status)
				}
			})
			synctest.Wait()
		}
		close(files.wait)
		group.Wait()
		if n := files.walks.Load(); n != 2 {
			t.Errorf("%d walks for 20 requests", n)
		}
		if len(h.listings.walks) != 0 || h.memory.working.Used() != 0 {
			t.Errorf("left over: %v, and %d bytes", h.listings.walks, h.memory.working.Used())
		}
	})
}

// TestListingWithoutMemory: a collection that does not fit is refused for the time being.
func TestListingWithoutMemory(t *testing.T) {
	h := handlerOf(t, Options{Store: &crowded{n: 20_000}, MaxMemory: 2 << 20})
	s, _ := ask(h, "GET")
	if s.status != http.StatusServiceUnavailable || s.header.Get("Retry-After") == "" {
		t.Errorf("got %d, %v", s.status, s.header)
	}
	if used := h.memory.working.Used(); used != 0 {
		t.Errorf("%d bytes are still counted as held", used)
	}
}

func patchRequest(path, document string) *http.Request {
	r := httptest.NewRequest("PATCH", path, strings.NewReader(document))
	r.Header.Set("Content-Type", "application/json-patch+json")
	return r
}

const aPatch = `[{"op":"add","path":"/0","value":1}]`

// TestPatchWaitsForMemory, is refused when it waits in vain, and keeps nothing.
func TestPatchWaitsForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := memstore.New(memstore.Options{})
		h := handlerOf(t, Options{Store: files, Require: RequireNever})
		put(t, files, "a.json", "[]")
		for what, b := range map[string]*budget.Budget{"the document": h.memory.arriving, "the work": h.memory.working} {
			all, err := b.Take(t.Context(), 1<<40)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, patchRequest("/a.json", aPatch))
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" ||
				!strings.Contains(w.Body.String(), "out-of-memory") {
				t.Errorf("%s: got %d %v %s", what, w.Code, w.Header(), w.Body)
			}
			late := httptest.NewRecorder()
			done := make(chan struct{})
			go func() { h.ServeHTTP(late, patchRequest("/a.json", aPatch)); close(done) }()
			synctest.Wait()
			b.Give(all)
			<-done
			if late.Code != http.StatusNoContent {
				t.Errorf("%s: one that waited: got %d %s", what, late.Code, late.Body)
			}
		}
		if a, w := h.memory.arriving.Used(), h.memory.working.Used(); a != 0 || w != 0 {
			t.Errorf("%d and %d bytes are still counted as held", a, w)
		}
	})
}

func put(t *testing.T, files store.Store, name, content string) {
	t.Helper()
	d, err := files.Stage(t.Context(), name, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(t.Context(), store.Any); err != nil {
		t.Fatal(err)
	}
}

// TestPatchesTogether: however many patch at once, they hold no more than is allowed, one
// after the other if need be.
func TestPatchesTogether(t *testing.T) {
	files := memstore.New(memstore.Options{})
	bomb := "[" + strings.Repeat("[],", 200_000) + "[]]"
	need := int64(len(bomb)) + patch.Memory(int64(len(bomb)), int64(len(aPatch)))
	h := handlerOf(t, Options{Store: files, Require: RequireNever, MaxMemory: 2 * need})
	var group sync.WaitGroup
	for i := range 8 {
		name := fmt.Sprintf("bomb%d.json", i)
		put(t, files, name, bomb)
		group.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, patchRequest("/"+name, aPatch))
			switch w.Code {
			case http.StatusNoContent:
			case http.StatusServiceUnavailable: // this machine was too slow for it
				t.Logf("%s: %s", name, w.Body)
			default:
				t.Errorf("%s: got %d %s", name, w.Code, w.Body)
			}
			if used := h.memory.working.Used(); used > 2*need {
				t.Errorf("%d bytes are held", used)
			}
		})
	}
	group.Wait()
	if used := h.memory.working.Used() + h.memory.arriving.Used(); used != 0 {
		t.Errorf("%d bytes are still counted as held", used)
	}
}

// TestGeneratedParts: each part of content that is made while it is sent is that of the
// whole.
func TestGeneratedParts(t *testing.T) {
	whole := strings.Repeat("0123456789", 5)
	g := &generated{func(w io.Writer) error {
		for i := 0; i < len(whole); i += 7 {
			if _, err := io.WriteString(w, whole[i:min(i+7, len(whole))]); err != nil {
				return err
			}
		}
		return nil
	}}
	for off := range len(whole) + 1 {
		for n := range len(whole) - off + 1 {
			var b strings.Builder
			sent, err := g.WriteRange(&b, int64(off), int64(n))
			if err != nil || sent != int64(n) || b.String() != whole[off:off+n] {
				t.Fatalf("%d bytes from %d: %q, %d, %v", n, off, b.String(), sent, err)
			}
		}
	}
}
