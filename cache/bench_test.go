package cache_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
)

// origin is one that answers at once.
type origin struct{ content string }

func (o origin) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, Request: r, ContentLength: int64(len(o.content)), Body: io.NopCloser(strings.NewReader(o.content)),
		Header: http.Header{
			"Cache-Control": {"max-age=3600, stale-while-revalidate=60"}, "Etag": {`"1"`}, "Content-Type": {"text/plain"},
			"Vary": {"Accept-Encoding"},
			"Date": {time.Now().UTC().Format(http.TimeFormat)}, "Last-Modified": {"Tue, 24 Nov 2026 12:00:00 GMT"}, "Server": {"origin"},
		},
	}, nil
}

func BenchmarkReuse(b *testing.B) {
	p := cache.Policy{}
	request := cache.Request{Method: "GET", Header: map[string][]string{"Accept-Encoding": {"gzip, br"}, "User-Agent": {"x"}}}
	resp, _ := origin{}.RoundTrip(nil)
	now := time.Now()
	stored := []*cache.Stored{p.Entry(request, cache.Response{Status: 200, Header: resp.Header}, now, now)}
	b.ReportAllocs()
	for b.Loop() {
		if i := p.Select(request, stored); i != 0 || p.Reuse(request, stored[i], now).Action != cache.Serve {
			b.Fatal("not served")
		}
	}
}

func BenchmarkHit(b *testing.B) {
	for name, length := range map[string]int{"304": 4 << 10, "4KiB": 4 << 10, "10MiB": 10 << 20} {
		b.Run(name, func(b *testing.B) {
			t := cache.NewTransport(cache.Options{Base: origin{strings.Repeat("x", length)}, Policy: &cache.Policy{},
				Storage: cache.NewMemory(200 << 20), Name: "bench"})
			r, _ := http.NewRequest("GET", "http://example.org/a", nil)
			r.Header.Set("Accept-Encoding", "gzip, br")
			if name == "304" {
				r.Header.Set("If-None-Match", `"1"`)
			}
			buffer := make([]byte, 32<<10)
			get := func() {
				resp, err := t.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{resp.Body}, buffer)
				resp.Body.Close()
			}
			get()
			b.ReportAllocs()
			for b.Loop() {
				get()
			}
		})
	}
}
