package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// page reads and writes with the tag that it has read, as the program of a page does, and tells
// what came of it.
const page = `<!DOCTYPE html><title>notes</title><script>
(async () => {
	const told = { saved: [], read: [] };
	try {
		for (let i = 0; i < 4; i++) {
			const read = await fetch('note.txt');
			told.read.push(await read.text());
			const save = await fetch('note.txt', { method: 'PUT', headers: { 'If-Match': read.headers.get('ETag') }, body: 'version ' + i });
			told.saved.push(save.status);
		}
	} catch (e) { told.error = String(e); }
	await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
})();
</script>`

// told is what the page tells.
type told struct {
	Saved []int
	Read  []string
	Error string
}

// TestBrowserSaves: in a browser, a page that reads and writes with If-Match through fetch(), and
// knows nothing of caches, reads what is there, and none of its writes is refused. Without
// Cache-Control the browser guesses that a note of last year is good for weeks, and each write
// after the first is 412.
func TestBrowserSaves(t *testing.T) {
	browser := browserPath(t)
	for name, behind := range map[string]func(*testing.T, http.Handler) http.Handler{
		"serve": func(_ *testing.T, h http.Handler) http.Handler { return h },
		"guard": guardBefore,
	} {
		t.Run(name, func(t *testing.T) {
			got := browse(t, browser, behind(t, noteServer(t)))
			want := told{Saved: []int{204, 204, 204, 204}, Read: []string{"as it was", "version 0", "version 1", "version 2"}}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func browserPath(t *testing.T) string {
	// The one on the path is a script in Debian: ended, it leaves the browser running.
	for _, name := range []string{"/usr/lib/chromium/chromium-headless-shell", "chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "neither chromium-headless-shell nor chromium is installed")
	return ""
}

// noteServer serves the page and a note of last year.
func noteServer(t *testing.T) http.Handler {
	s := &site{dir: t.TempDir()}
	year := time.Now().AddDate(-1, 0, 0)
	s.put(t, "note.txt", []byte("as it was"), year)
	s.put(t, "page.html", []byte(page), year)
	files, err := dirstore.Open(s.dir, dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	h, err := origin.New(origin.Options{Store: files, Require: origin.RequireNever})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// guardBefore is a guard before a server that says nothing of freshness.
func guardBefore(t *testing.T, h http.Handler) http.Handler {
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(silent{w}, r)
	}))
	t.Cleanup(back.Close)
	u, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	g, err := guard.New(guard.Options{Routes: []guard.Route{{Backend: u}}, SpoolDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// silent leaves out what says how long an answer is fresh.
type silent struct{ http.ResponseWriter }

func (w silent) WriteHeader(status int) {
	w.Header().Del("Cache-Control")
	w.ResponseWriter.WriteHeader(status)
}

// browse has the browser open the page, and returns what that tells.
func browse(t *testing.T, browser string, h http.Handler) told {
	var got told
	if data := visit(t, browser, h, "/page.html"); data != nil {
		if err := json.Unmarshal(data, &got); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	}
	return got
}

// visit has the browser, started with flags as well, open a page, and returns what that posts to /told; nil if it tells nothing.
func visit(t *testing.T, browser string, h http.Handler, path string, flags ...string) []byte {
	t.Helper()
	results := make(chan []byte, 1)
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("POST /told", func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		results <- data
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	profile, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(profile)
	// A port for debugging makes it stay until it is ended.
	args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--remote-debugging-port=0", "--user-data-dir=" + profile}, flags...)
	cmd := exec.CommandContext(ctx, browser, append(args, server.URL+path)...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends what it has started, too
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { cancel(); <-ended }()
	select {
	case data := <-results:
		return data
	case err := <-ended:
		ended <- err
		t.Errorf("the browser ended: %v", err)
	case <-ctx.Done():
		t.Error("the page tells nothing")
	}
	return nil
}
