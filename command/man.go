package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

const manLong = `Write the manual pages of all commands into DIR, which is made if it is missing: one file a
command, such as fourtwelve-serve.1. They are made of what --help says. Packages install them;
to read one by hand:

  fourtwelve man /tmp/man && man /tmp/man/fourtwelve-serve.1`

func newMan(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages",
		Long:   manLong,
		Hidden: true,
		Args:   oneDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // it has the day on which it was made
			b := thisBuild()
			header := &doc.GenManHeader{Section: "1", Source: "fourtwelve " + b.version, Manual: "Fourtwelve"}
			if !b.time.IsZero() {
				header.Date = &b.time
			}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(env.Stderr, "Wrote the manual pages into %s.\n", args[0])
			return nil
		},
	}
}

func oneDirectory(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{errors.New("name the directory to write into, as in fourtwelve man /tmp/man")}
	}
	return nil
}
