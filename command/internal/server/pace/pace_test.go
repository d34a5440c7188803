package pace

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const limit = time.Minute

// pass lets time pass on the clock of a synctest bubble, which does not wait.
func pass(d time.Duration) { <-time.After(d) }

// pipe is a listener in memory. Its connections have no buffers: what a side has
// written, the other has read.
type pipe struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipe) Close() error   { close(p.closed); return nil }
func (p *pipe) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipe) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// serve starts a server with next behind a Handler, as cmd serve does. To be
// called in a bubble.
func serve(t *testing.T, next http.HandlerFunc) *pipe {
	return start(t, &http.Server{Handler: New(next, limit), WriteTimeout: limit})
}

// start starts a server, to be called in a bubble.
func start(t *testing.T, s *http.Server) *pipe {
	p := &pipe{make(chan net.Conn), make(chan struct{})}
	s.ReadHeaderTimeout, s.IdleTimeout, s.Protocols = 10*time.Second, limit, new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	go s.Serve(p)
	t.Cleanup(func() { s.Close() })
	return p
}

// client returns a client for p, of HTTP/2 if two.
func client(t *testing.T, p *pipe, two bool) *http.Client {
	tr := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return p.dial(), nil },
		Protocols:   new(http.Protocols),
	}
	tr.Protocols.SetHTTP1(!two)
	tr.Protocols.SetUnencryptedHTTP2(two)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// eachVersion runs a test in a bubble for HTTP/1.1 and for HTTP/2.
func eachVersion(t *testing.T, f func(t *testing.T, two bool)) {
	for name, two := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, two) }) })
	}
}

// drip is content that comes in pieces, with a pause before each. Its length is
// not told.
type drip struct {
	pieces int
	size   int
	pause  time.Duration
	stall  chan struct{} // if not nil, what comes instead of the end
}

func (d *drip) Read(p []byte) (int, error) {
	if d.pieces == 0 && d.stall == nil {
		return 0, io.EOF
	}
	if d.pieces == 0 {
		<-d.stall
		return 0, io.ErrUnexpectedEOF
	}
	pass(d.pause)
	d.pieces--
	return copy(p, make([]byte, d.size)), nil
}

// receive is a handler that reads all and says how that went, and after how
// long.
type receive struct {
	n    int64
	err  error
	took time.Duration
	done chan struct{}
}

func (h *receive) handle(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	h.n, h.err = io.Copy(io.Discard, r.Body)
	h.took = time.Since(start)
	fmt.Fprint(w, "done")
	close(h.done)
}

func TestSlowUploadLives(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		h := &receive{done: make(chan struct{})}
		p := serve(t, h.handle)
		const pieces = 100
		resp, err := client(t, p, two).Post("http://x/", "", &drip{pieces: pieces, size: minRead, pause: limit / 2})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if h.err != nil || h.n != pieces*minRead || h.took < pieces*limit/2 {
			t.Errorf("got %d bytes after %v and error %v, want %d bytes", h.n, h.took, h.err, pieces*minRead)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "done" {
			t.Errorf("got answer %q, error %v", body, err)
		}
	})
}

// upload sends body, which stalls in the end, until the test is over.
func upload(t *testing.T, p *pipe, two bool, body *drip) {
	body.stall = make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(over)
		if resp, err := client(t, p, two).Post("http://x/", "", body); err == nil {
			resp.Body.Close()
		}
	}()
	t.Cleanup(func() {
		close(body.stall)
		<-over
		pass(body.pause) // the transport may be in the middle of it
	})
}

func TestStalledUploadIsCut(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		h := &receive{done: make(chan struct{})}
		p := serve(t, h.handle)
		upload(t, p, two, &drip{pieces: 10, size: minRead, pause: limit / 2})
		<-h.done
		if !errors.Is(h.err, os.ErrDeadlineExceeded) {
			t.Errorf("got error %v, want %v", h.err, os.ErrDeadlineExceeded)
		}
		if last := 10 * limit / 2; h.took <= last || h.took > last+limit {
			t.Errorf("cut after %v, want it within %v after %v", h.took, limit, last)
		}
	})
}

func TestUploadByBytesIsCut(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		h := &receive{done: make(chan struct{})}
		p := serve(t, h.handle)
		upload(t, p, two, &drip{pieces: 1000, size: 1, pause: limit - time.Second})
		<-h.done
		if !errors.Is(h.err, os.ErrDeadlineExceeded) || h.took > limit {
			t.Errorf("got error %v after %v, want %v within %v", h.err, h.took, os.ErrDeadlineExceeded, limit)
		}
	})
}

// TestSlowHandlerStillAnswers: once the request is there, the client need not
// fear for how long the server takes to find or store something.
func TestSlowHandlerStillAnswers(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		p := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			pass(10 * limit)
			if err := r.Context().Err(); err != nil {
				t.Error("the request was cancelled:", err)
			}
			fmt.Fprint(w, "stored")
		})
		c := client(t, p, two)
		for _, body := range []io.Reader{strings.NewReader("content"), strings.NewReader("more"), nil, nil} {
			req, err := http.NewRequestWithContext(t.Context(), "PUT", "http://x/", body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "stored" {
				t.Errorf("got %q, error %v", body, err)
			}
			resp.Body.Close()
		}
	})
}

// send is a handler that sends size bytes and says how that went.
type send struct {
	size int64
	err  error
	took time.Duration
	done chan struct{}
}

func (h *send) handle(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w.Header().Set("Content-Length", fmt.Sprint(h.size))
	_, h.err = io.CopyN(w, zeros{}, h.size)
	h.took = time.Since(start)
	close(h.done)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSlowDownloadLives(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		const size = 6 << 20 // more than what HTTP/2 sends unasked
		h := &send{size: size, done: make(chan struct{})}
		resp, err := client(t, serve(t, h.handle), two).Get("http://x/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		n := int64(0)
		for err == nil {
			pass(limit / 4)
			var part int64
			part, err = io.CopyN(io.Discard, resp.Body, chunk/2)
			n += part
		}
		if err != io.EOF || n != size {
			t.Errorf("got %d bytes, error %v, want %d", n, err, size)
		}
		if <-h.done; h.err != nil || h.took < limit {
			t.Errorf("the handler got error %v after %v", h.err, h.took)
		}
	})
}

func TestStalledDownloadIsCut(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		h := &send{size: 64 << 20, done: make(chan struct{})}
		resp, err := client(t, serve(t, h.handle), two).Get("http://x/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.CopyN(io.Discard, resp.Body, chunk); err != nil {
			t.Fatal(err)
		}
		<-h.done
		if h.err == nil || h.took > 2*limit {
			t.Errorf("got error %v after %v, want one within %v", h.err, h.took, 2*limit)
		}
	})
}

// TestClientThatReadsNothingIsCut: a small answer is written after the handler
// has returned.
func TestClientThatReadsNothingIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "small") }).dial()
		start := time.Now()
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		pass(limit + time.Second)
		synctest.Wait()
		n, err := c.Read(make([]byte, 4096))
		if err != io.EOF || n != 0 {
			t.Errorf("got %d bytes and error %v after %v, want the connection closed", n, err, time.Since(start))
		}
	})
}

// TestContentNobodyReadsIsNotWaitedForLong: the server reads what the handler left,
// so that the connection can be used again.
func TestContentNobodyReadsIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }).dial()
		start := time.Now()
		if _, err := io.WriteString(c, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > limit+time.Second {
			t.Errorf("the connection was closed after %v, want %v", took, limit)
		}
	})
}

// TestRefusalBeforeTheContent: with Expect: 100-continue the answer must not
// wait for content that will never come.
func TestRefusalBeforeTheContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusPreconditionFailed) }).dial()
		start := time.Now()
		head := "PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n"
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); resp.StatusCode != http.StatusPreconditionFailed || took != 0 {
			t.Errorf("got %s after %v, want 412 at once", resp.Status, took)
		}
	})
}

// TestContinue: the content is asked for when it is read.
func TestContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &receive{done: make(chan struct{})}
		c := serve(t, h.handle).dial()
		head := "PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(c)
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != http.StatusContinue {
			t.Fatalf("got %v, error %v, want 100", resp, err)
		}
		if _, err := io.WriteString(c, "four"); err != nil {
			t.Fatal(err)
		}
		if resp, err = http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusOK || h.n != 4 {
			t.Errorf("got %v, error %v, %d bytes", resp, err, h.n)
		}
	})
}

// copier is a response writer that notes how content is copied to it.
type copier struct {
	http.ResponseWriter
	parts []int64
	fail  int // the part that fails, from 1
}

func (c *copier) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		return 0, fmt.Errorf("source is a %T", src)
	}
	if _, ok := limited.R.(*os.File); !ok {
		return 0, fmt.Errorf("limited source is a %T", limited.R)
	}
	c.parts = append(c.parts, limited.N)
	if len(c.parts) == c.fail {
		return 7, errors.New("cut")
	}
	return io.Copy(io.Discard, limited)
}

// TestCopyIsLeftToTheSystem: what reaches the server must be a file within one
// limit, which is what sendfile takes.
func TestCopyIsLeftToTheSystem(t *testing.T) {
	const size = 2*chunk + 1000
	for _, tt := range []struct {
		name  string
		limit int64 // 0 for the file alone
		fail  int
		parts string
		n     int64
	}{
		{"file", 0, 0, fmt.Sprint([]int64{chunk, chunk, chunk}), size},
		{"whole file by its size", size, 0, fmt.Sprint([]int64{chunk, chunk, 1000}), size},
		{"part of a file", chunk + 1, 0, fmt.Sprint([]int64{chunk, 1}), chunk + 1},
		{"limit beyond the end", 3 * chunk, 0, fmt.Sprint([]int64{chunk, chunk, chunk}), size},
		{"error", size, 2, fmt.Sprint([]int64{chunk, chunk}), chunk + 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.Truncate(size); err != nil {
				t.Fatal(err)
			}
			c := &copier{ResponseWriter: httptest.NewRecorder(), fail: tt.fail}
			New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var src io.Reader = f
				if tt.limit > 0 {
					src = io.LimitReader(f, tt.limit)
				}
				n, err := w.(io.ReaderFrom).ReadFrom(src)
				if n != tt.n || (err != nil) != (tt.fail != 0) {
					t.Errorf("got %d bytes, error %v, want %d", n, err, tt.n)
				}
				if limited, ok := src.(*io.LimitedReader); ok && limited.N != max(0, tt.limit-tt.n) && tt.fail == 0 {
					t.Errorf("%d bytes of the limit are left, want %d", limited.N, max(0, tt.limit-tt.n))
				}
			}), limit).ServeHTTP(c, httptest.NewRequest("GET", "/", nil))
			if got := fmt.Sprint(c.parts); got != tt.parts {
				t.Errorf("got parts %s, want %s", got, tt.parts)
			}
		})
	}
}

// TestNoReaderFrom: HTTP/2 has none.
func TestNoReaderFrom(t *testing.T) {
	rec := httptest.NewRecorder()
	want := bytes.Repeat([]byte("0123456789"), 10000)
	New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := w.(io.ReaderFrom).ReadFrom(bytes.NewReader(want))
		if n != int64(len(want)) || err != nil {
			t.Errorf("got %d bytes, error %v", n, err)
		}
	}), limit).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if !bytes.Equal(rec.Body.Bytes(), want) {
		t.Errorf("got %d bytes, want %d, the same", rec.Body.Len(), len(want))
	}
}

// nothing is a response writer that costs nothing.
type nothing struct{ header http.Header }

func (n *nothing) Header() http.Header              { return n.header }
func (n *nothing) WriteHeader(int)                  {}
func (n *nothing) Write(p []byte) (int, error)      { return len(p), nil }
func (n *nothing) SetWriteDeadline(time.Time) error { return nil }

func answer(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusOK)
	w.Write(content)
}

var content = make([]byte, 4096)

func BenchmarkBare(b *testing.B) {
	benchmark(b, http.HandlerFunc(answer))
}

func BenchmarkPaced(b *testing.B) {
	benchmark(b, New(http.HandlerFunc(answer), limit))
}

func benchmark(b *testing.B, h http.Handler) {
	w, r := &nothing{make(http.Header)}, httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

func TestSmallAnswerDoesNotAllocate(t *testing.T) {
	h := New(http.HandlerFunc(answer), limit)
	w, r := &nothing{make(http.Header)}, httptest.NewRequest("GET", "/", nil)
	h.ServeHTTP(w, r) // fills the pool
	if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); n >= 1 {
		t.Errorf("got %v allocations a request, want none", n)
	}
}
