package command_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/webdav"

	"github.com/fourtwelve/fourtwelve/command"
)

// TestCheckDocument runs the commands of docs/check.md that ask a server, and compares what comes out, all but times
// and how many requests were sent.
func TestCheckDocument(t *testing.T) {
	s := startServe(t, "--access-log=off", exampleCopy(t))
	dav := httptest.NewServer(&webdav.Handler{FileSystem: webdav.NewMemFS(), LockSystem: webdav.NewMemLS()})
	defer dav.Close()
	putFile(t, dav.URL+"/notes.json", "{}")
	there := strings.NewReplacer("http://127.0.0.1:8412", s.url, "http://127.0.0.1:8080", dav.URL)
	ran := 0
	run := func(typed, want string) string {
		args, ok := strings.CutPrefix(there.Replace(typed), "fourtwelve ")
		if !ok || !strings.Contains(typed, "://") {
			return want
		}
		ran++
		var out strings.Builder
		command.Run(context.Background(), strings.Fields(args), command.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
		here := strings.NewReplacer(s.url, "http://127.0.0.1:8412", dav.URL, "http://127.0.0.1:8080",
			strings.TrimPrefix(s.url, "http://"), "127.0.0.1:8412", strings.TrimPrefix(dav.URL, "http://"), "127.0.0.1:8080")
		if got := here.Replace(out.String()); timeless(got) != timeless(want) {
			return got
		}
		return want // with its times
	}
	walk(t, "../docs/check.md", run)
	if ran < 2 {
		t.Errorf("only %d commands were found", ran)
	}
}

// timeless is the output of check without what differs from run to run.
func timeless(text string) string {
	text = regexp.MustCompile(`(?m)^  Asked .*$`).ReplaceAllString(text, "  Asked …")
	text = regexp.MustCompile(`"[0-9a-f]{14,}"`).ReplaceAllString(text, `"…"`) // webdav's tags have the time
	return strings.TrimRight(text, "\n")
}

func putFile(t *testing.T, url, content string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("PUT %s: got %s", url, resp.Status)
	}
}
