package guard_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
)

// echo answers with the header of the request.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	r.Header.Write(w)
})

// TestWhatTheBackendSees: fields for the next hop and claims of the client are
// not passed on, and what the guard evaluates is not either.
func TestWhatTheBackendSees(t *testing.T) {
	sent := []string{
		"Connection: close, X-Private", "X-Private: 1", "Te: trailers", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4",
		"X-Real-Ip: 1.2.3.4", "X-Forwarded-Port: 1", "If-None-Match: \"x\"", "Range: bytes=0-1", "Accept-Encoding: gzip, br",
		"X-Http-Method-Override: DELETE", "Via: 1.0 other", "Cookie: mine",
	}
	g := protect(t, echo)
	got := g.do("GET", "/a%2Fb?x=1;y", "", append(sent, "If-Range: x")...).body
	for _, want := range []string{
		"GET /a%2Fb?x=1;y\n", "X-Forwarded-For: 127.0.0.1\r\n", "Forwarded: for=127.0.0.1;", "Via: 1.0 other\r\nVia: 1.1 fourtwelve\r\n",
		"Accept-Encoding: identity\r\n", "Cookie: mine\r\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for _, bad := range []string{"1.2.3.4", "X-Private", "X-Forwarded-Port", "If-", "Range", "gzip", "Override"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is in\n%s", bad, got)
		}
	}
}

func TestTrustedProxyIsBelieved(t *testing.T) {
	g := protect(t, echo, func(o *guard.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	got := g.do("GET", "/", "", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Forwarded-Proto: https").body
	for _, want := range []string{"X-Forwarded-For: 1.2.3.4, 127.0.0.1", "Forwarded: for=1.2.3.4, for=127.0.0.1", "X-Forwarded-Proto: https"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

// TestRouting: the first route that matches decides, and a path cannot escape it by
// its spelling.
func TestRouting(t *testing.T) {
	named := func(name string) *url.URL {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name+" "+r.URL.Path) }))
		t.Cleanup(s.Close)
		u, _ := url.Parse(s.URL)
		return u
	}
	g := protect(t, echo, func(o *guard.Options) {
		o.Routes = []guard.Route{
			{Backend: named("api").JoinPath("base"), Path: "/api/**"},
			{Backend: named("reads"), Methods: []string{"GET"}, Path: "/files/"},
			{Backend: named("host"), Host: "*.example.org"},
		}
	})
	for _, c := range []struct{ method, path, host, want string }{
		{"GET", "/api/x", "test", "api /base/api/x"},
		{"GET", "/x/../api/x", "test", "api /base/api/x"},
		{"GET", "/files/a/b", "test", "reads /files/a/b"},
		{"DELETE", "/files/a", "test", ""},
		{"GET", "/x", "a.example.org:80", "host /x"},
		{"GET", "/x", "A.EXAMPLE.ORG.", "host /x"},
		{"GET", "/x", "example.org", ""},
	} {
		con := g.dial()
		fmt.Fprintf(con, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", c.method, c.path, c.host)
		r := con.mustRead(t, c.method)
		if c.want == "" && r.status != 404 || c.want != "" && r.body != c.want {
			t.Errorf("%s %s %s: got %d %q, want %q", c.method, c.host, c.path, r.status, r.body, c.want)
		}
	}
}

// TestDestination: MOVE names the backend's own URI, and both names are locked.
func TestDestination(t *testing.T) {
	for _, keep := range []bool{false, true} {
		b := newBackend(noTag)
		b.store("/a", []byte("first"))
		g := protect(t, b, changed(func(r *guard.Route) { r.KeepHost = keep }))
		tag := g.do("GET", "/a", "").tag()
		g.want(g.do("MOVE", "/a", "", "Destination: "+g.url+"/b", `If-Match: "stale"`), 412)
		g.want(g.do("MOVE", "/a", "", "Destination: http://elsewhere.test/b", "If-Match: "+tag), 502)
		g.want(g.do("MOVE", "/a", "", "Destination: "+g.url+"/b", "If-Match: "+tag), 201)
		if b.content("/b") != "first" || b.content("/a") != "" {
			t.Error("the file was not moved")
		}
	}
}

// TestMovesDoNotDeadlock: two that wait for each other's names would never end.
func TestMovesDoNotDeadlock(t *testing.T) {
	b := newBackend(noTag)
	g := protect(t, b)
	for round := range 30 {
		b.store("/a", []byte("a"))
		b.store("/b", []byte("b"))
		var both sync.WaitGroup
		both.Go(func() { g.do("MOVE", "/a", "", "Destination: "+g.url+"/b", "If-Match: *") })
		both.Go(func() { g.do("MOVE", "/b", "", "Destination: "+g.url+"/a", "If-Match: *") })
		both.Wait()
		if a, b := b.content("/a"), b.content("/b"); a != "" && b != "" {
			t.Fatalf("round %d: %q and %q", round, a, b)
		}
	}
}

// TestTaggedIf: the URIs in If of WebDAV are mapped, the tokens are not.
func TestTaggedIf(t *testing.T) {
	var got string
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.Header.Get("If") }))
	host := g.server.Listener.Addr().String()
	g.do("LOCK", "/a", "", "If: <http://"+host+"/a> (<http://"+host+"/token>) <http://other.test/b> (Not <opaquelocktoken:1>)")
	want := "<" + g.origin.URL + "/a> (<http://" + host + "/token>) <http://other.test/b> (Not <opaquelocktoken:1>)"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLocation(t *testing.T) {
	var location string
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}), func(o *guard.Options) { o.Routes[0].Backend = o.Routes[0].Backend.JoinPath("base") })
	for _, c := range [][2]string{
		{g.origin.URL + "/base/x?y#z", g.url + "/x?y#z"},
		{g.origin.URL + "/base", g.url + "/"},
		{g.origin.URL + "/based", g.origin.URL + "/based"},
		{"/base/a%2Fb", "/a%2Fb"},
		{"/other", "/other"},
		{"x", "x"},
		{"https://elsewhere.test/base/x", "https://elsewhere.test/base/x"},
	} {
		location = c[0]
		if got := g.want(g.do("GET", "/", ""), 302).Get("Location"); got != c[1] {
			t.Errorf("%s: got %s, want %s", c[0], got, c[1])
		}
	}
}

// TestUpgrade: a WebSocket goes through in both directions.
func TestUpgrade(t *testing.T) {
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		io.WriteString(conn, "you said "+line)
	}))
	c := g.dial()
	io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	res, err := http.ReadResponse(c.reader, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("%v %v", res, err)
	}
	io.WriteString(c, "hello\n")
	if line, err := c.reader.ReadString('\n'); line != "you said hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// TestNothingGetsPast: a request is guarded whatever protocol it asks for, and whatever
// type its content is said to have.
func TestNothingGetsPast(t *testing.T) {
	for _, field := range []string{
		"Connection: Upgrade\r\nUpgrade: h2c\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Content-Type: application/grpc\r\n",
	} {
		b := newBackend(noTag)
		b.store("/a", []byte("first"))
		g := protect(t, b)
		for _, method := range []string{"PUT", "POST"} {
			c := g.dial()
			io.WriteString(c, method+" /a HTTP/1.1\r\nHost: t\r\nIf-Match: \"stale\"\r\nContent-Length: 1\r\n"+field+"\r\nx")
			if r := c.mustRead(t, method); r.status != 412 {
				t.Errorf("%s with %q: got %d", method, field, r.status)
			}
		}
		c := g.dial()
		io.WriteString(c, "GET /a HTTP/1.1\r\nHost: t\r\nIf-None-Match: "+g.do("GET", "/a", "").tag()+"\r\n"+field+"\r\n")
		if r := c.mustRead(t, "GET"); r.status != 304 {
			t.Errorf("GET with %q: got %d", field, r.status)
		}
	}
}

// TestTrailers: in both directions.
func TestTrailers(t *testing.T) {
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "got "+string(body))
		w.Header().Set("X-Sum", r.Trailer.Get("X-Sent"))
	}))
	for _, method := range []string{"PUT", "POST"} {
		req, _ := http.NewRequest(method, g.url+"/a", io.MultiReader(strings.NewReader("hello")))
		req.Trailer = http.Header{"X-Sent": {"42"}}
		res, err := g.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		if string(body) != "got hello" || res.Trailer.Get("X-Sum") != "42" {
			t.Errorf("%s: %q, trailer %v", method, body, res.Trailer)
		}
		res.Body.Close()
	}
}

// TestStreams: an event stream is passed on as it comes.
func TestStreams(t *testing.T) {
	next := make(chan string)
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for s := range next {
			io.WriteString(w, s)
			w.(http.Flusher).Flush()
		}
	}))
	next2 := make(chan struct{})
	go func() { next <- "data: 1\n"; close(next2) }()
	res, err := g.client.Get(g.url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	if line, err := lines.ReadString('\n'); line != "data: 1\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	<-next2
	next <- "data: 2\n"
	if line, err := lines.ReadString('\n'); line != "data: 2\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	close(next)
}

// TestBackendProtocols: h2c and TLS with HTTP/2.
func TestBackendProtocols(t *testing.T) {
	proto := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	h2c := httptest.NewUnstartedServer(proto)
	h2c.Config.Protocols = new(http.Protocols)
	h2c.Config.Protocols.SetUnencryptedHTTP2(true)
	h2c.Start()
	t.Cleanup(h2c.Close)
	tls := httptest.NewUnstartedServer(proto)
	tls.EnableHTTP2 = true
	tls.StartTLS()
	t.Cleanup(tls.Close)
	for _, s := range []*httptest.Server{h2c, tls} {
		g := protectServer(t, s, changed(func(r *guard.Route) {
			if r.Backend.Scheme == "http" {
				r.Backend.Scheme = "h2c"
			} else {
				r.BackendTLS = tls.Client().Transport.(*http.Transport).TLSClientConfig
			}
		}))
		r := g.want(g.do("GET", "/", ""), 200)
		if r.body != "HTTP/2.0" || !slices.Contains(r.Values("Via"), "2.0 fourtwelve") {
			t.Errorf("got %s, Via %q", r.body, r.Values("Via"))
		}
	}
}

// TestMaxForwards: a request for this hop is not passed on (RFC 9110 §7.6.2).
func TestMaxForwards(t *testing.T) {
	g := protect(t, echo)
	g.want(g.do("OPTIONS", "/", "", "Max-Forwards: 0"), 405)
	if r := g.want(g.do("OPTIONS", "/", "", "Max-Forwards: 3"), 200); !strings.Contains(r.body, "Max-Forwards: 2") {
		t.Errorf("got %s", r.body)
	}
}

// TestSmuggling: what two servers could read in two ways is refused, and never reaches
// the backend.
func TestSmuggling(t *testing.T) {
	for _, request := range []string{
		"PUT /a HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"PUT /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"PUT /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"PUT /a HTTP/1.1\r\nHost: t\r\nContent-Length: +5\r\n\r\nhello",
		"PUT /a HTTP/1.1\r\nHost: t\r\nContent-Length : 5\r\n\r\nhello",
		"PUT /a HTTP/1.1\r\nHost: t\r\nHost: u\r\nContent-Length: 5\r\n\r\nhello",
		"PUT /a HTTP/1.1\r\nHost: t\r\nX: a\x00b\r\nContent-Length: 5\r\n\r\nhello",
		"PUT /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
		"CONNECT backend:80 HTTP/1.1\r\nHost: t\r\n\r\n",
	} {
		b := newBackend(noTag)
		g := protect(t, b)
		c := g.dial()
		io.WriteString(c, request)
		c.Conn.(*net.TCPConn).CloseWrite()
		if r := c.mustRead(t, "PUT"); r.status/100 == 2 || r.status == 500 {
			t.Errorf("%.80q: got %d", request, r.status)
		}
		if b.writeCount() > 0 {
			t.Errorf("%.80q: was written", request)
		}
	}
	// Both framings at once: chunked wins, and the connection is not used again.
	b := newBackend(noTag)
	g := protect(t, b)
	c := g.dial()
	io.WriteString(c, "PUT /a HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n")
	r := c.mustRead(t, "PUT")
	if r.status == 201 && b.content("/a") != "hello" {
		t.Errorf("got %d, and %q is stored", r.status, b.content("/a"))
	}
}
