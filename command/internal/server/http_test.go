package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fourtwelve/fourtwelve/observe"
)

// TestCrowdIsLogged: who is turned away because there are too many is in the log, with the reason.
func TestCrowdIsLogged(t *testing.T) {
	var told observe.Record
	o := Options{Observe: func(_ *http.Request, rec *observe.Record) { told = *rec }}
	w := httptest.NewRecorder()
	o.refuseCrowd(w, httptest.NewRequest("PUT", "/a", nil))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d with %v", w.Code, w.Header())
	}
	if told.Status != 503 || told.Reason != "too-many-at-once" || told.Bytes != int64(w.Body.Len()) {
		t.Errorf("the log has status %d, reason %q, %d bytes", told.Status, told.Reason, told.Bytes)
	}
}
