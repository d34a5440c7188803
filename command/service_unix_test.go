//go:build unix

package command_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fourtwelve/fourtwelve/command"
)

// TestServiceManagerIsTold: a server tells its manager when it answers requests, that it is alive, when it reads its
// configuration again, and when it ends.
func TestServiceManagerIsTold(t *testing.T) {
	dir, err := os.MkdirTemp("", "ft") // the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", "")

	// hears reads until the manager has been told state.
	hears := func(state string) {
		t.Helper()
		message := make([]byte, 4096)
		for {
			n, err := socket.Read(message)
			if err != nil {
				t.Fatal(err)
			}
			if first, _, _ := strings.Cut(string(message[:n]), "\n"); first == state {
				return
			}
		}
	}
	for _, args := range [][]string{
		{"serve", "--listen=127.0.0.1:0", t.TempDir()},
		{"guard", "--listen=127.0.0.1:0", "http://127.0.0.1:9"},
	} {
		ctx, end := context.WithCancel(t.Context())
		code := make(chan int, 1)
		go func() {
			code <- command.Run(ctx, args, command.Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard})
		}()
		hears("READY=1")
		hears("WATCHDOG=1")
		hears("WATCHDOG=1")
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		hears("RELOADING=1")
		hears("READY=1")
		end()
		hears("STOPPING=1")
		if c := <-code; c != 0 {
			t.Errorf("%s ended with %d", args[0], c)
		}
	}
}
