package capture

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// endless is a stream that holds a text again and again, n times.
func endless(head, again string, n int, tail string) io.Reader {
	readers := []io.Reader{strings.NewReader(head)}
	for range n {
		readers = append(readers, strings.NewReader(again))
	}
	return io.MultiReader(append(readers, strings.NewReader(tail))...)
}

const mib = 1 << 20

// watched looks at the memory in use while it is read.
type watched struct {
	r         io.Reader
	next, now int64
	peak      uint64
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.now += int64(n); w.now >= w.next {
		w.next = w.now + 4*mib
		w.peak = max(w.peak, heap())
	}
	return n, err
}

// TestMemoryIsBounded reads inputs far larger than the limits, and looks at the memory in use
// meanwhile: no more than the window and what is kept of one exchange.
func TestMemoryIsBounded(t *testing.T) {
	block := strings.Repeat("x", mib)
	lines := strings.Repeat(strings.Repeat("x", 63)+"\n", mib/64)
	const (
		n    = 100 // MiB
		less = 16  // for what is slow under the race detector
	)
	for _, c := range []struct {
		what string
		o    Options
		in   io.Reader
		// status is that of the one exchange, or 0.
		status int
		err    error
	}{
		{"a line without end", Options{}, endless("", block, n, ""), 0, ErrUnknownFormat},
		{"a line without end, said to be raw", Options{Format: Raw}, endless("", block, n, ""), 0, ErrNoExchange},
		{"a field line of 100 MiB", Options{}, endless("HTTP/1.1 412 X\nA: ", block, n, "\nETag: \"a\"\n\n"), 412, nil},
		{"field lines of 16 MiB", Options{}, endless("HTTP/1.1 412 X\n", "A: "+lines, less, "ETag: \"a\"\n\n"), 412, nil},
		{"a folded field of 16 MiB", Options{},
			endless("HTTP/1.1 412 X\nA: 1\n", strings.ReplaceAll(lines, "\nx", "\n "), less, "\nETag: \"a\"\n\n"), 412, nil},
		{"content of 100 MiB", Options{}, endless("HTTP/1.1 412 X\nContent-Length: 104857600\n\n", block, n, ""), 412, nil},
		{"content of 16 MiB in lines", Options{}, endless("HTTP/1.1 412 X\n\n", lines, less, ""), 412, nil},
		{"content of 100 MiB in chunks", Options{},
			endless("HTTP/1.1 412 X\r\nTransfer-Encoding: chunked\r\n\r\n", "100000\r\n"+block+"\r\n", n, "0\r\n\r\n"), 412, nil},
		{"curl -v, content of 16 MiB", Options{}, endless("> GET / HTTP/1.1\n> \n< HTTP/1.1 412 X\n< \n", lines, less, ""), 412, nil},
		{"curl -v, a field line of 100 MiB", Options{}, endless("> GET / HTTP/1.1\n> A: ", block, n, "\n> \n< HTTP/1.1 412 X\n< \n"), 412, nil},
		{"curl -v, 16 MiB of fields told", Options{},
			endless("* Trying x\n", "* [HTTP/2] [1] [a: "+lines[:60]+"]\n"+lines, less, "< HTTP/2 412\n< \n"), 412, nil},
		{"HAR, a content of 16 MiB", Options{},
			endless(`{"log":{"entries":[{"request":{"method":"GET","url":"http://h/"},"response":{"status":412,"content":{"size":1,"text":"`, block, less, `"}}}]}}`), 412, nil},
		{"HAR, a name of 100 MiB", Options{}, endless(`{"log":{"entries":[{"request":{"method":"GET","url":"http://h/"},"response":{"status":412,"`,
			block, n, `":1}}]}}`), 412, nil},
		{"HAR, fields of 100 MiB", Options{},
			endless(`{"log":{"entries":[{"request":{"method":"GET","url":"http://h/"},"response":{"status":412,"headers":[`,
				`{"name":"a","value":"`+block+`"},`, n, `{}]}}]}}`), 412, nil},
		{"HAR, nested 100 Mi times", Options{}, endless(`{"log":{"entries":[{"x":`, strings.Repeat("[", mib), n, ""), 0, ErrMalformed},
		{"FREB, a text of 100 MiB", Options{}, endless(`<failedRequest statusCode="412"><Event>`, block, n, `</Event></failedRequest>`),
			412, ErrTooLarge},
		{"FREB, nested 25 Mi times", Options{}, endless(`<failedRequest statusCode="412">`, strings.Repeat("<a>", mib/4), n, ""),
			412, ErrTooLarge},
		{"FREB, 16 MiB of events", Options{}, endless(`<failedRequest statusCode="412">`, strings.Repeat(
			`<Event><EventData><Data Name="NewUrl">`+block[:1000]+
				`</Data></EventData><RenderingInfo><Opcode>URL_CHANGED</Opcode></RenderingInfo></Event>`, mib/1000),
			less/4, "</failedRequest>"), 412, nil},
		{"a gzip bomb", Options{Limits: Limits{Unpacked: 50 * mib}},
			bytes.NewReader(gzipped([]byte("HTTP/1.1 412 X\nETag: \"a\"\n\n" + strings.Repeat(block, 52)))), 412, ErrTooLarge},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := heap()
			in := &watched{r: c.in}
			xs, err := Read(in, "test", c.o)
			used := int64(max(in.peak, heap())) - int64(before)
			switch {
			case !errors.Is(err, c.err):
				t.Errorf("error %v, want %v", err, c.err)
			case c.status == 0 && len(xs) != 0, c.status != 0 && (len(xs) != 1 || xs[0].Response.Status != c.status):
				t.Errorf("%s", describe(xs, nil))
			}
			// A window, content that grows by doubling, and two header sections twice.
			if limit := int64(4*DefaultLimits.Content + 4*maxSection + 2*mib); used > limit {
				t.Errorf("%d bytes are in use, more than %d", used, limit)
			}
			t.Logf("%d KiB in use", used>>10)
			runtime.KeepAlive(xs)
		})
	}
}

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestLineLimit(t *testing.T) {
	o := Options{Limits: Limits{Line: 64}}
	long := strings.Repeat("y", 100)
	xs, err := readString("GET / HTTP/1.1\nIf-Match: \"a\"\nIf-None-Match: \""+long+"\"\nX: "+long+"\n folded\nHost: h\n\n", o)
	if err != nil || len(xs) != 1 {
		t.Fatal(describe(xs, err))
	}
	for l := range xs[0].Request.Header.Lines() {
		if want := l.Name == "If-None-Match" || l.Name == "X"; l.Cut != want {
			t.Errorf("%s is %q, cut: %t", l.Name, l.Value, l.Cut)
		}
	}
}

func TestFieldsLimit(t *testing.T) {
	xs, err := readString("GET / HTTP/1.1\nA: 1\nB: 2\nIf-Match: \"a\"\n\n", Options{Limits: Limits{Fields: 2}})
	if err != nil || len(xs) != 1 || xs[0].Request.Header.Len() != 2 || !xs[0].Missing(RequestHeader) {
		t.Error(describe(xs, err))
	}
}

func TestContentLimit(t *testing.T) {
	for _, c := range []struct{ what, in string }{
		{"with length", "HTTP/1.1 200 OK\nContent-Length: 20\n\n" + strings.Repeat("z", 20)},
		{"without", "HTTP/1.1 200 OK\n\n" + strings.Repeat("z", 20)},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n" + strings.Repeat("z", 10) + "\r\na\r\n" +
			strings.Repeat("z", 10) + "\r\n0\r\n\r\n"},
		{"HAR", `{"log":{"entries":[{"request":{"method":"GET"},"response":{"status":200,"headers":[{"name":"Content-Length","value":"20"}],"content":{"size":20,"text":"zzzzzzzzzzzzzzzzzzzz"}}}]}}`},
		{"HAR in base64", `{"log":{"entries":[{"request":{"method":"GET"},"response":{"status":200,"headers":[{"name":"Content-Length","value":"20"}],"content":{"size":20,"encoding":"base64","text":"enp6enp6enp6enp6enp6enp6eno="}}}]}}`},
	} {
		xs, err := readString(c.in, Options{Limits: Limits{Content: 6}})
		if err != nil || len(xs) != 1 {
			t.Errorf("%s: %s", c.what, describe(xs, err))
			continue
		}
		content := xs[0].Response.Content
		if string(content.Data) != "zzzzzz" || !content.Cut || content.Len != 20 || content.Complete() || !xs[0].Missing(ResponseContent) {
			t.Errorf("%s: %s", c.what, describe(xs, err))
		}
	}
}

func TestExchangesLimit(t *testing.T) {
	in := strings.Repeat("GET / HTTP/1.1\n\n", 5)
	xs, err := readString(in, Options{Limits: Limits{Exchanges: 3}})
	if !errors.Is(err, ErrTooLarge) || len(xs) != 3 {
		t.Error(describe(xs, err))
	}
}

// TestTotalLimit shows that contents are dropped first, and that header sections without end
// end the reading.
func TestTotalLimit(t *testing.T) {
	limits := Limits{Total: 4000}
	in := strings.Repeat("HTTP/1.1 200 OK\nContent-Length: 1000\n\n"+strings.Repeat("z", 1000)+"\n", 5)
	xs, err := readString(in, Options{Limits: limits})
	if err != nil || len(xs) != 5 {
		t.Fatal(describe(xs, err))
	}
	if first, last := xs[0], xs[4]; first.Response.Content.Data == nil || last.Response.Content.Data != nil || !last.Missing(ResponseContent) {
		t.Error(describe(xs, err))
	}
	xs, err = readString(strings.Repeat("GET / HTTP/1.1\nA: "+strings.Repeat("z", 1000)+"\n\n", 50), Options{Limits: limits})
	if !errors.Is(err, ErrTooLarge) || len(xs) == 0 || len(xs) > 10 {
		t.Errorf("%d exchanges, error %v", len(xs), err)
	}
}

func TestZipBomb(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("raw/1_c.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, endless("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", strings.Repeat("\x00", mib), 64,
		"")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > mib {
		t.Fatalf("%d bytes are no bomb", b.Len())
	}
	_, err = Read(bytes.NewReader(b.Bytes()), "bomb.saz", Options{Limits: Limits{Unpacked: 8 * mib}})
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "unpacks to more than") {
		t.Errorf("error %v", err)
	}
	// A stream has to be held in memory, a file has not.
	o := Options{Limits: Limits{Archive: 1000, Unpacked: 8 * mib}}
	if _, err := Read(io.MultiReader(bytes.NewReader(b.Bytes())), "-", o); !errors.Is(err, ErrTooLarge) ||
		!strings.Contains(err.Error(), "give it as a file") {
		t.Errorf("as a stream: error %v", err)
	}
}

func TestBadArchives(t *testing.T) {
	other := pack(t, fstest.MapFS{"a/b.txt": {Data: []byte("GET / HTTP/1.1")}})
	if _, err := Read(other, "a.zip", Options{}); !errors.Is(err, ErrUnknownFormat) || !strings.Contains(err.Error(), "raw/1_c.txt") {
		t.Errorf("another archive: error %v", err)
	}
	if _, err := readString("PK\x03\x04 and nothing more", Options{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("no archive: error %v", err)
	}
	locked, err := io.ReadAll(pack(t, fstest.MapFS{"raw/1_c.txt": {Data: []byte("GET / HTTP/1.1\r\n\r\n")}}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range locked { // the flag of encryption, in the central headers
		if bytes.HasPrefix(locked[i:], []byte("PK\x01\x02")) {
			locked[i+8] |= 1
		}
	}
	if _, err := Read(bytes.NewReader(locked), "a.saz", Options{}); !errors.Is(err, ErrMalformed) ||
		!strings.Contains(err.Error(), "password") {
		t.Errorf("a locked archive: error %v", err)
	}
}

func TestManyInterimResponses(t *testing.T) {
	in := "PUT / HTTP/1.1\nHost: h\nContent-Length: 0\n\n" + strings.Repeat("HTTP/1.1 102 Processing\n\n", 100) + "HTTP/1.1 412 X\n\n"
	xs, err := readString(in, Options{})
	if err != nil || len(xs) != 1 || len(xs[0].Interim) != maxInterim || xs[0].Response.Status != 412 {
		t.Error(describe(xs, err))
	}
}

func ExampleRead() {
	xs, err := Read(strings.NewReader(`> PUT /plan?sig=4711 HTTP/1.1
> Host: example.com
> Authorization: Basic YW5hOnNlY3JldA==
> If-Match: "1"
> Content-Length: 0
> 
< HTTP/1.1 412 Precondition Failed
< ETag: "2"
< Content-Length: 0
< 
`), "trace.txt", Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	x := xs[0]
	fmt.Println(x.Source, "as", x.Source.Format)
	fmt.Println(x.Request.Method, x.URL(), x.Response.Status)
	fmt.Println(x.Request.Header.Get("If-Match"), "met", x.Response.Header.Get("ETag"))
	fmt.Println(x.Request.Header.Get("Authorization"))
	// Output:
	// trace.txt, line 1 as curl -v
	// PUT //example.com/plan?sig=[redacted] 412
	// "1" met "2"
	// Basic [redacted]
}
