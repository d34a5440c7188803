package observe_test

import (
	"net/http"
	"testing"

	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

func TestUnguarded(t *testing.T) {
	judged := func(guarded bool) observe.Record {
		return observe.Record{Evaluated: true, Decision: precondition.Decision{Guarded: guarded}}
	}
	for _, c := range []struct {
		what, method string
		header       http.Header
		record       observe.Record
		status       int
		want         string
	}{
		{"a PUT that replaces", "PUT", nil, observe.Record{}, 204, "overwrite"},
		{"a PUT that creates", "PUT", nil, observe.Record{}, 201, "always"},
		{"a DELETE", "DELETE", nil, observe.Record{}, 204, "overwrite"},
		{"a PATCH", "PATCH", nil, judged(false), 200, "overwrite"},
		{"a POST", "POST", nil, observe.Record{}, 200, "always"},
		{"a MOVE over something", "MOVE", nil, observe.Record{}, 204, "overwrite"},
		{"a MOVE that spares what is there", "MOVE", http.Header{"Overwrite": {"F"}}, observe.Record{}, 201, ""},
		{"a condition that was evaluated", "PUT", http.Header{"If-Match": {`"a"`}}, judged(true), 204, ""},
		{"a date that counted for nothing", "PUT", http.Header{"If-Unmodified-Since": {"yesterday"}}, judged(false), 204, "overwrite"},
		{"a condition that somebody else evaluates", "PUT", http.Header{"If-Match": {`"a"`}}, observe.Record{}, 204, ""},
		{"the token of a lock", "PUT", http.Header{"If": {"(<urn:uuid:1>)"}}, judged(false), 204, ""},
		{"a write that was refused", "PUT", nil, observe.Record{}, 428, ""},
		{"an answer given again", "PUT", nil, observe.Record{Replayed: true}, 204, ""},
		{"a collection", "MKCOL", nil, observe.Record{}, 201, ""},
		{"a lock", "LOCK", nil, observe.Record{}, 200, ""},
		{"a read", "GET", nil, observe.Record{}, 200, ""},
		{"a question with content", "PROPFIND", nil, observe.Record{}, 207, ""},
	} {
		c.record.Status = c.status
		if got := observe.Unguarded(&http.Request{Method: c.method, Header: c.header}, &c.record); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}
