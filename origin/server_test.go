package origin_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// eachStore runs a test over each store.
func eachStore(t *testing.T, test func(t *testing.T, s store.Store)) {
	t.Run("memstore", func(t *testing.T) { test(t, memstore.New(memstore.Options{})) })
	t.Run("dirstore", func(t *testing.T) {
		s, err := dirstore.Open(t.TempDir(), dirstore.Options{Sync: dirstore.SyncNone})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		test(t, s)
	})
}

// server is an origin over TCP.
type server struct {
	t    testing.TB
	url  string
	addr string
	// done is told the status of each request that has been answered, or given up.
	done chan int
}

// serve starts a server that logs into t. Its options are o.
func serve(t testing.TB, o origin.Options) *server {
	t.Helper()
	s := &server{t: t, done: make(chan int, 1<<16)}
	o.Observe = func(_ *http.Request, rec *observe.Record) { s.done <- rec.Status }
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	h, err := origin.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	s.url, s.addr = srv.URL, srv.Listener.Addr().String()
	return s
}

// response is an answer that has been read.
type response struct {
	status int
	header http.Header
	body   string
}

func (r response) etag() string { return r.header.Get("Etag") }

// do sends a request. fields are "Name: value".
func (s *server) do(method, path, content string, fields ...string) response {
	s.t.Helper()
	r, err := s.try(method, path, content, fields...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (s *server) try(method, path, content string, fields ...string) (response, error) {
	var body io.Reader
	if content != "" {
		body = strings.NewReader(content)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, s.url+path, body)
	if err != nil {
		return response{}, err
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Add(name, value)
	}
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header.Set("Accept-Encoding", "identity") // or net/http asks for gzip
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(got)}, err
}

// wantStatus fails the test unless a request is answered with status.
func (s *server) wantStatus(status int, r response) {
	s.t.Helper()
	if r.status != status {
		s.t.Fatalf("status %d, want %d\n%s", r.status, status, r.body)
	}
}

// connection speaks HTTP/1.1 by hand.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func (s *server) dial() *connection {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return &connection{c, bufio.NewReader(c)}
}

// read reads one answer to a request with method.
func (c *connection) read(method string) (response, error) {
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(body)}, err
}

// rawPut is a PUT as it is sent, with one field beside the usual.
func rawPut(path, field, content string) string {
	return fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: origin.example\r\n%s\r\nContent-Length: %d\r\n\r\n%s", path, field, len(content), content)
}
