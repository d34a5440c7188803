package condhttp

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// sink is a ResponseWriter that costs nothing itself.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }

func (s *sink) reset() {
	clear(s.header)
	s.status, s.bytes = 0, 0
}

// exchanges are what a busy handler sees most. calls is how one is answered.
var exchanges = []struct {
	name   string
	method string
	header http.Header
	serve  http.Handler
	status int
	// allocs is the bound on allocations that the package promises: one a field
	// that is set, and those for a content.
	allocs float64
}{
	{"Check/write", "PUT", http.Header{"If-Match": {`"a", "b", "4KcT3jBvC0yPHiRqZ9mUeA"`}}, checked, 0, 0},
	{"Check/read", "GET", nil, checked, 0, 3},
	{"Check/304", "GET", http.Header{"If-None-Match": {`"4KcT3jBvC0yPHiRqZ9mUeA"`}}, checked, 304, 3},
	{"Serve/200", "GET", nil, served, 200, 6},
	{"Serve/206", "GET", http.Header{"Range": {"bytes=100-199"}}, served, 206, 13},
	{"ContentTag/200", "GET", nil, tagged, 200, 9},
	{"ContentTag/304", "GET", http.Header{"If-None-Match": {etag.Of(fourKiB).String()}}, tagged, 304, 8},
	{"Preconditions/write", "PUT", http.Header{"If-Match": {`"4KcT3jBvC0yPHiRqZ9mUeA"`}}, guarded, 0, 4},
}

var (
	fourKiB = bytes.Repeat([]byte("0123456789abcdef"), 256)
	current = precondition.Current{
		Exists: true, Tag: etag.MustParse(`"4KcT3jBvC0yPHiRqZ9mUeA"`),
		LastModified: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC),
	}
	checked = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Check(w, r, current) })
	served  = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = textPlain
		Serve(w, r, current, bytes.NewReader(fourKiB))
	})
	tagged = ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = textPlain
		_, _ = w.Write(fourKiB)
	}))
	guarded = Preconditions(func(*http.Request) (precondition.Current, error) {
		return current, nil
	})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	textPlain = []string{"text/plain"}
)

func BenchmarkAnswer(b *testing.B) {
	for _, x := range exchanges {
		b.Run(x.name, func(b *testing.B) {
			r := httptest.NewRequest(x.method, "/", nil)
			r.Header = x.header
			w := &sink{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				w.reset()
				x.serve.ServeHTTP(w, r)
			}
			if w.status != x.status {
				b.Errorf("got %d, want %d", w.status, x.status)
			}
		})
	}
}

func BenchmarkProblem(b *testing.B) {
	r := httptest.NewRequest("PUT", "/", nil)
	r.Header.Set("If-Match", `"old"`)
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		w.reset()
		Check(w, r, current)
	}
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, x := range exchanges {
		r := httptest.NewRequest(x.method, "/", nil)
		r.Header = x.header
		w := &sink{header: http.Header{}}
		got := testing.AllocsPerRun(100, func() {
			w.reset()
			x.serve.ServeHTTP(w, r)
		})
		if got > x.allocs || w.status != x.status {
			t.Errorf("%s: got %v allocations and status %d, want at most %v and %d", x.name, got, w.status, x.allocs, x.status)
		}
	}
}
