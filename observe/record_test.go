package observe_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/fourtwelve/fourtwelve/observe"
)

// TestAll: each observer is told once, in order, and those that are nil are left out.
func TestAll(t *testing.T) {
	var told []string
	as := func(name string) observe.Observer {
		return func(_ *http.Request, rec *observe.Record) {
			if rec.Status == http.StatusPreconditionFailed {
				told = append(told, name)
			}
		}
	}
	r, rec := httptest.NewRequest("PUT", "/", nil), &observe.Record{Status: http.StatusPreconditionFailed}
	observe.All(nil, as("log"), nil, as("metrics"))(r, rec)
	observe.All(as("alone"), nil)(r, rec)
	if want := []string{"log", "metrics", "alone"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if observe.All(nil, nil) != nil {
		t.Error("All of nothing is not nil: a handler would make records for nobody")
	}
}
