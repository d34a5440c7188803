package condhttp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// TestAsksForHTML: a browser that goes to a page wants a page; a program, and a script in a page, want what they can read.
func TestAsksForHTML(t *testing.T) {
	for accept, want := range map[string]bool{
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": true,
		"TEXT/HTML":                        true,
		"*/*":                              false,
		"":                                 false,
		"text/*":                           false,
		"application/json, text/html":      false,
		"application/json;q=0.5,text/html": true,
		"text/html;q=0":                    false,
	} {
		if got := condhttp.AsksForHTML(http.Header{"Accept": {accept}}); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
}

// TestProblemPage: the page has what the JSON has, as text, with fields to match, and may run nothing.
func TestProblemPage(t *testing.T) {
	p := condhttp.NewProblem(http.StatusPreconditionFailed, "if-match-none-matched", `it is <script>alert(1)</script>`, "look again")
	p.Precondition, p.Sent = "If-Match", `"a"`
	p.Current = &condhttp.State{Exists: true, ETag: `"b"`, LastModified: time.Unix(1_800_000_000, 0)}
	p.Changes = &condhttp.Changes{Type: "text/x-diff", Text: "-<b>\n+c\n"}
	p.More = map[string]any{"extra": "more", "status": "no"}
	w := httptest.NewRecorder()
	w.Header().Set("Last-Modified", "of another answer")
	p.WriteHTML(w, httptest.NewRequest("PUT", "/x", nil))
	page := w.Body.String()
	for _, text := range []string{
		"<title>412 Precondition Failed</title>", "It is &lt;script&gt;alert(1)&lt;/script&gt;.", "Look again.",
		"If-Match: &#34;a&#34;", "&#34;b&#34;",
		"Fri, 15 Jan 2027 08:00:00 GMT", "-&lt;b&gt;", "if-match-none-matched", "extra: &#34;more&#34;", "rfc9110#section-15.5.13",
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not have %q", text)
		}
	}
	h := w.Header()
	if w.Code != 412 || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Etag") != `"b"` || h.Get("Last-Modified") != "" ||
		h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
		t.Errorf("%d, %v", w.Code, h)
	}
	w = httptest.NewRecorder()
	condhttp.NewProblem(404, "not-found", "", "").WriteHTML(w, httptest.NewRequest("HEAD", "/x", nil))
	if w.Code != 404 || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d, %q", w.Code, w.Body)
	}
}
