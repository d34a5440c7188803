package condhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// network is a server for HTTP/1.1 and one for HTTP/2, which ask the same handler.
type network struct {
	handler atomic.Pointer[http.Handler]
	h1, h2  *httptest.Server
}

func newNetwork(t testing.TB) *network {
	n := &network{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*n.handler.Load()).ServeHTTP(w, r)
	})
	n.h1 = httptest.NewUnstartedServer(handler)
	n.h1.Config.ErrorLog = log.New(io.Discard, "", 0)
	n.h1.Start()
	t.Cleanup(n.h1.Close)
	n.h2 = httptest.NewUnstartedServer(handler)
	n.h2.Config.ErrorLog = log.New(io.Discard, "", 0)
	n.h2.EnableHTTP2 = true
	n.h2.StartTLS()
	t.Cleanup(n.h2.Close)
	for _, s := range []*httptest.Server{n.h1, n.h2} {
		s.Client().Transport.(*http.Transport).DisableCompression = true
		s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return n
}

// response is what came back over the network.
type response struct {
	status  int
	header  http.Header
	trailer http.Header
	content string
	// cut says that the content ended before its length.
	cut bool
	// interim are the 1xx responses before.
	interim []int
}

// do sends a request to a handler, over HTTP/1.1.
func (n *network) do(t testing.TB, h http.Handler, method string, header http.Header) response {
	t.Helper()
	return n.over(t, n.h1, h, method, header)
}

func (n *network) over(t testing.TB, s *httptest.Server, h http.Handler, method string, header http.Header) response {
	t.Helper()
	n.handler.Store(&h)
	req, err := http.NewRequest(method, s.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	var got response
	req = req.WithContext(withInterim(req.Context(), &got.interim))
	res, err := s.Client().Do(req)
	if err != nil {
		return response{cut: true}
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	got.status, got.header, got.trailer = res.StatusCode, res.Header, res.Trailer
	got.content, got.cut = string(content), err != nil
	return got
}

// both runs a case over both protocols. It returns the response once if it is the
// same, as it is unless package net/http itself answers differently.
func (n *network) both(t *testing.T, h http.Handler, c testCase) string {
	t.Helper()
	over1 := transcript(t, n.over(t, n.h1, h, c.method, c.header))
	over2 := transcript(t, n.over(t, n.h2, h, c.method, c.header))
	if over1 == over2 {
		return over1
	}
	return over1 + "< but over HTTP/2:\n" + over2
}

// transcript is a response as lines with <. Date is left out, a multipart's
// boundary is replaced by BOUNDARY and problem details are cut down to their rule.
func transcript(t *testing.T, r response) string {
	t.Helper()
	var b strings.Builder
	for _, status := range r.interim {
		fmt.Fprintf(&b, "< %d %s\n", status, http.StatusText(status))
	}
	fmt.Fprintf(&b, "< %d %s\n", r.status, http.StatusText(r.status))
	content, problem := r.content, r.header.Get("Content-Type") == ProblemType
	boundary := "\x00"
	if _, after, ok := strings.Cut(r.header.Get("Content-Type"), "boundary="); ok {
		boundary = after
	}
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		if name == "Date" || problem && name == "Content-Length" {
			continue
		}
		for _, value := range r.header[name] {
			fmt.Fprintf(&b, "< %s: %s\n", name, strings.ReplaceAll(value, boundary, "BOUNDARY"))
		}
	}
	if problem && content != "" {
		content = "problem details: " + ruleOf(t, content)
	}
	if content != "" {
		b.WriteString("<\n")
		for line := range strings.SplitSeq(strings.ReplaceAll(content, boundary, "BOUNDARY"), "\n") {
			b.WriteString(strings.TrimRight("< "+line, "\r ") + "\n")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.trailer)) {
		fmt.Fprintf(&b, "< trailer %s: %s\n", name, r.trailer.Get(name))
	}
	if r.cut {
		b.WriteString("< the connection is broken\n")
	}
	return b.String()
}

func ruleOf(t *testing.T, content string) string {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(content), &p); err != nil {
		t.Errorf("content %q: %v", content, err)
	}
	return p.Rule
}

// fields are those that a handler sets for a 200 before it calls Check or Serve.
var fields = map[string]string{
	"Content-Type": "text/plain", "Content-Language": "en", "Content-Location": "/notes/7.txt",
	"Cache-Control": "max-age=60", "Expires": "Thu, 01 Jan 2026 13:00:00 GMT", "Vary": "Accept-Encoding",
	"Link": "</notes>; rel=up",
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestCheck(t *testing.T) {
	n := newNetwork(t)
	golden(t, "testdata/check.txt", func(t *testing.T, c testCase) string {
		s := parseState(t, c)
		s.checker.Now = func() time.Time { return noon }
		return n.both(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range fields {
				w.Header().Set(name, value)
			}
			w.Header().Set("Content-Length", "10")
			if !s.checker.Check(w, r, s.current) {
				return
			}
			switch {
			case !method.Reads(r.Method):
				clear(w.Header())
				w.WriteHeader(http.StatusNoContent)
			case !s.current.Exists:
				clear(w.Header())
				w.WriteHeader(http.StatusNotFound)
			default:
				_, _ = io.WriteString(w, "0123456789")
			}
		}), c)
	})
}

func TestServe(t *testing.T) {
	n := newNetwork(t)
	golden(t, "testdata/serve.txt", func(t *testing.T, c testCase) string {
		s := parseState(t, c)
		s.checker.Now = func() time.Time { return noon }
		return n.both(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range fields {
				w.Header().Set(name, value)
			}
			s.checker.Serve(w, r, s.current, bytes.NewReader([]byte("0123456789")))
		}), c)
	})
}
