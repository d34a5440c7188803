package framing

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"slices"
	"testing"
)

// FuzzFollow: net/http finds the same requests in what is passed on, as long as they are clear, and it
// makes no difference in which pieces the bytes come.
func FuzzFollow(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nPUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\nGET / HTTP/1.1\r\n\r\n",
		"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"PUT /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
		"PUT /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nUpgrade: x\r\n\r\n\r\n",
		"PUT /a HTTP/1.1\nContent-Length:\n 3\n\nabc", "\r\r\nGET / HTTP/1.1\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(7))
	}
	f.Fuzz(func(t *testing.T, sent []byte, size uint8) {
		passed, heads := followed(sent, len(sent))
		inPieces, again := followed(sent, int(size)+1)
		if !bytes.Equal(passed, inPieces) || !slices.Equal(heads, again) {
			t.Fatalf("in pieces of %d: %q %+v, at once: %q %+v", int(size)+1, inPieces, again, passed, heads)
		}
		for r := bufio.NewReader(bytes.NewReader(passed)); ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if len(heads) == 0 {
				if req.Method == "PRI" {
					return
				}
				t.Fatalf("%q: the request %s %s was not seen", sent, req.Method, req.URL)
			}
			h := heads[0]
			heads = heads[1:]
			if h.unclear || h.transferEncoding && (h.contentLength || !req.ProtoAtLeast(1, 1)) {
				return
			}
			if chunked := len(req.TransferEncoding) > 0; chunked != h.transferEncoding {
				t.Fatalf("%q: chunked is %v, and %+v was seen", sent, chunked, h)
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
		}
	})
}

// followed returns what is passed on of what is sent in pieces, and the heads that were found.
func followed(sent []byte, size int) (passed []byte, heads []head) {
	var f follower
	for piece := range slices.Chunk(bytes.Clone(sent), max(size, 1)) {
		n := f.bytes(piece, func(h head) { heads = append(heads, h) })
		passed = append(passed, piece[:n]...)
	}
	return passed, heads
}

// BenchmarkFollow goes along with a request as a browser sends it.
func BenchmarkFollow(b *testing.B) {
	sent := []byte("GET /site/style.css HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/css,*/*;q=0.1\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nCache-Control: max-age=0\r\nCookie: a=b\r\nIf-None-Match: \"0mW52p7rbcH0ouO7Ax9nog\"\r\nConnection: keep-alive\r\n\r\n")
	var f follower
	heads := make([]head, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		f.bytes(sent, func(h head) { heads = append(heads[:0], h) })
	}
}
