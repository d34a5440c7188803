package etag_test

import (
	"bytes"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
)

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := etag.Parse(`W/"4KcT3jBvC0yPHiRqZ9mUeA-gzip"`); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMembers(b *testing.B) {
	for _, c := range []struct {
		name  string
		lines []string
		n     int
	}{
		{"one", []string{tagList(1)}, 1},
		{"three", []string{tagList(3)}, 3},
		{"hundred", []string{tagList(100)}, 100},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for range etag.Members(c.lines) {
					n++
				}
				if n != c.n {
					b.Fatalf("got %d members, want %d", n, c.n)
				}
			}
		})
	}
}

// BenchmarkOf reports how fast content is hashed, in MB/s.
func BenchmarkOf(b *testing.B) {
	content := make([]byte, 1<<20)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		etag.Of(content)
	}
}

// BenchmarkFromReader does the same for a stream.
func BenchmarkFromReader(b *testing.B) {
	content := make([]byte, 1<<20)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := etag.FromReader(streamOnly{bytes.NewReader(content)}); err != nil {
			b.Fatal(err)
		}
	}
}

// streamOnly hides WriteTo, which a file or a connection does not have either.
type streamOnly struct{ r *bytes.Reader }

func (s streamOnly) Read(p []byte) (int, error) { return s.r.Read(p) }
