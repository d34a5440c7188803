package console

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// watch serves what s has and the console of that, on one address.
func watch(t *testing.T) (site, page *httptest.Server, c *Console) {
	t.Helper()
	s := memstore.New(memstore.Options{})
	var answers http.Handler
	c = New(Options{Title: "the site", Site: &Site{Store: s, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers.ServeHTTP(w, r)
	})}})
	t.Cleanup(c.Close)
	h, err := origin.New(origin.Options{Store: s, Require: origin.RequireOverwrite, Observe: c.Observe})
	if err != nil {
		t.Fatal(err)
	}
	answers = h
	site, page = httptest.NewServer(h), httptest.NewServer(c.Handler())
	t.Cleanup(site.Close)
	t.Cleanup(page.Close)
	return site, page, c
}

// request sends a request and returns the answer, whose content it has read.
func request(t *testing.T, agent, method, u, content string, fields ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, u, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", agent)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

func opaque(tag string) string { return strings.Trim(tag, `"`) }

func has(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not have %q", text)
		}
	}
}

// TestPage: two editors of one text: the second one is refused, and the page says what it sent, what is current, who wrote
// that, and where to read on.
func TestPage(t *testing.T) {
	site, page, _ := watch(t)
	u := site.URL + "/notes.txt"
	first, _ := request(t, "one/1", "PUT", u, "a\nb\n", "If-None-Match", "*")
	seen := first.Header.Get("ETag")
	second, _ := request(t, "one/1", "PUT", u, "a\nB\n", "If-Match", seen)
	for range 3 {
		if resp, _ := request(t, "two/2", "PUT", u, "A\nb\n", "If-Match", seen); resp.StatusCode != http.StatusPreconditionFailed {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	request(t, "three/3", "PUT", u, "blind")
	_, html := request(t, "", "GET", page.URL+"/console/", "")
	has(t, html, "the site", "PUT /notes.txt", "127.0.0.1, two/2", opaque(seen), opaque(second.Header.Get("ETag")),
		"one/1 wrote what is current", "<b>3×</b> 412", "428-required", "no precondition", "/console/resource?name=notes.txt")
	for path, text := range map[string]string{
		"refusals/2": "What went to and fro", "refusals/4": "428", "rules/428-required": "RFC 6585",
		"style.css": "--ground", "script.js": "EventSource", "resource?name=notes.txt": "&#43;B",
	} {
		resp, html := request(t, "", "GET", page.URL+"/console/"+path, "")
		has(t, html, text)
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s has the policy %q", path, policy)
		}
	}
	for path, status := range map[string]int{
		"refusals/99": 404, "refusals/x": 404, "rules/no-such": 404, "resource?name=..%2Fx": 400, "resource?name=nothing": 404, "else": 404,
	} {
		if resp, _ := request(t, "", "GET", page.URL+"/console/"+path, ""); resp.StatusCode != status {
			t.Errorf("%s is %d, want %d", path, resp.StatusCode, status)
		}
	}
}

// TestRestore: an earlier revision is written again, unless what is current is not what the page showed; what was deleted comes
// back only where nothing is.
func TestRestore(t *testing.T) {
	site, page, c := watch(t)
	u := site.URL + "/notes.txt"
	first, _ := request(t, "", "PUT", u, "first", "If-None-Match", "*")
	second, _ := request(t, "", "PUT", u, "second", "If-Match", first.Header.Get("ETag"))
	var revision store.Revision
	for info := range c.options.Site.Store.(store.History).Revisions(t.Context(), "notes.txt") {
		revision = info.Revision
	}
	restore := func(current string) (*http.Response, string) {
		form := url.Values{"name": {"notes.txt"}, "revision": {revision.String()}, "current": {current}}
		return request(t, "", "POST", page.URL+"/console/restore", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	resp, html := restore(first.Header.Get("ETag"))
	if resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("with the tag of before: %d", resp.StatusCode)
	}
	has(t, html, "Nothing was restored")
	if resp, _ := restore(""); resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("as if nothing were there: %d", resp.StatusCode)
	}
	if resp, _ := restore(second.Header.Get("ETag")); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("with the tag that is current: %d", resp.StatusCode)
	}
	got, content := request(t, "", "GET", u, "")
	if content != "first" {
		t.Errorf("it is %q", content)
	}
	if resp, _ := request(t, "", "DELETE", u, "", "If-Match", got.Header.Get("ETag")); resp.StatusCode >= 300 {
		t.Fatalf("deleted: %d", resp.StatusCode)
	}
	if resp, _ := restore(""); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("after it was deleted: %d", resp.StatusCode)
	}
	if _, content := request(t, "", "GET", u, ""); content != "first" {
		t.Errorf("it is %q", content)
	}
}

// TestEvents: a page that watches is sent what happens next, and its stream ends with the console.
func TestEvents(t *testing.T) {
	site, page, c := watch(t)
	resp, err := http.Get(page.URL + "/console/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	next := func(prefix, text string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), prefix) && strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended without %q", text)
	}
	next("event: tick", "")
	request(t, "writer", "PUT", site.URL+"/a", "x", "If-Match", `"none"`)
	next("data: ", "PUT /a")
	// All that changes is sent, and nothing twice.
	now := c.render(c.options.Now())
	w := httptest.NewRecorder()
	shown, newest := map[string]string{}, ""
	for range 2 {
		if err := send(w, now, shown, &newest); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(w.Body.String(), "event: section"); n != len(sections) {
		t.Errorf("%d sections were sent, want %d", n, len(sections))
	}
	if n := strings.Count(w.Body.String(), "event: refusal"); n != 1 {
		t.Errorf("%d refusals were sent, want 1", n)
	}
	c.frames.close()
	for lines.Scan() { // to its end
	}
	if _, err := c.frames.join(); err == nil {
		t.Error("a page can watch what has ended")
	}
}

func record(status int, tag string) *observe.Record {
	t, _ := etag.Parse(tag)
	return &observe.Record{Started: time.Unix(1_800_000_000, 0), Status: status, Current: t}
}

// TestBounded: whatever comes, memory and the page stay within bounds, everything is counted, and the page says what it leaves out.
func TestBounded(t *testing.T) {
	c := New(Options{})
	defer c.Close()
	for i := range 20_000 {
		r := httptest.NewRequest("PUT", fmt.Sprintf("/%d?%s", i, strings.Repeat("x", 2000)), nil)
		r.Header.Set("If-Match", strings.Repeat(`"a", `, 2000))
		r.Header.Set("User-Agent", fmt.Sprint("agent", i))
		c.Observe(r, record(412, `"b"`))
		if i%30 == 0 {
			c.room.Store(maxRemarkable)
		}
	}
	if n := c.counts[failedPrecondition].Load(); n != 20_000 {
		t.Errorf("%d are counted", n)
	}
	if len(c.refusals) != maxRefusals || len(c.resources.keys) > maxCounted || len(c.loops.runs) > maxCounted {
		t.Errorf("%d refusals, %d resources, %d runs", len(c.refusals), len(c.resources.keys), len(c.loops.runs))
	}
	for range 1000 {
		c.Observe(httptest.NewRequest("GET", "/", nil), record(500, ""))
	}
	page := execute("console.html", c.view(time.Now()))
	has(t, page, "Sampled:", "came too fast to be listed")
	if len(page) > 400<<10 {
		t.Errorf("the page has %d bytes", len(page))
	}
	var pages []chan *frame
	for range maxWatching {
		ch, err := c.frames.join()
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, ch)
	}
	if _, err := c.frames.join(); err == nil {
		t.Error("there is no bound on the pages that watch")
	}
	for _, ch := range pages {
		c.frames.leave(ch)
	}
}

// TestHostile: what a client sends is text on every page, and its credentials are on none.
func TestHostile(t *testing.T) {
	site, page, _ := watch(t)
	const evil = `"><script>alert(1)</script>`
	request(t, evil, "PUT", site.URL+"/x%22%3E%3Cscript%3E?token=s3cr3ts3cr3t", "", "If-Match", evil+`"`)
	request(t, evil, "DELETE", site.URL+"/y", "", "If-Match", `"<img src=x onerror=alert(1)>"`, "Authorization", "Bearer s3cr3ts3cr3t")
	for _, path := range []string{"", "refusals/1", "refusals/2", "resource?name=" + url.QueryEscape(evil)} {
		_, html := request(t, "", "GET", page.URL+"/console/"+path, "")
		for _, bad := range []string{"<script>alert", "<img src=x", "s3cr3ts3cr3t"} {
			if strings.Contains(html, bad) {
				t.Errorf("%q has %q", path, bad)
			}
		}
	}
}

// TestSeries: columns move with the time, and a gap is empty.
func TestSeries(t *testing.T) {
	var s series
	now := time.Unix(1_800_000_000, 0)
	s.start(now)
	s.add(now, sent, 5)
	s.add(now.Add(-step), sent, 2)
	s.add(now.Add(-columns*step), sent, 9) // too old
	s.add(now.Add(3*step), unmodified, 1)
	list := s.list()
	if list[columns-4][sent] != 5 || list[columns-5][sent] != 2 || list[columns-1][unmodified] != 1 || s.sum(sent) != 7 {
		t.Errorf("%v, %v, %v, %d", list[columns-5], list[columns-4], list[columns-1], s.sum(sent))
	}
	c := chartOf("x", "X", &list, answers, now)
	if c.Top != "3" || len(c.Areas) != 2 || len(c.Minutes) != 5 || c.Minutes[0].Counts[0] != 7 {
		t.Errorf("%+v", c)
	}
	s.add(now.Add(2*columns*step), sent, 1)
	if s.sum(sent, unmodified) != 1 {
		t.Error("what is over is still there")
	}
}

// TestLoops: a run is of one refused request; a success or silence ends it.
func TestLoops(t *testing.T) {
	var l loops
	at := time.Unix(1_800_000_000, 0)
	see := func(k kind, sent string) {
		at = at.Add(time.Second)
		l.see(&event{at: at, kind: k, client: "c", method: "PUT", target: "/a", status: 412}, sent)
	}
	for range loopFrom {
		see(failedPrecondition, `"a"`)
	}
	if top := l.top(5); len(top) != 1 || top[0].times != loopFrom {
		t.Fatalf("%v", top)
	}
	see(failedPrecondition, `"b"`) // it has learned something
	if top := l.top(5); len(top) != 0 {
		t.Errorf("%v", top)
	}
	for range loopFrom {
		see(failedPrecondition, `"b"`)
	}
	l.expire(at.Add(loopQuiet))
	if len(l.top(5)) != 1 {
		t.Error("it was over too early")
	}
	see(written, "")
	if len(l.runs) != 0 {
		t.Error("a success has not ended it")
	}
}

// TestFollow: what a log has is shown, and then what is written to it, each with its own time.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	line := func(target string, status int) string {
		return fmt.Sprintf("192.0.2.1 - - [%s] \"PUT %s HTTP/1.1\" %d 0 \"-\" \"tool/1\"\n",
			time.Now().Add(-time.Hour).Format("02/Jan/2006:15:04:05 -0700"), target, status)
	}
	if err := os.WriteFile(path, []byte(line("/old", 412)+line("/old", 204)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := New(Options{Log: true})
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Follow(ctx, []string{path}, accesslog.Options{Workers: 1}, func() {}) }()
	shows := func(text string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			page := execute("console.html", c.view(time.Now()))
			if strings.Contains(page, text) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the page does not show %q", text)
			}
		}
	}
	shows("PUT /old")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(line("/new", 428)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	shows("PUT /new")
	v := c.view(time.Now())
	if got := v.Refused.Legend[0].Total + v.Refused.Legend[1].Total + v.Answers.Legend[2].Total; got != "111" {
		t.Errorf("the charts have %s", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRoutes: each state of a guard's trust is said in words.
func TestRoutes(t *testing.T) {
	for trust, text := range map[string]string{"learning": "watches whether", "trusted": "passed on", "distrusted": "never given out"} {
		c := New(Options{Routes: func() []guard.RouteStatus {
			return []guard.RouteStatus{{Backend: "http://b", Trust: trust, Why: "not-modified-whatever-is-asked", Cache: "coherent"}}
		}})
		has(t, execute("console.html", c.view(time.Now())), text, "http://b", "forgotten with each write")
		c.Close()
	}
}

// BenchmarkObserve is what a request costs when more come than are looked at.
func BenchmarkObserve(b *testing.B) {
	c := New(Options{})
	defer c.Close()
	r := httptest.NewRequest("GET", "/a", nil)
	rec := record(200, `"a"`)
	c.every.Store(1000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Observe(r, rec)
		}
	})
}
