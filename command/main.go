package command

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the command line of the process and returns the exit code. The first
// interrupt, or SIGTERM, or Windows as it ends a service, asks the command to come to
// an end; a second signal ends the process as the system does it.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return underManager(ctx, func(ctx context.Context) int {
		return Run(ctx, os.Args[1:], Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	})
}
