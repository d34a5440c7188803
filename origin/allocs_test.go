//go:build !race

package origin_test

import (
	"net/http"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestAllocations is what the handler promises to allocate on the paths that are
// taken most. The race detector allocates more.
func TestAllocations(t *testing.T) {
	s := memstore.New(memstore.Options{})
	for name, content := range contents {
		put(t, s, name, content)
	}
	h := newHandler(t, s)
	tag := etag.Of([]byte(contents["small.css"]))
	browser := []string{"Accept-Encoding", "gzip, deflate, br, zstd"}
	for _, c := range []struct {
		name   string
		fields []string
		status int
		most   float64
	}{
		{"304", []string{"If-None-Match", tag.String()}, http.StatusNotModified, 1},
		{"304 of a coding", append([]string{"If-None-Match", tag.WithCoding("br").String()}, browser...), http.StatusNotModified, 1},
		{"200", nil, http.StatusOK, 2},
		{"200 in a coding", browser, http.StatusOK, 4},
	} {
		w := &sink{header: make(http.Header)}
		r := newRequest("GET", "/small.css", nil, c.fields)
		got := testing.AllocsPerRun(100, func() {
			w.reset()
			h.ServeHTTP(w, r)
		})
		if w.status != c.status || got > c.most {
			t.Errorf("%s: status %d with %v allocations, want %d with at most %v", c.name, w.status, got, c.status, c.most)
		}
	}
}
