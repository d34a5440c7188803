package origin_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestMethodsOfAHandlerAround: what another handler adds is in every Allow field, of OPTIONS and of 405.
func TestMethodsOfAHandlerAround(t *testing.T) {
	s := memstore.New(memstore.Options{})
	put(t, s, "a.txt", "one")
	put(t, s, "dir/b.txt", "two")
	srv := serve(t, origin.Options{Store: s, Methods: func(k origin.Kind, exists bool, own []string) []string {
		return append(own, fmt.Sprintf("KIND%d-%t", k, exists))
	}})
	for _, c := range []struct{ method, path, want string }{
		{"OPTIONS", "/a.txt", "GET, HEAD, OPTIONS, PUT, PATCH, DELETE, KIND0-true"},
		{"OPTIONS", "/absent.txt", "GET, HEAD, OPTIONS, PUT, PATCH, DELETE, KIND0-false"},
		{"POST", "/a.txt", "GET, HEAD, OPTIONS, PUT, PATCH, DELETE, KIND0-true"},
		{"OPTIONS", "/dir", "GET, HEAD, OPTIONS, POST, KIND1-true"},
		{"OPTIONS", "/dir/", "GET, HEAD, OPTIONS, POST, KIND1-true"},
		{"OPTIONS", "/", "GET, HEAD, OPTIONS, POST, KIND1-true"},
		{"OPTIONS", "/absent/", "GET, HEAD, OPTIONS, POST, KIND1-false"},
		{"OPTIONS", "/a.txt/", "GET, HEAD, OPTIONS, POST, KIND1-false"},
		{"PUT", "/dir/", "GET, HEAD, OPTIONS, POST, KIND1-true"},
		{"PUT", "/absent/", "GET, HEAD, OPTIONS, POST, KIND1-false"},
		{"PUT", "/a.txt?revision=1", "GET, HEAD, OPTIONS, KIND2-true"},
	} {
		answer := srv.do(c.method, c.path, "")
		if got := answer.header.Get("Allow"); got != c.want {
			t.Errorf("%s %s (%d):\n got Allow: %s\nwant Allow: %s", c.method, c.path, answer.status, got, c.want)
		}
	}
}

// TestAllowOfTheServer: net/http answers "OPTIONS *" itself unless told otherwise, so that it is asked for here.
func TestAllowOfTheServer(t *testing.T) {
	h, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{}), Methods: func(k origin.Kind, _ bool, own []string) []string {
		if k == origin.KindServer {
			own = append(own, "PROPFIND")
		}
		return own
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &sink{header: make(http.Header)}
	h.ServeHTTP(w, newRequest("OPTIONS", "*", nil, nil))
	want := "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE, PROPFIND"
	if got := w.header.Get("Allow"); got != want || h.Allow(origin.KindServer, true) != want {
		t.Errorf("got %q and %q, want %q", got, h.Allow(origin.KindServer, true), want)
	}
}
