package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
)

// do sends a request with lines of a header, and returns the response.
func do(h http.Handler, method, path, content string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(content))
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestNotes walks through the life of a note.
func TestNotes(t *testing.T) {
	milk, tea := etag.Of([]byte("milk")).String(), etag.Of([]byte("tea")).String()
	list := etag.Of([]byte("\"7\"\n")).String()
	steps := []struct {
		method, path, content, header string
		status                        int
		tag                           string
	}{
		{"GET", "/notes/7", "", "", 404, ""},
		{"DELETE", "/notes/7", "", "", 404, ""},
		{"PUT", "/notes/7", "milk", "If-None-Match: *", 201, milk},
		{"PUT", "/notes/7", "mine", "If-None-Match: *", 412, milk},
		{"GET", "/notes/7", "", "", 200, milk},
		{"GET", "/notes/7", "", "If-None-Match: " + milk, 304, milk},
		{"PUT", "/notes/7", "tea", "", 428, ""},
		{"PUT", "/notes/7", "tea", "If-Match: " + milk, 204, tea},
		{"PUT", "/notes/7", "late", "If-Match: " + milk, 412, tea},
		{"PUT", "/notes/7", strings.Repeat("x", maxNote+1), "If-Match: " + tea, 413, ""},
		{"GET", "/notes/", "", "", 200, list},
		{"GET", "/notes/", "", "If-None-Match: " + list, 304, list},
		{"DELETE", "/notes/7", "", "If-Match: " + milk, 412, tea},
		{"DELETE", "/notes/7", "", "If-Match: " + tea, 204, ""},
		{"PUT", "/notes/7", "again", "If-Match: " + tea, 412, ""},
	}
	h := newNotes()
	for i, s := range steps {
		var header []string
		if s.header != "" {
			header = append(header, s.header)
		}
		w := do(h, s.method, s.path, s.content, header...)
		if w.Code != s.status || w.Header().Get("ETag") != s.tag {
			t.Fatalf("step %d, %s %s with %q: got %d and %q, want %d and %q",
				i, s.method, s.path, s.header, w.Code, w.Header().Get("ETag"), s.status, s.tag)
		}
	}
}

func TestNotesLoseNoUpdate(t *testing.T) {
	h := newNotes()
	do(h, "PUT", "/notes/7", "0")
	var wg sync.WaitGroup
	statuses := make([]int, 32)
	for i := range statuses {
		wg.Go(func() {
			content := strings.Repeat("x", i+1)
			statuses[i] = do(h, "PUT", "/notes/7", content, "If-Match: "+etag.Of([]byte("0")).String()).Code
		})
	}
	wg.Wait()
	won := 0
	for _, status := range statuses {
		if status == http.StatusNoContent {
			won++
		} else if status != http.StatusPreconditionFailed {
			t.Errorf("got %d, want 204 or 412", status)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won, want 1", won)
	}
}
