package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// near returns those of names that somebody may have meant by typed: names that begin so, or that differ by a letter or two.
func near(typed string, names []string) []string {
	// Cobra measures the distance, but only between commands.
	menu := &cobra.Command{SuggestionsMinimumDistance: 1}
	if len(typed) > 4 {
		menu.SuggestionsMinimumDistance = 2
	}
	for _, name := range names {
		menu.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return menu.SuggestionsFor(typed)
}

// didYouMean asks about the names, as the end of a message. It is empty if there are none.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names[:min(len(names), 3)], " or ") + "?"
}

// onlyCommands refuses arguments of a command that has nothing but commands below it.
func onlyCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usageError{fmt.Errorf("unknown command %q%s (see %q)", args[0], didYouMean(near(args[0], names)), cmd.CommandPath()+" --help")}
}

// flagMistake says what is wrong with a flag, and which one may have been meant.
func flagMistake(cmd *cobra.Command, err error) error {
	meant := ""
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		like := near(unknown.GetSpecifiedName(), names)
		for i := range like {
			like[i] = "--" + like[i]
		}
		meant = didYouMean(like)
	}
	return usageError{fmt.Errorf("%w%s (see %q)", err, meant, cmd.CommandPath()+" --help")}
}
