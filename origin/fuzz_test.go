package origin_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// FuzzRequest: whatever a request says, it is answered, not by a failure of the server;
// what is refused has changed nothing; a part that is sent is of the version whose tag is
// sent with it.
func FuzzRequest(f *testing.F) {
	content := strings.Repeat("some text to be read and replaced\n", 20)
	tag := etag.Of([]byte(content)).String()
	for _, seed := range []struct{ method, path, fields, body string }{
		{"GET", "/a.txt", "If-None-Match: " + tag, ""},
		{"GET", "/a.txt", "Range: bytes=3-9\nIf-Range: " + tag, ""},
		{"GET", "/a.txt", "Range: bytes=0-1,100-101\nAccept-Encoding: gzip;q=0.5, br", ""},
		{"GET", "/", "Accept: application/json\nWant-Repr-Digest: sha-256=3", ""},
		{"PUT", "/a.txt", "If-Match: " + tag + "\nPrefer: return=representation", "new"},
		{"PUT", "/a.txt", "If-Match: W/\"x\", *, nonsense\nContent-Digest: sha-256=:AAAA:", "new"},
		{"PUT", "/new/deep.txt", "If-None-Match: *", "new"},
		{"PATCH", "/a.json", "If-Match: *\nContent-Type: application/merge-patch+json", `{"a":null}`},
		{"PATCH", "/a.json", "If-Match: *\nContent-Type: application/json-patch+json", `[{"op":"test","path":"/a","value":1}]`},
		{"DELETE", "/a.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", ""},
		{"POST", "/", "If-Match: \"x\"\nContent-Type: text/plain", "new"},
		{"OPTIONS", "/a.txt?revision=1", "", ""},
	} {
		f.Add(seed.method, seed.path, seed.fields, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, fields, body string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || method == "" || strings.ContainsAny(method, " \r\n\t\x00") {
			return // net/http answers those
		}
		s := memstore.New(memstore.Options{})
		put(t, s, "a.txt", content)
		put(t, s, "a.json", `{"a":1}`)
		before := snapshot(t, s)
		h, err := origin.New(origin.Options{Store: s, LenientTags: len(body)%2 == 0, AcceptReplay: len(path)%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		r := &http.Request{
			Method: method, URL: u, Header: make(http.Header), Host: "h", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Body: http.NoBody, ContentLength: int64(len(body)),
		}
		if body != "" {
			r.Body = httptest.NewRequest("PUT", "/", strings.NewReader(body)).Body
		}
		for line := range strings.SplitSeq(fields, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Add(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("status %d\n%s", w.Code, w.Body)
		}
		if after := snapshot(t, s); w.Code >= 300 && after != before {
			t.Errorf("status %d, and yet the store has changed from\n%sto\n%s", w.Code, before, after)
		}
		if w.Code == http.StatusPartialContent && w.Header().Get("Content-Encoding") == "" && u.Path == "/a.txt" {
			checkPart(t, w, content)
		}
	})
}

// checkPart holds a single part against the content it should be of.
func checkPart(t *testing.T, w *httptest.ResponseRecorder, content string) {
	var first, last, size int
	if _, err := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size); err != nil {
		return // several parts
	}
	want := etag.FromDigest(sha256.Sum256([]byte(content))).String()
	if size != len(content) || w.Body.String() != content[first:last+1] || w.Header().Get("Etag") != want {
		t.Errorf("Content-Range %s with ETag %s: %q", w.Header().Get("Content-Range"), w.Header().Get("Etag"), w.Body)
	}
}

// snapshot lists all that is in a store.
func snapshot(t *testing.T, s store.Store) string {
	var b strings.Builder
	var walk func(string)
	walk = func(collection string) {
		for info, err := range s.List(t.Context(), collection) {
			if err != nil {
				t.Fatal(err)
			}
			if info.Collection {
				walk(info.Name)
			} else {
				fmt.Fprintf(&b, "%s at %v, %d bytes\n", info.Name, info.Revision, info.Size)
			}
		}
	}
	walk("")
	return b.String()
}
