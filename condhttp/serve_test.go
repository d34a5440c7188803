package condhttp

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// broken is a content whose methods fail as told.
type broken struct {
	*strings.Reader
	failSeek  int // the Seek that fails, counted from 1
	failRead  bool
	seeksDone int
}

var errDisk = errors.New("read /srv/secret: input/output error")

func (b *broken) Seek(offset int64, whence int) (int64, error) {
	if b.seeksDone++; b.seeksDone == b.failSeek {
		return 0, errDisk
	}
	return b.Reader.Seek(offset, whence)
}

func (b *broken) Read(p []byte) (int, error) {
	if b.failRead {
		return 0, errDisk
	}
	return b.Reader.Read(p)
}

// TestServeOfBrokenContent holds that a failure is a 500 that tells nothing as
// long as there is no header, and a broken connection afterwards; never a short
// answer that looks whole, and never the tag of content that was not sent.
func TestServeOfBrokenContent(t *testing.T) {
	tests := []struct {
		name    string
		content broken
		typed   bool
		ranges  string
		status  int
		cut     bool
	}{
		{"size", broken{failSeek: 1}, true, "", 500, false},
		{"start", broken{failSeek: 2}, true, "", 500, false},
		{"first bytes", broken{failRead: true}, false, "", 500, false},
		{"start of a range", broken{failSeek: 2}, true, "bytes=1-2", 500, false},
		{"content", broken{failRead: true}, true, "", 200, true},
		{"content of a range", broken{failRead: true}, true, "bytes=1-2", 206, true},
		{"second range", broken{failSeek: 3}, true, "bytes=1-2,5-6", 206, true},
	}
	n := newNetwork(t)
	for _, tt := range tests {
		for _, server := range []*httptest.Server{n.h1, n.h2} {
			t.Run(tt.name, func(t *testing.T) {
				var log bytes.Buffer
				c := Checker{Logger: slog.New(slog.NewTextHandler(&log, nil))}
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					content := tt.content
					content.Reader = strings.NewReader(strings.Repeat("x", 100_000))
					if tt.typed {
						w.Header().Set("Content-Type", "text/plain")
					}
					c.Serve(w, r, precondition.Current{Exists: true, Tag: etag.MustParse(`"a"`)}, &content)
				})
				header := http.Header{}
				if tt.ranges != "" {
					header.Set("Range", tt.ranges)
				}
				got := n.over(t, server, h, "GET", header)
				if got.cut != tt.cut || !tt.cut && got.status != tt.status {
					t.Errorf("got %d, cut: %t; want %d, cut: %t", got.status, got.cut, tt.status, tt.cut)
				}
				if tt.cut {
					return
				}
				if strings.Contains(got.content, "secret") || got.header.Get("ETag") != "" {
					t.Errorf("the client was told %q, with tag %q", got.content, got.header.Get("ETag"))
				}
				if !strings.Contains(log.String(), "secret") {
					t.Errorf("the log has %q, and not the error", log.String())
				}
			})
		}
	}
}

// TestServeFile sends all kinds of ranges of a file, compared with the bytes of it.
func TestServeFile(t *testing.T) {
	content := make([]byte, 300_000)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(content)
	name := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(name, content, 0o666); err != nil {
		t.Fatal(err)
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		Serve(w, r, precondition.Current{Exists: true, Tag: etag.Of(content)}, f)
	})
	n := newNetwork(t)
	for _, server := range []*httptest.Server{n.h1, n.h2} {
		for ranges, want := range map[string][]byte{
			"":                    content,
			"bytes=0-":            content,
			"bytes=299999-":       content[299_999:],
			"bytes=-70000":        content[230_000:],
			"bytes=100000-200000": content[100_000:200_001],
		} {
			header := http.Header{}
			if ranges != "" {
				header.Set("Range", ranges)
			}
			if got := n.over(t, server, h, "GET", header); got.content != string(want) {
				t.Errorf("%s: got %d and %d bytes, want %d", ranges, got.status, len(got.content), len(want))
			}
		}
		got := n.over(t, server, h, "GET", http.Header{"Range": {"bytes=5-9, 100000-199999, -3"}})
		checkParts(t, got, content[5:10], content[100_000:200_000], content[299_997:])
	}
}

func checkParts(t *testing.T, got response, want ...[]byte) {
	t.Helper()
	_, params, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(strings.NewReader(got.content), params["boundary"])
	for i, part := range want {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		if content, err := io.ReadAll(p); err != nil || !bytes.Equal(content, part) {
			t.Errorf("part %d: got %d bytes and %v, want %d", i, len(content), err, len(part))
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("after the last part: got %v, want the end", err)
	}
}

func TestServeSniffs(t *testing.T) {
	tests := []struct {
		name   string
		set    func(h http.Header)
		method string
		ranges string
		want   string
	}{
		{"nothing set", func(http.Header) {}, "GET", "", "text/html; charset=utf-8"},
		{"HEAD", func(http.Header) {}, "HEAD", "", "text/html; charset=utf-8"},
		{"of a range, the type is that of the whole", func(http.Header) {}, "GET", "bytes=6-", "text/html; charset=utf-8"},
		{"set", func(h http.Header) { h.Set("Content-Type", "a/b") }, "GET", "", "a/b"},
		{"set to none", func(h http.Header) { h["Content-Type"] = nil }, "GET", "", ""},
		{"in a coding", func(h http.Header) { h.Set("Content-Encoding", "br") }, "GET", "", ""},
	}
	n := newNetwork(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tt.set(w.Header())
				Serve(w, r, precondition.Current{Exists: true}, strings.NewReader("<html>hello"))
			})
			header := http.Header{}
			if tt.ranges != "" {
				header.Set("Range", tt.ranges)
			}
			if got := n.do(t, h, tt.method, header).header.Get("Content-Type"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestServeOfNothing(t *testing.T) {
	n := newNetwork(t)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Serve(w, r, precondition.Current{Exists: true}, strings.NewReader(""))
	})
	got := n.do(t, h, "GET", http.Header{"Range": {"bytes=0-"}})
	if got.status != 200 || got.content != "" || got.header.Get("Content-Length") != "0" {
		t.Errorf("got %d, %q, length %q", got.status, got.content, got.header.Get("Content-Length"))
	}
}

// TestServeKeepsToItself holds what net/http would put right, and another
// http.ResponseWriter might not.
func TestServeKeepsToItself(t *testing.T) {
	current := precondition.Current{Exists: true, Tag: etag.MustParse(`"a"`)}
	w := httptest.NewRecorder()
	Serve(w, httptest.NewRequest("HEAD", "/", nil), current, strings.NewReader("hello"))
	if w.Body.Len() > 0 || w.Header().Get("Content-Length") != "5" {
		t.Errorf("HEAD: got content %q and length %s, want none and 5", w.Body, w.Header().Get("Content-Length"))
	}

	gone := httptest.NewRequest("GET", "/", nil)
	Serve(&goneClient{header: http.Header{}}, gone, current, bytes.NewReader([]byte("hello"))) // does not panic

	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("content that cannot be read: got panic %v, want %v", got, http.ErrAbortHandler)
		}
	}()
	w = httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain")
	Serve(w, httptest.NewRequest("GET", "/", nil), current, &broken{Reader: strings.NewReader("hello"), failRead: true})
}

// goneClient is a ResponseWriter whose client has gone.
type goneClient struct{ header http.Header }

func (g *goneClient) Header() http.Header       { return g.header }
func (g *goneClient) WriteHeader(int)           {}
func (g *goneClient) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
