package accesslog

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/accesslog/accesslogtest"
)

// generated returns a log of the generator.
func generated(tb testing.TB, o accesslogtest.Options) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := accesslogtest.Write(&b, o); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// openBytes opens a log that is in memory.
func openBytes(tb testing.TB, log []byte, o Options) *Reader {
	tb.Helper()
	o.Stdin = bytes.NewReader(log)
	r, err := Open([]string{"-"}, o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// BenchmarkSelect counts all entries and yields the few with a status of 412, as
// diagnosis does.
func BenchmarkSelect(b *testing.B) {
	for _, format := range accesslogtest.Formats() {
		b.Run(format, func(b *testing.B) {
			log := generated(b, accesslogtest.Options{Format: format, Size: 16 << 20})
			b.ReportAllocs()
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				r := openBytes(b, log, Options{Each: Select(StatusOf(412), false)})
				for e := range r.Entries(context.Background()) {
					_ = e
				}
				if r.Err() != nil || r.Stats().Bad > 0 {
					b.Fatal(r.Err(), r.Stats())
				}
			}
		})
	}
}

// BenchmarkEntries yields every entry and asks for some of its values.
func BenchmarkEntries(b *testing.B) {
	for _, format := range []string{"nginx", "iis"} {
		b.Run(format, func(b *testing.B) {
			log := generated(b, accesslogtest.Options{Format: format, Size: 16 << 20})
			b.ReportAllocs()
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				sum := 0
				for e := range openBytes(b, log, Options{}).Entries(context.Background()) {
					sum += e.Status() + len(e.Text(Path)) + len(e.Text(Client)) + len(e.Text(UserAgent))
				}
			}
		})
	}
}

// BenchmarkParse parses in one goroutine.
func BenchmarkParse(b *testing.B) {
	for _, format := range accesslogtest.Formats() {
		b.Run(format, func(b *testing.B) {
			log := generated(b, accesslogtest.Options{Format: format, Size: 1 << 20})
			d, err := detect(log, true, nil)
			if err != nil {
				b.Fatal(err)
			}
			p := newParser(0, &Options{Each: Select(StatusOf(412), false)})
			b.ReportAllocs()
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				batch := batch{chunk: chunk{text: log, line: 1, state: d.start}, file: &File{}}
				p.parse(&batch, d.w3c)
			}
		})
	}
}

// BenchmarkChunks only cuts a log into chunks.
func BenchmarkChunks(b *testing.B) {
	log := generated(b, accesslogtest.Options{Format: "iis", Size: 16 << 20})
	d, err := detect(log[:sampleSize], false, nil)
	if err != nil {
		b.Fatal(err)
	}
	buffers := make([][]byte, 3)
	for i := range buffers {
		buffers[i] = make([]byte, 0, chunkSize)
	}
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		n := 0
		c := newChunker(bytes.NewReader(log), chunkSize, func() []byte { n++; return buffers[n%3] }, d)
		for {
			if _, err := c.next(); err == io.EOF {
				break
			}
		}
	}
}

// BenchmarkUnwrap parses a log as it is, and behind what programs put around its lines. The bytes
// are those of the lines alone, so that the rates can be compared.
func BenchmarkUnwrap(b *testing.B) {
	log := generated(b, accesslogtest.Options{Format: "nginx", Size: 1 << 20})
	for _, name := range []string{"bare", "docker json-file", "CRI", "compose"} {
		b.Run(name, func(b *testing.B) {
			var wrapped bytes.Buffer
			i := 0
			for line := range strings.Lines(string(log)) {
				wrapped.WriteString(wrappers[name](strings.TrimSuffix(line, "\n"), i) + "\n")
				i++
			}
			d, err := detect(wrapped.Bytes(), true, nil)
			if err != nil {
				b.Fatal(err)
			}
			p := newParser(0, &Options{Each: Select(StatusOf(412), false)})
			text := make([]byte, wrapped.Len())
			b.ReportAllocs()
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				copy(text, wrapped.Bytes()) // which is changed
				batch := batch{chunk: chunk{text: text, line: 1, state: d.start}, file: &File{}}
				p.parse(&batch, d.w3c)
			}
		})
	}
}
