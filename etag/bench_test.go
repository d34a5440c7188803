package etag_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

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

func BenchmarkRecognise(b *testing.B) {
	known := etag.Facts{LastModified: time.Date(2026, 11, 3, 9, 14, 22, 0, time.UTC), Size: 48213}
	for _, c := range []struct{ name, tag string }{
		{"nginx", `"6ae9a5ee-bc55"`},
		{"iis", `"795d517746bdd1:0"`},
		{"hash", `"d41d8cd98f00b204e9800998ecf8427e"`},
		{"none", `"v1"`},
		{"long", `"` + strings.Repeat("%2525", 200) + `"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				etag.Recognise(c.tag, known)
			}
		})
	}
}

func BenchmarkRelate(b *testing.B) {
	for _, c := range []struct{ name, sent, current string }{
		{"form", `W/"6ae9a5ee-bc55-gzip"`, `"6ae9a5ee-bc55"`},
		{"time", `"6ae9a5ee-bc55"`, `"6ae9a5f8-bc55"`},
		{"digest", `"d41d8cd98f00b204e9800998ecf8427e"`, `"9e107d9d372bb6826bd81d3542a419d6"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				etag.Relate(c.sent, c.current, etag.Facts{}, etag.Facts{})
			}
		})
	}
}
