// Command loggen writes an access log to standard output, for bench/logs.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/fourtwelve/fourtwelve/accesslog/accesslogtest"
)

func main() {
	var o accesslogtest.Options
	flag.StringVar(&o.Format, "format", "nginx", "one of "+strings.Join(accesslogtest.Formats(), ", "))
	flag.Int64Var(&o.Size, "size", 1<<20, "how many `bytes`")
	flag.Uint64Var(&o.Seed, "seed", 1, "another number gives another log")
	flag.IntVar(&o.URLs, "urls", 0, "how many different URLs (default 5000)")
	flag.IntVar(&o.Clients, "clients", 0, "how many different clients (default 2000)")
	flag.Parse()
	if err := accesslogtest.Write(os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "loggen:", err)
		os.Exit(1)
	}
}
