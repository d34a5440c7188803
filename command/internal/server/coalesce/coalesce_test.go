package coalesce

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counted counts the writes to the connections of a listener.
type counted struct {
	net.Listener
	writes atomic.Int64
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &countedConn{c, l}, err
}

type countedConn struct {
	net.Conn
	of *counted
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.of.writes.Add(1)
	return c.Conn.Write(p)
}

func (c *countedConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// What the connections of a server speak.
const (
	http1 = "HTTP/1"
	h2c   = "HTTP/2 without TLS"
	h2    = "HTTP/2"
)

// start serves the handler on connections of ours, and returns a client and the count of writes.
func start(t *testing.T, handler http.HandlerFunc, protocol string) (*httptest.Server, *http.Client, *counted) {
	t.Helper()
	server := httptest.NewUnstartedServer(Handler(handler))
	count := &counted{Listener: server.Listener}
	server.Listener = Listen(count)
	server.Config.ConnContext = Context
	switch protocol {
	case http1:
		server.Start()
	case h2c:
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
		server.Client().Transport.(*http.Transport).Protocols = server.Config.Protocols
	case h2:
		server.EnableHTTP2 = true
		server.StartTLS()
	}
	t.Cleanup(server.Close)
	return server, server.Client(), count
}

var content = []byte(strings.Repeat("0123456789abcdef", 8<<10))

func get(t *testing.T, client *http.Client, url string, want []byte) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes, error %v, want %d bytes", url, len(got), err, len(want))
	}
}

// TestOneWrite: an answer of up to 32 KiB that is written at once goes out at once, whatever its
// length, and so whether or not its end is that of a buffer.
func TestOneWrite(t *testing.T) {
	server, client, count := start(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[1:])
		w.Header().Set("Content-Length", strconv.Itoa(n))
		_, _ = w.Write(content[:n])
	}, http1)
	lengths := []int{0, 1, 512, 2047, 2048, 2049, 10_000, most - full, most - 512, most}
	for n := 2*full - 300; n <= 2*full+5; n++ {
		lengths = append(lengths, n, n-full)
	}
	for n := range most / 64 {
		lengths = append(lengths, 64*n)
	}
	for _, n := range lengths {
		before := count.writes.Load()
		get(t, client, fmt.Sprint(server.URL, "/", n), content[:n])
		if writes := count.writes.Load() - before; writes != 1 {
			t.Errorf("%d bytes took %d writes", n, writes)
		}
	}
	get(t, client, fmt.Sprint(server.URL, "/", len(content)), content)

	// Without another request on the connection that would be read, nothing else sends what is held.
	client.Transport.(*http.Transport).DisableKeepAlives = true
	for n := full - 300; n <= full+5; n++ {
		get(t, client, fmt.Sprint(server.URL, "/", n), content[:n])
	}
}

// ways are those of writing an answer that is content.
func ways(t *testing.T, content []byte) map[string]http.HandlerFunc {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	pieces := func(size int, between func(w http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for rest := content; len(rest) > 0; {
				n, err := w.Write(rest[:min(size, len(rest))])
				if err != nil {
					if r.Method != http.MethodHead { // of which HTTP/2 says that it cannot have content
						t.Error(err)
					}
					return
				}
				rest = rest[n:]
				between(w)
			}
		}
	}
	nothing := func(http.ResponseWriter) {}
	half := len(content) / 2
	return map[string]http.HandlerFunc{
		"at once":     pieces(len(content), nothing),
		"lines":       pieces(77, nothing),
		"its buffers": pieces(full, nothing),
		"half each":   pieces(half, nothing),
		"flushed":     pieces(5000, func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }),
		"from a file": func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) },
		"then by a file": func(w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(file)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			n, _ := w.Write(content[:half])
			_, _ = f.Seek(int64(n), io.SeekStart)
			_, _ = io.Copy(w, f)
		},
		"a long header section": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 3*full))
			_, _ = w.Write(content)
		},
		"while the request is read": func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			_, _ = w.Write(content[:half])
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write(content[half:])
		},
		"and the connection closed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			_, _ = w.Write(content[:half])
			_, _ = w.Write(content[half:])
		},
		takenOver: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // net/http would see to it that a client can send all of it
			w.Header().Set("Connection", "close")
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:half])
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = c.Write(content[half:])
			c.Close()
		},
	}
}

const takenOver = "on a connection taken over"

// TestWays: however an answer is written, all of it arrives, in order, and nobody waits for ever.
func TestWays(t *testing.T) {
	for _, content := range [][]byte{content[:most-1], content[:2*full], content[:full+10], content} {
		for name, handler := range ways(t, content) {
			for _, announced := range []bool{true, false} {
				for _, protocol := range []string{http1, h2c, h2} {
					if name == takenOver && (protocol != http1 || !announced) {
						continue // which HTTP/2 does not have, and which has no chunks
					}
					t.Run(fmt.Sprintf("%d bytes %s, announced %v, %s", len(content), name, announced, protocol), func(t *testing.T) {
						server, client, _ := start(t, func(w http.ResponseWriter, r *http.Request) {
							if announced {
								w.Header().Set("Content-Length", strconv.Itoa(len(content)))
							}
							handler(w, r)
						}, protocol)
						for range 3 {
							post(t, client, server.URL, content)
						}
						if name == takenOver {
							return
						}
						if resp, err := client.Head(server.URL); err != nil {
							t.Error(err)
						} else {
							resp.Body.Close()
						}
					})
				}
			}
		}
	}
}

// post asks with content, and wants content.
func post(t *testing.T, client *http.Client, url string, want []byte) {
	t.Helper()
	resp, err := client.Post(url, "text/plain", bytes.NewReader(content[:20_000]))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, error %v, want %d", len(got), err, len(want))
	}
}

// TestFlushed: what a handler flushes does not wait for more.
func TestFlushed(t *testing.T) {
	more := make(chan struct{})
	server, client, _ := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "18000")
		for n := range 3 {
			_, _ = w.Write(content[:(n+1)*3000])
			_ = http.NewResponseController(w).Flush()
			<-more
		}
	}, http1)
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for n := range 3 {
		got := make([]byte, (n+1)*3000)
		if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, content[:len(got)]) {
			t.Fatalf("part %d: error %v", n, err)
		}
		more <- struct{}{}
	}
}

// TestPipelined: the answers to requests that came together come in order, and none waits for another request.
func TestPipelined(t *testing.T) {
	server, _, _ := start(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[1:])
		w.Header().Set("Content-Length", r.URL.Path[1:])
		_, _ = w.Write(content[:n])
	}, http1)
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	lengths := []int{5000, 1, 4096, 100_000, 3950, 0, 9000}
	for _, n := range lengths {
		fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", n)
	}
	r := bufio.NewReader(c)
	for _, n := range lengths {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(got, content[:n]) {
			t.Fatalf("%d bytes, error %v, want %d", len(got), err, n)
		}
	}
}

// TestLongAnswersBegin: the beginning of a long answer does not wait for the rest of it.
func TestLongAnswersBegin(t *testing.T) {
	more := make(chan struct{})
	server, client, _ := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:5000])
		<-more
		_, _ = w.Write(content[5000:])
	}, http1)
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	begin := make([]byte, 3000)
	if _, err := io.ReadFull(resp.Body, begin); err != nil {
		t.Fatal(err)
	}
	close(more)
	rest, err := io.ReadAll(resp.Body)
	if got := append(begin, rest...); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
}

// TestConn: what is held goes out before anything else, or is told to have failed.
func TestConn(t *testing.T) {
	held, next := content[:full], content[full:2*full]
	for _, tt := range []struct {
		name string
		do   func(c *conn) error
		want []byte
	}{
		{"write", func(c *conn) error { _, err := c.Write(next); return err }, content[:2*full]},
		{"long write", func(c *conn) error { _, err := c.Write(content[full:]); return err }, content},
		{"copy", func(c *conn) error { _, err := c.ReadFrom(bytes.NewReader(next)); return err }, content[:2*full]},
		{"read", func(c *conn) error { _, err := c.Read(make([]byte, 10)); return err }, held},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner, peer := net.Pipe()
			defer peer.Close()
			c := &conn{Conn: inner}
			c.holding.Store(true)
			if n, err := c.Write(held); n != full || err != nil || !c.pending.Load() {
				t.Fatalf("%d bytes, error %v, held %v", n, err, c.pending.Load())
			}
			if c.holding.Load() {
				t.Error("would hold another")
			}
			done := make(chan error)
			go func() { done <- tt.do(c) }()
			got := make([]byte, len(tt.want))
			if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, tt.want) {
				t.Errorf("error %v, or other bytes", err)
			}
			if tt.name == "read" {
				_, _ = peer.Write([]byte("x"))
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		t.Run(tt.name+" fails", func(t *testing.T) {
			inner, peer := net.Pipe()
			peer.Close()
			c := &conn{Conn: inner}
			c.holding.Store(true)
			_, _ = c.Write(held)
			if err := tt.do(c); err == nil {
				t.Error("no error")
			}
		})
	}
	c := &conn{Conn: nil}
	if err := c.CloseWrite(); err == nil {
		t.Error("half of nothing was closed")
	}
}
