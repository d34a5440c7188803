package condhttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// document is a resource in memory whose handlers guard nothing by themselves.
type document struct {
	mu      sync.Mutex
	content string
	exists  bool
}

func (d *document) state(*http.Request) (precondition.Current, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current(), nil
}

func (d *document) current() precondition.Current {
	return precondition.Current{Exists: d.exists, Tag: etag.Of([]byte(d.content))}
}

func (d *document) set(content string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.content, d.exists = content, true
}

func tagOf(content string) string { return etag.Of([]byte(content)).String() }

func TestPreconditions(t *testing.T) {
	tests := []struct {
		name   string
		method string
		header http.Header
		exists bool
		status int // 299 is the handler's
		tag    string
	}{
		{"read", "GET", nil, true, 200, tagOf("one")},
		{"read of what the client has", "GET", http.Header{"If-None-Match": {tagOf("one")}}, true, 304, tagOf("one")},
		{"read of another version", "GET", http.Header{"If-Match": {`"x"`}}, true, 412, tagOf("one")},
		{"read of nothing", "GET", nil, false, 404, ""},
		{"HEAD", "HEAD", nil, true, 200, tagOf("one")},
		{"write", "PUT", http.Header{"If-Match": {tagOf("one")}}, true, 299, ""},
		{"write of an older version", "PUT", http.Header{"If-Match": {`"x"`}}, true, 412, tagOf("one")},
		{"write with a malformed tag", "PUT", http.Header{"If-Match": {"x"}}, true, 400, ""},
		{"creation", "PUT", http.Header{"If-None-Match": {"*"}}, false, 299, ""},
		{"creation of what exists", "PUT", http.Header{"If-None-Match": {"*"}}, true, 412, tagOf("one")},
		{"unconditional write", "PUT", nil, true, 428, ""},
		{"OPTIONS", "OPTIONS", http.Header{"If-Match": {`"x"`}}, true, 299, ""},
	}
	n := newNetwork(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := &document{content: "one", exists: tt.exists}
			h := Preconditions(doc.state)(Require(RequireOverwrite)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !method.Reads(r.Method):
					w.WriteHeader(299)
				case !doc.exists:
					http.NotFound(w, r)
				default:
					fmt.Fprint(w, doc.content)
				}
			})))
			got := n.do(t, h, tt.method, tt.header)
			if got.status != tt.status || got.header.Get("ETag") != tt.tag {
				t.Errorf("got %d with tag %q, want %d with %q", got.status, got.header.Get("ETag"), tt.status, tt.tag)
			}
		})
	}
}

// TestPreconditionsTagOnlyWhatTheyKnow holds that the tag of one version never
// goes out with the content of another, and never with an answer that is no
// representation.
func TestPreconditionsTagOnlyWhatTheyKnow(t *testing.T) {
	const date = "Thu, 01 Jan 2026 10:00:00 GMT"
	tests := []struct {
		name      string
		handler   func(doc *document, w http.ResponseWriter, r *http.Request)
		tag, date string
	}{
		{"unchanged", func(doc *document, w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "one")
		}, tagOf("one"), date},
		{"nothing written", func(doc *document, w http.ResponseWriter, r *http.Request) {}, tagOf("one"), date},
		{"changed before the content", func(doc *document, w http.ResponseWriter, r *http.Request) {
			doc.set("two")
			fmt.Fprint(w, "two")
		}, "", ""},
		{"changed before the header", func(doc *document, w http.ResponseWriter, r *http.Request) {
			doc.set("two")
			w.WriteHeader(200)
		}, "", ""},
		{"changed before a flush", func(doc *document, w http.ResponseWriter, r *http.Request) {
			doc.set("two")
			w.(http.Flusher).Flush()
		}, "", ""},
		{"changed before a copy", func(doc *document, w http.ResponseWriter, r *http.Request) {
			doc.set("two")
			_, _ = io.Copy(w, strings.NewReader("two"))
		}, "", ""},
		{"changed, nothing written", func(doc *document, w http.ResponseWriter, r *http.Request) {
			doc.set("two")
		}, "", ""},
		{"the handler's own tag", func(doc *document, w http.ResponseWriter, r *http.Request) {
			doc.set("two")
			w.Header().Set("ETag", tagOf("two"))
			fmt.Fprint(w, "two")
		}, tagOf("two"), ""},
		{"another answer", func(doc *document, w http.ResponseWriter, r *http.Request) {
			http.Error(w, "gone", http.StatusGone)
		}, "", ""},
		{"a range", func(doc *document, w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
		}, tagOf("one"), date},
		{"an early hint", func(doc *document, w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "one")
		}, tagOf("one"), date},
		{"http.ServeContent judges by the tag", func(doc *document, w http.ResponseWriter, r *http.Request) {
			r.Header.Set("If-Match", tagOf("one"))
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader("one"))
		}, tagOf("one"), date},
		{"the handler's own 304", func(doc *document, w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusNotModified)
		}, tagOf("one"), date},
	}
	n := newNetwork(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := &document{content: "one", exists: true}
			state := func(r *http.Request) (precondition.Current, error) {
				current, err := doc.state(r)
				current.LastModified = parseDate(t, date)
				return current, err
			}
			h := Preconditions(state)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tt.handler(doc, w, r)
			}))
			got := n.do(t, h, "GET", nil)
			if got.header.Get("ETag") != tt.tag || got.header.Get("Last-Modified") != tt.date {
				t.Errorf("got %d, ETag %q, Last-Modified %q, want %q and %q",
					got.status, got.header.Get("ETag"), got.header.Get("Last-Modified"), tt.tag, tt.date)
			}
		})
	}
}

func TestPreconditionsInContext(t *testing.T) {
	doc := &document{content: "one", exists: true}
	called := false
	h := Preconditions(doc.state)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called = true
		e, ok := FromContext(r.Context())
		if !ok || !e.Decision.Guarded || e.Current.Tag.String() != tagOf("one") {
			t.Errorf("got %+v, %t", e, ok)
		}
	}))
	r := httptest.NewRequest("PUT", "/", nil)
	r.Header.Set("If-Match", tagOf("one"))
	h.ServeHTTP(httptest.NewRecorder(), r)
	if !called {
		t.Error("the handler was not called")
	}
	if _, ok := FromContext(t.Context()); ok {
		t.Error("an evaluation in a context that has none")
	}
}

func TestPreconditionsOfAnUnknownState(t *testing.T) {
	var log bytes.Buffer
	c := Checker{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
	answer := func(err error) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h := c.Preconditions(func(*http.Request) (precondition.Current, error) { return precondition.Current{}, err })(next)
		h.ServeHTTP(w, httptest.NewRequest("PUT", "/", nil))
		return w
	}
	w := answer(errors.New("dial tcp 10.0.0.7: secret"))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret") {
		t.Errorf("got %d, content %q, log %q; want 500, and the error in the log alone", w.Code, w.Body, log.String())
	}
	w = answer(fmt.Errorf("wrapped: %w", NewProblem(404, "no-such-note", "there is no such note", "")))
	if w.Code != 404 || ruleOf(t, w.Body.String()) != "no-such-note" {
		t.Errorf("got %d, %q", w.Code, w.Body)
	}
}

func TestRequireLooksAtFields(t *testing.T) {
	tests := []struct {
		requirement Requirement
		method      string
		header      http.Header
		want        int
	}{
		{RequireAlways, "GET", nil, 200},
		{RequireAlways, "PUT", nil, 428},
		{RequireAlways, "POST", nil, 428},
		{RequireAlways, "PATCH", http.Header{"If-Match": {`"a"`}}, 200},
		{RequireAlways, "PATCH", http.Header{"If-Match": {"*"}}, 200},
		{RequireAlways, "PUT", http.Header{"If-None-Match": {"*"}}, 200},
		{RequireAlways, "PUT", http.Header{"If-None-Match": {"dummy"}}, 428},
		{RequireAlways, "PUT", http.Header{"If-Unmodified-Since": {"Thu, 01 Jan 2026 10:00:00 GMT"}}, 200},
		{RequireAlways, "PUT", http.Header{"If-Unmodified-Since": {"today"}}, 428},
		{RequireAlways, "PUT", http.Header{"If-Modified-Since": {"Thu, 01 Jan 2026 10:00:00 GMT"}}, 428},
		{RequireAlways, "PROPFIND", nil, 200},
		{RequireAlways, "QUERY", nil, 200},
		{RequireOverwrite, "PUT", nil, 428},
		{RequireOverwrite, "DELETE", nil, 428},
		{RequireOverwrite, "MOVE", nil, 428},
		{RequireOverwrite, "POST", nil, 200},
		{RequireNone, "PUT", nil, 200},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.requirement, tt.method, tt.header), func(t *testing.T) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(tt.method, "/", nil)
			r.Header = tt.header
			Require(tt.requirement)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("got %d, want %d", w.Code, tt.want)
			}
		})
	}
}

func TestRequireKnowsOfPreconditions(t *testing.T) {
	doc := &document{} // of nothing, nothing can be overwritten
	h := Preconditions(doc.state)(Require(RequireOverwrite)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("PUT", "/", nil))
	if w.Code != 200 {
		t.Errorf("a creation: got %d, want 200", w.Code)
	}
}

func TestRefuseMayAdd(t *testing.T) {
	c := Checker{Refuse: func(w http.ResponseWriter, r *http.Request, p *Problem) {
		p.More = map[string]any{"editor": "ann"}
		p.Write(w, r)
	}}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("PUT", "/", nil)
	r.Header.Set("If-Match", `"old"`)
	if c.Check(w, r, precondition.Current{Exists: true, Tag: etag.MustParse(`"new"`)}) {
		t.Error("the write is to be performed")
	}
	if w.Code != 412 || !strings.Contains(w.Body.String(), `"editor":"ann"`) {
		t.Errorf("got %d, %s", w.Code, w.Body)
	}
}
