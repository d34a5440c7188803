// Package command is the fourtwelve command: one file a subcommand.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Env is what a command has of the world. Results go to Stdout, all else to
// Stderr.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Exit codes. A command that has its own codes documents them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// Run executes the command line args (without the program's name) and returns
// the exit code. It returns soon after ctx is done.
func Run(ctx context.Context, args []string, env Env) int {
	root := newRoot(&env)
	root.SetArgs(args)
	return exitCode(root.ExecuteContext(ctx), env.Stderr)
}

func newRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "fourtwelve",
		Short: "HTTP preconditions that hold, and explain themselves when they fail",
		Long: `fourtwelve makes HTTP preconditions hold (If-Match, If-None-Match,
If-Modified-Since, If-Unmodified-Since, If-Range), and explains them when they fail.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          onlyCommands,
		Version:       thisBuild().String(),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(flagMistake)
	root.AddCommand(newServe(env), newGuard(env), newExplain(env), newLogs(env), newConsole(env), newCheck(env), newRules(env),
		newEvaluate(env), newPurge(env), newCopy(env), newCache(env), newGet(env), newPut(env), newEdit(env), newRm(env), newPatch(env),
		newWatch(env), newMCP(env), newService(env), newMan(env))
	root.AddCommand(newSync(env))
	root.AddCommand(newCheckStore(env))
	complete(root)
	return root
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitError ends the program with a code of the command's own. The command has
// already said what there is to say.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCode reports err, if the command has not, and says how to end.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	if exit, ok := errors.AsType[exitError](err); ok {
		return exit.code
	}
	fmt.Fprintf(stderr, "fourtwelve: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailure
}
