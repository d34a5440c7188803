package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestForgets shows that it is as bad as it should be: there is no tag, and a
// precondition is not even looked at.
func TestForgets(t *testing.T) {
	n := new(notes)
	ask := func(method, content string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/a", strings.NewReader(content))
		r.Header.Set("If-Match", `"some other version"`)
		w := httptest.NewRecorder()
		n.ServeHTTP(w, r)
		return w
	}
	for _, step := range []struct {
		method, content string
		status          int
		body            string
	}{
		{"GET", "", http.StatusNotFound, "404 page not found\n"},
		{"PUT", "one", http.StatusNoContent, ""},
		{"PUT", "two", http.StatusNoContent, ""},
		{"GET", "", http.StatusOK, "two"},
		{"PUT", strings.Repeat("x", maxNote+1), http.StatusBadRequest, "http: request body too large\n"},
		{"DELETE", "", http.StatusMethodNotAllowed, "this server reads and writes, and no more\n"},
	} {
		w := ask(step.method, step.content)
		if w.Code != step.status || w.Body.String() != step.body {
			t.Errorf("%s: got %d %q, want %d %q", step.method, w.Code, w.Body, step.status, step.body)
		}
		if tag := w.Header().Get("ETag"); tag != "" {
			t.Errorf("%s: there is a tag %s", step.method, tag)
		}
	}
}
