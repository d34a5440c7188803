package guard_test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// backend is a file server as people write it: it ignores every precondition and
// Range. On top of that it has a fault.
type backend struct {
	fault fault

	mu       sync.Mutex
	files    map[string]file
	requests int
	writes   int
	// seen, if set, is told of every request.
	seen func(*http.Request)
}

type file struct {
	content  []byte
	sum      string // for the tag
	modified time.Time
	revision int
}

// fault is what is wrong with a backend beside that.
type fault string

const (
	noTag          fault = "no ETag"
	weakOnly       fault = "weak ETag only"
	unquoted       fault = "ETag without quotes"
	emptyTag       fault = "empty ETag"
	duplicate      fault = "two ETag fields"
	everChanging   fault = "another ETag at every request"
	sameForAll     fault = "one ETag for other content"
	goodTags       fault = "good ETag, but ignores preconditions"
	slowWrites     fault = "writes slowly"
	gzips          fault = "compresses, with -gzip in the ETag"
	gzipsUnasked   fault = "compresses what is to be identity"
	always200      fault = "200 to every write"
	futureModified fault = "Last-Modified in the future"
	chunked        fault = "no Content-Length"
)

var faults = []fault{
	noTag, weakOnly, unquoted, emptyTag, duplicate, everChanging, sameForAll, goodTags, slowWrites, gzips, gzipsUnasked,
	always200, futureModified, chunked,
}

func newBackend(f fault) *backend { return &backend{fault: f, files: make(map[string]file)} }

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.requests++
	if b.seen != nil {
		b.seen(r)
	}
	b.mu.Unlock()
	switch r.Method {
	case "GET", "HEAD":
		b.get(w, r)
	case "PUT":
		b.put(w, r)
	case "DELETE":
		b.remove(w, r)
	case "MOVE":
		b.move(w, r)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (b *backend) get(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	f, ok := b.files[r.URL.Path]
	b.mu.Unlock()
	if !ok {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain")
	h.Set("Last-Modified", f.modified.UTC().Format(http.TimeFormat))
	content, suffix := f.content, ""
	if b.fault == gzips && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") || b.fault == gzipsUnasked {
		content, suffix = gzipped(content), "-gzip"
		h.Set("Content-Encoding", "gzip")
		h.Set("Vary", "Accept-Encoding")
	}
	b.setTag(h, f, suffix)
	if b.fault == chunked {
		w.(http.Flusher).Flush()
	} else {
		h.Set("Content-Length", strconv.Itoa(len(content)))
	}
	w.Write(content)
}

func (b *backend) setTag(h http.Header, f file, suffix string) {
	sum := f.sum + suffix
	switch b.fault {
	case noTag:
	case weakOnly:
		h.Set("ETag", `W/"`+sum+`"`)
	case unquoted:
		h.Set("ETag", sum)
	case emptyTag:
		h.Set("ETag", "")
	case duplicate:
		h["Etag"] = []string{`"` + sum + `"`, `"other"`}
	case everChanging:
		h.Set("ETag", fmt.Sprintf(`"%d"`, b.requests))
	case sameForAll:
		h.Set("ETag", `"constant"`)
	case futureModified:
		h.Set("Last-Modified", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))
	default:
		h.Set("ETag", `"`+sum+`"`)
	}
}

func (b *backend) put(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	_, existed := b.files[r.URL.Path]
	b.mu.Unlock()
	if b.fault == slowWrites {
		for range 50 {
			runtime.Gosched()
		}
	}
	b.store(r.URL.Path, content)
	w.Header().Set("ETag", `"of the write"`)
	switch {
	case b.fault == always200:
		io.WriteString(w, "ok")
	case existed:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

// store writes around any guard. Files are of the last hour, so that dates are
// settled.
func (b *backend) store(path string, content []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	revision := b.files[path].revision + 1
	b.files[path] = file{content, fmt.Sprintf("%x", md5.Sum(content)),
		time.Now().Add(-time.Hour + time.Duration(revision)*time.Second), revision}
}

func (b *backend) content(path string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.files[path].content)
}

func (b *backend) writeCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writes
}

func (b *backend) remove(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	if _, ok := b.files[r.URL.Path]; !ok && b.fault != always200 {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	delete(b.files, r.URL.Path)
	if b.fault != always200 {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (b *backend) move(w http.ResponseWriter, r *http.Request) {
	to, err := url.Parse(r.Header.Get("Destination"))
	if err != nil || to.Host != r.Host {
		http.Error(w, "bad destination", http.StatusBadGateway)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files[to.Path] = b.files[r.URL.Path]
	delete(b.files, r.URL.Path)
	w.WriteHeader(http.StatusCreated)
}

func gzipped(content []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(content)
	z.Close()
	return buf.Bytes()
}

// guarded is a guard in front of a backend, and a client of it.
type guarded struct {
	t       testing.TB
	handler *guard.Handler
	server  *httptest.Server
	url     string // without a slash at the end
	origin  *httptest.Server
	client  *http.Client
}

// protect puts a guard in front of h.
func protect(t testing.TB, h http.Handler, change ...func(*guard.Options)) *guarded {
	t.Helper()
	origin := httptest.NewServer(h)
	t.Cleanup(origin.Close)
	return protectServer(t, origin, change...)
}

func protectServer(t testing.TB, origin *httptest.Server, change ...func(*guard.Options)) *guarded {
	t.Helper()
	u, err := url.Parse(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	o := guard.Options{Routes: []guard.Route{{Backend: u}}, SpoolDir: t.TempDir()}
	for _, f := range change {
		f(&o)
	}
	handler, err := guard.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		handler.Close()
	})
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &guarded{t: t, handler: handler, server: server, url: server.URL, origin: origin, client: client}
}

// response is an answer with its content.
type response struct {
	status int
	http.Header
	body string
	err  error // of reading the content
}

func (r response) tag() string { return r.Get("Etag") }

// do sends a request; fields are lines such as "If-Match: *".
func (g *guarded) do(method, path, content string, fields ...string) response {
	g.t.Helper()
	r, err := g.try(method, path, content, fields...)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (g *guarded) try(method, path, content string, fields ...string) (response, error) {
	var body io.Reader
	if content != "" {
		body = strings.NewReader(content)
	}
	req, err := http.NewRequest(method, g.url+path, body)
	if err != nil {
		return response{}, err
	}
	for _, line := range fields {
		name, value, _ := strings.Cut(line, ": ")
		req.Header[http.CanonicalHeaderKey(name)] = append(req.Header[http.CanonicalHeaderKey(name)], value)
	}
	res, err := g.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(data), err}, nil
}

// want fails the test unless the status is one of these.
func (g *guarded) want(r response, statuses ...int) response {
	g.t.Helper()
	for _, s := range statuses {
		if r.status == s {
			return r
		}
	}
	g.t.Fatalf("got status %d, want %v\n%s", r.status, statuses, r.body)
	return r
}
