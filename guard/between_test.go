package guard

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/observe"
)

// keeping is a transport that keeps the content of what it fetched, and asks the backend whether that is still current.
type keeping struct {
	next http.RoundTripper

	mu      sync.Mutex
	kept    map[string]*http.Response
	content map[string][]byte
}

func (k *keeping) RoundTrip(out *http.Request) (*http.Response, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	was, name := k.kept[out.URL.Path], out.URL.Path
	if was != nil && out.Method == http.MethodGet {
		out = out.Clone(out.Context())
		out.Header["If-None-Match"] = was.Header["Etag"]
	}
	res, err := k.next.RoundTrip(out)
	switch {
	case err != nil || out.Method != http.MethodGet:
		return res, err
	case was != nil && res.StatusCode == http.StatusNotModified:
		again := *was
		again.Header, again.Body = was.Header.Clone(), storedContent{io.NopCloser(bytes.NewReader(k.content[name]))}
		return &again, nil
	}
	content, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(content))
	keep := *res
	keep.Header = res.Header.Clone()
	k.kept[name], k.content[name] = &keep, content
	return res, err
}

// storedContent says that it was not fetched.
type storedContent struct{ io.ReadCloser }

func (storedContent) Stored() {}

// oneResource has one resource, with a tag that is its content.
func oneResource(content *string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tag := `"` + *content + `"`
		switch {
		case r.Method == http.MethodPut:
			b, _ := io.ReadAll(r.Body)
			*content = string(b)
			w.WriteHeader(http.StatusNoContent)
		case r.Header.Get("If-None-Match") == tag:
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", tag)
			io.WriteString(w, *content)
		}
	}
}

// TestTransportBetween: what stands between the guard and the backend, and keeps what the backend has sent, is judged as the
// backend is, and teaches nothing about it.
func TestTransportBetween(t *testing.T) {
	content := "one"
	backend := httptest.NewServer(oneResource(&content))
	defer backend.Close()
	u, _ := url.Parse(backend.URL)
	var fetched int
	note := func(_ *http.Request, rec *observe.Record) { fetched = rec.Backend.Requests }
	h, err := New(Options{Routes: []Route{{Backend: u}}, Observe: note})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	between := &keeping{
		next: h.routes[0].transport, kept: make(map[string]*http.Response), content: make(map[string][]byte),
	}
	h.routes[0].transport = between
	do := func(method, body string, want int, fields ...string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest(method, "/a", strings.NewReader(body))
		for i := 0; i < len(fields); i += 2 {
			r.Header.Set(fields[i], fields[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Fatalf("%s %q: got %d, want %d", method, fields, w.Code, want)
		}
		return w
	}
	first := do("GET", "", 200).Header().Get("Etag")
	if fetched != 1 {
		t.Errorf("%d requests to the backend for the first read, want 1", fetched)
	}
	for range 100 {
		if w := do("GET", "", 200); w.Body.String() != "one" || w.Header().Get("Etag") != first {
			t.Fatalf("got %q with %s, want what was kept, with %s", w.Body, w.Header().Get("Etag"), first)
		}
	}
	do("GET", "", 304, "If-None-Match", first)
	do("GET", "", 206, "Range", "bytes=0-1", "If-Range", first)
	if fetched != 0 {
		t.Errorf("what was kept counts as %d requests to the backend", fetched)
	}
	between.content["/a"] = []byte("uno") // which the backend has never sent with this tag
	if w := do("GET", "", 200); w.Body.String() != "uno" || w.Header().Get("Etag") == first {
		t.Errorf("got %q with %s", w.Body, w.Header().Get("Etag"))
	}
	if status := h.Routes()[0]; status.Trust != "learning" {
		t.Errorf("what was kept made the backend %s (%s)", status.Trust, status.Why)
	}
	do("PUT", "two", 412, "If-Match", first)
	between.content["/a"] = []byte("one")
	do("PUT", "two", 204, "If-Match", first)
	do("PUT", "three", 412, "If-Match", first)
	if w := do("GET", "", 200); w.Body.String() != "two" {
		t.Errorf("got %q after the write", w.Body)
	}
}
