package dav_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// FuzzRequests: whatever is asked, in whatever order of fields and content, has an answer that is no error of ours, and XML is
// well-formed.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][6]string{
		{"PROPFIND", "/", "1", "", "", ""},
		{"PROPFIND", "/a.txt", "0", "", "", `<propfind xmlns="DAV:"><prop><getetag/><a xmlns="&lt;&quot;"/></prop></propfind>`},
		{"PROPPATCH", "/dir", "", "", `</a.txt> (["x"])`, `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xml:lang="de">x</a></D:prop></D:set></D:propertyupdate>`},
		{"MOVE", "/a.txt", "", "/dir/b.txt", "", ""},
		{"COPY", "/dir/", "0", "http://example.com/c/", "(<DAV:no-lock>)", ""},
		{"MKCOL", "/u\u0308/", "", "", "", ""},
		{"DELETE", "/dir", "infinity", "", "", ""},
		{"LOCK", "/new", "0", "", "", lockinfo},
		{"UNLOCK", "/a.txt", "", "", "", ""},
		{"OPTIONS", "/dir/../a.txt", "", "", "", ""},
		{"PUT", "/none/b.txt", "0", "", "", "x"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, method, path, depth, destination, condition, content string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Host != "" {
			return
		}
		s := memstore.New(memstore.Options{})
		put(t, s, "a.txt", "one")
		put(t, s, "dir/b.txt", "two")
		h := newHandler(t, s, nil)
		r := httptest.NewRequest("GET", "/", strings.NewReader(content))
		r.Method, r.URL = method, u
		for name, value := range map[string]string{"Depth": depth, "Destination": destination, "If": condition} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Fatalf("%s %s: 500\n%s", method, path, w.Body)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/xml") && w.Code != http.StatusOK {
			checkXML(t, w.Body)
		}
	})
}

func checkXML(t *testing.T, r io.Reader) {
	d := xml.NewDecoder(r)
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
