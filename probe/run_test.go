package probe_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/probe"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestOriginIsFlawless asks our own origin server everything.
func TestOriginIsFlawless(t *testing.T) {
	handler, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	put(t, server.URL+"/plan.txt", "the plan")
	target, _ := url.Parse(server.URL + "/plan.txt")
	report, err := probe.Run(t.Context(), target, probe.Options{WriteTo: target.JoinPath("../scratch.txt")})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Outcome == probe.Failed || r.Outcome == probe.NotAsked {
			t.Errorf("%s: %v: %s", r.Check.ID, r.Outcome, r.Says)
		}
	}
	if report.Stopped != "" || report.Left {
		t.Errorf("got stopped %q, left %v", report.Stopped, report.Left)
	}
}

func put(t *testing.T, uri, content string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, uri, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("PUT %s: got %s", uri, resp.Status)
	}
}
