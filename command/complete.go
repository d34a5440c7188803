package command

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/probe"
)

// complete teaches the shells what can follow: for every flag the words of its choice, files, directories or nothing, told by
// how its help names the value; for arguments the same, by the command's own line of usage.
func complete(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		complete(cmd)
	}
	root.Flags().VisitAll(func(f *pflag.Flag) {
		if values := completionOf(f); values != nil {
			// The only error is that the flag has one already.
			_ = root.RegisterFlagCompletionFunc(f.Name, values)
		}
	})
	if root.ValidArgsFunction == nil {
		root.ValidArgsFunction = argumentsOf(root)
	}
}

// completionOf returns what completes the value of a flag, or nil where the shell's own completion of files is right.
func completionOf(f *pflag.Flag) cobra.CompletionFunc {
	name, _ := pflag.UnquoteUsage(f)
	switch kind := f.Value.Type(); {
	case kind == "bool":
		return nil
	case strings.Contains(kind, "|"):
		return cobra.FixedCompletions(strings.Split(kind, "|"), cobra.ShellCompDirectiveNoFileComp)
	case strings.HasSuffix(name, "FILE"):
		return nil
	case name == "DIR":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case f.Name == "only" || f.Name == "skip":
		return listed(checkNames)
	default:
		return cobra.NoFileCompletions
	}
}

// argumentsOf returns what completes the arguments of a command.
func argumentsOf(cmd *cobra.Command) cobra.CompletionFunc {
	_, takes, _ := strings.Cut(cmd.Use, " ")
	switch {
	case cmd.Name() == "rules":
		return listed(ruleIDs)
	case strings.HasPrefix(takes, "DIR"):
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case strings.HasPrefix(takes, "FILE"), strings.HasPrefix(takes, "[FILE"):
		return nil
	default:
		return cobra.NoFileCompletions
	}
}

// listed completes from a list that is made when it is asked for, and not at each start; after a comma too.
func listed(list func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) (fitting []string, _ cobra.ShellCompDirective) {
		done := typed[:strings.LastIndexByte(typed, ',')+1]
		for _, word := range list() {
			if strings.HasPrefix(done+word, typed) {
				fitting = append(fitting, done+word)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}

func ruleIDs() []string {
	var ids []string
	for _, r := range diagnose.Rules() {
		ids = append(ids, cobra.CompletionWithDesc(r.ID, r.Summary))
	}
	return ids
}

// checkNames are what --only and --skip of check take: levels, groups and ids.
func checkNames() []string {
	names := []string{"must", "should", "advice"}
	for _, g := range probe.Groups() {
		names = append(names, g.String())
	}
	for _, c := range probe.Checks() {
		names = append(names, cobra.CompletionWithDesc(c.ID, c.Title))
	}
	return names
}
