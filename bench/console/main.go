// Command console measures what an open console costs: the rate of serve without it, and with a page that watches, in turns
// of the same run.
//
//	go build -o /tmp/fourtwelve . && go run ./bench/console /tmp/fourtwelve
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	connections = 8
	turns       = 15
	turn        = time.Second
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: console PROGRAM")
	}
	without, err := start(os.Args[1])
	if err != nil {
		return err
	}
	defer without.end()
	with, err := start(os.Args[1], "--metrics=127.0.0.1:0")
	if err != nil {
		return err
	}
	defer with.end()
	watching, err := http.Get(with.metrics + "/console/events")
	if err != nil {
		return err
	}
	defer watching.Body.Close()
	var seen atomic.Int64
	go io.Copy(&counter{&seen}, watching.Body)
	var ratios []float64
	var rates [2][]float64
	for range turns {
		a, err := load(without.address, turn)
		if err != nil {
			return err
		}
		b, err := load(with.address, turn)
		if err != nil {
			return err
		}
		rates[0], rates[1] = append(rates[0], a), append(rates[1], b)
		ratios = append(ratios, b/a)
	}
	slices.Sort(ratios)
	slices.Sort(rates[0])
	slices.Sort(rates[1])
	fmt.Printf("without console %.0f requests/s, with one open %.0f (medians of %d turns); with/without in the median turn %.3f; the page was sent %d kB\n",
		rates[0][turns/2], rates[1][turns/2], turns, ratios[turns/2], seen.Load()/1000)
	return nil
}

type counter struct{ n *atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

type process struct {
	cmd              *exec.Cmd
	dir              string
	address, metrics string
}

// start serves one file.
func start(program string, flags ...string) (*process, error) {
	dir, err := os.MkdirTemp("", "console")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("content"), 0o600); err != nil {
		return nil, err
	}
	args := append([]string{"serve", "--listen=127.0.0.1:0", "--access-log=off", dir}, flags...)
	p := &process{dir: dir, cmd: exec.Command(program, args...)}
	says, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(says)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Try it") {
		_, rest, ok := strings.Cut(lines.Text(), "http://")
		address, _, _ := strings.Cut(rest, "/")
		switch {
		case ok && strings.HasPrefix(lines.Text(), "Serving"):
			p.address = address
		case ok && strings.HasPrefix(lines.Text(), "Metrics"):
			p.metrics = "http://" + address
		}
	}
	go io.Copy(io.Discard, says)
	return p, nil
}

func (p *process) end() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	os.RemoveAll(p.dir)
}

// load asks again and again whether the file has changed, and returns how often in a second.
func load(address string, d time.Duration) (float64, error) {
	resp, err := http.Get("http://" + address + "/a.txt")
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	ask := "GET /a.txt HTTP/1.1\r\nHost: " + address + "\r\nIf-None-Match: " + resp.Header.Get("ETag") + "\r\n\r\n"
	var n atomic.Int64
	var group sync.WaitGroup
	errs := make(chan error, connections)
	until := time.Now().Add(d)
	for range connections {
		group.Go(func() { errs <- client(address, ask, until, &n) })
	}
	group.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return float64(n.Load()) / d.Seconds(), nil
}

func client(address, ask string, until time.Time, n *atomic.Int64) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for time.Now().Before(until) {
		if _, err := io.WriteString(c, ask); err != nil {
			return err
		}
		first, err := answers.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(first, "HTTP/1.1 304") {
			return fmt.Errorf("the answer is %q", first)
		}
		for line := first; line != "\r\n"; {
			if line, err = answers.ReadString('\n'); err != nil {
				return err
			}
		}
		n.Add(1)
	}
	return nil
}
