//go:build linux

package pglock_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/guard/pglock"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/pgengine/pgtest"
)

// terminate has the database end every session that holds a lock of a guard.
const terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted"

// backend keeps one number, and knows nothing of conditions.
type backend struct {
	mu       sync.Mutex
	value    string
	before   func() // a PUT is carried out
	requests int
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if b.before != nil {
			b.before()
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.value, b.requests = string(content), b.requests+1
		w.WriteHeader(http.StatusNoContent)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	io.WriteString(w, b.value)
}

// guards returns the URLs of two guards in front of b, which share locks in a database.
func guards(t *testing.T, b http.Handler, database string) (urls [2]string) {
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for i := range urls {
		locks, err := pglock.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		g, err := guard.New(guard.Options{Shared: guard.NewShared(locks), Routes: []guard.Route{{Backend: target}}})
		if err != nil {
			t.Fatal(err)
		}
		front := httptest.NewServer(g)
		t.Cleanup(func() { front.Close(); locks.Close() })
		urls[i] = front.URL + "/n"
	}
	return urls
}

// look returns the number and its tag.
func look(t *testing.T, url string) (n int, tag string) {
	res, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	content, _ := io.ReadAll(res.Body)
	n, err = strconv.Atoi(string(content))
	if err != nil {
		t.Errorf("GET: %d with %q", res.StatusCode, content)
	}
	return n, res.Header.Get("ETag")
}

// put writes a number in place of what has the tag.
func put(t *testing.T, url string, n int, tag string) (status int, problem string) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(strconv.Itoa(n)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("If-Match", tag)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	content, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(content)
}

// TestLocks has clients count up one number through two guards while the database ends sessions that hold locks: of the
// writes on one state at most one is reported as done.
func TestLocks(t *testing.T) {
	pg := pgtest.Start(t)
	for _, disturbed := range []bool{false, true} {
		t.Run(fmt.Sprintf("disturbed %v", disturbed), func(t *testing.T) {
			b := &backend{value: "0"}
			database := pg.Database(t)
			urls := guards(t, b, database)
			var mu sync.Mutex
			winners := map[int]int{}
			count := func(i int) {
				for range 15 {
					n, tag := look(t, urls[i%2])
					switch status, problem := put(t, urls[i%2], n+1, tag); {
					case status/100 == 2:
						mu.Lock()
						winners[n]++
						mu.Unlock()
					case status == http.StatusPreconditionFailed:
					case disturbed && status/100 == 5: // unknown, or no lock
					default:
						t.Errorf("PUT: %d %s", status, problem)
					}
				}
			}
			var clients sync.WaitGroup
			for i := range 8 {
				clients.Go(func() { count(i) })
			}
			ended := make(chan struct{})
			go func() { clients.Wait(); close(ended) }()
			for disturbing := disturbed; disturbing; {
				select {
				case <-ended:
					disturbing = false
				case <-time.After(20 * time.Millisecond):
					pg.SQL(t, "postgres", terminate)
				}
			}
			<-ended
			for n, won := range winners {
				if won > 1 {
					t.Errorf("%d writes on %d were reported as done", won, n)
				}
			}
			if final, _ := look(t, urls[0]); !disturbed && final != len(winners) {
				t.Errorf("the number is %d after %d writes that were reported as done", final, len(winners))
			}
		})
	}
	t.Run("lost while the backend is at work", func(t *testing.T) { testLost(t, pg) })
}

// testLost loses the lock in the middle of a write, and another guard's write comes in between.
func testLost(t *testing.T, pg *pgtest.Server) {
	b := &backend{value: "0"}
	urls := guards(t, b, pg.Database(t))
	_, tag := look(t, urls[0])
	var first atomic.Bool
	inBetween := 0
	b.before = func() {
		if first.CompareAndSwap(false, true) {
			pg.SQL(t, "postgres", terminate)
			inBetween, _ = put(t, urls[1], 2, tag)
		}
	}
	status, problem := put(t, urls[0], 1, tag)
	if inBetween/100 != 2 {
		t.Errorf("the write that came in between: %d, want success", inBetween)
	}
	if status != http.StatusBadGateway && status != http.StatusGatewayTimeout {
		t.Errorf("the write whose lock was lost: %d %s, want 502 or 504", status, problem)
	}
	if !strings.Contains(problem, "unknown") && !strings.Contains(problem, "not known") && !strings.Contains(problem, "may have") {
		t.Errorf("what the client is told: %s", problem)
	}
}
