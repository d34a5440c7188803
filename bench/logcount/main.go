// Command logcount reads access logs and prints how many of their requests have a
// status, and how long that took: the reading that is left of "fourtwelve logs" if
// nothing is done with the entries. For bench/logs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

func main() {
	status := flag.Int("status", 412, "the `code` to count")
	flag.Parse()
	if err := run(flag.Args(), *status); err != nil {
		fmt.Fprintln(os.Stderr, "logcount:", err)
		os.Exit(1)
	}
}

func run(paths []string, status int) error {
	begin := time.Now()
	r, err := accesslog.Open(paths, accesslog.Options{Each: accesslog.Select(accesslog.StatusOf(status), false)})
	if err != nil {
		return err
	}
	found, conditional := 0, 0
	for e := range r.Entries(context.Background()) {
		found++
		if e.Conditional() {
			conditional++
		}
	}
	if r.Err() != nil {
		return r.Err()
	}
	took, stats := time.Since(begin), r.Stats()
	fmt.Printf("%d of %d requests have status %d, %d of them with a precondition; %d bad lines; %.3f s; %.0f MB/s\n",
		found, stats.Entries, status, conditional, stats.Bad, took.Seconds(), float64(stats.Bytes)/1e6/took.Seconds())
	return nil
}
