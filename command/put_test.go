package command_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/command"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// TestPutToServerThatDoesNotSayTheTag: a server that does not give the tag of what was written is asked for it, so that the next
// put has something to go on; but a tag of what somebody else has written since is not taken for it.
func TestPutToServerThatDoesNotSayTheTag(t *testing.T) {
	var mu sync.Mutex
	stored, overwrites := map[string]string{}, false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		content, exists := stored[r.URL.Path]
		current := precondition.Current{Exists: exists}
		if exists {
			current.Tag = etag.Of([]byte(content))
		}
		if r.Method != http.MethodPut {
			if exists {
				condhttp.Serve(w, r, current, strings.NewReader(content))
			} else {
				http.NotFound(w, r)
			}
			return
		}
		if err := condhttp.Verify(r, current); err != nil {
			condhttp.WriteError(w, r, err)
			return
		}
		sent, _ := io.ReadAll(r.Body)
		stored[r.URL.Path] = string(sent)
		if overwrites {
			stored[r.URL.Path] = "somebody else's"
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "a.txt")
	put := func(content string, code int, flags ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		args := append(append([]string{"put"}, flags...), file, server.URL+"/a.txt")
		if got := command.Run(t.Context(), args, command.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}); got != code {
			t.Errorf("put %q ends with %d, want %d:\n%s", content, got, code, &out)
		}
	}
	put("one", 0, "--create")
	put("two", 0)
	mu.Lock()
	overwrites = true
	mu.Unlock()
	put("three", 0)
	put("four", 1) // nobody knows the tag of "three"
	if got := stored["/a.txt"]; got != "somebody else's" {
		t.Errorf("there is %q now", got)
	}
}
