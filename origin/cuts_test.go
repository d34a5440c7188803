package origin_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// TestCutUploadChangesNothing: whichever way and wherever a PUT ends early, the
// resource stays as it was, no revision is made, and nothing is left behind.
func TestCutUploadChangesNothing(t *testing.T) {
	const content = "the new content, of which not all will arrive"
	framings := map[string]string{
		"length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(content), content),
		// The last chunk has arrived, the end of the content has not.
		"chunked": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n", len(content), content),
	}
	endings := map[string]func(*net.TCPConn) error{
		"FIN": (*net.TCPConn).CloseWrite,
		"RST": func(c *net.TCPConn) error {
			if err := c.SetLinger(0); err != nil {
				return err
			}
			return c.Close()
		},
	}
	dir := t.TempDir()
	files, err := dirstore.Open(dir, dirstore.Options{Sync: dirstore.SyncNone})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	before := put(t, files, "a.txt", "the old content")
	srv := serve(t, origin.Options{Store: files})
	litter := filesIn(t, dir)
	for framing, text := range framings {
		for ending, end := range endings {
			for _, sent := range []int{strings.Index(text, "\r\n\r\n") + 4, len(text) / 2, len(text) - 1} {
				t.Run(fmt.Sprintf("%s, %s after %d bytes", framing, ending, sent), func(t *testing.T) {
					c := srv.dial()
					fmt.Fprintf(c, "PUT /a.txt HTTP/1.1\r\nHost: h\r\nIf-Match: *\r\n%s", text[:sent])
					if err := end(c.Conn.(*net.TCPConn)); err != nil {
						t.Fatal(err)
					}
					if status := <-srv.done; status/100 == 2 {
						t.Errorf("status %d, want a refusal", status)
					}
					wantOnly(t, files, before)
					if now := filesIn(t, dir); !slices.Equal(now, litter) {
						t.Errorf("files are %q, were %q", now, litter)
					}
				})
			}
		}
	}
}

// wantOnly checks that a resource has had no other revision than info.
func wantOnly(t *testing.T, s store.Store, info store.Info) {
	t.Helper()
	var got []store.Info
	for revision, err := range s.(store.History).Revisions(t.Context(), info.Name) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, revision)
	}
	if len(got) != 1 || got[0].Revision != info.Revision || got[0].Digest != info.Digest {
		t.Errorf("the revisions are %v, want only %v", got, info)
	}
}

// filesIn lists all files below dir.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCompleteRequestOfClosingClient: a client that has sent a whole request and
// closes its sending side is answered, and its write performed.
func TestCompleteRequestOfClosingClient(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		srv := serve(t, origin.Options{Store: s})
		for i, request := range []string{
			rawPut("/a.txt", "If-None-Match: *", "content"),
			"GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
		} {
			c := srv.dial()
			fmt.Fprint(c, request)
			if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			method, _, _ := strings.Cut(request, " ")
			r, err := c.read(method)
			if want := []int{http.StatusCreated, http.StatusOK}[i]; err != nil || r.status != want {
				t.Errorf("%s: status %d, error %v; want %d", method, r.status, err, want)
			}
		}
	})
}

// TestCancelledContext: net/http cancels a request when the client closes its
// sending side. That alone is no reason not to answer.
func TestCancelledContext(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		h, err := origin.New(origin.Options{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			method, path, content string
			status                int
		}{
			{"PUT", "/a.txt", "content", http.StatusCreated},
			{"GET", "/a.txt", "", http.StatusOK},
			{"GET", "/", "", http.StatusOK},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			r := httptest.NewRequestWithContext(ctx, c.method, c.path, strings.NewReader(c.content))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.status)
			}
		}
	})
}
