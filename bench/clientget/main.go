// Command clientget downloads a URL to a file with package client, for bench/download.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fourtwelve/fourtwelve/client"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: clientget URL FILE")
		os.Exit(2)
	}
	if _, err := new(client.Client).Download(context.Background(), os.Args[1], os.Args[2], client.DownloadOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
