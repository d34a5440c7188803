package cache

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// TestNoVarySearch: which queries are as good as another one by what a response says.
func TestNoVarySearch(t *testing.T) {
	for _, c := range []struct {
		field string
		a, b  string
		same  bool
	}{
		{"", "a=1", "a=1", true},
		{"", "a=1", "a=2", false},
		{"", "a=1&b=2", "b=2&a=1", false},
		{"key-order", "a=1&b=2", "b=2&a=1", true},
		{"key-order", "a=1&b=2", "b=2&a=2", false},
		{"key-order", "a=1&a=2", "a=2&a=1", false}, // of one name the order counts
		{"key-order=?0", "a=1&b=2", "b=2&a=1", false},
		{"params", "a=1&b=2", "c=3", true},
		{"params", "a=1", "", true},
		{"params=?0", "a=1", "a=2", false},
		{`params=("a")`, "a=1&b=2", "b=2", true},
		{`params=("a")`, "a=1&b=2", "a=9&b=2", true},
		{`params=("a")`, "a=1&b=2", "a=1&b=3", false},
		{`params=("a" "b")`, "a=1&b=2&c=3", "c=3", true},
		{`params=("a" "b"), key-order`, "c=1&d=2&a=1", "b=2&d=2&c=1", true},
		{`params=("%C3%A9")`, "é=1", "%C3%A9=2", true},
		{`params=("a")`, "%61=1", "", true},
		{`params, except=("page")`, "page=1&a=1", "page=1", true},
		{`params, except=("page")`, "page=1", "page=2", false},
		{`params, except=("page")`, "page=1", "", false},
		{`params, except=()`, "page=1", "", true},
		{`params=("a+b")`, "a+b=1", "", true},
		{`params=("a")`, "b=x%20y", "b=x+y", true}, // they are compared decoded
		{`params=("a")`, "b=x%2By", "b=x+y", false},
		{`params=("a")`, "b", "b=", true},
		{`params=("a")`, "b&&", "b", true},
		// What cannot be read changes nothing.
		{`params=("a"`, "a=1", "a=2", false},
		{`params=(a)`, "a=1", "a=2", false},
		{`params="a"`, "a=1", "a=2", false},
		{`params=1`, "a=1", "a=2", false},
		{`except=("a")`, "b=1", "b=2", false},
		{`params=("a"), except=("b")`, "a=1", "a=2", false},
		{`params, except="a"`, "b=1", "b=2", false},
		{`key-order=1`, "a=1&b=2", "b=2&a=1", false},
		{`PARAMS`, "a=1", "a=2", false},
		{`other`, "a=1", "a=2", false},
	} {
		same := withRule("/?"+c.a, c.field) == withRule("/?"+c.b, c.field)
		if same != c.same {
			t.Errorf("No-Vary-Search: %s: %q and %q: got %v, want %v", c.field, c.a, c.b, same, c.same)
		}
	}
}

// answering answers with what it says for a query, and counts.
type answering struct {
	fields func(query string) string
	asked  []string
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r.Method+" "+r.URL.RawQuery)
	text := "for " + r.URL.RawQuery
	h := http.Header{"Cache-Control": {"max-age=60"}, "Content-Length": {strconv.Itoa(len(text))}}
	if field := a.fields(r.URL.RawQuery); field != "" {
		h.Set("No-Vary-Search", field)
	}
	return &http.Response{
		StatusCode: 200, Header: h, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(text)),
		Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}

// TestNoVarySearchServes: what a response says of queries holds for those after it, until another one says something else.
func TestNoVarySearchServes(t *testing.T) {
	field := `params=("utm")`
	origin := &answering{fields: func(string) string { return field }}
	client := NewTransport(Options{Base: origin, NoVarySearch: true})
	get := func(method, query, want string, asked int) {
		t.Helper()
		r, _ := http.NewRequest(method, "http://example.org/a?"+query, nil)
		resp, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		client.Wait()
		if string(content) != want || len(origin.asked) != asked {
			t.Errorf("%s %q: got %q, asked %q; want %q, %d", method, query, content, origin.asked, want, asked)
		}
	}
	get("GET", "page=1&utm=x", "for page=1&utm=x", 1)
	get("GET", "utm=y&page=1", "for page=1&utm=x", 1)
	get("GET", "page=2", "for page=2", 2)
	get("GET", "page=2&utm=z", "for page=2", 2)
	get("POST", "page=1&utm=other", "for page=1&utm=other", 3) // which forgets what is as good
	get("GET", "page=1", "for page=1", 4)
	field = "" // from now on all of the query counts
	get("GET", "page=3&utm=x", "for page=3&utm=x", 5)
	get("GET", "page=3&utm=y", "for page=3&utm=y", 6)
	get("GET", "page=3&utm=x", "for page=3&utm=x", 6)

	plain := NewTransport(Options{Base: origin}) // who has not asked for it keeps to the query
	field, client, origin.asked = "params", plain, nil
	get("GET", "a=1", "for a=1", 1)
	get("GET", "a=2", "for a=2", 2)
}

func FuzzNoVarySearch(f *testing.F) {
	for _, seed := range []string{`params=("a" "b"), key-order`, `params, except=("page")`, `key-order=?0`, `params=("%C3%A9")`} {
		f.Add(seed, "a=1&b=2&page=3", "b=2&a=1")
	}
	f.Fuzz(func(t *testing.T, field, a, b string) {
		v, ok := parseNoVarySearch([]string{field})
		if !ok {
			return
		}
		// A query is as good as what is left of it, and so is any that has the same left.
		if normal := v.normal(a); v.normal(normal) != normal {
			t.Errorf("%s: %q becomes %q, and then %q", field, a, normal, v.normal(normal))
		}
		if v.normal(a) == v.normal(b) && !v.all && len(v.listed) == 0 {
			x, errA := url.ParseQuery(a)
			y, errB := url.ParseQuery(b)
			if errA == nil && errB == nil && x.Encode() != y.Encode() {
				t.Errorf("%s: %q and %q differ in what counts", field, a, b)
			}
		}
	})
}
