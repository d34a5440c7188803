package probe_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/probe"
)

// speaking is the address of a server that says something to each request, and then nothing more
// until the test ends.
func speaking(t *testing.T, says func(w io.Writer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	ended := make(chan struct{})
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					says(conn)
				}
				<-ended
			})
		}
	})
	t.Cleanup(func() {
		close(ended)
		l.Close()
		open.Wait()
	})
	return l.Addr().String()
}

func saying(text string) func(w io.Writer) {
	return func(w io.Writer) { io.WriteString(w, text) }
}

// TestNothingToAsk asks what cannot be asked. Each error is a line that says why.
func TestNothingToAsk(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/pool", http.StatusFound)
		case "/pool":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/more":
			http.Redirect(w, r, "/more?"+r.URL.RawQuery+"x", http.StatusFound)
		case "/ftp":
			http.Redirect(w, r, "ftp://example.org/", http.StatusFound)
		case "/secret":
			w.WriteHeader(http.StatusUnauthorized)
		case "/busy":
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(web.Close)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	silent := speaking(t, saying(""))
	const noAnswer = "no answer within 2s"
	for _, c := range []struct {
		target string
		want   error
		says   string
	}{
		{"ftp://example.org/file", probe.ErrTarget, "give one as in https://"},
		{"http:///file", probe.ErrTarget, "give one as in https://"},
		{"http://no-such-host.onion/", probe.ErrUnreachable, "no such host"},
		{closed.URL, probe.ErrUnreachable, "refused"},
		{"https" + strings.TrimPrefix(web.URL, "http"), probe.ErrUnreachable, "is it http instead of https?"},
		{secure.URL, probe.ErrUnreachable, "its certificate is not accepted"},
		{"http" + strings.TrimPrefix(secure.URL, "https"), probe.ErrUnfit, "answers 400"},
		{"http://" + silent, probe.ErrUnreachable, noAnswer},
		{"https://" + silent, probe.ErrUnreachable, noAnswer},
		{"http://" + speaking(t, saying("SSH-2.0-OpenSSH_9.6\r\n")), probe.ErrUnreachable, "that is not HTTP"},
		{"http://" + speaking(t, saying("HTTP/1.1 200 OK\r\nno field\r\n\r\n")), probe.ErrUnreachable, "that is not HTTP"},
		{"http://" + speaking(t, func(w io.Writer) { w.(net.Conn).Close() }), probe.ErrUnreachable, "the connection ended before the answer did"},
		{"http://" + speaking(t, endlessHeader), probe.ErrUnreachable, "exceeded"},
		{"http://" + speaking(t, saying("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")), probe.ErrUnfit,
			"answers 101"},
		{"http://" + speaking(t, saying("HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n")), probe.ErrUnfit, noAnswer},
		{web.URL + "/none", probe.ErrUnfit, "answers 404"},
		{web.URL + "/secret", probe.ErrUnfit, "credentials"},
		{web.URL + "/busy", probe.ErrUnfit, "503, Retry-After: 30"},
		{web.URL + "/loop", probe.ErrUnfit, "never end"},
		{web.URL + "/more", probe.ErrUnfit, "5 redirects may be followed"},
		{web.URL + "/ftp", probe.ErrUnfit, "not an http URL"},
	} {
		t.Run(c.target, func(t *testing.T) {
			t.Parallel()
			target, err := url.Parse(c.target)
			if err != nil {
				t.Fatal(err)
			}
			o := probe.Options{Redirects: 5}
			if c.says == noAnswer {
				o.Timeout = 2 * time.Second
			}
			_, err = probe.Run(t.Context(), target, o)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("got %v, want %v that says %q in one line", err, c.want, c.says)
			}
		})
	}
}

// endlessHeader says field after field until nobody listens.
func endlessHeader(w io.Writer) {
	_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\n")
	for err == nil {
		_, err = io.WriteString(w, "X-Field: "+strings.Repeat("x", 4096)+"\r\n")
	}
}

// TestRedirectsAreOnlyFollowedOnRequest also asks the URL that redirected.
func TestRedirectsAreOnlyFollowedOnRequest(t *testing.T) {
	h := rightServer(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, planPath, http.StatusMovedPermanently)
			return
		}
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	old, _ := url.Parse(server.URL + "/old")
	if _, err := probe.Run(t.Context(), old, probe.Options{}); !errors.Is(err, probe.ErrUnfit) {
		t.Errorf("got %v, want %v", err, probe.ErrUnfit)
	}
	report, err := probe.Run(t.Context(), old, probe.Options{Redirects: 1})
	if err != nil {
		t.Fatal(err)
	}
	if report.Target != server.URL+planPath {
		t.Errorf("got target %s", report.Target)
	}
	for _, r := range report.Results {
		if r.Check.ID == "conditional-redirect" && (r.Outcome != probe.Passed || !strings.HasPrefix(r.Exchanges[0].Request.Target, "/old?")) {
			t.Errorf("%s: got %v of %s", r.Check.ID, r.Outcome, r.Exchanges[0].Request.Target)
		}
	}
}

// TestEndlessContent asks servers whose content has no end. What can be told of its beginning is right.
func TestEndlessContent(t *testing.T) {
	date := time.Now().Add(-planAge)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != planPath {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"endless"`)
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", date, &zeros{size: 1 << 50})
	}))
	defer server.Close()
	target, _ := url.Parse(server.URL + planPath)
	report, err := probe.Run(t.Context(), target, probe.Options{MaxContent: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	// What the server of Go does wrong with any content, and leaves out.
	known := []string{"freshness-sent", "inm-lines", "im-lines", "range-huge", "range-head"}
	for _, r := range report.Results {
		if r.Outcome == probe.NotAsked || r.Outcome == probe.Failed && !slices.Contains(known, r.Check.ID) {
			t.Errorf("%s: %v: %s", r.Check.ID, r.Outcome, r.Says)
		}
		for _, x := range r.Exchanges {
			if len(x.Response.Content.Data) > 100_000 {
				t.Errorf("%s: keeps %d bytes", r.Check.ID, len(x.Response.Content.Data))
			}
		}
	}
}

// zeros reads as size zeros.
type zeros struct{ size, at int64 }

func (z *zeros) Read(p []byte) (int, error) {
	n := min(int64(len(p)), z.size-z.at)
	if n <= 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	z.at += n
	return int(n), nil
}

func (z *zeros) Seek(offset int64, whence int) (int64, error) {
	z.at = map[int]int64{io.SeekStart: 0, io.SeekCurrent: z.at, io.SeekEnd: z.size}[whence] + offset
	return z.at, nil
}

// TestContentThatNeverComes asks a server that begins its content and then hangs: it is waited for once.
func TestContentThatNeverComes(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	address := speaking(t, saying("HTTP/1.1 200 OK\r\nETag: \"a\"\r\nDate: "+time.Now().UTC().Format(http.TimeFormat)+
		"\r\nContent-Type: text/event-stream\r\n\r\ndata: the first of many\n\n"))
	started := time.Now()
	report, err := probe.Run(t.Context(), &url.URL{Scheme: "http", Host: address, Path: "/events"}, probe.Options{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	failed := []string{}
	for _, r := range report.Results {
		if r.Outcome == probe.Failed {
			failed = append(failed, r.Check.ID)
		}
		if r.Outcome == probe.NotAsked {
			t.Errorf("%s: %s", r.Check.ID, r.Says)
		}
	}
	if !slices.Contains(failed, "inm-exact") || slices.Contains(failed, "tag-follows-content") {
		t.Errorf("got %q, want inm-exact and nothing about the content", failed)
	}
	if took := time.Since(started); took > 20*timeout {
		t.Errorf("took %v for %d requests", took, report.Requests)
	}
}

// TestServerHangsLater asks a server that answers once. Each further request is waited for, and no
// longer than that.
func TestServerHangsLater(t *testing.T) {
	t.Parallel()
	h := rightServer(t)
	var asked atomic.Int64
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			<-hang
		}
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	defer close(hang)
	target, _ := url.Parse(server.URL + planPath)
	chosen, err := probe.Select([]string{"inm-exact", "im-exact", "range-single"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	report, err := probe.Run(t.Context(), target, probe.Options{Checks: chosen, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Outcome != probe.NotAsked || r.Says != "no answer within 2s" {
			t.Errorf("%s: got %v: %s", r.Check.ID, r.Outcome, r.Says)
		}
	}
}

// TestStops sees to it that nothing more is sent once the server has had enough, or the budget is
// used up.
func TestStops(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		o      probe.Options
		says   string
	}{
		{"429", http.StatusTooManyRequests, probe.Options{Connections: 1},
			"the server answered 429, Retry-After: 60: it is not asked any further"},
		{"503", http.StatusServiceUnavailable, probe.Options{Connections: 1},
			"the server answered 503, Retry-After: 60: it is not asked any further"},
		{"budget", 0, probe.Options{Budget: 10}, "the budget of 10 requests is used up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := rightServer(t)
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) == 10 && c.status != 0 {
					w.Header().Set("Retry-After", "60")
					w.WriteHeader(c.status)
					return
				}
				h.ServeHTTP(w, r)
			}))
			defer server.Close()
			target, _ := url.Parse(server.URL + planPath)
			report, err := probe.Run(t.Context(), target, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if report.Stopped != c.says || asked.Load() != 10 || report.Requests != 10 {
				t.Errorf("got %q after %d requests, of which the server saw %d", report.Stopped, report.Requests, asked.Load())
			}
			if report.Count(probe.NotAsked) == 0 || report.Count(probe.Failed) > 0 {
				t.Errorf("got %d not asked, %d failed", report.Count(probe.NotAsked), report.Count(probe.Failed))
			}
		})
	}
}

// TestChangesMeanwhile sees to it that what changes while it is asked is not taken for a mistake.
func TestChangesMeanwhile(t *testing.T) {
	var asked atomic.Int64
	deployed := answering(func(_ *http.Request, w *response) {
		if tag, ok := w.tag(); ok && asked.Add(1) > 20 {
			w.header.Set("ETag", strings.Replace(tag, `"`, `"new-`, 1))
		}
	})
	report, failed := askReads(t, layers(deployed, asking(func(r *http.Request) {
		for _, name := range []string{"If-Match", "If-None-Match", "If-Range"} {
			for i, value := range r.Header.Values(name) {
				if asked.Load() >= 20 {
					value = strings.ReplaceAll(value, strings.Trim(planTag, `"`), "old")
				}
				r.Header[name][i] = strings.ReplaceAll(value, "new-", "")
			}
		}
	}))(rightServer(t)), probe.Options{})
	// A check that compares several answers by itself may see the change.
	for _, id := range failed {
		if id != "tag-stable" {
			t.Errorf("%s failed", id)
		}
	}
	lost := 0
	for _, r := range report.Results {
		if r.Outcome == probe.NotAsked {
			lost++
			if !strings.Contains(r.Says, "the entity tag changed while it was asked") {
				t.Errorf("%s: %s", r.Check.ID, r.Says)
			}
		}
	}
	if lost == 0 {
		t.Error(fmt.Sprint("nothing was affected: ", report.Requests))
	}
}
