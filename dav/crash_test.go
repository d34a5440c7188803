package dav_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// serveVariable names the directory that the test binary is to serve instead of running tests.
const serveVariable = "FOURTWELVE_TEST_DAV_SERVE"

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
	h, err := dav.New(dav.Options{Require: origin.RequireNever, Origin: origin.Options{Store: s, Require: origin.RequireNever}})
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

// startServer starts a process that serves a directory. remote asks it; what it does not answer is a 502.
func startServer(t *testing.T, dir string) (remote http.Handler, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), serveVariable+"="+dir), t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		kill()
		t.Fatalf("the server did not start: %v", err)
	}
	// A connection for each request: none is sent again because the one before it was cut.
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: strings.TrimSpace(line)})
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	proxy.ModifyResponse = func(r *http.Response) error { // a cut answer is none
		content, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(content))
		return err
	}
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	return proxy, kill
}

// TestHistoriesWithKill: the server is killed while clients are at work, and another one takes over the directory. What was answered
// is so, locks included; what was not is so or not.
func TestHistoriesWithKill(t *testing.T) {
	for seed := range seeds(t, 6) {
		h, dir := &historian{t: t}, t.TempDir()
		for round := range uint64(3) {
			remote, kill := startServer(t, dir)
			h.handler = remote
			until := h.clock.Load() + int64(20+12*(seed%6)) // beginnings and ends of requests, of which there are 96
			h.round(seed, round, func() {
				for h.clock.Load() < until {
					runtime.Gosched()
				}
				kill()
			})
		}
		h.judge(seed)
	}
}
