package byterange_test

import (
	"io"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/byterange"
)

var benchmarkValues = []struct{ name, value string }{
	{"first", "bytes=0-499"},
	{"resume", "bytes=1048576-"},
	{"suffix", "bytes=-500"},
	{"two", "bytes=0-0,-1"},
	{"sixteen", "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30"},
	{"malformed", "bytes=5-2"},
	{"commas", "bytes=" + strings.Repeat(",", 8000) + "0-0"},
}

func BenchmarkParse(b *testing.B) {
	for _, bench := range benchmarkValues {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				byterange.Parse(bench.value)
			}
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, bench := range benchmarkValues {
		b.Run(bench.name, func(b *testing.B) {
			lines := []string{bench.value}
			b.ReportAllocs()
			for b.Loop() {
				byterange.Resolve(lines, 2097152)
			}
		})
	}
	b.Run("none", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			byterange.Resolve(nil, 2097152)
		}
	})
}

func BenchmarkAppendContentRange(b *testing.B) {
	var buf []byte
	r := byterange.Range{Start: 1048576, Length: 1048576}
	b.ReportAllocs()
	for b.Loop() {
		buf = r.AppendContentRange(buf[:0], 2097152)
	}
}

func BenchmarkParseContentRange(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		byterange.ParseContentRange("bytes 1048576-2097151/2097152")
	}
}

func BenchmarkMultipart(b *testing.B) {
	ranges := []byterange.Range{{Start: 0, Length: 1}, {Start: 2097151, Length: 1}}
	one := []byte("x")
	part := func(w io.Writer, r byterange.Range) (int64, error) {
		n, err := w.Write(one)
		return int64(n), err
	}
	b.ReportAllocs()
	for b.Loop() {
		m, err := byterange.NewMultipart(ranges, 2097152, "text/plain; charset=utf-8", "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Send(io.Discard, part); err != nil {
			b.Fatal(err)
		}
	}
}
