package peers

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

// TestCheckOfWarmGuards asks guards that trust the tags of real servers everything that fourtwelve
// check asks.
func TestCheckOfWarmGuards(t *testing.T) {
	for _, s := range checkedServers() {
		if !strings.Contains(strings.ToLower(s.name), "dav") {
			continue // nothing can be written there
		}
		if strings.HasPrefix(s.name, "lighttpd") {
			continue // its tags tell nothing, and lag behind a change for a second or two, which ends trust
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dir := writableDir(t)
			publish(t, dir, "page.txt", strings.Repeat("a line of a page that stands still\n", 100))
			backend := s.start(t, dir)
			g := startGuard(t, backend)
			warm(t, dir, g)
			if got, want := tagAt(t, g.base+"/lesson-0.txt"), tagAt(t, backend.base+"/lesson-0.txt"); got != want || got == "" {
				t.Fatalf("it is not trusted: the tag is %s, and the backend's %s", got, want)
			}
			report := check(t, g.base)
			if report.Stopped != "" || report.Left {
				t.Errorf("got stopped %q, left %v", report.Stopped, report.Left)
			}
			for _, r := range report.Results {
				if r.Outcome == probe.Failed && r.Check.ID != "put-status" { // which is the server's to say
					t.Errorf("%s: %s", r.Check.ID, r.Says)
				}
			}
		})
	}
}

// warm has a guard learn what the tags of files are made of, and that what is PUT is stored as it is.
func warm(t *testing.T, dir string, g server) {
	t.Helper()
	for round := range 3 {
		for i := range 3 {
			publish(t, dir, fmt.Sprintf("lesson-%d.txt", i), strings.Repeat("lesson\n", 3*round+i+1))
		}
		for range 4 {
			for i := range 3 {
				tagAt(t, g.base+fmt.Sprintf("/lesson-%d.txt", i))
			}
		}
	}
	for i := range 20 {
		req, err := http.NewRequest(http.MethodPut, g.base+"/lesson-put.txt", strings.NewReader(fmt.Sprint("lesson ", i)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/plain")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode/100 != 2 {
			t.Fatalf("PUT got %s", res.Status)
		}
	}
}

// tagAt returns the tag in the answer to a GET without a coding.
func tagAt(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.Header.Get("Etag")
}
