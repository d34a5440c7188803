package guard_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
)

// TestClaims: what a client says of itself does not reach the backend, however it spells it.
func TestClaims(t *testing.T) {
	sent := []string{
		"X-Original-URL: /admin", "X-Rewrite-URL: /admin", "True-Client-IP: 1.2.3.4", "CF-Connecting-IP: 1.2.3.4", "X-Client-IP: 1.2.3.4",
		"X_Forwarded_For: 1.2.3.4", "X-Forwarded_For: 1.2.3.4", "X-Forwarded-User: admin", "X-Forwarded-Uri: /admin", "Proxy: http://x",
	}
	raw := "GET / HTTP/1.1\r\nHost: test\r\nX-Mine: 1\r\n" + strings.Join(sent, "\r\n") + "\r\n\r\n"
	ask := func(change func(*guard.Options)) string {
		c := protect(t, echo, change).dial()
		io.WriteString(c, raw)
		return c.mustRead(t, "GET").body
	}
	seen := func(got string) (names string) {
		for _, line := range sent {
			name, value, _ := strings.Cut(line, ": ")
			if strings.Contains(strings.ToLower(got), strings.ToLower("\n"+name+": "+value+"\r")) {
				names += name + " "
			}
		}
		return names
	}
	trusted := func(o *guard.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
	for _, c := range []struct {
		change func(*guard.Options)
		want   string
	}{
		{func(*guard.Options) {}, ""},
		{trusted, "X-Forwarded-User X-Forwarded-Uri "},
		{changed(func(r *guard.Route) { r.PassFields = []string{"cf-connecting-ip", "X_Forwarded_For"} }), "CF-Connecting-IP X_Forwarded_For "},
	} {
		got := ask(c.change)
		if names := seen(got); names != c.want || !strings.Contains(got, "X-Mine: 1") {
			t.Errorf("got %q, want %q, of\n%s", names, c.want, got)
		}
	}
}

// TestLeftOut: a route may keep to itself who asks, and who passed it on.
func TestLeftOut(t *testing.T) {
	g := protect(t, echo)
	port := g.url[strings.LastIndex(g.url, ":"):]
	got := g.do("GET", "/", "", "Via: 1.1 other").body
	if want := `;host="127.0.0.1` + port + `";proto=http`; !strings.Contains(got, want) {
		t.Errorf("%q is missing in\n%s", want, got)
	}
	c := g.dial()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: files.example.org\r\n\r\n")
	if got := c.mustRead(t, "GET").body; !strings.Contains(got, ";host=files.example.org;") {
		t.Errorf("a token is not written as one in\n%s", got)
	}
	c = g.dial()
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	if got := c.mustRead(t, "GET").body; strings.Contains(got, "X-Forwarded-Host") || strings.Contains(got, "host=") {
		t.Errorf("a host that the request does not name is told:\n%s", got)
	}
	g = protect(t, echo, changed(func(r *guard.Route) { r.NoForwarded, r.NoXForwarded, r.NoVia = true, true, true }))
	r := g.do("GET", "/", "", "Via: 1.1 other", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4")
	if strings.Contains(r.body, "Forwarded") || strings.Contains(r.body, "Via") || r.Get("Via") != "" {
		t.Errorf("got Via %q and\n%s", r.Get("Via"), r.body)
	}
}

// TestTE: a field for the next hop is named in Connection.
func TestTE(t *testing.T) {
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%v%v", r.Header["Te"], r.Header["Connection"])
	}))
	if got := g.do("GET", "/", "", "Te: trailers").body; got != "[trailers][TE]" {
		t.Errorf("got %s", got)
	}
	if got := g.do("GET", "/", "").body; got != "[][]" {
		t.Errorf("got %s", got)
	}
}

// TestForbiddenTrailers: fields that must be known before the content are not taken from behind it.
func TestForbiddenTrailers(t *testing.T) {
	const refused = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: other\r\nAuthorization: Basic eA==\r\nIf-Match: \"x\"\r\n" +
		"Connection: close\r\nX-Forwarded-For: 1.2.3.4\r\nX_Mine: 1\r\nContent-Type: text/html\r\nX-Http-Method: DELETE\r\n"
	for _, method := range []string{"PUT", "POST", "REPORT", "GET"} {
		for _, announced := range []string{"X-Sum", "X-Sum, Host, If-Match, Authorization"} {
			var seen http.Header
			g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == method {
					_, _ = io.Copy(io.Discard, r.Body)
					seen = r.Trailer
				}
			}))
			c := g.dial()
			fmt.Fprintf(c, "%s /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTrailer: %s\r\n\r\n1\r\nx\r\n0\r\n%sX-Sum: 42\r\n\r\n", method, announced, refused)
			if r := c.mustRead(t, method); r.status != 200 {
				t.Errorf("%s: got %d %s", method, r.status, r.body)
			}
			if method != "GET" && (len(seen) != 1 || seen.Get("X-Sum") != "42") || method == "GET" && len(seen) != 0 {
				t.Errorf("%s: the backend got %v", method, seen)
			}
		}
	}
}

// TestMalformedTrailer: it is the client's mistake, whatever the method.
func TestMalformedTrailer(t *testing.T) {
	for _, method := range []string{"PUT", "POST", "REPORT"} {
		for _, trailer := range []string{"no colon\r\n", "X : 1\r\n", ": 1\r\n"} {
			g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
			c := g.dial()
			fmt.Fprintf(c, "%s /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n%s\r\n", method, trailer)
			if r := c.mustRead(t, method); r.status != 400 {
				t.Errorf("%s with %q: got %d %s", method, trailer, r.status, r.body)
			}
		}
	}
}

// TestResponseTrailers: what a backend sends behind its content is no validator and no control.
func TestResponseTrailers(t *testing.T) {
	for _, announced := range []bool{false, true} {
		g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			prefix := http.TrailerPrefix
			if announced {
				w.Header().Set("Trailer", "Etag, Set-Cookie, X-Sum")
				prefix = ""
			}
			w.(http.Flusher).Flush()
			io.WriteString(w, "x")
			for _, name := range []string{"Etag", "Set-Cookie", "X-Sum"} {
				w.Header().Set(prefix+name, `"1"`)
			}
		}), changed(func(r *guard.Route) { r.Validators = guard.ValidatorsNone }))
		res, err := g.client.Get(g.url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if len(res.Trailer) != 1 || res.Trailer.Get("X-Sum") != `"1"` {
			t.Errorf("announced %v: got %v", announced, res.Trailer)
		}
	}
}

// answering is a backend that writes its answers by hand.
func answering(t *testing.T, answer string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, answer)
	}))
}

// TestNoSuchStatus: a status code that there is not is the backend's failure.
func TestNoSuchStatus(t *testing.T) {
	for _, status := range []string{"099", "000", "600", "999"} {
		s := answering(t, "HTTP/1.1 "+status+" Odd\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		t.Cleanup(s.Close)
		g := protectServer(t, s)
		g.want(g.do("GET", "/", ""), 502)
		if r := g.want(g.do("PUT", "/", "x"), 502); !strings.Contains(r.body, "outcome-unknown") {
			t.Errorf("%s: %s", status, r.body)
		}
	}
}

// TestNoTypeIsGuessed: a media type that the backend does not give is not made up.
func TestNoTypeIsGuessed(t *testing.T) {
	for _, status := range []string{"200 OK", "404 Not Found", "207 Multi-Status"} {
		s := answering(t, "HTTP/1.1 "+status+"\r\nConnection: close\r\nContent-Length: 15\r\n\r\n<html>x</html>\n")
		t.Cleanup(s.Close)
		for _, validators := range []guard.Validators{guard.ValidatorsAuto, guard.ValidatorsNone} {
			g := protectServer(t, s, changed(func(r *guard.Route) { r.Validators = validators }))
			for _, method := range []string{"GET", "PUT", "REPORT"} {
				if r := g.do(method, "/", "x"); r.Get("Content-Type") != "" || r.status/100 > 4 {
					t.Errorf("%s %s: got %d, Content-Type %q", method, status, r.status, r.Get("Content-Type"))
				}
			}
		}
	}
}

// TestReplacedIsNotCreated: the guard has seen that there was something.
func TestReplacedIsNotCreated(t *testing.T) {
	b := newBackend(noTag)
	created := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "PUT" {
			b.ServeHTTP(w, r)
			return
		}
		content, _ := io.ReadAll(r.Body)
		b.store(r.URL.Path, content)
		if r.URL.Path == "/elsewhere" {
			w.Header().Set("Location", "/other")
		}
		http.Error(w, "Created", http.StatusCreated)
	})
	g := protect(t, created, requiring(condhttp.RequireOverwrite))
	g.want(g.do("PUT", "/a", "x"), 201)
	r := g.want(g.do("PUT", "/a", "y", "If-Match: *"), 204)
	if r.tag() != g.do("GET", "/a", "").tag() || r.Get("Content-Type")+r.Get("Content-Length") != "" {
		t.Errorf("got %v", r.Header)
	}
	b.store("/elsewhere", []byte("x"))
	g.want(g.do("PUT", "/elsewhere", "y", "If-Match: *"), 201)
}

// TestDoomedUploadsOverHTTP2: a write that will be refused is refused before its content has come, though
// net/http hides that the client waits.
func TestDoomedUploadsOverHTTP2(t *testing.T) {
	b := newBackend(noTag)
	b.store("/a", []byte("first"))
	g := protect(t, b)
	server := httptest.NewUnstartedServer(g.handler)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols = protocols
	server.Start()
	t.Cleanup(server.Close)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	for _, length := range []int64{5, -1} {
		content, writer := net.Pipe() // nothing comes from it
		req, _ := http.NewRequest("PUT", server.URL+"/a", content)
		req.ContentLength = length
		req.Header.Set("If-Match", `"stale"`)
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		writer.Close()
		if res.StatusCode != 412 || res.ProtoMajor != 2 {
			t.Errorf("length %d: got %s over %s", length, res.Status, res.Proto)
		}
	}
}

// TestHalfClosed: a client that has closed its sending side is answered, also if the backend begins to answer
// after that.
func TestHalfClosed(t *testing.T) {
	var closed atomic.Value // of <-chan struct{}
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "PUT" {
			<-closed.Load().(<-chan struct{})
		}
		io.WriteString(w, "answer")
	}))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		closed.Store(r.Context().Done())
		g.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: t\r\n\r\n", "PUT / HTTP/1.1\r\nHost: t\r\nIf-Match: *\r\nContent-Length: 1\r\n\r\nx",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, request)
		conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK") || !strings.HasSuffix(string(answer), "answer") {
			t.Errorf("%.10q: got %q", request, answer)
		}
	}
}

// TestGone: a backend that says nothing more is not kept for a client that has gone.
func TestGone(t *testing.T) {
	ended := make(chan struct{})
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(ended)
	}), changed(func(r *guard.Route) { r.Timeouts.Response = 100 * time.Millisecond }))
	c := g.dial()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	if line, err := c.reader.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
		t.Fatalf("got %q, %v", line, err)
	}
	c.Close()
	<-ended
}

// TestInterim: an interim response goes on to the client, and has no fields that somebody before the guard has set for the
// answer. Those stay. What the guard asks for itself brings none.
func TestInterim(t *testing.T) {
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</"+strings.ToLower(r.Method)+".css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		io.WriteString(w, "x")
	}))
	before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Before", "1")
		g.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(before.Close)
	for method, want := range map[string]string{"GET": "</get.css>", "PUT": "</put.css>"} { // a PUT is preceded by a GET of the guard
		var got []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			got = append(got, fmt.Sprint(code, h["Link"], h["X-Before"]))
			return nil
		}}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), method, before.URL+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("If-Match", "*")
		res, err := before.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if want := []string{fmt.Sprint(103, []string{want}, []string(nil))}; !slices.Equal(got, want) || res.StatusCode != 200 {
			t.Errorf("%s: got %q and %d, want %q", method, got, res.StatusCode, want)
		}
		if res.Header.Get("X-Before") != "1" || len(res.Header["Link"]) > 0 {
			t.Errorf("%s: the answer has %v", method, res.Header)
		}
	}
}
