// Commitload replaces files of 1 KiB on the condition that they are what was last written, as fast as it can, and prints how many
// a second, how long one took in µs at the 50th and the 99th percentile, and how many there were with those that do not count, for
// bench/durable:
//
//	commitload store DIR WRITERS SECONDS     in this process, over package dirstore
//	commitload http HOST:PORT WRITERS SECONDS    by PUT with If-Match, each writer over a connection of its own
//
// Each writer has a file of its own, as each client of pgbench has a row. It has been written a few times before the time begins, so
// that its history is as long as it gets.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

const (
	size   = 1 << 10
	before = 10 // writes that do not count
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "commitload:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return errors.New("store DIR WRITERS SECONDS, or http HOST:PORT WRITERS SECONDS")
	}
	writers, err := strconv.Atoi(args[2])
	if err != nil || writers < 1 {
		return fmt.Errorf("%q is no number of writers", args[2])
	}
	seconds, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return err
	}
	span := time.Duration(seconds * float64(time.Second))
	switch args[0] {
	case "store":
		s, err := dirstore.Open(args[1], dirstore.Options{})
		if err != nil {
			return err
		}
		err = measure(writers, span, func(writer int) (func() error, error) { return committer(s, fmt.Sprintf("f%d", writer)) })
		return errors.Join(err, s.Close())
	case "http":
		return measure(writers, span, func(writer int) (func() error, error) { return putter(args[1], fmt.Sprintf("f%d", writer)) })
	}
	return fmt.Errorf("%q is neither store nor http", args[0])
}

// measure has each writer repeat its step until the time is over.
func measure(writers int, span time.Duration, newStep func(writer int) (func() error, error)) error {
	steps := make([]func() error, writers)
	for i := range steps {
		var err error
		steps[i], err = newStep(i)
		for n := 0; n < before && err == nil; n++ {
			err = steps[i]()
		}
		if err != nil {
			return err
		}
	}
	took, errs := make([][]time.Duration, writers), make([]error, writers)
	var all sync.WaitGroup
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	begin := time.Now()
	for i, step := range steps {
		all.Go(func() {
			for now := time.Now(); errs[i] == nil && now.Sub(begin) < span; {
				errs[i] = step()
				done := time.Now()
				took[i] = append(took[i], done.Sub(now))
				now = done
			}
		})
	}
	all.Wait()
	elapsed := time.Since(begin)
	runtime.ReadMemStats(&end)
	each := slices.Concat(took...)
	slices.Sort(each)
	at := func(share float64) float64 {
		return float64(each[int(share*float64(len(each)-1))].Nanoseconds()) / 1000
	}
	fmt.Printf("%.0f %.0f %.0f %d\n", float64(len(each))/elapsed.Seconds(), at(0.5), at(0.99), len(each)+before*writers)
	fmt.Fprintf(os.Stderr, "%.1f allocations, %.0f bytes each\n",
		float64(end.Mallocs-start.Mallocs)/float64(len(each)), float64(end.TotalAlloc-start.TotalAlloc)/float64(len(each)))
	return errors.Join(errs...)
}

// committer returns what replaces name once more.
func committer(s store.Store, name string) (func() error, error) {
	content, n, seen := bytes.Repeat([]byte{'x'}, size), 0, store.Revision(0)
	info, err := s.Stat(context.Background(), name)
	if err == nil {
		seen = info.Revision
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return func() error {
		n++
		copy(content, strconv.Itoa(n))
		d, err := s.Stage(context.Background(), name, bytes.NewReader(content))
		if err != nil {
			return err
		}
		info, err := d.Commit(context.Background(), store.At(seen))
		seen = info.Revision
		return err
	}, nil
}

// putter is committer over HTTP. It does as little as a client can, since it runs on the server's cores.
func putter(address, name string) (func() error, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	lines, content, condition := bufio.NewReader(conn), bytes.Repeat([]byte{'x'}, size), "If-None-Match: *"
	request, n := []byte(nil), 0
	return func() error {
		n++
		copy(content, fmt.Sprintf("%d %d ", time.Now().UnixNano(), n))
		request = fmt.Appendf(request[:0], "PUT /%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n\r\n", name, address, size, condition)
		if _, err := conn.Write(append(request, content...)); err != nil {
			return err
		}
		tag, err := answer(lines)
		condition = "If-Match: " + tag
		return err
	}, nil
}

// answer reads an answer that says success, and returns its tag.
func answer(r *bufio.Reader) (tag string, err error) {
	status, length := "", int64(0)
	for {
		b, err := r.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		line := strings.TrimRight(string(b), "\r\n")
		name, value, _ := strings.Cut(line, ":")
		switch {
		case status == "":
			status = line
		case strings.EqualFold(name, "Etag"):
			tag = strings.TrimSpace(value)
		case strings.EqualFold(name, "Content-Length"):
			if length, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64); err != nil {
				return "", err
			}
		}
		if line == "" {
			break
		}
	}
	if _, err := io.CopyN(io.Discard, r, length); err != nil {
		return "", err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 20") || tag == "" {
		return "", fmt.Errorf("answered %q, tag %q", status, tag)
	}
	return tag, nil
}
