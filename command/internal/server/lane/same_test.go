package lane

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// said is a connection whose client has said all that it will say: each read returns one part of
// it, and then the end.
type said struct {
	mu     sync.Mutex
	parts  [][]byte
	out    bytes.Buffer
	closed chan struct{}
	once   sync.Once
}

func (c *said) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.parts[0])
	if c.parts[0] = c.parts[0][n:]; len(c.parts[0]) == 0 {
		c.parts = c.parts[1:]
	}
	return n, nil
}

func (c *said) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(p)
}

// ReadFrom is what TCP connections have, which net/http looks for.
func (c *said) ReadFrom(src io.Reader) (int64, error) { return io.Copy(struct{ io.Writer }{c}, src) }

func (c *said) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (*said) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (*said) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 4000} }
func (*said) SetDeadline(time.Time) error      { return nil }
func (*said) SetReadDeadline(time.Time) error  { return nil }
func (*said) SetWriteDeadline(time.Time) error { return nil }

// once is a listener with one connection.
type once struct {
	conn chan net.Conn
	over chan struct{}
	done sync.Once
}

func (o *once) Accept() (net.Conn, error) {
	select {
	case c := <-o.conn:
		return c, nil
	case <-o.over:
		return nil, net.ErrClosed
	}
}

func (o *once) Close() error {
	o.done.Do(func() { close(o.over) })
	return nil
}

func (*once) Addr() net.Addr { return &net.TCPAddr{} }

// converse returns what a server answers to parts, with or without the lane, and how many requests
// were answered in it.
func converse(handler http.Handler, parts [][]byte, withLane bool) (answer string, inLane int64) {
	c := &said{closed: make(chan struct{})}
	for _, part := range parts {
		c.parts = append(c.parts, slices.Clone(part))
	}
	ln := &once{conn: make(chan net.Conn, 1), over: make(chan struct{})}
	ln.conn <- c
	quiet := log.New(io.Discard, "", 0)
	server := &http.Server{Handler: handler, ErrorLog: quiet, DisableGeneralOptionsHandler: true, MaxHeaderBytes: 64 << 10}
	var over sync.WaitGroup
	defer over.Wait()
	defer server.Close()
	if !withLane {
		over.Go(func() { _ = server.Serve(ln) })
		<-c.closed
		return c.out.String(), 0
	}
	l := Listen(ln, Options{Handler: handler, ErrorLog: quiet, ConnState: func(_ net.Conn, s http.ConnState) {}})
	over.Go(l.Run)
	over.Go(func() { _ = server.Serve(l) })
	<-c.closed
	return c.out.String(), l.Answered()
}

var dates = regexp.MustCompile(`(?m)^Date: [^\r\n]+\r$`)

// same fails the test if the lane makes a difference. It returns how many requests were answered in
// it. The preface of HTTP/2 after a request is left out: the lane ends the connection, and what
// net/http does depends on its protocols.
func same(t interface{ Fatalf(string, ...any) }, handler http.Handler, parts [][]byte) int64 {
	if bytes.LastIndex(bytes.Join(parts, nil), []byte("PRI * HTTP/2.0")) > 0 {
		return 0
	}
	want, _ := converse(handler, parts, false)
	got, inLane := converse(handler, parts, true)
	got, want = dates.ReplaceAllString(got, "Date: now\r"), dates.ReplaceAllString(want, "Date: now\r")
	if got != want {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		t.Fatalf("asked in %d parts\n%q\nthe answers differ at byte %d: with the lane\n%q\nand with net/http alone\n%q",
			len(parts), bytes.Join(parts, []byte("|")), at, around(got, at), around(want, at))
	}
	return inLane
}

// around is the part of s about at.
func around(s string, at int) string { return s[max(at-200, 0):min(at+200, len(s))] }

// scripted answers by the path: /echo tells what the handler sees, and a number makes it do odd
// things.
func scripted(w http.ResponseWriter, r *http.Request) {
	seed, err := strconv.ParseUint(strings.TrimPrefix(r.URL.Path, "/"), 10, 64)
	if err != nil {
		echo(w, r)
		return
	}
	random := rand.New(rand.NewPCG(seed, 412))
	for range 1 + random.IntN(7) {
		act(random, w)
	}
}

// echo tells all of a request that a handler can see.
func echo(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %q %q %q %s %d.%d\n", r.Method, r.RequestURI, r.URL.Path, r.URL.RawQuery, r.Proto, r.ProtoMajor, r.ProtoMinor)
	fmt.Fprintf(w, "host %q from %s close %v\n", r.Host, r.RemoteAddr, r.Close)
	fmt.Fprintf(w, "length %d te %q trailer %v content %q error %v\n", r.ContentLength, r.TransferEncoding, r.Trailer, content, err)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(w, "%s: %q\n", name, r.Header[name])
	}
}

// act is one of the things that a handler may do.
func act(random *rand.Rand, w http.ResponseWriter) {
	length := []int{0, 1, 100, 511, 512, 513, 2047, 2048, 2049, 4096, 5000, 40000}[random.IntN(12)]
	content := bytes.Repeat([]byte("<p>content\n"), length)[:length]
	h := w.Header()
	switch random.IntN(16) {
	case 0:
		w.WriteHeader([]int{200, 204, 206, 304, 404, 412, 299, 500, 103, 102}[random.IntN(10)])
	case 1, 2, 3:
		_, _ = w.Write(content)
	case 4:
		//lint:ignore SA6006 it is another method of the writer
		_, _ = io.WriteString(w, string(content))
	case 5:
		_ = http.NewResponseController(w).Flush()
	case 6:
		// More than Content-Length would be sent by net/http, which closes the connection then; the
		// lane sends no more than that.
		if len(h["Content-Length"]) == 0 {
			if random.IntN(2) == 0 {
				h.Set("Content-Length", strconv.Itoa(length))
			}
			_, _ = w.(io.ReaderFrom).ReadFrom(bytes.NewReader(content))
		}
	case 7, 8:
		h.Set("Content-Length", []string{strconv.Itoa(length), strconv.Itoa(length), "40000", "0", "-1", "many"}[random.IntN(6)])
	case 9, 10:
		h.Set("Content-Type", "text/plain")
	case 11:
		h.Set("Connection", []string{"close", "keep-alive", "x, Close"}[random.IntN(3)])
	case 12:
		h.Set("Transfer-Encoding", []string{"chunked", "identity"}[random.IntN(2)])
	case 13:
		name := []string{"Etag", "X-Line", "Date", "Content-Encoding", "Trailer", http.TrailerPrefix + "Late", "X-Late"}[random.IntN(7)]
		h.Add(name, []string{"a", "two\r\nlines", " blank ", "X-Late, Expires", ""}[random.IntN(5)])
	case 14:
		h["bad name"] = []string{"value"}
	case 15:
		h.Del("Content-Type")
	}
}

// mostly draws from usual, and one time in n from odd.
func mostly(n int, usual, odd []string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(1, n).Draw(t, "odd") == n {
			return rapid.SampledFrom(odd).Draw(t, "what")
		}
		return rapid.SampledFrom(usual).Draw(t, "what")
	})
}

// request generates what clients send, and one time in three or so what none should.
var request = rapid.Custom(func(t *rapid.T) string {
	method := mostly(20, []string{"GET", "GET", "HEAD"}, []string{"POST", "OPTIONS", "get", "PRI", "GETX"}).Draw(t, "method")
	program := fmt.Sprint("/", rapid.IntRange(0, 100000).Draw(t, "program"))
	target := mostly(20, []string{"/echo", "/echo?a=b", program, program}, []string{
		"/%65cho", "//x/y", "/a/../b", "*", "http://h/x", "/echo#f", "/\u00fc", "/a b", "/%zz", "", "/a\tb", "/;x?#",
	}).Draw(t, "target")
	version := mostly(30, []string{"HTTP/1.1"}, []string{
		"HTTP/1.0", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", "HTTP/1.2", "",
	}).Draw(t, "version")
	host := mostly(30, []string{"Host: example\r\n", "host: 127.0.0.1:8412\r\n"}, []string{
		"", "Host:\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: a\r\nHost: a\r\n",
	}).Draw(t, "host")
	fields := rapid.SliceOfN(mostly(8, fieldLines[:usualLines], fieldLines[usualLines:]), 0, 5).Draw(t, "fields")
	return method + " " + target + " " + version + "\r\n" + host + strings.Join(fields, "") + "\r\n"
})

// stray is what may come between requests.
var stray = rapid.SampledFrom([]string{"hello", "\r\n", "5\r\nhello\r\n0\r\n\r\n", "\x00", "GET /", "\n", "GET / HTTP/1.1\r\nHost: a\r\n"})

// usualLines is how many of fieldLines are for the lane.
const usualLines = 14

var fieldLines = []string{
	"Accept: */*\r\n", "accept-encoding: gzip\r\n", "If-None-Match: \"a\", W/\"b\"\r\n", "if-none-match:\"c\"\r\n",
	"X-A:  spaced \t\r\n", "X-A: again\r\n",
	"Range: bytes=0-4\r\n", "Connection: keep-alive\r\n", "Connection: close\r\n", "Cookie: " + strings.Repeat("x", 900) + "\r\n",
	"X_Under: 1\r\n", "UPPER: 1\r\n", "X-Empty:\r\n", "x-tab: a\tb\r\n",
	// Those from here on are not.
	"Connection: Upgrade, close\r\n", "Connection: Close\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n",
	"Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n", "Upgrade: h2c\r\n", "Pragma: no-cache\r\n", "Trailer: X\r\n",
	"TE: trailers\r\n", "Host: other\r\n", "X-Folded: a\r\n b\r\n", "No colon\r\n", "Space : before\r\n", ": nameless\r\n",
	"X-Nul: \x00\r\n", "X-Bare: a\nb\r\n", "X-Cr: a\rb\r\n", "X-Obs: \xe4\r\n", "Cookie: " + strings.Repeat("y", 4000) + "\r\n", "\r\n",
}

// TestSame: whatever comes, in whatever pieces, is answered as net/http alone answers it.
func TestSame(t *testing.T) {
	var inLane, all int64
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(request, request, request, request, stray)
		stream := []byte(strings.Join(rapid.SliceOfN(piece, 1, 5).Draw(t, "pieces"), ""))
		parts := split(stream, rapid.SliceOfN(rapid.IntRange(1, 2000), 0, 4).Draw(t, "cuts"))
		inLane += same(t, http.HandlerFunc(scripted), parts)
		all++
	})
	if inLane < all/4 {
		t.Errorf("%d requests of %d conversations were answered in the lane: this proves little", inLane, all)
	}
}

// split cuts a stream into parts of the lengths that cuts has; what is left is the last one.
func split(stream []byte, cuts []int) (parts [][]byte) {
	for _, n := range cuts {
		if n = min(n, len(stream)); n > 0 {
			parts, stream = append(parts, stream[:n]), stream[n:]
		}
	}
	if len(stream) > 0 {
		parts = append(parts, stream)
	}
	return parts
}

func FuzzSame(f *testing.F) {
	for _, line := range fieldLines {
		f.Add([]byte("GET /echo HTTP/1.1\r\nHost: example\r\n"+line+"\r\nHEAD /7 HTTP/1.1\r\nHost: x\r\n\r\n"), uint16(0), uint16(0))
	}
	f.Add([]byte("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"), uint16(20), uint16(70))
	f.Fuzz(func(t *testing.T, stream []byte, first, second uint16) {
		same(t, http.HandlerFunc(scripted), split(stream, []int{int(first), int(second)}))
	})
}
