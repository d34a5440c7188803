package guard

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
)

// TestTargets: the route, the lock and what the backend sees are of one target, however it is
// spelled.
func TestTargets(t *testing.T) {
	data, err := os.ReadFile("testdata/targets.txt")
	if err != nil {
		t.Fatal(err)
	}
	backend := &url.URL{Scheme: "http", Host: "backend", Path: "/base"}
	h, err := New(Options{Routes: []Route{
		{Name: "other", Backend: backend, Host: "other.example.org"},
		{Name: "notes", Backend: backend, Path: "/notes/"},
		{Name: "rest", Backend: backend},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	cases := 0
	for line := range strings.Lines(string(data)) {
		asked, want, ok := strings.Cut(strings.TrimSpace(line), "=>")
		if !ok || line[0] == '#' {
			continue
		}
		cases++
		r := requestOf(t, strings.Fields(asked))
		if got, want := targetAt(h, r), strings.TrimSpace(want); got != want {
			t.Errorf("%s: got %s, want %s", strings.TrimSpace(asked), got, want)
		}
	}
	if cases < 50 {
		t.Errorf("only %d cases were read", cases)
	}
}

// requestOf makes the request as net/http does.
func requestOf(t *testing.T, words []string) *http.Request {
	t.Helper()
	host, h2 := "example.org", false
	for ; len(words) > 2; words = words[1:] {
		if words[0] == "h2" {
			h2 = true
		} else {
			host = strings.TrimPrefix(words[0], "host=")
		}
	}
	if h2 {
		u, err := url.ParseRequestURI(words[1])
		if err != nil {
			t.Fatal(err)
		}
		return &http.Request{Method: words[0], URL: u, Host: host, Header: http.Header{}, Proto: "HTTP/2.0", ProtoMajor: 2}
	}
	text := words[0] + " " + words[1] + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	return r
}

// targetAt is what testdata has behind the arrow.
func targetAt(h *Handler, r *http.Request) string {
	x := newExchange(h, httptest.NewRecorder(), r)
	if p := x.readTarget(); p != nil {
		return p.Reason
	}
	out := x.outbound()
	key := "-"
	if isPath(x.r.URL) {
		x.nameLocks(out)
		key = strings.TrimPrefix(x.key, "backend")
	}
	return x.route.Name + " " + key + " " + out.URL.RequestURI()
}

// TestTargetsOverTheWire: what TestTargets shows holds for what is sent.
func TestTargetsOverTheWire(t *testing.T) {
	var seen []string
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.RequestURI)
	}))
	backend.Config.DisableGeneralOptionsHandler = true
	backend.Start()
	defer backend.Close()
	at, _ := url.Parse(backend.URL)
	h, err := New(Options{Routes: []Route{{Backend: at}}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, c := range []struct {
		line, want string
		status     int
	}{
		{"OPTIONS *", "OPTIONS *", 200},
		{"GET /a/../b%7e", "GET /b~", 200},
		{"GET //a", "GET //a", 200},
		{"GET /a%2fb?x", "GET /a%2Fb?x", 200},
		{"GET /a?", "GET /a?", 200},
		{"PUT x:http://other/notes/list", "", 400},
		{"PUT *", "", 400},
		{"GET /a#b", "", 400},
	} {
		seen = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, requestOf(t, strings.Fields(c.line)))
		if got := strings.Join(seen, " "); got != c.want || w.Code != c.status {
			t.Errorf("%s: got %d and the backend saw %q, want %d and %q", c.line, w.Code, got, c.status, c.want)
		}
	}
}
