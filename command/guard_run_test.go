package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/command/internal/server"
)

// startGuarding starts a guard by a configuration file in which BACKEND stands for
// the backend's URL, with all that is around it in fourtwelve guard. reload
// writes another file and puts it in force.
func startGuarding(t *testing.T, backend, text string) (url string, reload func(text string) error) {
	t.Helper()
	g, write := newTestGuarding(t, backend, text)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := server.NewHTTP(ln, g.serverOptions())
	go endpoint.Serve()
	t.Cleanup(func() { endpoint.Close() })
	return "http://" + ln.Addr().String(), func(text string) error {
		write(text)
		return g.reload()
	}
}

// newTestGuarding is startGuarding without the server.
func newTestGuarding(t *testing.T, backend, text string) (g *guarding, write func(text string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "guard.yaml")
	write = func(text string) {
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "BACKEND", backend)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	p, err := (&guardOptions{config: file}).plan()
	if err != nil {
		t.Fatal(err)
	}
	g = newGuarding(p, &accessLog{}, slog.New(slog.DiscardHandler))
	if err := g.install(p.config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	return g, write
}

// oneFile is a backend with one file, and no preconditions.
type oneFile struct {
	mu      sync.Mutex
	content string
}

func (f *oneFile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodPut {
		f.content = string(content)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	io.WriteString(w, f.content)
}

// TestReloadsLoseNothing counts up through the guard from many clients, while it
// is reloaded as often. A request that fails, or a lock that does not hold across a
// reload, would show in the sum.
func TestReloadsLoseNothing(t *testing.T) {
	file := &oneFile{content: "0"}
	backend := httptest.NewServer(file)
	defer backend.Close()
	const (
		one = "routes: [{backend: BACKEND}]"
		two = "routes: [{name: other, backend: BACKEND, require: always, validators: content}]"
	)
	url, reload := startGuarding(t, backend.URL, one)
	const clients, each = 6, 10
	counted := make(chan bool, clients*each)
	var counters, reloader sync.WaitGroup
	reloader.Go(func() {
		for i := 0; <-counted; i++ {
			if err := reload([]string{one, two}[i%2]); err != nil {
				t.Error(err)
			}
			if err := reload("routes: [{}]"); err == nil {
				t.Error("a file that is wrong was put in force")
			}
		}
	})
	for range clients {
		counters.Go(func() {
			for range each {
				if err := countUp(t.Context(), url); err != nil {
					t.Error(err)
				}
				counted <- true
			}
		})
	}
	counters.Wait()
	close(counted)
	reloader.Wait()
	if want := fmt.Sprint(clients * each); file.content != want {
		t.Errorf("got %s, want %s", file.content, want)
	}
}

// countUp adds one to the number at url, however often it must try.
func countUp(ctx context.Context, url string) error {
	for {
		resp, err := http.Get(url)
		if err != nil {
			return err
		}
		var n int
		_, err = fmt.Fscan(resp.Body, &n)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET: %s, %v", resp.Status, err)
		}
		req, err := http.NewRequestWithContext(ctx, "PUT", url, strings.NewReader(fmt.Sprint(n+1)))
		if err != nil {
			return err
		}
		req.Header.Set("If-Match", resp.Header.Get("Etag"))
		if resp, err = http.DefaultClient.Do(req); err != nil {
			return err
		}
		resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusNoContent:
			return nil
		case http.StatusPreconditionFailed: // somebody was faster
		default:
			return fmt.Errorf("PUT: %s", resp.Status)
		}
	}
}

// TestGuardStreams sends events through all that is around the guard: each must
// arrive before the next one is made.
func TestGuardStreams(t *testing.T) {
	next := make(chan bool)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			http.NewResponseController(w).Flush()
			<-next
		}
	}))
	defer backend.Close()
	url, _ := startGuarding(t, backend.URL, "routes: [{backend: BACKEND}]")
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := events.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); line != want || err != nil {
			t.Fatalf("got %q, error %v, want %q", line, err, want)
		}
		if line, err = events.ReadString('\n'); line != "\n" || err != nil {
			t.Fatalf("got %q, error %v", line, err)
		}
		next <- true
	}
}

// TestGuardSwitchesProtocols talks through the guard in another protocol than HTTP.
func TestGuardSwitchesProtocols(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		line, err := rw.ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(conn, "you said ", line)
	}))
	defer backend.Close()
	url, _ := startGuarding(t, backend.URL, "routes: [{backend: BACKEND}]")
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, error %v", resp, err)
	}
	io.WriteString(conn, "hello\n")
	if got, err := r.ReadString('\n'); got != "you said hello\n" || err != nil {
		t.Errorf("got %q, error %v", got, err)
	}
}

// TestGuardSpeaksHTTP2WithoutTLS is of clients that know it beforehand.
func TestGuardSpeaksHTTP2WithoutTLS(t *testing.T) {
	backend := httptest.NewServer(&oneFile{content: "one"})
	defer backend.Close()
	url, _ := startGuarding(t, backend.URL, "routes: [{backend: BACKEND}]")
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.Proto != "HTTP/2.0" || string(text) != "one" || err != nil {
		t.Errorf("got %s %q, error %v", resp.Proto, text, err)
	}
}
