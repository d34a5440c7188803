package cacheadmin_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/command/internal/cacheadmin"
	"github.com/fourtwelve/fourtwelve/guard"
)

// TestRefused: each question that cannot be answered gets a problem with a reason that is stable.
func TestRefused(t *testing.T) {
	h, err := guard.New(guard.Options{Routes: []guard.Route{{
		Host: "known.example", Backend: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Cache: guard.CacheOn,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	admin := cacheadmin.New(cacheadmin.Options{
		Guard: func() *guard.Handler { return h }, Usage: func() (u cache.Usage) { return u },
		Observe: func(bool, cache.Purged) {}, Logger: slog.New(slog.DiscardHandler),
	})
	for _, test := range []struct {
		path, content string
		status        int
		reason        string
	}{
		{"purge", `{}`, 400, "nothing-named"},
		{"purge", `{"any_query":true,"tags":["a"]}`, 400, "nothing-named"},
		{"purge", `{"urls":["/a"]}`, 400, "bad-url"},
		{"purge", `{"urls":["http://u:p@known.example/a"]}`, 400, "bad-url"},
		{"purge", `{"prefixes":["http://known.example"]}`, 400, "bad-prefix"},
		{"purge", `{"tags":[""]}`, 400, "bad-tag"},
		{"purge", `{"all":1}`, 400, "unreadable"},
		{"purge", `{"all":true}{}`, 400, "unreadable"},
		{"purge", `{"everything":true}`, 400, "unreadable"},
		{"purge", `{"tags":["` + strings.Repeat("a", 1<<20) + `"]}`, 413, "too-long"},
		{"purge", `{"tags":["a"` + strings.Repeat(`,"a"`, 1000) + `]}`, 400, "too-many"},
		{"purge", `{"urls":["http://other.example/a"]}`, 404, "not-guarded"},
		{"list", `{"limit":1001}`, 400, "bad-limit"},
		{"explain", `{"url":"http://other.example/a"}`, 404, "not-guarded"},
		{"explain", `{"url":"http://known.example/a","method":"PUT"}`, 400, "bad-method"},
		{"elsewhere", `{}`, 404, "no-such-thing"},
	} {
		p := ask(t, admin, test.path, test.content)
		if p.Status != test.status || p.Reason != test.reason || p.Detail == "" {
			t.Errorf("%s %.60s: got %d %s (%s), want %d %s", test.path, test.content, p.Status, p.Reason, p.Detail, test.status, test.reason)
		}
	}
	closed := cacheadmin.Closed("--admin-auth")
	p := ask(t, closed, "purge", `{"all":true}`)
	if p.Status != 403 || p.Reason != "nobody-known" || !strings.Contains(p.Hint, "--admin-auth bearer:FILE") {
		t.Errorf("a listener that others reach: %+v", p)
	}
}

func ask(t *testing.T, h http.Handler, path, content string) (p cacheadmin.Problem) {
	t.Helper()
	r := httptest.NewRequest("POST", "/cache/"+path, strings.NewReader(content))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if kind := w.Header().Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("%s %.60s: %d %s", path, content, w.Code, kind)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code {
		t.Errorf("%s %.60s: %d with %q: %v", path, content, w.Code, w.Body, err)
	}
	return p
}
