package probe_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/probe"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// davNotes is a server of WebDAV that does everything right but for one fault, whose name is one of
// testdata/dav.txt.
type davNotes struct {
	right http.Handler
	fault string

	mu    sync.Mutex
	token string // of the lock there is, in its angle brackets
	// shifted is what is added to validators since the tag was changed by the fault.
	shifted bool
}

func newDavNotes(t *testing.T, fault string) *davNotes {
	o := dav.Options{Require: origin.RequireNever, Origin: origin.Options{Store: memstore.New(memstore.Options{})}}
	if fault == "demanding" {
		o.Require = origin.RequireOverwrite
	}
	h, err := dav.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("PUT", "/page.txt", strings.NewReader("a page that stands still\n"))
	h.ServeHTTP(httptest.NewRecorder(), r)
	return &davNotes{right: h, fault: fault}
}

func (n *davNotes) is(fault string) bool { return n.fault == fault }

func (n *davNotes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if status := n.refuses(r); status != 0 {
		w.WriteHeader(status)
		return
	}
	n.spoil(r)
	answer := httptest.NewRecorder()
	n.right.ServeHTTP(answer, r)
	n.after(r, answer)
	for name, lines := range answer.Header() {
		w.Header()[name] = lines
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// refuses is the status with which the fault refuses a request, or 0.
func (n *davNotes) refuses(r *http.Request) int {
	header := r.Header.Get("If")
	switch {
	case n.is("no-locks") && (r.Method == "LOCK" || r.Method == "UNLOCK"):
		return http.StatusMethodNotAllowed
	case n.is("no-properties") && strings.HasPrefix(r.Method, "PROP"), n.is("no-proppatch") && r.Method == "PROPPATCH":
		return http.StatusMethodNotAllowed
	case n.is("token-unknown") && strings.Contains(header, "urn:uuid:") && r.Header.Get("If-Match") == "":
		return http.StatusLocked
	case n.is("tags-in-if-refused") && r.Method == "PUT" && strings.Contains(header, "["),
		n.is("not-refused") && strings.Contains(header, "Not"):
		return http.StatusPreconditionFailed
	case n.is("move-over-refused") && r.Method == "MOVE" && r.Header.Get("Overwrite") == "T":
		return http.StatusConflict
	case n.is("lock-does-not-create") && r.Method == "LOCK" && !n.exists(r.URL.Path):
		return http.StatusNotFound
	}
	return 0
}

func (n *davNotes) exists(path string) bool {
	w := httptest.NewRecorder()
	n.right.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code == http.StatusOK
}

// spoil is what the fault makes of a request.
func (n *davNotes) spoil(r *http.Request) {
	header := r.Header.Get("If")
	switch {
	case n.is("lock-ignored") && r.Method == "PUT" && header == "" && n.token != "":
		r.Header.Set("If", "("+n.token+") (Not <DAV:no-lock>)")
	case n.is("if-match-beside-token-ignored") && header != "":
		r.Header.Del("If-Match")
	case n.is("if-ignored") && !strings.Contains(header, "urn:uuid:"),
		n.is("tags-in-if-ignored") && strings.Contains(header, "["),
		n.is("unknown-token-ignored") && header == "(<DAV:no-lock>)",
		n.is("tagged-if-ignored") && strings.HasPrefix(header, "<"):
		r.Header.Del("If")
	case n.is("overwrite-ignored"):
		r.Header.Del("Overwrite")
	case n.is("move-if-match-ignored") && r.Method == "MOVE":
		r.Header.Del("If-Match")
	}
}

// after is what the fault makes of an answer, and of what comes next.
func (n *davNotes) after(r *http.Request, w *httptest.ResponseRecorder) {
	done := w.Code < 300
	switch {
	case r.Method == "LOCK" && done:
		n.token = w.Header().Get("Lock-Token")
		n.shifted = n.shifted || n.is("lock-changes-tag")
		if n.is("lock-creates-nothing") && w.Code == http.StatusCreated {
			w.Code = http.StatusOK
		}
	case r.Method == "UNLOCK" && done:
		n.token = ""
		n.shifted = n.shifted || n.is("unlock-changes-tag")
	case r.Method == "PROPPATCH" && done:
		n.shifted = n.shifted || n.is("proppatch-changes-tag") || n.is("proppatch-changes-date")
	case r.Method == "PUT" && done:
		n.shifted = false
	case r.Method == "PROPFIND" && n.is("getetag-differs"):
		w.Body = bytes.NewBufferString(strings.Replace(w.Body.String(), "<D:getetag>", "<D:getetag>W/", 1))
	case r.Method == "PROPFIND" && n.is("no-getetag"):
		w.Body = bytes.NewBufferString(strings.ReplaceAll(w.Body.String(), "getetag", "noetag"))
	}
	if !n.shifted || w.Header().Get("ETag") == "" {
		return
	}
	if n.is("proppatch-changes-date") {
		w.Header().Set("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
	} else {
		w.Header().Set("ETag", `"shifted-`+strings.TrimPrefix(w.Header().Get("ETag"), `"`))
	}
}

// TestDAVFails has each fault fail its checks, and no others, and everything removed afterwards.
func TestDAVFails(t *testing.T) {
	faults := faultsIn(t, "testdata/dav.txt")
	servers, reports := map[string]*davNotes{}, map[string]*probe.Report{}
	var mu sync.Mutex
	var runs sync.WaitGroup
	for fault := range faults {
		n := newDavNotes(t, fault)
		servers[fault] = n
		// Most of the time they wait, so all wait at once.
		runs.Go(func() {
			r := askDAV(t, n)
			mu.Lock()
			defer mu.Unlock()
			reports[fault] = r
		})
	}
	runs.Wait()
	for fault, want := range faults {
		t.Run(fault, func(t *testing.T) {
			var failed []string
			for _, r := range reports[fault].Results {
				switch {
				case r.Outcome == probe.Failed:
					failed = append(failed, r.Check.ID)
					t.Logf("%s: %s (%s)", r.Check.ID, r.Says, r.Rule)
				case r.Outcome == probe.NotAsked, r.Outcome == probe.DoesNotApply && !strings.HasPrefix(fault, "no-"):
					t.Errorf("%s was not asked: %s", r.Check.ID, r.Says)
				}
			}
			slices.Sort(failed)
			slices.Sort(want)
			if !slices.Equal(failed, want) {
				t.Errorf("got failures of %q, want %q", failed, want)
			}
			n := servers[fault]
			if reports[fault].Left || n.exists("/scratch/") || n.exists("/scratch/scratch.txt") {
				t.Error("something is left")
			}
		})
	}
}

// askDAV asks the server the checks of WebDAV.
func askDAV(t *testing.T, h http.Handler) *probe.Report {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	target, _ := url.Parse(server.URL + "/page.txt")
	to, _ := url.Parse(server.URL + "/scratch/")
	checks := slices.DeleteFunc(probe.Checks(), func(c *probe.Check) bool { return !strings.HasPrefix(c.ID, "dav-") })
	if len(checks) < 15 {
		t.Errorf("there are %d checks of WebDAV", len(checks))
	}
	report, err := probe.Run(t.Context(), target, probe.Options{Checks: checks, WriteTo: to})
	if err != nil {
		t.Error(err)
		return &probe.Report{}
	}
	if report.WriteTo != to.String() {
		t.Errorf("WriteTo is %s", report.WriteTo)
	}
	return report
}

// TestDAVNeedsACollection: elsewhere nothing of WebDAV is sent, and what exists is not touched.
func TestDAVNeedsACollection(t *testing.T) {
	var methods sync.Map
	n := newDavNotes(t, "none")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		methods.Store(r.Method, true)
		n.ServeHTTP(w, r)
	}))
	defer server.Close()
	target, _ := url.Parse(server.URL + "/page.txt")
	checks := slices.DeleteFunc(writeChecks(t), func(c *probe.Check) bool {
		return !strings.HasPrefix(c.ID, "dav-") && !strings.HasPrefix(c.ID, "put-inm")
	})
	report, err := probe.Run(t.Context(), target, probe.Options{Checks: checks, WriteTo: target.JoinPath("../scratch.txt")})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if strings.HasPrefix(r.Check.ID, "dav-") && r.Outcome != probe.DoesNotApply {
			t.Errorf("%s: %v", r.Check.ID, r.Outcome)
		}
	}
	for _, m := range []string{"LOCK", "UNLOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH"} {
		if _, sent := methods.Load(m); sent {
			t.Errorf("%s was sent", m)
		}
	}
	to, _ := url.Parse(server.URL + "/")
	if _, err := probe.Run(t.Context(), target, probe.Options{Checks: writeChecks(t), WriteTo: to}); err == nil {
		t.Error("a collection that exists was taken")
	}
}

// TestCollectionCannotBeMade: then nothing is written at all, and that is said.
func TestCollectionCannotBeMade(t *testing.T) {
	n := newNotes("none")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "MKCOL" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if r.Method != "GET" && r.Method != "HEAD" {
			t.Errorf("%s %s was sent", r.Method, r.URL)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		n.ServeHTTP(w, r)
	}))
	defer server.Close()
	target, _ := url.Parse(server.URL + "/page.txt")
	report, err := probe.Run(t.Context(), target, probe.Options{Checks: writeChecks(t), WriteTo: target.JoinPath("../scratch/")})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Outcome != probe.DoesNotApply {
			t.Errorf("%s: %v: %s", r.Check.ID, r.Outcome, r.Says)
		}
	}
	if !strings.Contains(fmt.Sprint(report.Results[0].Says), "MKCOL gets 405") || report.Left {
		t.Errorf("says %q, left %v", report.Results[0].Says, report.Left)
	}
}
