package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
)

// TestDestinations: what COPY and MOVE write to is read as a target is, and belongs to this
// backend.
func TestDestinations(t *testing.T) {
	var got string
	seen := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Destination") })
	other := httptest.NewServer(seen)
	t.Cleanup(other.Close)
	elsewhere, _ := url.Parse(other.URL)
	g := protect(t, seen, func(o *guard.Options) {
		o.Routes = []guard.Route{{Path: "/other/", Backend: elsewhere}, {Path: "/files/", Backend: o.Routes[0].Backend}}
	})
	host := strings.TrimPrefix(g.url, "http://")
	for _, c := range []struct{ destination, want string }{
		{"http://" + host + "/files/b", g.origin.URL + "/files/b"},
		{"https://" + host + "/files/b", g.origin.URL + "/files/b"}, // the end of TLS is before us
		{"/files/b", g.origin.URL + "/files/b"},
		{"/files/x/../%62?q", g.origin.URL + "/files/b?q"},
		{"/files/a%2fb", g.origin.URL + "/files/a%2Fb"},
		{"", "400"},
		{"files/b", "502"},
		{"x:/files/b", "502"},
		{"http://" + host + "/files/b#x", "400"},
		{"http://user@" + host + "/files/b", "400"},
		{"/files/..%2Fb", "400"},
		{"/nowhere/b", "502"}, // no route
		{"/OTHER/b", "400"},   // some servers take it for /other/b
		{"/OTHER/../files/b", g.origin.URL + "/files/b"},
		{"/files/../other/b", "502"},
		{"/other/b", "502"},
		{"http://elsewhere.test/files/b", "502"},
		{g.origin.URL + "/files/b", "502"}, // the backend would take it for its own
		{"http://127.0.0.1:1/files/b", "502"},
	} {
		got = ""
		con := g.dial()
		line := "Destination: " + c.destination + "\r\n"
		if c.destination == "" {
			line = ""
		}
		fmt.Fprintf(con, "COPY /files/a HTTP/1.1\r\nHost: %s\r\n%s\r\n", host, line)
		r := con.mustRead(t, "COPY")
		if r.status != 200 {
			got = fmt.Sprint(r.status)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s\n%s", c.destination, got, c.want, r.body)
		}
	}
}

// TestTwoSpellings: of two writers that name one version of one resource, each in its own
// spelling, one wins.
func TestTwoSpellings(t *testing.T) {
	b := newBackend(noTag)
	g := protect(t, b)
	b.store("/notes/list", []byte("first"))
	tag := g.do("GET", "/notes/list", "").tag()
	one, two := g.dial(), g.dial()
	io.WriteString(one, rawPut("/notes/list", "If-Match: "+tag, "one"))
	io.WriteString(two, rawPut("x:http://test/notes/list", "If-Match: "+tag, "two"))
	won := 0
	for _, c := range []*connection{one, two} {
		if r := c.mustRead(t, "PUT"); r.status/100 == 2 {
			won++
		}
	}
	if won != 1 || b.content("/notes/list") != "one" {
		t.Errorf("%d won, and %q is stored", won, b.content("/notes/list"))
	}
}
