package peers

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// TestTagsAreRecognised asks servers for a file, and wants to hear from the tag who made it and of
// what.
func TestTagsAreRecognised(t *testing.T) {
	content := strings.Repeat("412\n", 1000)
	dir := publicDir(t)
	path := filepath.Join(dir, "file.txt")
	writeFile(t, path, content)
	modified := time.Date(2026, 11, 1, 10, 0, 0, 123_456_000, time.UTC)
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		start   func(testing.TB, string) server
		dialect string
		fit     etag.Fit
		unit    time.Duration // of the time in the tag; 0 if it has none
	}{
		{startNginx, "nginx", etag.Confirmed, time.Second},
		{startApache, "apache24", etag.Confirmed, time.Microsecond},
		{startServe, "fourtwelve", etag.Proven, 0},
	} {
		t.Run(c.dialect, func(t *testing.T) {
			header := headOf(t, c.start(t, dir).base+"/file.txt")
			known := etag.Facts{Content: []byte(content), Server: header.Get("Server")}
			var err error
			if known.LastModified, err = http.ParseTime(header.Get("Last-Modified")); err != nil {
				t.Fatal(err)
			}
			readings := etag.Recognise(header.Get("ETag"), known)
			if len(readings) == 0 {
				t.Fatalf("got nothing from %s", header.Get("ETag"))
			}
			r := readings[0]
			if r.Dialect.ID != c.dialect || r.Fit != c.fit {
				t.Errorf("%s: got %s, %v; want %s, %v", header.Get("ETag"), r.Dialect.ID, r.Fit, c.dialect, c.fit)
			}
			if c.unit != 0 && (!r.Time.Equal(modified.Truncate(c.unit)) || r.Size != int64(len(content))) {
				t.Errorf("%s: got time %v, size %d; want %v, %d", header.Get("ETag"), r.Time, r.Size, modified.Truncate(c.unit), len(content))
			}
		})
	}
}

func headOf(t *testing.T, url string) http.Header {
	t.Helper()
	resp, err := http.Head(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("HEAD %s: got %s", url, resp.Status)
	}
	return resp.Header
}
