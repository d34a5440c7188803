//go:build linux || darwin

package lane

import (
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// waitable is a connection of pipes that can be waited for.
type waitable struct {
	net.Conn
	came  chan struct{} // something that will be read
	waits atomic.Int64
	until atomic.Int64
}

func (w *waitable) SetReadDeadline(t time.Time) error {
	w.until.Store(t.UnixNano())
	return w.Conn.SetReadDeadline(t)
}

func (w *waitable) Wait() error {
	w.waits.Add(1)
	limit := time.NewTimer(time.Until(time.Unix(0, w.until.Load())))
	defer limit.Stop()
	select {
	case _, ok := <-w.came:
		if !ok {
			return net.ErrClosed
		}
		return nil
	case <-limit.C:
		return os.ErrDeadlineExceeded
	}
}

// TestRest: a connection on which nothing comes for a while waits without a buffer, wakes up for the
// next request, and is given up when its time is over.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const idle = time.Minute
		s := run(t, Options{IdleTimeout: idle}, ok)
		client, server := net.Pipe()
		w := &waitable{Conn: server, came: make(chan struct{})}
		s.made <- w
		for turn := range int64(3) {
			ask(t, client, plain)
			time.Sleep(idle - time.Second)
			if n := w.waits.Load(); n != turn+1 {
				t.Fatalf("waited %d times, want %d", n, turn+1)
			}
			w.came <- struct{}{}
		}
		ask(t, client, plain)
		time.Sleep(idle + time.Second)
		if !isClosed(client) {
			t.Error("not given up")
		}
	})
}

// TestNobodyRestsWithTooLittle: who has sent the beginning of a method is waited for as ever.
func TestNobodyRestsWithTooLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{IdleTimeout: time.Minute}, ok)
		client, server := net.Pipe()
		w := &waitable{Conn: server}
		s.made <- w
		ask(t, client, plain)
		io.WriteString(client, "GE")
		time.Sleep(time.Minute - time.Second)
		if resp := ask(t, client, "T / HTTP/1.1\r\nHost: x\r\n\r\n"); resp.StatusCode != http.StatusOK || w.waits.Load() != 0 {
			t.Errorf("status %d, waited %d times", resp.StatusCode, w.waits.Load())
		}
		client.Close()
	})
}

// TestRestIsCut with the rest.
func TestRestIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{IdleTimeout: time.Minute}, ok)
		client, server := net.Pipe()
		w := &waitable{Conn: server, came: make(chan struct{})}
		s.made <- w
		ask(t, client, plain)
		time.Sleep(2 * restAfter)
		s.lane.Cut()
		close(w.came)
		if !isClosed(client) {
			t.Error("not closed")
		}
		synctest.Wait()
		s.lane.mu.Lock()
		defer s.lane.mu.Unlock()
		if len(s.lane.conns) != 0 {
			t.Errorf("%d connections are still known", len(s.lane.conns))
		}
	})
}
