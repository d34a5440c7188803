package guard_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
)

// TestLostAnswersAreSettled: clients count up through a guard, before a backend that knows neither preconditions nor keys, and lose
// answers at random. They send a write whose answer was lost again, with its key, and believe the answer. The sum is exact.
func TestLostAnswersAreSettled(t *testing.T) {
	var mu sync.Mutex
	stored := "0"
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPut && err == nil {
			stored = string(content)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fmt.Fprint(w, stored)
	}))
	t.Cleanup(backend.Close)
	g := newGroup(t, backend.URL, guard.NewShared(nil), guard.CacheOff)
	const clients, times = 6, 40
	var replayed, lost atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		c := &lossy{t: t, url: g.url, id: i, rand: rand.New(rand.NewPCG(uint64(i), 412)), lost: &lost, replayed: &replayed}
		wg.Go(func() {
			for range times {
				c.countUp()
			}
		})
	}
	wg.Wait()
	t.Logf("%d answers lost, %d given again", lost.Load(), replayed.Load())
	if stored != strconv.Itoa(clients*times) {
		t.Errorf("%d clients have counted %d times each, and the sum is %s", clients, times, stored)
	}
	if lost.Load() == 0 || replayed.Load() == 0 {
		t.Error("nothing was lost or given again, so this shows nothing")
	}
}

// lossy counts a resource up through a connection that loses answers.
type lossy struct {
	t              *testing.T
	url            string
	id, keys       int
	rand           *rand.Rand
	lost, replayed *atomic.Int64
}

// send returns the status 0 if the answer was lost: after it was given, or because the connection ends once the content was sent.
func (c *lossy) send(method, content string, fields map[string]string) (status int, tag, body string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	fate := c.rand.IntN(6)
	var sent io.Reader = strings.NewReader(content)
	if content == "" {
		sent = nil
	} else if fate == 0 {
		sent = &cutting{sent, cancel}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+"/counter", sent)
	if err != nil {
		c.t.Error(err)
		return 0, "", ""
	}
	r.ContentLength = int64(len(content))
	for name, value := range fields {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", ""
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil || method == http.MethodPut && fate == 1 {
		return 0, "", ""
	}
	if res.Header.Get("Idempotent-Replayed") != "" {
		c.replayed.Add(1)
	}
	return res.StatusCode, res.Header.Get("Etag"), string(got)
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

// countUp adds one: a 412 means that it was not added yet.
func (c *lossy) countUp() {
	for {
		_, tag, body := c.send("GET", "", nil)
		n, err := strconv.Atoi(body)
		if err != nil {
			c.t.Errorf("the counter is %q", body)
			return
		}
		c.keys++
		fields := map[string]string{"If-Match": tag, "Idempotency-Key": fmt.Sprintf(`"client %d, write %d"`, c.id, c.keys)}
		status := 0
		for status == 0 || status == http.StatusConflict {
			if status, _, body = c.send("PUT", strconv.Itoa(n+1), fields); status == 0 {
				c.lost.Add(1)
			}
		}
		switch status {
		case http.StatusNoContent:
			return
		case http.StatusPreconditionFailed:
		default:
			c.t.Errorf("status %d: %s", status, body)
			return
		}
	}
}
