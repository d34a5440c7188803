package command_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/command"
)

// TestCacheWalk runs the commands of docs/caching.md in order, and compares what comes out.
func TestCacheWalk(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600, stale-if-error=3600")
		w.Header().Set("Cache-Tag", "news, front")
		w.Header().Set("ETag", `"v1"`)
		io.WriteString(w, "What is new\n")
	}))
	defer backend.Close()
	g := startCommand(t, "guard", "--cache=on", "--listen=127.0.0.1:0", "--metrics=127.0.0.1:0", "--access-log=off", backend.URL)
	admin := regexp.MustCompile(`Metrics are at http://([^/]+)`).FindStringSubmatch(g.said.String())[1]
	ran := 0
	walk(t, "../docs/caching.md", func(typed, want string) string {
		args := strings.Fields(typed)
		here := strings.NewReplacer("http://127.0.0.1:8412", g.url)
		switch {
		case args[0] == "curl":
			resp, err := http.Get(here.Replace(args[len(args)-1]))
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			awaitStored(t, admin)
		case len(args) > 1 && args[1] == "cache":
			ran++
			var out bytes.Buffer
			args = strings.Fields(here.Replace(typed))[1:]
			command.Run(context.Background(), append(args, "--admin", admin), command.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
			if text := strings.ReplaceAll(out.String(), g.url, "http://127.0.0.1:8412"); withoutTimes(text) != withoutTimes(want) {
				return text
			}
		}
		return want
	})
	if ran < 5 {
		t.Errorf("only %d commands were found", ran)
	}
}

// awaitStored waits until something is stored: that may be a moment after the answer has been read.
func awaitStored(t *testing.T, admin string) {
	t.Helper()
	for {
		nobody := command.Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard}
		if command.Run(t.Context(), []string{"cache", "list", "--admin", admin}, nobody) == 0 {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal("nothing is stored")
		}
	}
}

// withoutTimes leaves out of what is said of a cache when that was.
func withoutTimes(s string) string {
	s = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]+Z`).ReplaceAllString(s, "TIME")
	s = regexp.MustCompile(`(fresh for|by a purge) (\d+m)?(\d+s)?`).ReplaceAllString(s, "$1 TIME")
	return regexp.MustCompile(`(age|lifetime) +\d+ s`).ReplaceAllString(s, "$1 TIME")
}
