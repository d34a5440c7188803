package collection_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/collection"
	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// list asks a server that answers PROPFIND so.
func list(t *testing.T, status int, contentType, body string) ([]collection.Member, int, error) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(http.StatusOK)
		} else {
			w.WriteHeader(status)
		}
		_, _ = w.Write([]byte(body))
	}))
	defer s.Close()
	u, err := url.Parse(s.URL + "/no%20tes/")
	if err != nil {
		t.Fatal(err)
	}
	return (&collection.Asker{Transport: http.DefaultTransport}).List(t.Context(), u)
}

const ok = `<D:status>HTTP/1.1 200 OK</D:status>`

func response(href, prop string) string {
	return `<D:response><D:href>` + href + `</D:href><D:propstat><D:prop>` + prop + `</D:prop>` + ok + `</D:propstat></D:response>`
}

func TestMultistatus(t *testing.T) {
	const begin, end = `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">`, `</D:multistatus>`
	when := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, body string
		want       []collection.Member
		odd        int
		fails      bool
	}{
		{name: "empty", body: begin + response("/no%20tes/", `<D:resourcetype><D:collection/></D:resourcetype>`) + end},
		{name: "a file", body: begin + response("/no%20tes/a%20b.txt", `<D:getetag>"x"</D:getetag><D:getcontentlength>3</D:getcontentlength>`+
			`<D:getlastmodified>Sun, 01 Nov 2026 10:00:00 GMT</D:getlastmodified>`) + end,
			want: []collection.Member{{Name: "a b.txt", Size: 3, Tag: `"x"`, Modified: when}}},
		{name: "a collection, with and without a slash, and in order",
			body: begin + response("http://other.example/no%20tes/b", `<D:resourcetype><D:collection/></D:resourcetype>`) +
				response("a/", `<D:resourcetype><D:collection/></D:resourcetype>`) + end,
			want: []collection.Member{{Name: "a", Collection: true}, {Name: "b", Collection: true}}},
		{name: "what the server does not have", body: begin + `<D:response><D:href>/no%20tes/a</D:href><D:propstat><D:prop><D:getetag>no</D:getetag>` +
			`</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>` + end,
			want: []collection.Member{{Name: "a", Size: -1}}},
		{name: "names that are none", body: begin + response("/no%20tes/a%2Fb", "") + response("/elsewhere", "") + response("/no%20tes/a/b", "") +
			response("/no%20tes/%2e%2e", "") + end, odd: 4},
		{name: "cut", body: begin + response("/no%20tes/a", ""), fails: true},
		{name: "no multistatus", body: `<html></html>`, fails: true},
		{name: "no XML", body: `nothing`, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, odd, err := list(t, http.StatusMultiStatus, "", c.body)
			if !slices.Equal(got, c.want) || odd != c.odd || (err != nil) != c.fails {
				t.Errorf("got %+v, %d, %v; want %+v, %d", got, odd, err, c.want, c.odd)
			}
		})
	}
}

func TestListing(t *testing.T) {
	body := `{"name":"/no tes/","members":[{"name":"a","href":"a","size":1},{"name":"b/","href":"b/","collection":true},{"name":"x","href":"../x"}]}`
	got, odd, err := list(t, http.StatusMethodNotAllowed, "application/json", body)
	want := []collection.Member{{Name: "a", Size: 1}, {Name: "b", Collection: true}}
	if !slices.Equal(got, want) || odd != 1 || err != nil {
		t.Errorf("got %+v, %d, %v", got, odd, err)
	}
	for _, contentType := range []string{"application/json", "text/html"} {
		if _, _, err := list(t, http.StatusMethodNotAllowed, contentType, "[]"); !errors.Is(err, collection.ErrNoListing) {
			t.Errorf("%s: %v", contentType, err)
		}
	}
	if _, _, err := list(t, http.StatusNotFound, "", ""); !errors.Is(err, collection.ErrNone) {
		t.Errorf("404: %v", err)
	}
}

// TestOurs: what our own servers say, with WebDAV and without.
func TestOurs(t *testing.T) {
	store := memstore.New(memstore.Options{})
	options := origin.Options{Store: store, Require: origin.RequireNever}
	plain, err := origin.New(options)
	if err != nil {
		t.Fatal(err)
	}
	withDAV, err := dav.New(dav.Options{Origin: options})
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Handler{"WebDAV": withDAV, "plain": plain} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(h)
			defer s.Close()
			asker := &collection.Asker{Transport: http.DefaultTransport}
			for _, path := range []string{"/d/a%20%C3%A4.txt", "/d/sub/b"} {
				u, _ := url.Parse(s.URL + path)
				res, err := asker.Do(t.Context(), http.MethodPut, u, nil, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
			}
			u, _ := url.Parse(s.URL + "/d/")
			got, odd, err := asker.List(t.Context(), u)
			if err != nil || odd != 0 || len(got) != 2 {
				t.Fatalf("got %+v, %d, %v", got, odd, err)
			}
			if got[0].Name != "a ä.txt" || !got[1].Collection || (got[0].Tag != "") != (name == "WebDAV") {
				t.Errorf("got %+v", got)
			}
		})
	}
}
