package origin_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// serveVariable names the directory that the test binary is to serve instead of running tests.
const serveVariable = "FOURTWELVE_TEST_ORIGIN_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveVariable); dir != "" {
		fmt.Fprintln(os.Stderr, serveDirectory(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serveDirectory serves a directory until the process is killed, and says where.
func serveDirectory(dir string) error {
	s, err := dirstore.Open(dir, dirstore.Options{})
	if err != nil {
		return err
	}
	h, err := origin.New(origin.Options{Store: s})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, h)
}

// counter counts a resource up through a connection that loses answers.
type counter struct {
	t    *testing.T
	url  func() string // of the server, which moves when it starts anew
	id   int
	rand *rand.Rand
	keys int
	// lost, replayed and busy are what happened on the way.
	lost, replayed, busy int
	answered             *progress
}

// progress counts answers, and says when as many have come as are to come between two deaths of the server.
type progress struct {
	n   atomic.Int64
	due chan bool
}

func (p *progress) note() {
	if p.n.Add(1)%100 == 0 {
		select {
		case p.due <- true:
		default: // the last time is not over
		}
	}
}

// errLost is what a client sees of an answer that did not arrive.
var errLost = errors.New("the answer was lost")

// send sends a request once. Of three answers one is lost: after it was given, or because the connection ends as soon as
// the content has been sent.
func (c *counter) send(method, content string, fields ...string) (response, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	fate := c.rand.IntN(6)
	var body io.Reader
	if content != "" {
		body = strings.NewReader(content)
		if fate == 0 {
			body = &cutting{body, cancel}
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url()+"/counter.txt", body)
	if err != nil {
		return response{}, err
	}
	r.ContentLength = int64(len(content))
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil {
		c.answered.note()
	}
	if method != http.MethodGet && fate == 1 {
		return response{}, errLost
	}
	return response{res.StatusCode, res.Header, string(got)}, err
}

// cutting ends the connection when all was read.
type cutting struct {
	io.Reader
	cut func()
}

func (c *cutting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil {
		c.cut()
	}
	return n, err
}

// insist sends a request until there is an answer to it.
func (c *counter) insist(method, content string, fields ...string) response {
	for {
		r, err := c.send(method, content, fields...)
		switch {
		case err != nil:
			c.lost++
		case r.status == http.StatusConflict && strings.Contains(r.body, "idempotency-key-in-use"):
			c.busy++
		case r.status == http.StatusServiceUnavailable:
		default:
			if r.header.Get("Idempotent-Replayed") != "" {
				c.replayed++
			}
			return r
		}
	}
}

// countUp adds one: whatever is lost on the way, a 412 means that it was not added yet.
func (c *counter) countUp() {
	for {
		seen := c.insist("GET", "")
		c.keys++
		fields := []string{fmt.Sprintf(`Idempotency-Key: "client %d, write %d"`, c.id, c.keys), "If-Match: " + seen.etag()}
		if seen.status == http.StatusNotFound {
			seen.body = "0"
			fields[1] = "If-None-Match: *"
		}
		n, err := strconv.Atoi(seen.body)
		if err != nil {
			c.t.Errorf("the counter is %q", seen.body)
			return
		}
		switch r := c.insist("PUT", strconv.Itoa(n+1), fields...); r.status {
		case http.StatusCreated, http.StatusNoContent:
			return
		case http.StatusPreconditionFailed:
		default:
			c.t.Errorf("status %d: %s", r.status, r.body)
			return
		}
	}
}

// countAll has clients count up, and checks the sum.
func countAll(t *testing.T, clients, times int, url func() string, answered *progress) {
	counters := make([]*counter, clients)
	var wg sync.WaitGroup
	for i := range counters {
		c := &counter{t: t, url: url, id: i, rand: rand.New(rand.NewPCG(uint64(i), 412)), answered: answered}
		counters[i] = c
		wg.Go(func() {
			for range times {
				c.countUp()
			}
		})
	}
	wg.Wait()
	c := &counter{t: t, url: url, rand: rand.New(rand.NewPCG(1, 2)), answered: answered}
	if got := c.insist("GET", "").body; got != strconv.Itoa(clients*times) {
		t.Errorf("%d clients have counted %d times each, and the sum is %s", clients, times, got)
	}
	lost, replayed, busy := 0, 0, 0
	for _, c := range counters {
		lost, replayed, busy = lost+c.lost, replayed+c.replayed, busy+c.busy
	}
	t.Logf("%d answers lost, %d given again, %d requests while the first was under way", lost, replayed, busy)
	if lost == 0 || replayed == 0 {
		t.Error("nothing was lost or given again, so this shows nothing")
	}
}

// TestLostAnswersAreSettled: clients count up and lose answers at random. They send a write whose answer was lost again, with its
// key, and believe the answer. The sum is exact.
func TestLostAnswersAreSettled(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		srv := serve(t, origin.Options{Store: s})
		countAll(t, 6, 40, func() string { return srv.url }, new(progress))
	})
}

// TestLostAnswersOverDeath is the same, and the server is killed again and again, as the system kills a process.
func TestLostAnswersOverDeath(t *testing.T) {
	dir := t.TempDir()
	url, kill := startServer(t, dir)
	var mu sync.RWMutex // while the server is down, nobody is told where it is
	answered := &progress{due: make(chan bool, 1)}
	done, deaths := make(chan bool), 0
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				kill()
				return
			case <-answered.due:
			}
			mu.Lock()
			kill()
			deaths++
			url, kill = startServer(t, dir)
			mu.Unlock()
		}
	})
	countAll(t, 6, 40, func() string {
		mu.RLock()
		defer mu.RUnlock()
		return url
	}, answered)
	close(done)
	wg.Wait()
	if t.Logf("killed %d times", deaths); deaths == 0 {
		t.Error("the server was never killed, so this shows nothing")
	}
}

// startServer starts a process that serves a directory.
func startServer(t *testing.T, dir string) (url string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), serveVariable+"="+dir), t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Error(err)
		return "", func() {}
	}
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return "", func() {}
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Errorf("the server did not start: %v", err)
	}
	return "http://" + strings.TrimSpace(line), func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
