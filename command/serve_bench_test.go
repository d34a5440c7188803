package command

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/requestlog"
	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/command/internal/server/coalesce"
	"github.com/fourtwelve/fourtwelve/command/internal/server/deadline"
	"github.com/fourtwelve/fourtwelve/command/internal/server/gate"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// BenchmarkChain compares the handler that serve puts together with the bare
// origin in it: what the access log, the gate and the deadlines cost a request.
func BenchmarkChain(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), make([]byte, 4096), 0o600); err != nil {
		b.Fatal(err)
	}
	files, err := dirstore.Open(dir, dirstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { files.Close() })
	lines := requestlog.NewWriter(io.Discard, requestlog.Options{})
	b.Cleanup(func() { lines.Close(time.Minute) })

	bare, err := origin.New(origin.Options{Store: files})
	if err != nil {
		b.Fatal(err)
	}
	p := &servePlan{serveOptions: serveOptions{front: front{idleTimeout: time.Minute, address: &server.Address{Loopback: true}}}}
	logger := slog.New(slog.DiscardHandler)
	quiet, err := p.newHandler(files, nil, nil, logger)
	if err != nil {
		b.Fatal(err)
	}
	whole, err := p.newHandler(files, requestlog.Observer(lines, gate.User), nil, logger)
	if err != nil {
		b.Fatal(err)
	}
	for _, chain := range []struct {
		name string
		http.Handler
	}{{"origin", bare}, {"no-log", quiet}, {"serve", whole}} {
		b.Run("304/"+chain.name, func(b *testing.B) { benchmarkChain(b, chain, http.StatusNotModified) })
		b.Run("200/"+chain.name, func(b *testing.B) { benchmarkChain(b, chain, http.StatusOK) })
	}
}

// BenchmarkDownload is of files that are sent from the disk, over connections as
// serve has them.
func BenchmarkDownload(b *testing.B) {
	for name, size := range map[string]int64{"1MiB": 1 << 20, "16MiB": 16 << 20, "256MiB": 256 << 20} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.bin"), bytes.Repeat([]byte{1}, int(size)), 0o600); err != nil {
				b.Fatal(err)
			}
			files, err := dirstore.Open(dir, dirstore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer files.Close()
			p := &servePlan{serveOptions: serveOptions{front: front{idleTimeout: time.Minute, address: &server.Address{Loopback: true}}}}
			handler, err := p.newHandler(files, nil, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			web := httptest.NewUnstartedServer(coalesce.Handler(handler))
			web.Listener = coalesce.Listen(deadline.Listen(web.Listener))
			web.Config.ConnContext = coalesce.Context
			web.Start()
			defer web.Close()
			conn, err := net.Dial("tcp", web.Listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			buf := make([]byte, 256<<10)
			b.SetBytes(size)
			for b.Loop() {
				download(b, conn, buf, size)
			}
		})
	}
}

// download asks for a.bin, and takes it with large reads, as nothing is to be measured
// but the server.
func download(b *testing.B, conn net.Conn, buf []byte, size int64) {
	if _, err := io.WriteString(conn, "GET /a.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	for began, got := false, int64(0); got < size; {
		n, err := conn.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		if part := buf[:n]; began {
			got += int64(n)
		} else if end := bytes.Index(part, []byte("\r\n\r\n")); end >= 0 {
			began, got = true, int64(n-end-4)
		}
	}
}

// discard is a response writer that costs next to nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header              { return d.header }
func (d *discard) WriteHeader(status int)           { d.status = status }
func (d *discard) Write(p []byte) (int, error)      { return len(p), nil }
func (d *discard) SetWriteDeadline(time.Time) error { return nil }

func benchmarkChain(b *testing.B, h http.Handler, status int) {
	first := httptest.NewRecorder()
	h.ServeHTTP(first, httptest.NewRequest("GET", "http://127.0.0.1:8412/a.txt", nil))
	r := httptest.NewRequest("GET", "http://127.0.0.1:8412/a.txt", nil)
	if status == http.StatusNotModified {
		r.Header.Set("If-None-Match", first.Header().Get("Etag"))
	}
	w := &discard{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
	if w.status != status {
		b.Fatalf("got %d, want %d", w.status, status)
	}
}
