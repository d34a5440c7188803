package gate

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOtherSites: what a browser says of a read (Fetch Metadata), and whether it is answered.
// Each is what Chromium sends for the thing named.
func TestOtherSites(t *testing.T) {
	for _, tt := range []struct {
		what, method     string
		site, mode, dest string
		private, public  int
	}{
		{"a script of another site", "GET", "cross-site", "no-cors", "script", 403, 200},
		{"an image of another site", "GET", "cross-site", "no-cors", "image", 403, 200},
		{"a script of another port of this machine", "GET", "same-site", "no-cors", "script", 403, 200},
		{"fetch of another site", "GET", "cross-site", "cors", "empty", 403, 200},
		{"fetch of another site, HEAD", "HEAD", "cross-site", "no-cors", "empty", 403, 200},
		{"a frame of another site", "GET", "cross-site", "navigate", "iframe", 403, 200},
		{"an object of another site", "GET", "cross-site", "navigate", "object", 403, 200},
		{"a link of another site", "GET", "cross-site", "navigate", "document", 200, 200},
		{"the address bar", "GET", "none", "navigate", "document", 200, 200},
		{"a script of its own", "GET", "same-origin", "no-cors", "script", 200, 200},
		{"curl", "GET", "", "", "", 200, 200},
	} {
		for private, want := range map[bool]int{true: tt.private, false: tt.public} {
			r := httptest.NewRequest(tt.method, "http://127.0.0.1/config.js", nil)
			for name, value := range map[string]string{"Sec-Fetch-Site": tt.site, "Sec-Fetch-Mode": tt.mode, "Sec-Fetch-Dest": tt.dest} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			w := httptest.NewRecorder()
			New(heard, Options{Private: private}).ServeHTTP(w, r)
			policy := map[bool]string{true: "same-origin"}[private]
			if w.Code != want || w.Header().Get("Cross-Origin-Resource-Policy") != policy {
				t.Errorf("%s, private %v: got %d, %v; want %d and the policy %q", tt.what, private, w.Code, w.Header(), want, policy)
			}
			if want == http.StatusForbidden && strings.Contains(w.Body.String(), "heard") {
				t.Errorf("%s: the refusal has the content", tt.what)
			}
		}
	}
}

func TestSandbox(t *testing.T) {
	h := New(heard, Options{Sandbox: func(path string) bool { return strings.HasPrefix(path, "uploads/") }})
	for path, want := range map[string]string{"/uploads/a.html": "sandbox", "/uploads/%61.html": "sandbox", "/index.html": ""} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := w.Header().Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestAddressOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:9": "192.0.2.1", "[::ffff:192.0.2.1]:9": "192.0.2.1", "[2001:db8::1:2:3:4]:9": "2001:db8::/64",
		"127.0.0.1:9": "", "[::1]:9": "", "@": "",
	} {
		if got := addressOf(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s: got %q, want %q", remote, got, want)
		}
	}
}
