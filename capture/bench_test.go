package capture

import (
	"bytes"
	"io"
	"testing"
)

func BenchmarkRead(b *testing.B) {
	for _, path := range []string{"raw/wire-pair.txt", "curl/http2-put.txt", "har/chromium.har", "freb/fr000001.xml", "saz/archive"} {
		b.Run(path, func(b *testing.B) {
			data, err := io.ReadAll(open(b, "testdata/"+path))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read(bytes.NewReader(data), path, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
