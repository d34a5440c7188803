package origin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// sink is a ResponseWriter that costs next to nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

func (s *sink) reset() {
	clear(s.header)
	s.status = 0
}

const (
	smallSize = 4 << 10
	largeSize = 10 << 20
)

// contents are the files that are served in benchmarks. The small one has a type
// that is encoded for those who accept it.
var contents = map[string]string{
	"small.css": strings.Repeat("p { margin: 0 }\n", smallSize/16),
	"large.bin": strings.Repeat("0123456789abcdef", largeSize/16),
}

// servers are what is compared: our handler over each store, and the handler of
// the standard library over the same files.
func servers(b *testing.B) map[string]http.Handler {
	dir := b.TempDir()
	long := time.Now().Add(-time.Hour)
	for name, content := range contents {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			b.Fatal(err)
		}
		if err := os.Chtimes(path, long, long); err != nil {
			b.Fatal(err)
		}
	}
	files, err := dirstore.Open(dir, dirstore.Options{Sync: dirstore.SyncNone})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { files.Close() })
	memory := memstore.New(memstore.Options{})
	for name, content := range contents {
		put(b, memory, name, content)
	}
	return map[string]http.Handler{
		"memstore":   newHandler(b, memory),
		"dirstore":   newHandler(b, files),
		"FileServer": http.FileServer(http.Dir(dir)),
	}
}

func newHandler(tb testing.TB, s store.Store) http.Handler {
	h, err := origin.New(origin.Options{Store: s})
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// reads are the requests measured. FileServer has no tags; it validates by date.
var reads = []struct {
	name   string
	path   string
	status int
	fields func(modified string) []string
}{
	{"304", "/small.css", http.StatusNotModified, func(modified string) []string {
		return []string{"If-None-Match", etag.Of([]byte(contents["small.css"])).String(), "If-Modified-Since", modified}
	}},
	{"200 4 KiB", "/small.css", http.StatusOK, func(string) []string { return nil }},
	{"206 4 KiB", "/large.bin", http.StatusPartialContent, func(string) []string {
		return []string{"Range", "bytes=1000000-" + strconv.Itoa(1000000+smallSize-1)}
	}},
	{"412", "/small.css", http.StatusPreconditionFailed, func(string) []string {
		return []string{"If-Match", `"other"`, "If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}
	}},
}

func newRequest(method, path string, content io.Reader, fields []string) *http.Request {
	r := httptest.NewRequest(method, path, content)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

func BenchmarkRead(b *testing.B) {
	handlers := servers(b)
	for _, read := range reads {
		for _, name := range []string{"memstore", "dirstore", "FileServer"} {
			b.Run(read.name+"/"+name, func(b *testing.B) {
				h := handlers[name]
				w := &sink{header: make(http.Header)}
				h.ServeHTTP(w, newRequest("GET", read.path, nil, nil))
				fields := read.fields(w.header.Get("Last-Modified"))
				if name == "FileServer" && read.status == http.StatusNotModified {
					fields = fields[2:] // or it would see a tag that it does not know
				}
				r := newRequest("GET", read.path, nil, fields)
				b.ReportAllocs()
				for b.Loop() {
					w.reset()
					h.ServeHTTP(w, r)
				}
				if w.status != read.status {
					b.Fatalf("status %d, want %d", w.status, read.status)
				}
			})
		}
	}
}

// BenchmarkReadEncoded is a 200 in a coding that has been made before, and a 304
// for it.
func BenchmarkReadEncoded(b *testing.B) {
	h := servers(b)["dirstore"]
	tag := etag.Of([]byte(contents["small.css"])).WithCoding("br").String()
	for name, fields := range map[string][]string{
		"200": {"Accept-Encoding", "gzip, deflate, br, zstd"},
		"304": {"Accept-Encoding", "gzip, deflate, br, zstd", "If-None-Match", tag},
	} {
		b.Run(name, func(b *testing.B) {
			w := &sink{header: make(http.Header)}
			r := newRequest("GET", "/small.css", nil, fields)
			b.ReportAllocs()
			for b.Loop() {
				w.reset()
				h.ServeHTTP(w, r)
			}
			if want, _ := strconv.Atoi(name); w.status != want {
				b.Fatalf("status %d, want %d", w.status, want)
			}
		})
	}
}

// BenchmarkPut replaces 1 KiB again and again, each time on the tag of the last.
func BenchmarkPut(b *testing.B) {
	files, err := dirstore.Open(b.TempDir(), dirstore.Options{Sync: dirstore.SyncNone})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { files.Close() })
	for name, s := range map[string]store.Store{"memstore": memstore.New(memstore.Options{}), "dirstore, sync=none": files} {
		b.Run(name, func(b *testing.B) {
			h := newHandler(b, s)
			w := &sink{header: make(http.Header)}
			guard := []string{"If-None-Match", "*"}
			content := []byte(strings.Repeat("x", 1<<10))
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				copy(content, strconv.Itoa(n))
				w.reset()
				h.ServeHTTP(w, newRequest("PUT", "/"+b.Name(), strings.NewReader(string(content)), guard))
				if w.status/100 != 2 {
					b.Fatalf("status %d", w.status)
				}
				guard = []string{"If-Match", w.header.Get("Etag")}
			}
		})
	}
}
