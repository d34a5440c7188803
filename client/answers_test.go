package client_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/etag"
)

// script is a server that gives its answers in turn, the last one again and again. Each is a status, fields, an
// empty line and content, as on the wire.
type script struct {
	mu      sync.Mutex
	answers []string
	got     []string // "PUT /n If-Match: "a""
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	line := r.Method + " " + r.URL.Path
	for _, name := range []string{"If-Match", "If-None-Match", "If-Unmodified-Since", "Authorization"} {
		if v := r.Header.Get(name); v != "" {
			line += " " + name + ": " + v
		}
	}
	s.got = append(s.got, line)
	text := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.mu.Unlock()
	if text == "cut" {
		panic(http.ErrAbortHandler)
	}
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 "+strings.ReplaceAll(text, "\n", "\r\n"))), r)
	if err != nil {
		panic(err)
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}

const (
	strongDate = "Last-Modified: Sun, 29 Nov 2026 10:00:00 GMT\nDate: Mon, 30 Nov 2026 10:00:00 GMT\n"
	one        = "200 OK\nETag: \"a\"\nContent-Length: 1\n\n1"
	done       = "204 No Content\nETag: \"b\"\n\n"
	s3Conflict = "409 Conflict\nContent-Type: application/xml\nContent-Length: 52\n\n<Error><Code>ConditionalRequestConflict</Code></Error"
)

func TestUpdateUnderstands(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string
		client  *client.Client
		want    error // nil for success
		says    string
		got     []string // after the first one, which reads; "" for any
	}{
		{name: "a strong tag", answers: []string{one, done}, got: []string{`PUT /n If-Match: "a"`}},
		{name: "nothing there", answers: []string{"404 Not Found\n\n", "201 Created\n\n"}, got: []string{`PUT /n If-None-Match: *`}},
		{name: "a weak tag and no date", answers: []string{"200 OK\nETag: W/\"a\"\n\n1"}, want: client.ErrNoValidator,
			says: `its tag W/"a" is weak, which If-Match never matches; it has no Last-Modified either`},
		{name: "a weak tag and a strong date", answers: []string{"200 OK\nETag: W/\"a\"\n" + strongDate + "\n1", done},
			got: []string{`PUT /n If-Unmodified-Since: Sun, 29 Nov 2026 10:00:00 GMT`}},
		{name: "no tag and a strong date", answers: []string{"200 OK\n" + strongDate + "\n1", done},
			got: []string{`PUT /n If-Unmodified-Since: Sun, 29 Nov 2026 10:00:00 GMT`}},
		{name: "no validator", answers: []string{"200 OK\n\n1"}, want: client.ErrNoValidator,
			says: "it has no ETag; it has no Last-Modified either"},
		{name: "no tag but text", answers: []string{"200 OK\nETag: a\n\n1"}, want: client.ErrNoValidator,
			says: `its ETag is no entity tag: "a"`},
		{name: "the same, to be sent back", answers: []string{"200 OK\nETag: a\n\n1", done}, client: &client.Client{LenientTags: true},
			got: []string{`PUT /n If-Match: a`}},
		{name: "428", answers: []string{one, "428 Precondition Required\n\n"}, want: client.ErrConditionRequired,
			says: "428 Precondition Required"},
		{name: "423", answers: []string{one, "423 Locked\n\n"}, want: client.ErrLocked, got: []string{`PUT /n If-Match: "a"`}},
		{name: "423, and nothing to wait for", answers: []string{one, "423 Locked\nRetry-After: 0\n\n", "429 Too Many Requests\n\n", done},
			client: &client.Client{MaxWait: time.Millisecond}, want: client.ErrLocked},
		{name: "429, then not", answers: []string{one, "429 Too Many Requests\n\n", done},
			got: []string{`PUT /n If-Match: "a"`, `PUT /n If-Match: "a"`}},
		{name: "429 for too long", answers: []string{one, "429 Too Many Requests\nRetry-After: 120\n\n"}, want: client.ErrBusy,
			says: "try again in 120 s"},
		{name: "503 until a date", answers: []string{one,
			"503 Service Unavailable\nDate: Mon, 30 Nov 2026 10:00:00 GMT\nRetry-After: Mon, 30 Nov 2026 10:02:00 GMT\n\n", one},
			want: client.ErrBusy, says: "try again in 120 s"},
		{name: "503, then not", answers: []string{one, "503 Service Unavailable\n\n", one, done},
			got: []string{`PUT /n If-Match: "a"`, `GET /n`, `PUT /n If-Match: "a"`}},
		{name: "409 of S3", answers: []string{one, s3Conflict, one, done},
			got: []string{`PUT /n If-Match: "a"`, `GET /n`, `PUT /n If-Match: "a"`}},
		{name: "409 of others", answers: []string{one, "409 Conflict\n\n"}, says: "409 Conflict", got: []string{`PUT /n If-Match: "a"`}},
		{name: "404 of S3 for what is gone", answers: []string{one, "404 Not Found\n\n", "404 Not Found\n\n", done},
			got: []string{`PUT /n If-Match: "a"`, `GET /n`, `PUT /n If-None-Match: *`}},
		{name: "a refusal with what is there", answers: []string{one,
			"412 Precondition Failed\nETag: \"c\"\nPreference-Applied: return=representation\nContent-Length: 1\n\n5", done},
			got: []string{`PUT /n If-Match: "a"`, `PUT /n If-Match: "c"`}},
		{name: "its own tag refused", answers: []string{one, "412 Precondition Failed\n\n", one, "412 Precondition Failed\n\n", one,
			"412 Precondition Failed\n\n", one, "412 Precondition Failed\n\n", one, "412 Precondition Failed\n\n", one},
			want: client.ErrNoValidator, says: `the server refuses If-Match: "a" although it sends this itself`},
		{name: "a cut answer, and the same state", answers: []string{one, "cut", one, done},
			got: []string{`PUT /n If-Match: "a"`, `GET /n`, `PUT /n If-Match: "a"`}},
		{name: "a cut answer, and another state", answers: []string{one, "cut", "200 OK\nETag: \"c\"\n\n2", "412 Precondition Failed\n\n",
			"200 OK\nETag: \"c\"\n\n2"}, want: client.ErrOutcomeUnknown, says: "what is there now is what was sent, perhaps by another writer"},
		{name: "a cut answer, and a server that keeps it", answers: []string{one, "cut", "200 OK\nETag: \"c\"\n\n7", done},
			got: []string{`PUT /n If-Match: "a"`, `GET /n`, `PUT /n If-Match: "a"`}},
		{name: "a cut answer, and a server that knows better", answers: []string{one, "cut", "200 OK\nETag: \"c\"\nContent-Length: 1\n\n7",
			"412 Precondition Failed\nIdempotent-Replayed: false\n\n", "200 OK\nETag: \"c\"\nContent-Length: 1\n\n7", done},
			got: []string{`PUT /n If-Match: "a"`, `GET /n`, `PUT /n If-Match: "a"`, `GET /n`, `PUT /n If-Match: "c"`}},
		{name: "302", answers: []string{one, "302 Found\nLocation: /m\n\n"}, want: client.ErrRedirect, says: "need not keep the method PUT"},
		{name: "307", answers: []string{one, "307 Temporary Redirect\nLocation: /m\n\n", done},
			got: []string{`PUT /n If-Match: "a"`, `PUT /m If-Match: "a"`}},
		{name: "307 to another server", answers: []string{one, "307 Temporary Redirect\nLocation: http://other.example/n\n\n"},
			want: client.ErrRedirect, says: "another server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{answers: tt.answers}
			c := tt.client
			if c == nil {
				c = &client.Client{MaxWait: time.Millisecond}
			}
			c.Trust = client.Believe
			_, err := c.Update(t.Context(), listen(t, s)+"/n", increment)
			switch {
			case tt.want == nil && tt.says == "":
				if err != nil {
					t.Errorf("got %v", err)
				}
			case err == nil, tt.want != nil && !errors.Is(err, tt.want), !strings.Contains(err.Error(), tt.says):
				t.Errorf("got %v, want %v, %q", err, tt.want, tt.says)
			}
			if tt.got != nil && strings.Join(s.got[1:], "\n") != strings.Join(tt.got, "\n") {
				t.Errorf("the server got\n%s\nwant after the first\n%s", strings.Join(s.got, "\n"), strings.Join(tt.got, "\n"))
			}
		})
	}
}

// net/http sends a request again by itself if a connection that was used before ends without an answer, and the
// request seems idempotent. Of a write it must not.
func TestNoTransportRepeatsAWrite(t *testing.T) {
	for _, m := range []string{"PUT", "PUT of nothing", "DELETE", "PATCH"} {
		t.Run(m, func(t *testing.T) {
			var mu sync.Mutex
			var got []string
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				mu.Lock()
				got = append(got, r.Method)
				first := len(got) == 2
				mu.Unlock()
				if r.Method != http.MethodGet && r.Header.Get("Idempotency-Key") == "" {
					t.Error("a write without Idempotency-Key")
				}
				if first {
					conn, _, err := http.NewResponseController(w).Hijack()
					if err == nil {
						conn.Close()
					}
					return
				}
				w.Header().Set("ETag", `"a"`)
			})
			url := listen(t, h) + "/n"
			c := &client.Client{Trust: client.Believe, Transport: client.NewTransport()}
			r, err := c.Get(t.Context(), url) // so that there is a connection that was used before
			if err != nil {
				t.Fatal(err)
			}
			switch cond := client.IfMatch(r.Tag); m {
			case "PUT":
				_, err = c.Put(t.Context(), url, client.Text("x"), cond)
			case "PUT of nothing":
				_, err = c.Put(t.Context(), url, client.Content{}, cond)
			case "DELETE":
				err = c.Delete(t.Context(), url, cond)
			case "PATCH":
				_, err = c.Patch(t.Context(), url, client.JSON([]byte("{}")), cond)
			}
			name, _, _ := strings.Cut(m, " ")
			if want := []string{"GET", name, "GET", name}; err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("the server got %v, %v; want %v", got, err, want)
			}
		})
	}
}

func TestCredentialsStayAtHome(t *testing.T) {
	away := &script{answers: []string{one}}
	home := &script{answers: []string{"302 Found\nLocation: " + listen(t, away) + "/n\n\n"}}
	c := &client.Client{Header: http.Header{"Authorization": {"Bearer x"}}, Authorize: func(r *http.Request) error {
		r.Header.Set("Authorization", r.Header.Get("Authorization")+"y")
		return nil
	}}
	url := listen(t, home)
	if _, err := c.Get(t.Context(), url+"/n"); err != nil {
		t.Fatal(err)
	}
	if home.got[0] != "GET /n Authorization: Bearer xy" || away.got[0] != "GET /n" {
		t.Errorf("home got %q, away %q", home.got, away.got)
	}
	home.got = nil
	writes := &script{answers: []string{one, done}}
	c = &client.Client{Trust: client.Believe}
	if _, err := c.Update(t.Context(), strings.Replace(listen(t, writes), "http://", "http://user:secret@", 1)+"/n", increment); err != nil {
		t.Error(err)
	}
	if want := `PUT /n If-Match: "a" Authorization: Basic dXNlcjpzZWNyZXQ=`; writes.got[1] != want {
		t.Errorf("a write with credentials in the URL: %q, want %q", writes.got[1], want)
	}
	if _, err := c.Get(t.Context(), strings.Replace(url, "http://", "http://user:secret@", 1)+"/n"); err != nil {
		t.Fatal(err)
	}
	if home.got[0] != "GET /n Authorization: Basic dXNlcjpzZWNyZXQ=" {
		t.Errorf("home got %q", home.got)
	}
	_, err := c.Update(t.Context(), url+"/n", increment)
	if !errors.Is(err, client.ErrRedirect) {
		t.Errorf("a write to where a read was redirected: %v, want ErrRedirect", err)
	}
}

func TestUnknownOutcome(t *testing.T) {
	s := &script{answers: []string{"cut", "200 OK\nETag: \"c\"\n\nx", "412 Precondition Failed\n\n", "200 OK\nETag: \"c\"\n\nx"}}
	url := listen(t, s) + "/n"
	c := &client.Client{Trust: client.Believe}
	_, err := c.Put(t.Context(), url, client.Text("x"), client.IfMatch(etag.MustParse(`"a"`)))
	var unknown *client.UnknownOutcome
	if !errors.As(err, &unknown) || !unknown.SameContent || string(unknown.Now.Content) != "x" || unknown.Key == "" {
		t.Errorf("got %v: %+v", err, unknown)
	}
	s.answers = []string{"cut", "200 OK\nETag: \"c\"\n\nx"}
	unique := client.Content{Bytes: []byte("x"), Unique: true}
	if r, err := c.Put(t.Context(), url, unique, client.IfMatch(etag.MustParse(`"a"`))); err != nil || r.Tag.String() != `"c"` {
		t.Errorf("unique content that is there: %+v, %v", r, err)
	}
	s.answers = []string{"cut", "200 OK\nETag: \"c\"\n\nxy"}
	c.Recognise = func(current client.Representation, mine client.Content) client.Outcome {
		if strings.Contains(string(current.Content), string(mine.Bytes)) {
			return client.Made
		}
		return client.NotMade
	}
	if _, err := c.Put(t.Context(), url, client.Text("x"), client.IfMatch(etag.MustParse(`"a"`))); err != nil {
		t.Errorf("recognised: %v", err)
	}
	s.answers = []string{"cut", "200 OK\nETag: \"c\"\n\nz"}
	if _, err := c.Put(t.Context(), url, client.Text("x"), client.IfMatch(etag.MustParse(`"a"`))); !errors.Is(err, client.ErrConflict) {
		t.Errorf("recognised as not made: %v", err)
	}
	s.got, s.answers = nil, []string{"cut", "200 OK\nETag: \"c\"\n\nz"}
	c.Recognise = nil
	_, err = c.Put(t.Context(), url, client.Text("x"), client.Unconditional())
	if !errors.Is(err, client.ErrOutcomeUnknown) || len(s.got) != 2 {
		t.Errorf("an unconditional write is not sent again: %v, %q", err, s.got)
	}
}

func TestTooLarge(t *testing.T) {
	for _, length := range []string{"Content-Length: 5\n", ""} {
		c := &client.Client{MaxContent: 4}
		_, err := c.Get(t.Context(), listen(t, &script{answers: []string{"200 OK\n" + length + "\n12345"}}))
		if !errors.Is(err, client.ErrTooLarge) {
			t.Errorf("%q: %v, want ErrTooLarge", length, err)
		}
	}
}

// What ends with the connection may have been cut: it is no base for a write.
func TestUpdateNeedsAnEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			http.ReadRequest(bufio.NewReader(conn))
			fmt.Fprint(conn, "HTTP/1.0 200 OK\r\nETag: \"a\"\r\n\r\n1")
			conn.Close()
		}
	}()
	c := &client.Client{}
	if r, err := c.Get(t.Context(), "http://"+l.Addr().String()); err != nil || !r.EndUnknown {
		t.Errorf("Get: %+v, %v", r, err)
	}
	_, err = c.Update(t.Context(), "http://"+l.Addr().String(), increment)
	if err == nil || !strings.Contains(err.Error(), "may have been cut") {
		t.Errorf("Update: %v", err)
	}
}

func TestOverACache(t *testing.T) {
	url := serve(t) + "/n"
	transport := cache.NewTransport(cache.Options{})
	known, unknown := count(t, url, 2, 10, func() http.RoundTripper { return transport })
	if got := contentOf(t, url); known != 20 || unknown != 0 || got != "20" {
		t.Errorf("through a cache: %s, known %d, unknown %d", got, known, unknown)
	}
}

func TestBadURLs(t *testing.T) {
	for url, says := range map[string]string{
		"":                         `not a URL of http or https: ""`,
		"ftp://example.org/":       `not a URL of http or https: "ftp://example.org/"`,
		"http://user:pw@ho st/":    "not a URL",
		"/only/a/path":             "not a URL of http or https",
		"file://u:secret@x/etc/pw": `"file://u:xxxxx@x/etc/pw"`,
	} {
		_, err := new(client.Client).Get(t.Context(), url)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "pw@") {
			t.Errorf("%q: %v, want %s", url, err, says)
		}
	}
}
