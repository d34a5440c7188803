package framing_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server/coalesce"
	"github.com/fourtwelve/fourtwelve/command/internal/server/framing"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// serve returns the address of a server for h whose connections are followed. told is told of what does not
// come to h.
func serve(t testing.TB, h http.Handler, told observe.Observer) string {
	server := httptest.NewUnstartedServer(framing.Handler(h, told))
	server.Listener = coalesce.Listen(framing.Listen(server.Listener))
	server.Config.ConnContext = framing.Context
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// newOrigin is what serve has for a handler.
func newOrigin(t testing.TB) http.Handler {
	h, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{}), Require: origin.RequireNever})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// newGuard is a guard before such a server.
func newGuard(t testing.TB) http.Handler {
	behind := httptest.NewServer(newOrigin(t))
	t.Cleanup(behind.Close)
	u, err := url.Parse(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	h, err := guard.New(guard.Options{Routes: []guard.Route{{Backend: u}}, SpoolDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// say sends the requests as they stand, and returns the status of each answer until the connection is
// closed, and what the last one had for content.
func say(t *testing.T, addr, requests string) (statuses []int, last string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, requests); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(c); ; {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses, last
		}
		content, _ := io.ReadAll(res.Body)
		statuses, last = append(statuses, res.StatusCode), string(content)
		if res.Close {
			if _, err := r.ReadByte(); err == nil {
				t.Error("more comes after the last answer")
			}
			return statuses, last
		}
	}
}

const (
	chunks = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	end    = "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
)

// The requests put what is to be /a, or not, and the connection is good for another one, or not.
var requests = []struct {
	name, request string
	status        int
	stored        string // "" if nothing is
	closed        bool
}{
	{"1.0 with Content-Length", "PUT /a HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", 201, "hello", true},
	{"1.0 with an empty content", "PUT /a HTTP/1.0\r\nContent-Length: 0\r\n\r\n", 201, "empty", true},
	{"1.0 without a length", "PUT /a HTTP/1.0\r\n\r\nhello", 411, "", true},
	{"1.0 in chunks", "PUT /a HTTP/1.0\r\n" + chunks, 400, "", true},
	{"1.0 with both", "PUT /a HTTP/1.0\r\nContent-Length: 5\r\n" + chunks, 400, "", true},
	{"1.0 with another coding", "PUT /a HTTP/1.0\r\nContent-Length: 5\r\ntransfer-encoding: x\r\n\r\nhello", 400, "", true},
	{"1.0 read in chunks", "GET /a HTTP/1.0\r\n" + chunks, 400, "", true},
	{"1.0 DELETE", "DELETE /a HTTP/1.0\r\n\r\n", 404, "", true},
	{"1.0 kept alive", "PUT /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 201, "hello", false},
	{"1.1 in chunks", "PUT /a HTTP/1.1\r\nHost: a\r\n" + chunks, 201, "hello", false},
	{"1.1 with Content-Length", "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 201, "hello", false},
	{"1.1 with both", "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n" + chunks, 201, "hello", true},
	{"1.1 with both, the other way", "PUT /a HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING:\tchunked \r\ncontent-length: 15\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 201, "hello", true},
	{"a length that goes on in the next line", "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 5\r\n\r\nhello", 400, "", true},
	{"chunks with extensions and trailers", "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"2;x=\"y\"\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n", 201, "hello", false},
	{"after a blank line", "\r\nPUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 201, "hello", false},
	{"before a blank line", "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n", 201, "hello", false},
	{"between blank lines", "\r\n\r\nPUT /a HTTP/1.1\r\nHost: a\r\n" + chunks + "\r\n\n", 201, "hello", false},
	{"after a CR", "\rPUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 400, "", true},
	{"after many blank lines", strings.Repeat("\r\n", 9) + "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 400, "", true},
}

func TestRequests(t *testing.T) {
	for kind, handler := range map[string]func(testing.TB) http.Handler{"serve": newOrigin, "guard": newGuard} {
		for _, c := range requests {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				var (
					mu   sync.Mutex
					told []string
				)
				addr := serve(t, handler(t), func(r *http.Request, rec *observe.Record) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, fmt.Sprintf("%s %s %d %s, content %v", r.Method, r.RequestURI, rec.Status, rec.Reason, rec.Bytes > 0))
				})
				got, _ := say(t, addr, c.request+end)
				want := []int{c.status, 404}
				if c.closed {
					want = want[:1]
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got %d, want %d", got, want)
				}
				mu.Lock() // net/http sends so short an answer when the handler is done
				defer mu.Unlock()
				if want := refusalOf(c.request, c.status); strings.Join(told, "; ") != want {
					t.Errorf("told %q, want %q", told, want)
				}
				status, stored := say(t, addr, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				switch {
				case c.stored == "" && status[0] != 404:
					t.Errorf("%q was stored", stored)
				case c.stored != "" && (status[0] != 200 || stored != strings.TrimSuffix(c.stored, "empty")):
					t.Errorf("got %d %q, want %q", status, stored, c.stored)
				}
			})
		}
	}
}

// refusalOf is what is told of a request that is refused before the handler; "" if it is not.
func refusalOf(request string, status int) string {
	reason := map[int]string{400: "ambiguous-length", 411: "length-required"}[status]
	if reason == "" || strings.HasPrefix(request, "\r\n\r\n\r") { // so many blank lines are for net/http to refuse
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimLeft(request, "\r\n"), " ")
	return fmt.Sprintf("%s /a %d %s, content true", first, status, reason)
}

// TestPieces: requests come in pieces of any size, and one after the other.
func TestPieces(t *testing.T) {
	all := "PUT /a HTTP/1.1\r\nHost: a\r\n" + chunks + "\r\nPUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n" +
		"GET /b HTTP/1.1\r\nHost: a\r\n\r\nPUT /c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n" + chunks
	addr := serve(t, newOrigin(t), nil)
	for size := 1; size <= len(all); size = size*2 + 1 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		go func() {
			for rest := []byte(all); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				if _, err := c.Write(rest[:min(size, len(rest))]); err != nil {
					return
				}
			}
		}()
		r := bufio.NewReader(c)
		for i := range 4 {
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("pieces of %d: answer %d: %v", size, i, err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			if res.StatusCode/100 != 2 || res.Close != (i == 3) {
				t.Errorf("pieces of %d: answer %d: got %s, close %v", size, i, res.Status, res.Close)
			}
		}
		c.Close()
	}
}

// TestTunnel: what a connection carries after a change of protocol is nobody's business.
func TestTunnel(t *testing.T) {
	sent := "\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n\r\nX"
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, b, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_, _ = io.CopyN(c, b, int64(len(sent)))
	}), nil)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"+sent[:5])
	r := bufio.NewReader(c)
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	_, _ = io.WriteString(c, sent[5:])
	got, _ := io.ReadAll(r)
	if !bytes.Equal(got, []byte(sent)) {
		t.Errorf("got %q, want %q", got, sent)
	}
}
