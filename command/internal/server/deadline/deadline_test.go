package deadline

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// script is one operation on a connection and what becomes of its deadline, as
// seconds after the beginning. Of what falls into one second, moves come first, then
// deadlines, what is waited for, and the operation.
type script struct {
	begins int // the operation
	comes  int // what it waits for; never if zero
	moves  []move
}

// move sets the deadline at one time to another; 0 for none.
type move struct{ at, to int }

func (s script) String() string {
	return fmt.Sprintf("begins %d, comes %d, moves %v", s.begins, s.comes, s.moves)
}

// play runs the script in virtual time and returns when the operation ended, and how.
// After an hour the connection is closed.
func play(t *testing.T, s script, wrap func(net.Conn) net.Conn, write bool) (outcome string) {
	synctest.Test(t, func(t *testing.T) {
		inner, peer := net.Pipe()
		defer inner.Close()
		defer peer.Close()
		c := wrap(inner)
		zero := time.Now()
		at := func(second int) { time.Sleep(time.Until(zero.Add(time.Duration(second) * time.Second))) }

		var all sync.WaitGroup
		all.Go(func() {
			for _, m := range s.moves {
				at(m.at)
				var to time.Time
				if m.to != 0 {
					to = zero.Add(time.Duration(m.to)*time.Second + time.Second/8)
				}
				set := c.SetReadDeadline
				if write {
					set = c.SetWriteDeadline
				}
				if err := set(to); err != nil && !errors.Is(err, io.ErrClosedPipe) {
					t.Error(err)
				}
			}
		})
		if s.comes != 0 {
			all.Go(func() {
				at(s.comes)
				time.Sleep(time.Second / 4)
				if write {
					_, _ = peer.Read(make([]byte, 10))
				} else {
					_, _ = peer.Write([]byte("something"))
				}
			})
		}
		at(s.begins)
		time.Sleep(time.Second / 2)
		over := time.AfterFunc(time.Hour, func() { inner.Close() })
		defer over.Stop()
		operate := c.Read
		if write {
			operate = c.Write
		}
		n, err := operate([]byte("something"))
		took := time.Since(zero).Truncate(time.Second)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			err = os.ErrDeadlineExceeded
		case errors.Is(err, io.ErrClosedPipe):
			err = io.ErrClosedPipe
		}
		outcome = fmt.Sprintf("after %v: %d bytes, error %v", took, n, err)
		peer.Close()
		all.Wait()
	})
	return outcome
}

func bare(c net.Conn) net.Conn    { return c }
func wrapped(c net.Conn) net.Conn { return newConn(c) }

// TestDeadlines: they mean what those of any connection mean.
func TestDeadlines(t *testing.T) {
	const passed = -10
	for _, tt := range []struct {
		name   string
		script script
		want   string
	}{
		{"none", script{1, 0, nil}, "after 1h0m1s: 0 bytes, error io: read/write on closed pipe"},
		{"passes", script{1, 0, []move{{0, 5}}}, "after 5s: 0 bytes, error i/o timeout"},
		{"is met", script{1, 4, []move{{0, 5}}}, "after 4s: 9 bytes, error <nil>"},
		{"passed before", script{2, 3, []move{{0, 1}}}, "after 2s: 0 bytes, error i/o timeout"},
		{"long passed", script{1, 2, []move{{0, passed}}}, "after 1s: 0 bytes, error i/o timeout"},
		{"later before", script{2, 0, []move{{0, 5}, {1, 9}}}, "after 9s: 0 bytes, error i/o timeout"},
		{"earlier before", script{2, 0, []move{{0, 9}, {1, 5}}}, "after 5s: 0 bytes, error i/o timeout"},
		{"none before", script{2, 9, []move{{0, 5}, {1, 0}}}, "after 9s: 9 bytes, error <nil>"},
		{"later meanwhile", script{1, 8, []move{{0, 5}, {3, 9}}}, "after 8s: 9 bytes, error <nil>"},
		{"later meanwhile, passes", script{1, 0, []move{{0, 5}, {3, 9}}}, "after 9s: 0 bytes, error i/o timeout"},
		{"earlier meanwhile", script{1, 0, []move{{0, 9}, {3, 5}}}, "after 5s: 0 bytes, error i/o timeout"},
		{"first meanwhile", script{1, 0, []move{{3, 5}}}, "after 5s: 0 bytes, error i/o timeout"},
		{"none meanwhile", script{1, 9, []move{{0, 5}, {3, 0}}}, "after 9s: 9 bytes, error <nil>"},
		{"ended meanwhile", script{1, 9, []move{{0, 50}, {3, passed}}}, "after 3s: 0 bytes, error i/o timeout"},
		{"ended meanwhile without any", script{1, 9, []move{{3, passed}}}, "after 3s: 0 bytes, error i/o timeout"},
		{"ended and taken back", script{3, 9, []move{{0, passed}, {1, 0}}}, "after 9s: 9 bytes, error <nil>"},
		{"ended and given another", script{3, 0, []move{{0, passed}, {1, 7}}}, "after 7s: 0 bytes, error i/o timeout"},
		{"to and fro", script{1, 0, []move{{0, 30}, {2, 9}, {3, 0}, {4, 20}, {5, 12}, {6, 40}}}, "after 40s: 0 bytes, error i/o timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, write := range []bool{false, true} {
				for name, wrap := range map[string]func(net.Conn) net.Conn{"bare": bare, "wrapped": wrapped} {
					if got := play(t, tt.script, wrap, write); got != tt.want {
						t.Errorf("%s, write %v: %s, want %s", name, write, got, tt.want)
					}
				}
			}
		})
	}
}

// TestAnyDeadlines plays random scripts with and without our hands in them.
func TestAnyDeadlines(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		s := script{begins: r.IntN(6), comes: r.IntN(20)}
		for at := r.IntN(3); len(s.moves) < 8 && at < 20; at += 1 + r.IntN(4) {
			s.moves = append(s.moves, move{at, []int{0, -10, 1, at + 1 + r.IntN(10)}[r.IntN(4)]})
		}
		write := r.IntN(2) == 1
		if got, want := play(t, s, wrapped, write), play(t, s, bare, write); got != want {
			t.Fatalf("%v, write %v: %s, want %s", s, write, got, want)
		}
	}
}

// counted counts how often the timers of a connection are set.
type counted struct {
	net.Conn
	sets int
}

func (c *counted) SetReadDeadline(t time.Time) error {
	c.sets++
	return c.Conn.SetReadDeadline(t)
}

func (c *counted) SetWriteDeadline(t time.Time) error {
	c.sets++
	return c.Conn.SetWriteDeadline(t)
}

// TestTimersAreLeftAlone is the point of it all. The moves are those of net/http
// with all of its timeouts set.
func TestTimersAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, peer := net.Pipe()
		defer peer.Close()
		counts := &counted{Conn: inner}
		c := newConn(counts)
		defer c.Close()
		go func() {
			for {
				if _, err := io.WriteString(peer, "request"); err != nil {
					return
				}
				if _, err := peer.Read(make([]byte, 10)); err != nil {
					return
				}
			}
		}()
		buf := make([]byte, 10)
		for range 1000 {
			_ = c.SetReadDeadline(time.Now().Add(time.Minute)) // idle
			time.Sleep(time.Millisecond)
			_ = c.SetReadDeadline(time.Time{})
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second)) // header
			if _, err := c.Read(buf); err != nil {
				t.Fatal(err)
			}
			_ = c.SetReadDeadline(time.Time{})
			_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
			_ = c.SetReadDeadline(time.Time{})     // looks whether the client is there
			_ = c.SetReadDeadline(time.Unix(1, 0)) // and ends looking
			_ = c.SetReadDeadline(time.Time{})
			if _, err := c.Write(buf[:1]); err != nil {
				t.Fatal(err)
			}
		}
		if counts.sets > 4 {
			t.Errorf("8000 moves set the timers %d times", counts.sets)
		}
	})
}

// everything is a handler that sends a file, reads content, takes over a connection, and waits until the client is gone.
func everything(t *testing.T, file string) (http.Handler, <-chan struct{}) {
	gone := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(got)
	})
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nmine")
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
	return mux, gone
}

// TestServer: net/http does all it does on such connections.
func TestServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("0123456789abcdef", 1<<16)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	mux, gone := everything(t, file)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute}
	go func() { _ = server.Serve(Listen(ln)) }()
	t.Cleanup(func() { server.Close() })
	base := "http://" + ln.Addr().String()
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()

	for range 20 {
		for path, want := range map[string]string{"/file": content, "/echo": content[:100_000], "/hijack": "mine"} {
			var body io.Reader
			method := http.MethodGet
			if path == "/echo" {
				method, body = http.MethodPost, strings.NewReader(want)
			}
			req, err := http.NewRequest(method, base+path, body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(got) != want {
				t.Fatalf("%s: %d bytes, error %v, want %d bytes", path, len(got), err, len(want))
			}
		}
	}
	resp, err := client.Get(base + "/wait")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() // the client goes away
	<-gone
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := Listen(ln).Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(c, c)
		c.Close()
	}()
	inner, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(inner)
	defer c.Close()

	const size = 1 << 20
	stop := make(chan struct{})
	var movers, all sync.WaitGroup
	for range 2 {
		movers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				_ = c.SetDeadline([]time.Time{{}, time.Now().Add(time.Hour), time.Now().Add(time.Minute)}[i%3])
			}
		})
	}
	all.Go(func() {
		buf := make([]byte, 1000)
		for sent := 0; sent < size; sent += len(buf) {
			if _, err := c.Write(buf); err != nil {
				t.Error(err)
				return
			}
		}
		_ = c.CloseWrite()
	})
	all.Go(func() {
		if n, err := io.Copy(io.Discard, struct{ io.Reader }{c}); n < size || err != nil {
			t.Errorf("got %d bytes back, error %v", n, err)
		}
	})
	all.Wait()
	close(stop)
	movers.Wait()
}

// copier copies in one go, like a connection that has the operating system copy
// a file: when it is cut off, what it had read is gone.
type copier struct{ net.Conn }

func (c copier) ReadFrom(src io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c.Conn}, src)
}

// TestCopyIsNotDisturbed by a timer that was set for something before it, nor by
// one that was too early meanwhile.
func TestCopyIsNotDisturbed(t *testing.T) {
	for name, moves := range map[string][]move{"before": {{1, 60}}, "meanwhile": {{3, 60}}, "none": {{1, 0}}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner, peer := net.Pipe()
				c := newConn(copier{inner})
				zero := time.Now()
				at := func(second int) time.Time { return zero.Add(time.Duration(second) * time.Second) }
				var all sync.WaitGroup
				all.Go(func() {
					defer peer.Close()
					time.Sleep(time.Until(at(0)))
					_, _ = peer.Read(make([]byte, 10))
					time.Sleep(time.Until(at(10)))
					if got, err := io.ReadAll(peer); string(got) != "content" || err != nil {
						t.Errorf("got %q, error %v", got, err)
					}
				})
				_ = c.SetWriteDeadline(at(5))
				if _, err := c.Write([]byte("header")); err != nil {
					t.Error(err)
				}
				all.Go(func() {
					for _, m := range moves {
						time.Sleep(time.Until(at(m.at)))
						to := at(m.to)
						if m.to == 0 {
							to = time.Time{}
						}
						_ = c.SetWriteDeadline(to)
					}
				})
				time.Sleep(time.Until(at(2)))
				if n, err := c.ReadFrom(strings.NewReader("content")); n != 7 || err != nil {
					t.Errorf("copied %d bytes, error %v", n, err)
				}
				c.Close()
				all.Wait()
			})
		})
	}
}
