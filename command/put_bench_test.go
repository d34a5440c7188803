package command

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// BenchmarkPutChain compares a PUT of 1 KiB through the handler that serve puts together, with WebDAV and without, with the same
// replacement in the store alone.
func BenchmarkPutChain(b *testing.B) {
	open := func(b *testing.B) *dirstore.Store {
		files, err := dirstore.Open(b.TempDir(), dirstore.Options{Sync: dirstore.SyncNone})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { files.Close() })
		return files
	}
	content := bytes.Repeat([]byte{'x'}, 1<<10)
	b.Run("store", func(b *testing.B) {
		files := open(b)
		b.ReportAllocs()
		for b.Loop() {
			d, err := files.Stage(b.Context(), "a.txt", bytes.NewReader(content))
			if err == nil {
				_, err = d.Commit(b.Context(), store.Any)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, dav := range map[string]bool{"serve": true, "dav=off": false} {
		b.Run(name, func(b *testing.B) {
			p := &servePlan{serveOptions: serveOptions{
				front: front{idleTimeout: time.Minute, address: &server.Address{Loopback: true}}, dav: dav, require: origin.RequireNever,
			}}
			h, err := p.newHandler(open(b), nil, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				r := &http.Request{
					Method: "PUT", URL: &url.URL{Path: "/a.txt"}, RequestURI: "/a.txt", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
					Host: "127.0.0.1", RemoteAddr: "127.0.0.1:1234", ContentLength: int64(len(content)),
					Header: http.Header{"Content-Length": {"1024"}}, Body: io.NopCloser(bytes.NewReader(content)),
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code/100 != 2 {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
