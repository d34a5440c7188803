package command

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
)

const pasted = "PUT /plan HTTP/1.1\nHost: www.example.org\nAuthorization: Bearer sesame\nIf-Match: W/\"a\"\nContent-Length: 2\n\nxy\n" +
	"HTTP/1.1 412 Precondition Failed\nETag: W/\"a\"\nContent-Length: 0\n\n"

// sendForm sends what the form would.
func sendForm(t *testing.T, fields map[string]string, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, value := range fields {
		var w io.Writer
		var err error
		if name == "file" {
			w, err = m.CreateFormFile(name, "trace.txt")
		} else {
			w, err = m.CreateFormField(name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:8412/", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	new(explainOptions).webHandler().ServeHTTP(w, r)
	return w
}

func TestWebExplains(t *testing.T) {
	browser := strings.ReplaceAll(pasted, "\n", "\r\n") // as a form sends it
	for _, c := range []struct {
		what   string
		fields map[string]string
		status int
		says   string
	}{
		{"pasted", map[string]string{"capture": browser, "file": ""}, 200, "weak-etag-in-if-match"},
		{"a file", map[string]string{"capture": "", "file": pasted}, 200, "weak-etag-in-if-match"},
		{"nothing", map[string]string{"capture": " \r\n"}, 422, "Nothing was pasted"},
		{"prose", map[string]string{"capture": "it does not work"}, 422, "neither requests nor responses"},
		{"too much", map[string]string{"capture": strings.Repeat("x", maxPasted+1<<20)}, 413, "MiB"},
	} {
		w := sendForm(t, c.fields, nil)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s: %d, want %d and %q, in\n%.2000s", c.what, w.Code, c.status, c.says, w.Body)
		}
		if strings.Contains(w.Body.String(), "sesame") {
			t.Errorf("%s: the page shows a credential", c.what)
		}
	}
}

// TestWebIsForThisMachine: neither another site, nor a name that leads here, nor another address gets an answer.
func TestWebIsForThisMachine(t *testing.T) {
	for what, change := range map[string]func(*http.Request){
		"another site":           func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"another origin":         func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"a name that leads here": func(r *http.Request) { r.Host = "evil.example:8412" },
	} {
		if w := sendForm(t, map[string]string{"capture": pasted}, change); w.Code < 400 || strings.Contains(w.Body.String(), "weak-etag") {
			t.Errorf("%s: %d\n%.300s", what, w.Code, w.Body)
		}
	}
	for host, want := range map[string]bool{"127.0.0.1": true, "::1": true, "localhost": true, "0.0.0.0": false, "": false,
		"192.0.2.1": false, "example.org": false} {
		if got := isLoopback(host); got != want {
			t.Errorf("%q is this machine alone: %t, want %t", host, got, want)
		}
	}
}

// TestWebPagesAskForNothing: both pages have a policy that allows their own style by its digest and nothing else, and neither
// refers to anything elsewhere.
func TestWebPagesAskForNothing(t *testing.T) {
	get := httptest.NewRecorder()
	new(explainOptions).webHandler().ServeHTTP(get, httptest.NewRequest("GET", "http://localhost:8412/", nil))
	for what, w := range map[string]*httptest.ResponseRecorder{"the form": get,
		"the report": sendForm(t, map[string]string{"capture": pasted}, nil)} {
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src "+report.StyleSource()) || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", what, policy)
		}
		doc, err := html.Parse(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			switch n.Data {
			case "script", "link", "img", "iframe", "object", "embed", "base":
				t.Errorf("%s has <%s>", what, n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || (a.Key == "href" || a.Key == "src" || a.Key == "action") &&
					!strings.HasPrefix(a.Val, "#") && a.Val != "/" {
					t.Errorf("%s has %s=%q", what, a.Key, a.Val)
				}
			}
		}
	}
}
