// Command fourtwelve makes HTTP preconditions hold, and explains them when they
// fail. Run it with --help for its commands.
package main

import (
	"os"

	"github.com/fourtwelve/fourtwelve/command"
)

func main() { os.Exit(command.Main()) }
