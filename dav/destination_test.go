package dav_test

import (
	"net/http"
	"testing"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestOverwriteNamesTheDestination: where what is replaced must have been seen, a condition on the source of a COPY or MOVE says nothing
// of what is at the destination.
func TestOverwriteNamesTheDestination(t *testing.T) {
	for _, method := range []string{"COPY", "MOVE"} {
		for _, c := range []struct {
			name   string
			fields func(h http.Handler, from, to string) []string
			status int
		}{
			{"If-Match", func(_ http.Handler, from, _ string) []string { return []string{"If-Match", from} }, 428},
			{"If of the source", func(_ http.Handler, from, _ string) []string { return []string{"If", "([" + from + "])"} }, 428},
			{"token of the source", func(h http.Handler, _, _ string) []string { return []string{"If", "(" + lockToken(h, "/from") + ")"} }, 428},
			{"If of the destination", func(_ http.Handler, _, to string) []string { return []string{"If", "</to> ([" + to + "])"} }, 204},
			{"If of another version", func(_ http.Handler, from, _ string) []string { return []string{"If", "</to> ([" + from + "])"} }, 412},
			{"token of the destination", func(h http.Handler, _, _ string) []string {
				return []string{"If", "</to> (" + lockToken(h, "/to") + ")"}
			}, 204},
			{"Overwrite: F", func(_ http.Handler, from, _ string) []string { return []string{"If-Match", from, "Overwrite", "F"} }, 412},
		} {
			h := newHandler(t, memstore.New(memstore.Options{}), func(o *dav.Options) { o.Require = origin.RequireOverwrite })
			from := ask(h, "PUT", "/from", "from").Header().Get("ETag")
			to := ask(h, "PUT", "/to", "precious").Header().Get("ETag")
			w := ask(h, method, "/from", "", append(c.fields(h, from, to), "Destination", "/to")...)
			want := map[bool]string{true: "from", false: "precious"}[c.status == 204]
			if got := ask(h, "GET", "/to", "").Body.String(); w.Code != c.status || got != want {
				t.Errorf("%s, %s: got %d, and %q at the destination, want %d and %q\n%s", method, c.name, w.Code, got, c.status, want, w.Body)
			}
		}
	}
}
