//go:build linux || darwin

package deadline

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// TestWait: it returns for what comes, for the end, and for the deadline, and reads nothing.
func TestWait(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := Listen(ln).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wait := c.(interface{ Wait() error }).Wait
	c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if err := wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	c.SetReadDeadline(time.Time{})
	waited := make(chan error, 1)
	go func() { waited <- wait() }()
	if _, err := client.Write([]byte("ab")); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Errorf("for what came: %v", err)
	}
	b := make([]byte, 10)
	if n, err := c.Read(b); string(b[:n]) != "ab" || err != nil {
		t.Errorf("read %q, error %v", b[:n], err)
	}
	client.Close()
	if err := wait(); err != nil {
		t.Errorf("for the end: %v", err)
	}
	c.Close()
	if err := wait(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("for one that is closed: %v", err)
	}
	pipe, other := net.Pipe()
	defer other.Close()
	if err := newConn(pipe).Wait(); err != errors.ErrUnsupported {
		t.Errorf("for a pipe: %v", err)
	}
}
