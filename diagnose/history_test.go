package diagnose

import (
	"strings"
	"testing"
)

// TestElsewhere shows that what is written under another URL counts for the resource that it changes.
func TestElsewhere(t *testing.T) {
	read := "GET /plan HTTP/1.1\nHost: example.com\n\nHTTP/1.1 200 OK\nETag: \"a\"\nContent-Length: 0\n\n"
	write := "PUT /plan HTTP/1.1\nHost: example.com\nIf-Match: \"a\"\n\nHTTP/1.1 412 X\nContent-Length: 0\n\n"
	for _, c := range []struct{ name, between, source, etag string }{
		{"nothing", "", "response 1", `"a"`},
		{"MOVE to it", "MOVE /tmp HTTP/1.1\nHost: example.com\nDestination: https://example.com/plan\n\nHTTP/1.1 204 X\n\n", "", ""},
		{"MOVE to its path", "MOVE /tmp HTTP/1.1\nHost: example.com\nDestination: /plan\n\nHTTP/1.1 204 X\n\n", "", ""},
		{"MOVE to another", "MOVE /tmp HTTP/1.1\nHost: example.com\nDestination: https://example.com/other\n\nHTTP/1.1 204 X\n\n", "response 1", `"a"`},
		{"MOVE that failed", "MOVE /tmp HTTP/1.1\nHost: example.com\nDestination: https://example.com/plan\n\nHTTP/1.1 403 X\nContent-Length: 0\n\n", "response 1", `"a"`},
		{"MOVE away", "MOVE /plan HTTP/1.1\nHost: example.com\nDestination: https://example.com/other\n\nHTTP/1.1 201 X\nContent-Length: 0\n\n", "response 2", ""},
		{"metadata", "PUT /plan?comp=metadata HTTP/1.1\nHost: example.com\nContent-Length: 0\n\nHTTP/1.1 200 OK\nETag: \"b\"\nContent-Length: 0\n\n", "response 2", `"b"`},
	} {
		r := Exchanges(parse(t, read+c.between+write))
		s := r.Verdicts[len(r.Verdicts)-1].State
		if s.Source != c.source || s.ETag != c.etag {
			t.Errorf("%s in between: got %s by %q, want %s by %q", c.name, s.ETag, s.Source, c.etag, c.source)
		}
	}
}

// TestClientCache shows that a response from the client's own cache is no state of the server, but does tell
// where a tag came from.
func TestClientCache(t *testing.T) {
	xs := parse(t, exchangeOf(t, `GET | | 200 | ETag: "a"`)+exchangeOf(t, `PUT | If-Match: "a" | 412 | ETag: "b"`))
	xs[0].Cache = "disk"
	r := Exchanges(xs[:1])
	if v := r.Verdicts[0]; v.State.Known || v.Judgement != Unknown {
		t.Errorf("got %s, %+v", v.Judgement, v.State)
	}
	stale := false
	for _, f := range Exchanges(xs).Findings {
		stale = stale || f.Rule.ID == "stale-etag-from-cache-or-replica"
	}
	if !stale {
		t.Error("nothing says that the tag came from a cache")
	}
}

// TestOneClient shows that two exchanges are taken for those of two clients if a field says so.
func TestOneClient(t *testing.T) {
	one := "GET /a HTTP/1.1\nHost: h\n%\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n"
	for _, c := range []struct {
		first, second string
		same          bool
	}{
		{"User-Agent: x", "User-Agent: x", true},
		{"User-Agent: x", "Accept: */*", true},
		{"User-Agent: x", "User-Agent: y", false},
		{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", false},
	} {
		xs := parse(t, strings.Replace(one, "%", c.first, 1)+strings.Replace(one, "%", c.second, 1))
		es := examinations(xs, make([]Verdict, 2))
		if got := es[1].sameClient(es[0]); got != c.same {
			t.Errorf("%q and %q: got %t", c.first, c.second, got)
		}
	}
}
