package dav_test

import (
	"net/http"
	"testing"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestRecords: logs and metrics are told of each request once, whoever answers it.
func TestRecords(t *testing.T) {
	s := memstore.New(memstore.Options{})
	put(t, s, "a.txt", "hello")
	var records []*observe.Record
	h := newHandler(t, s, func(o *dav.Options) {
		o.Origin.Observe = func(_ *http.Request, rec *observe.Record) { records = append(records, rec) }
	})
	for _, c := range []struct {
		method, path string
		fields       []string
		status       int
		reason       string
		evaluated    bool
	}{
		{"OPTIONS", "/", nil, 200, "", false},
		{"PROPFIND", "/", []string{"Depth", "1"}, 207, "", false},
		{"PROPFIND", "/", nil, 403, "infinite-depth", false},
		{"GET", "/a.txt", nil, 200, "", true},
		{"GET", "/a.txt", []string{"Depth", "0"}, 200, "", true},
		{"COPY", "/a.txt", []string{"Destination", "/b.txt", "If-Match", "*"}, 201, "", true},
		{"MOVE", "/b.txt", []string{"Destination", "/c.txt", "If-Match", `"other"`}, 412, "none-matched", true},
		{"DELETE", "/", nil, 403, "bad-name", false},
		{"PUT", "/no/a.txt", []string{"Overwrite", "T"}, 409, "no-parent", false},
		{"PATCH", "/a.txt", nil, 415, "unsupported-patch", false},
		{"BREW", "/a.txt", nil, 501, "method-not-implemented", false},
	} {
		records = nil
		w := ask(h, c.method, c.path, "", c.fields...)
		if len(records) != 1 {
			t.Errorf("%s %s: %d records, want one", c.method, c.path, len(records))
			continue
		}
		rec := records[0]
		if w.Code != c.status || rec.Status != c.status || rec.Reason != c.reason || rec.Evaluated != c.evaluated ||
			rec.Bytes != int64(w.Body.Len()) {
			t.Errorf("%s %s %q: %d, record %+v", c.method, c.path, c.fields, w.Code, rec)
		}
		if c.status == 412 && (rec.Decision.Field != precondition.IfMatch || rec.Current.IsZero()) {
			t.Errorf("%s %s: the decision is %+v, about %v", c.method, c.path, rec.Decision, rec.Current)
		}
	}
}
