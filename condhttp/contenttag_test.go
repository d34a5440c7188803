package condhttp

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"pgregory.net/rapid"
)

func TestContentTag(t *testing.T) {
	n := newNetwork(t)
	tagger := Tagger{MaxBuffer: 100, Checker: Checker{Now: func() time.Time { return noon }}}
	golden(t, "testdata/contenttag.txt", func(t *testing.T, c testCase) string {
		return n.both(t, tagger.Handler(scripted(t, c.server)), c)
	})
}

// scripted is a handler that does what the lines with = of a case say.
func scripted(t *testing.T, script []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, line := range script {
			verb, rest, _ := strings.Cut(line, " ")
			step(t, w, r, verb, rest)
		}
	})
}

func step(t *testing.T, w http.ResponseWriter, r *http.Request, verb, rest string) {
	switch verb {
	case "set":
		name, value, _ := strings.Cut(rest, ": ")
		w.Header()[http.CanonicalHeaderKey(name)] = []string{value}
	case "unset":
		w.Header()[rest] = nil
	case "status":
		status, err := strconv.Atoi(rest)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
	case "write":
		if n, bytes, _ := strings.Cut(rest, " "); bytes == "bytes" {
			count, _ := strconv.Atoi(n)
			rest = strings.Repeat("x", count)
		}
		_, _ = io.WriteString(w, rest) // the client sees what came of it
	case "copy":
		n, _, _ := strings.Cut(rest, " ")
		count, _ := strconv.Atoi(n)
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("c", count)))
	case "flush":
		w.(http.Flusher).Flush()
	case "tell":
		if rest == "method" {
			fmt.Fprintf(w, "method: %s", r.Method)
		} else if value, sent := r.Header[rest]; sent {
			fmt.Fprintf(w, "%s: %q", rest, value)
		}
	case "panic":
		panic(http.ErrAbortHandler)
	default:
		t.Errorf("unknown step %q", verb)
	}
}

// TestContentTagNeverChangesContent holds that whatever a handler does, a
// client gets the same status, content and fields with the middleware as
// without, save the ones it is there to add.
func TestContentTagNeverChangesContent(t *testing.T) {
	n := newNetwork(t)
	rapid.Check(t, func(rt *rapid.T) {
		script := rapid.SliceOfN(rapid.Custom(scriptLine), 0, 8).Draw(rt, "script")
		plain := scripted(t, script)
		tagged := Tagger{MaxBuffer: rapid.SampledFrom([]int{1, 10, 3000}).Draw(rt, "bound")}.Handler(plain)
		server := rapid.SampledFrom([]*httptest.Server{n.h1, n.h2}).Draw(rt, "server")

		want := n.over(t, server, plain, "GET", nil)
		got := n.over(t, server, tagged, "GET", nil)
		if got.status != want.status || got.content != want.content || got.cut != want.cut {
			rt.Fatalf("got %d, cut %t, %d bytes: %.60q\nwant %d, cut %t, %d bytes: %.60q",
				got.status, got.cut, len(got.content), got.content, want.status, want.cut, len(want.content), want.content)
		}
		if fmt.Sprint(got.trailer) != fmt.Sprint(want.trailer) {
			rt.Fatalf("got trailers %v, want %v", got.trailer, want.trailer)
		}
		compareHeaders(rt, got, want)
		checkTag(rt, got, want)
	})
}

// scriptLine is a step of a handler. Lengths lie on both sides of what net/http
// and the middleware hold back.
func scriptLine(t *rapid.T) string {
	length := rapid.SampledFrom([]int{0, 1, 9, 10, 11, 600, 2048, 2999, 3000, 3001, 5000})
	switch rapid.IntRange(0, 12).Draw(t, "step") {
	case 0:
		return fmt.Sprintf("status %d", rapid.SampledFrom([]int{200, 203, 204, 302, 404, 500}).Draw(t, "status"))
	case 1:
		return fmt.Sprintf("set Content-Length: %d", length.Draw(t, "length"))
	case 2:
		return rapid.SampledFrom([]string{
			"set Content-Type: text/html", "unset Content-Type", "set Content-Type: text/event-stream",
			"set Content-Encoding: br", `set ETag: "own"`, `set ETag: W/"own"`, "set ETag: own", "set X-Test: 1",
			"set Trailer: X-Sum", "set X-Sum: 1", "set Trailer:X-Late: 1", "set Accept-Ranges: none",
		}).Draw(t, "field")
	case 3, 4:
		return "flush"
	case 5:
		return fmt.Sprintf("copy %d bytes", length.Draw(t, "length"))
	}
	return fmt.Sprintf("write %d bytes", length.Draw(t, "length"))
}

func compareHeaders(t *rapid.T, got, want response) {
	for _, h := range []http.Header{got.header, want.header} {
		h.Del("Date")
		if h.Get("Accept-Ranges") == "bytes" {
			h.Del("Accept-Ranges")
		}
	}
	wanted := want.header.Clone()
	// The tag, and the length that is known because of it.
	for _, name := range []string{"Etag", "Content-Length"} {
		if len(want.header[name]) == 0 && len(got.header["Etag"]) > 0 && len(got.header[name]) > 0 {
			wanted[name] = got.header[name]
		}
	}
	if fmt.Sprint(got.header) != fmt.Sprint(wanted) {
		t.Fatalf("got fields %v\nwant fields %v", got.header, wanted)
	}
}

// checkTag holds that a tag the middleware has added is that of the content, and its
// length the right one.
func checkTag(t *rapid.T, got, want response) {
	if len(want.header["Etag"]) > 0 || len(got.header["Etag"]) == 0 {
		return
	}
	if tag := etag.Of([]byte(want.content)); got.header.Get("Etag") != tag.String() {
		t.Fatalf("got tag %s, want %s", got.header.Get("Etag"), tag)
	}
	if length := strconv.Itoa(len(want.content)); got.header.Get("Content-Length") != length {
		t.Fatalf("got Content-Length %q, want %q", got.header.Get("Content-Length"), length)
	}
}

// TestHeadIsGetWithoutContent holds that HEAD and GET have the same fields, for
// all handlers whose content can be held back.
func TestHeadIsGetWithoutContent(t *testing.T) {
	n := newNetwork(t)
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SampledFrom([]string{
			"write hello", "write 50 bytes", "set Content-Type: text/html", `set X-Test: 1`, "unset Content-Type",
			"set Vary: Accept", "status 200", "status 404", "set Last-Modified: Thu, 01 Jan 2026 10:00:00 GMT",
		})
		h := ContentTag(scripted(t, rapid.SliceOfN(steps, 0, 5).Draw(rt, "script")))
		get, head := n.do(t, h, "GET", nil), n.do(t, h, "HEAD", nil)
		if head.status != get.status || head.content != "" {
			rt.Fatalf("HEAD got %d and content %q, want %d and none", head.status, head.content, get.status)
		}
		if get.status != http.StatusOK {
			return
		}
		get.header.Del("Date")
		head.header.Del("Date")
		if fmt.Sprint(head.header) != fmt.Sprint(get.header) {
			rt.Fatalf("HEAD got %v\nGET got  %v", head.header, get.header)
		}
	})
}

func TestContentTagStreams(t *testing.T) {
	n := newNetwork(t)
	for _, server := range []*httptest.Server{n.h1, n.h2} {
		release := make(chan struct{})
		h := ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			<-release // until the client has seen it
			fmt.Fprint(w, "data: 2\n\n")
		}))
		n.handler.Store(&h)
		res, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, len("data: 1\n\n"))
		if _, err := io.ReadFull(res.Body, first); err != nil {
			t.Fatal(err)
		}
		close(release)
		rest, err := io.ReadAll(res.Body)
		res.Body.Close()
		if got := string(first) + string(rest); err != nil || got != "data: 1\n\ndata: 2\n\n" {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// TestHeadOfAStreamEnds holds that a handler which would go on for ever is told to
// stop by its context, or by an error of Write.
func TestHeadOfAStreamEnds(t *testing.T) {
	tests := map[string]func(w http.ResponseWriter, r *http.Request){
		"context, after a flush": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"context, of a stream of events": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"error of Write": func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := io.WriteString(w, "more and more\n"); err != nil {
					return
				}
			}
		},
		"error of io.Copy": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, endless{})
		},
	}
	n := newNetwork(t)
	for name, handler := range tests {
		t.Run(name, func(t *testing.T) {
			got := n.do(t, ContentTag(http.HandlerFunc(handler)), "HEAD", nil)
			if got.status != 200 || got.header.Get("ETag") != "" {
				t.Errorf("got %d with tag %q, want 200 without one", got.status, got.header.Get("ETag"))
			}
		})
	}
}

// endless is a content without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestContentTagHijack(t *testing.T) {
	n := newNetwork(t)
	h := ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(buf, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
		buf.Flush()
	}))
	if got := n.do(t, h, "GET", nil); got.content != "hello" || got.header.Get("ETag") != "" {
		t.Errorf("got %q with tag %q", got.content, got.header.Get("ETag"))
	}
}

func TestContentTagLeavesUpgradesAlone(t *testing.T) {
	h := ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, wrapped := w.(*tagWriter); wrapped {
			t.Error("the handler of an upgrade does not get the writer of the server")
		}
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Upgrade", "websocket")
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// TestContentTagReachesTheConnection holds that http.ResponseController works
// through the middleware.
func TestContentTagReachesTheConnection(t *testing.T) {
	n := newNetwork(t)
	h := ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}))
	if got := n.do(t, h, "GET", nil); got.status != 200 {
		t.Errorf("got %d", got.status)
	}
}

// readerFrom notes whether a file would have been copied by the operating system.
type readerFrom struct {
	*httptest.ResponseRecorder
	from []io.Reader
}

func (r *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	r.from = append(r.from, src)
	return io.Copy(r.ResponseRecorder, src)
}

func TestLongFilesAreCopiedByTheSystem(t *testing.T) {
	w := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
	long := strings.NewReader(strings.Repeat("x", DefaultMaxBuffer+1))
	ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "long.txt", time.Time{}, long)
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if len(w.from) == 0 || w.Body.Len() != DefaultMaxBuffer+1 {
		t.Errorf("got %d calls of ReadFrom and %d bytes", len(w.from), w.Body.Len())
	}
}

// TestContentTagOverFileServer holds that a handler with conditions and ranges of
// its own, but without tags, works by the tags of the middleware.
func TestContentTagOverFileServer(t *testing.T) {
	const content = "0123456789"
	files := http.FileServerFS(fstest.MapFS{"f.txt": {Data: []byte(content), ModTime: noon}})
	h := ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r2 := r.Clone(r.Context())
		r2.URL.Path = "/f.txt"
		files.ServeHTTP(w, r2)
	}))
	tag := etag.Of([]byte(content)).String()
	tests := []struct {
		name   string
		header http.Header
		status int
		want   string
	}{
		{"whole", nil, 200, content},
		{"not modified", http.Header{"If-None-Match": {tag}}, 304, ""},
		{"tag before date", http.Header{"If-None-Match": {`"old"`}, "If-Modified-Since": {noon.Format(http.TimeFormat)}}, 200, content},
		{"right version", http.Header{"If-Match": {tag}, "Range": {"bytes=2-3"}}, 206, "23"},
		{"right version, although the date is old", http.Header{"If-Match": {tag}, "If-Unmodified-Since": {"Thu, 01 Jan 1970 00:00:00 GMT"}},
			200, content},
		{"resume", http.Header{"If-Range": {tag}, "Range": {"bytes=8-"}}, 206, "89"},
		{"resume of an older version", http.Header{"If-Range": {`"old"`}, "Range": {"bytes=8-"}}, 200, content},
		{"a bare range is the file server's", http.Header{"Range": {"bytes=0-0"}}, 206, "0"},
	}
	n := newNetwork(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := n.do(t, h, "GET", tt.header)
			if got.status != tt.status || got.content != tt.want {
				t.Errorf("got %d and %q, want %d and %q", got.status, got.content, tt.status, tt.want)
			}
		})
	}
	if got := n.do(t, h, "GET", http.Header{"If-Match": {`"old"`}, "Range": {"bytes=2-3"}}); got.status != 412 {
		t.Errorf("another version: got %d, want 412", got.status)
	}
	got := n.do(t, h, "HEAD", http.Header{"Range": {"bytes=2-3"}})
	if got.status != 200 || got.header.Get("ETag") != tag {
		t.Errorf("HEAD, where Range has no meaning: got %d and tag %s, want 200 and %s", got.status, got.header.Get("ETag"), tag)
	}
}

func TestContentTagUnderConcurrency(t *testing.T) {
	h := ContentTag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat(r.URL.RawQuery, 100))
	}))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 50 {
				query := fmt.Sprintf("%d-%d", i, j)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/?"+query, nil))
				want := strings.Repeat(query, 100)
				if w.Body.String() != want || w.Header().Get("ETag") != etag.Of([]byte(want)).String() {
					t.Errorf("%s: got tag %s and %.20q", query, w.Header().Get("ETag"), w.Body)
				}
			}
		})
	}
	wg.Wait()
}
