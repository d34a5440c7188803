package probe_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

// TestScore: what a server lacks is not right, so that one that offers little does not look like
// one that does all of it well.
func TestScore(t *testing.T) {
	for _, c := range []struct {
		name string
		layer
		least, most int
	}{
		{"everything", layers(), 100, 100},
		{"tags, no dates", noDates, 100, 100},
		{"no ranges", noRanges, 80, 90},
		{"no tags", noTags, 60, 75},
		{"no tags and no ranges", layers(noTags, noRanges), 40, 55},
		{"no validators and no ranges", layers(noTags, noDates, noRanges, noCodings), 0, 30},
		{"If-None-Match ignored", without("If-None-Match"), 80, 92},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			report, _ := askReads(t, c.layer(rightServer(t)), probe.Options{})
			if got := report.Score(); got < c.least || got > c.most {
				t.Errorf("got %d, want %d to %d", got, c.least, c.most)
			}
			judged, lacking := report.Judged()
			if judged == 0 || judged+lacking > len(report.Results) || (lacking == 0) != (c.least == 100) {
				t.Errorf("got %d judged and %d lacking of %d", judged, lacking, len(report.Results))
			}
		})
	}
}

// TestNoScore: half a run says nothing of the other half.
func TestNoScore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h, asked := rightServer(t), make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked <- struct{}{}; len(asked) == 20 {
			cancel()
		}
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	target, err := url.Parse(server.URL + planPath)
	if err != nil {
		t.Fatal(err)
	}
	interrupted, err := probe.Run(ctx, target, probe.Options{})
	if err != context.Canceled {
		t.Fatalf("got %v", err)
	}
	stopped, err := probe.Run(t.Context(), target, probe.Options{Budget: 20})
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*probe.Report{"interrupted": interrupted, "budget": stopped} {
		if judged, _ := r.Judged(); r.Score() != -1 || judged == 0 {
			t.Errorf("%s: got score %d of %d checks, want none", name, r.Score(), judged)
		}
	}
}
