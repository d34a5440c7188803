package cli

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/gate"
	"github.com/fourtwelve/fourtwelve/internal/requestlog"
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
	p := &servePlan{serveOptions: serveOptions{front: front{idleTimeout: time.Minute, address: &address{loopback: true}}}}
	logger := slog.New(slog.DiscardHandler)
	quiet, err := p.newHandler(files, nil, logger)
	if err != nil {
		b.Fatal(err)
	}
	whole, err := p.newHandler(files, requestlog.Observer(lines, gate.User), logger)
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
