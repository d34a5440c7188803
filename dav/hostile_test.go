package dav_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// handlerOf is a handler over s.
func handlerOf(t testing.TB, s store.Store) *dav.Handler {
	t.Helper()
	h, err := dav.New(dav.Options{Require: origin.RequireNever, Origin: origin.Options{Store: s}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// send has h answer a request, whose fields are lines such as "Depth: 0".
func send(h http.Handler, method, path, content string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(content))
	for _, line := range fields {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const updateOpen, updateEnd = `<D:propertyupdate xmlns:D="DAV:"`, `</D:propertyupdate>`

// setting is a PROPPATCH document that sets n properties.
func setting(n int, value string) string {
	var b strings.Builder
	b.WriteString(updateOpen + "><D:set><D:prop>")
	for i := range n {
		fmt.Fprintf(&b, "<p%d>%s</p%d>", i, value, i)
	}
	return b.String() + "</D:prop></D:set>" + updateEnd
}

// declaring is one that sets n properties, each of which mentions many namespaces with long names.
func declaring(n int) string {
	var b, uses strings.Builder
	b.WriteString(updateOpen)
	for i := range 200 {
		fmt.Fprintf(&b, ` xmlns:n%d="urn:%s"`, i, strings.Repeat("x", 2000))
		fmt.Fprintf(&uses, "n%d: ", i)
	}
	b.WriteString("><D:set><D:prop>")
	for i := range n {
		fmt.Fprintf(&b, "<p%d>%s</p%d>", i, uses.String(), i)
	}
	return b.String() + "</D:prop></D:set>" + updateEnd
}

// TestHostileDocuments: documents that are made to take memory or time are refused, and nothing is changed.
func TestHostileDocuments(t *testing.T) {
	entities := `<!DOCTYPE p [<!ENTITY a "` + strings.Repeat("a", 1000) + `">]><D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><p>` +
		strings.Repeat("&a;", 1000) + `</p></D:prop></D:set></D:propertyupdate>`
	for _, c := range []struct {
		name, method, content string
		want                  int
		says                  string
	}{
		{"entities", "PROPPATCH", entities, 403, "no-external-entities"},
		{"entities", "PROPFIND", entities, 403, "no-external-entities"},
		{"entities", "LOCK", entities, 403, "no-external-entities"},
		{"100,000 properties", "PROPPATCH", setting(100_000, ""), 413, "xml-too-large"},
		{"100,000 properties", "PROPFIND", `<propfind xmlns="DAV:"><prop>` + strings.Repeat("<a/>", 100_000) + "</prop></propfind>", 413,
			"xml-too-large"},
		{"more properties than are kept", "PROPPATCH", setting(1025, "x"), 507, "properties-too-large"},
		{"a property that is too long", "PROPPATCH", setting(2, strings.Repeat("x", 65<<10)), 207, "507 Insufficient Storage"},
		{"a name that is too long", "PROPPATCH", updateOpen + "><D:set><D:prop><" + strings.Repeat("x", 2000) + "/></D:prop></D:set>" +
			updateEnd, 207, "507"},
		{"namespaces that multiply", "PROPPATCH", declaring(400), 207, "507 Insufficient Storage"},
		{"a document that is too long", "PROPFIND", "<a>" + strings.Repeat("x", 2<<20), 413, "xml-too-large"},
		{"elements that are too deep", "PROPFIND", strings.Repeat("<a>", 100_000), 413, "xml-too-large"},
	} {
		t.Run(c.method+" "+c.name, func(t *testing.T) {
			s := memstore.New(memstore.Options{})
			put(t, s, "a.txt", "hello")
			h := handlerOf(t, s)
			w := send(h, c.method, "/a.txt", c.content, "Depth: 0")
			if w.Code != c.want || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("got %d, want %d that says %q:\n%.500s", w.Code, c.want, c.says, w.Body)
			}
			if set, err := s.Properties(t.Context(), "a.txt"); err != nil || len(set) > 0 {
				t.Errorf("%d properties are set, %v", len(set), err)
			}
		})
	}
}

// TestDeepTrees: a tree as deep as names can be is made, copied, moved and deleted.
func TestDeepTrees(t *testing.T) {
	h := handlerOf(t, memstore.New(memstore.Options{}))
	path := ""
	for len(path) < 4000 {
		path += "/d"
		if w := send(h, "MKCOL", path, ""); w.Code != 201 {
			t.Fatalf("MKCOL: %d", w.Code)
		}
	}
	if w := send(h, "MKCOL", path+strings.Repeat("/d", 100), ""); w.Code != 400 {
		t.Errorf("a name that is too long: %d", w.Code)
	}
	if w := send(h, "COPY", "/d", "", "Destination: /c"); w.Code != 201 {
		t.Errorf("COPY: %d", w.Code)
	}
	// All names in it would be longer than a name can be.
	long := "/" + strings.Repeat("x", 250)
	if w := send(h, "MOVE", "/c", "", "Destination: "+long); w.Code/100 != 4 {
		t.Errorf("MOVE to where the names are too long: %d", w.Code)
	}
	if w := send(h, "PROPFIND", "/c"+strings.TrimPrefix(path, "/d"), "", "Depth: 0"); w.Code != 207 {
		t.Errorf("what was not moved is gone: %d", w.Code)
	}
	for _, name := range []string{"/c", "/d"} {
		if w := send(h, "DELETE", name, ""); w.Code != 204 {
			t.Errorf("DELETE %s: %d", name, w.Code)
		}
	}
}

// waiting is a store whose listing waits after its first member.
type waiting struct {
	dav.Store
	listed, goOn chan struct{}
}

func (s *waiting) List(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for info, err := range s.Store.List(ctx, name) {
			if !yield(info, err) {
				return
			}
			close(s.listed)
			<-s.goOn
			return
		}
	}
}

// TestListingsAreStreamed: an answer begins before the listing has ended.
func TestListingsAreStreamed(t *testing.T) {
	s := memstore.New(memstore.Options{})
	put(t, s, "a.txt", "hello")
	slow := &waiting{Store: s, listed: make(chan struct{}), goOn: make(chan struct{})}
	srv := httptest.NewServer(handlerOf(t, slow))
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), "PROPFIND", srv.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Depth", "1")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	<-slow.listed // and it has not ended
	first := make([]byte, 64)
	if _, err := io.ReadFull(answer.Body, first); err != nil || !strings.HasPrefix(string(first), "<?xml") {
		t.Errorf("got %q, %v", first, err)
	}
	close(slow.goOn)
	if rest, err := io.ReadAll(answer.Body); err != nil || !strings.HasSuffix(string(rest), "</D:multistatus>\n") {
		t.Errorf("got %.200q, %v", rest, err)
	}
}

// broken is a store whose listing fails in its middle.
type broken struct{ dav.Store }

func (s broken) List(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for info, err := range s.Store.List(ctx, name) {
			if !yield(info, err) {
				return
			}
		}
		yield(store.Info{}, io.ErrUnexpectedEOF)
	}
}

// TestBrokenListingsAreCut: a client must not take half of a listing for all of it.
func TestBrokenListingsAreCut(t *testing.T) {
	s := memstore.New(memstore.Options{})
	put(t, s, "a.txt", "hello")
	srv := httptest.NewServer(handlerOf(t, broken{s}))
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), "PROPFIND", srv.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Depth", "1")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if data, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("the answer ended as if it were whole:\n%s", data)
	}
}

// TestListingsTakeLittleMemory: what an answer holds does not grow with the collection.
func TestListingsTakeLittleMemory(t *testing.T) {
	const members = 20_000
	h := handlerOf(t, &many{memstore.New(memstore.Options{}), members})
	var before, after runtime.MemStats
	held := uint64(0)
	w := &measuring{header: http.Header{}, each: func() {
		runtime.GC()
		runtime.ReadMemStats(&after)
		held = max(held, after.HeapAlloc)
	}}
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := httptest.NewRequest("PROPFIND", "/", nil)
	r.Header.Set("Depth", "1")
	h.ServeHTTP(w, r)
	if w.bytes < members*300 {
		t.Fatalf("only %d bytes were sent", w.bytes)
	}
	if grown := int64(held) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d bytes more were held while %d were sent", grown, w.bytes)
	}
}

// many is a store that lists more than it has.
type many struct {
	dav.Store
	n int
}

func (s *many) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for i := range s.n {
			if !yield(store.Info{Name: fmt.Sprintf("%06d.txt", i), Revision: 1, Size: 5}, nil) {
				return
			}
		}
	}
}

func (s *many) Properties(context.Context, string) (map[string]string, error) { return nil, nil }

// measuring is a connection that looks at the memory now and then.
type measuring struct {
	header http.Header
	bytes  int
	writes int
	each   func()
}

func (w *measuring) Header() http.Header { return w.header }

func (w *measuring) WriteHeader(int) {}

func (w *measuring) Write(p []byte) (int, error) {
	w.bytes += len(p)
	if w.writes++; w.writes%64 == 0 {
		w.each()
	}
	return len(p), nil
}

// BenchmarkPropfind lists 10,000 members.
func BenchmarkPropfind(b *testing.B) {
	s := memstore.New(memstore.Options{})
	for i := range 10_000 {
		put(b, s, fmt.Sprintf("%06d.txt", i), "hello")
	}
	h := handlerOf(b, s)
	for _, c := range []struct{ name, content string }{
		{"allprop", ""},
		{"prop", `<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getetag/><getlastmodified/></prop></propfind>`},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("PROPFIND", "/", strings.NewReader(c.content))
				r.Header.Set("Depth", "1")
				h.ServeHTTP(&measuring{header: http.Header{}, each: func() {}}, r)
			}
		})
	}
}

// TestStrangers: who was not let in learns what the server can do, and neither what there is nor who has locked it.
func TestStrangers(t *testing.T) {
	s := memstore.New(memstore.Options{})
	put(t, s, "a.txt", "hello")
	known := func(r *http.Request) bool { return r.Header.Get("X-Known") != "" }
	h := newHandler(t, s, func(o *dav.Options) { o.Known = known })
	if w := ask(h, "LOCK", "/a.txt", lockinfo, "X-Known", "yes"); w.Code != 200 {
		t.Fatalf("LOCK: %d", w.Code)
	}
	for _, path := range []string{"/", "/a.txt", "/absent"} {
		w := ask(h, "OPTIONS", path, "")
		if got, want := w.Header().Get("Allow"), ask(h, "OPTIONS", "*", "").Header().Get("Allow"); got != want || w.Code != 200 {
			t.Errorf("OPTIONS %s: %d %q, want what is said of the server: %q", path, w.Code, got, want)
		}
		if fields := fmt.Sprint(w.Header()); !strings.Contains(fields, "DAV:[1, 2, 3]") || !strings.Contains(fields, "MS-Author-Via:[DAV]") {
			t.Errorf("OPTIONS %s: %s", path, fields)
		}
	}
	if w := ask(h, "PROPFIND", "/a.txt", "", "Depth", "0"); !strings.Contains(w.Body.String(), "<D:lockdiscovery/>") {
		t.Errorf("a stranger sees a lock:\n%s", w.Body)
	}
	if w := ask(h, "PROPFIND", "/a.txt", "", "Depth", "0", "X-Known", "yes"); !strings.Contains(w.Body.String(), "<D:locktoken>") {
		t.Errorf("the lock is not shown:\n%s", w.Body)
	}
}
