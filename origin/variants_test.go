package origin_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/transcript"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

func gzipped(t *testing.T, content string, level int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNeighbourComesAndGoes: a ready-made file is noticed within a second of its
// coming or change, its tag is never that of other bytes, and the tag of one
// that was replaced still names the revision.
func TestNeighbourComesAndGoes(t *testing.T) {
	clock := transcript.NewClock()
	files := memstore.New(memstore.Options{Now: clock.Now})
	content := strings.Repeat("p { margin: 0; padding: 0 }\n", 100)
	put(t, files, "a.css", content)
	h, err := origin.New(origin.Options{Store: files, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := handler{t, h}
	get := func() (tag, body string) {
		t.Helper()
		w := s.do("GET", "/a.css", "", "Accept-Encoding: gzip")
		if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "gzip" {
			t.Fatalf("status %d, Content-Encoding %q", w.Code, w.Header().Get("Content-Encoding"))
		}
		r, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := io.ReadAll(r)
		if err != nil || string(decoded) != content {
			t.Fatalf("the content decodes to %d bytes, error %v", len(decoded), err)
		}
		return w.Header().Get("Etag"), w.Body.String()
	}
	ours, _ := get()
	if want := etag.Of([]byte(content)).WithCoding("gzip").String(); ours != want {
		t.Errorf("ETag %s, want %s", ours, want)
	}
	seen := map[string]bool{ours: true}
	var replaced string
	for _, level := range []int{gzip.BestSpeed, gzip.HuffmanOnly} {
		put(t, files, "a.css.gz", gzipped(t, content, level))
		clock.Wait(time.Second)
		tag, _ := get()
		if seen[tag] {
			t.Errorf("other bytes have the tag %s again", tag)
		}
		seen[tag] = true
		if replaced == "" {
			replaced = tag
		}
	}
	if _, err := files.Delete(t.Context(), "a.css.gz", store.Any); err != nil {
		t.Fatal(err)
	}
	clock.Wait(time.Second)
	if tag, _ := get(); tag != ours {
		t.Errorf("without a file beside it: ETag %s, want %s", tag, ours)
	}
	if w := s.do("GET", "/a.css", "", "Accept-Encoding: gzip", "If-None-Match: "+replaced); w.Code != http.StatusNotModified {
		t.Errorf("If-None-Match with the tag of a replaced file: status %d, want 304", w.Code)
	}
	if w := s.do("PUT", "/a.css", "new", "If-Match: "+replaced); w.Code != http.StatusNoContent {
		t.Errorf("If-Match with the tag of a replaced file: status %d, want 204", w.Code)
	}
	if w := s.do("PUT", "/a.css", "newer", "If-Match: "+replaced); w.Code != http.StatusPreconditionFailed {
		t.Errorf("If-Match with the tag of a replaced file of a replaced revision: status %d, want 412", w.Code)
	}
}

// TestNeighbourIsReplacedWhileServed: what was found beside a resource and is gone when it is
// to be opened is no error.
func TestNeighbourIsReplacedWhileServed(t *testing.T) {
	content := strings.Repeat("p { margin: 0; padding: 0 }\n", 100)
	files := memstore.New(memstore.Options{Keep: -1})
	put(t, files, "a.css", content)
	put(t, files, "a.css.gz", gzipped(t, content, gzip.BestSpeed))
	h, err := origin.New(origin.Options{Store: files})
	if err != nil {
		t.Fatal(err)
	}
	s := handler{t, h}
	first := s.do("GET", "/a.css", "", "Accept-Encoding: gzip").Header().Get("Etag")
	put(t, files, "a.css.gz", gzipped(t, content, gzip.HuffmanOnly))
	w := s.do("GET", "/a.css", "", "Accept-Encoding: gzip")
	if w.Code != http.StatusOK || w.Header().Get("Etag") == first {
		t.Errorf("status %d with ETag %s, want 200 with another than that of the replaced file", w.Code, w.Header().Get("Etag"))
	}
}

// TestIncompressibleIsSentAsItIs: a coding that gains nothing is not used, and
// then neither is its tag, on a 304 by date either.
func TestIncompressibleIsSentAsItIs(t *testing.T) {
	clock := transcript.NewClock()
	files := memstore.New(memstore.Options{Now: clock.Now})
	content := string(randomBytes(4096))
	put(t, files, "a.txt", content)
	clock.Wait(2 * time.Second)
	h, err := origin.New(origin.Options{Store: files, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := handler{t, h}
	want := etag.Of([]byte(content)).String()
	for _, fields := range [][]string{
		{"If-Modified-Since: Tue, 24 Nov 2026 10:00:01 GMT"}, {"X: y"}, {"Range: bytes=0-3"},
	} {
		w := s.do("GET", "/a.txt", "", append(fields, "Accept-Encoding: gzip, br, zstd")...)
		if w.Header().Get("Etag") != want || w.Header().Get("Content-Encoding") != "" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: status %d with %v; want ETag %s and no coding", fields, w.Code, w.Header(), want)
		}
	}
}

// TestListingForms: a page and JSON, each with its own tag, also in codings, and
// a policy for the page.
func TestListingForms(t *testing.T) {
	files := memstore.New(memstore.Options{})
	for _, name := range []string{"notes/a.txt", "notes/b/c.txt", "notes/<script>.txt"} {
		if store.CheckNewName(name) == nil {
			put(t, files, name, "content")
		}
	}
	h, err := origin.New(origin.Options{Store: files})
	if err != nil {
		t.Fatal(err)
	}
	s := handler{t, h}
	tags := make(map[string]string)
	for _, c := range []struct {
		accept, encoding string
		mediaType        string
	}{
		{"", "", "text/html; charset=utf-8"},
		{"text/html", "gzip", "text/html; charset=utf-8"},
		{"image/png", "", "text/html; charset=utf-8"},
		{"application/json", "", "application/json"},
		{"application/json, text/html;q=0.5", "", "application/json"},
		{"*/*", "", "text/html; charset=utf-8"},
	} {
		var fields []string
		if c.accept != "" {
			fields = append(fields, "Accept: "+c.accept)
		}
		if c.encoding != "" {
			fields = append(fields, "Accept-Encoding: "+c.encoding)
		}
		w := s.do("GET", "/notes/", "", fields...)
		kind := c.mediaType + c.encoding
		if tag := w.Header().Get("Etag"); tags[kind] != "" && tags[kind] != tag {
			t.Errorf("%q: ETag %s, and %s before", fields, tag, tags[kind])
		} else {
			tags[kind] = tag
		}
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != c.mediaType || w.Header().Get("Content-Encoding") != c.encoding {
			t.Errorf("%q: status %d, %v", fields, w.Code, w.Header())
		}
		if page := strings.HasPrefix(c.mediaType, "text/html"); page != (w.Header().Get("Content-Security-Policy") != "") {
			t.Errorf("%q: Content-Security-Policy %q", fields, w.Header().Get("Content-Security-Policy"))
		}
		again := s.do("GET", "/notes/", "", append(fields, "If-None-Match: "+tags[kind])...)
		if again.Code != http.StatusNotModified || again.Header().Get("Etag") != tags[kind] {
			t.Errorf("%q: If-None-Match gets %d with ETag %s", fields, again.Code, again.Header().Get("Etag"))
		}
	}
	distinct := make(map[string]bool)
	for _, tag := range tags {
		distinct[tag] = true
	}
	if len(distinct) != 3 {
		t.Errorf("the tags of three representations are %v", tags)
	}
}

// TestVaryIsAddedTo: what a handler around this one has put into Vary stays.
func TestVaryIsAddedTo(t *testing.T) {
	files := memstore.New(memstore.Options{})
	put(t, files, "a.css", strings.Repeat("p {}\n", 200))
	h, err := origin.New(origin.Options{Store: files})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w := httptest.NewRecorder()
		w.Header().Add("Vary", "Origin")
		h.ServeHTTP(w, httptest.NewRequest("GET", "/a.css", nil))
		if got := strings.Join(w.Header().Values("Vary"), ", "); got != "Origin, Accept-Encoding" {
			t.Errorf("Vary: %s", got)
		}
	}
}

// TestHTTP2: nothing here depends on the version of HTTP.
func TestHTTP2(t *testing.T) {
	h, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	do := func(method, content, field, value string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/a.bin", strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(field, value)
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || resp.ContentLength >= 0 && method == "GET" &&
			int64(len(body)) != resp.ContentLength {
			t.Errorf("%s: %d bytes of content, error %v", method, len(body), err)
		}
		if resp.ProtoMajor != 2 {
			t.Fatalf("%s was answered by %s", method, resp.Proto)
		}
		return resp
	}
	content := strings.Repeat("0123456789", 100_000)
	created := do("PUT", content, "If-None-Match", "*")
	for _, c := range []struct {
		method, content, field, value string
		status                        int
	}{
		{"GET", "", "X", "y", 200},
		{"GET", "", "If-None-Match", created.Header.Get("Etag"), 304},
		{"GET", "", "Range", "bytes=10-19", 206},
		{"PUT", content, "If-Match", `"other"`, 412},
		{"PUT", content, "X", "y", 428},
		{"DELETE", "", "If-Match", created.Header.Get("Etag"), 204},
	} {
		if resp := do(c.method, c.content, c.field, c.value); resp.StatusCode != c.status {
			t.Errorf("%s with %s: %s: status %d, want %d", c.method, c.field, c.value, resp.StatusCode, c.status)
		}
	}
}

// randomBytes are always the same, and cannot be compressed.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}
