// Command fourtwelve makes HTTP preconditions hold, and explains them when they
// fail. Run it with --help for its commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/fourtwelve/fourtwelve/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, os.Args[1:], cli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
}
