package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

const rulesLong = `List the causes that explain and logs can find, and the names that serve and guard give their
refusals, or teach some of them: how it comes about, how it shows, what to do, and where the
standard decides. They are also in docs/rules.md.`

func newRules(env *Env) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:     "rules [ID…]",
		Short:   "List the causes that can be found, or teach one",
		Long:    rulesLong,
		Example: "  fourtwelve rules\n  fourtwelve rules weak-etag-in-if-match",
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		rules, err := rulesNamed(args)
		if err != nil {
			return usageError{err}
		}
		style := styleOf(env.Stdout)
		switch {
		case asJSON:
			return report.RulesJSON(env.Stdout, rules, len(args) == 1)
		case len(args) == 0:
			return report.Rules(env.Stdout, rules, style)
		}
		for i, r := range rules {
			if i > 0 {
				fmt.Fprintln(env.Stdout)
			}
			if err := report.Rule(env.Stdout, r, style); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// rulesNamed returns the rules with the IDs, or all.
func rulesNamed(ids []string) ([]*diagnose.Rule, error) {
	if len(ids) == 0 {
		return diagnose.Rules(), nil
	}
	var list []*diagnose.Rule
	for _, id := range ids {
		r, ok := diagnose.RuleByID(strings.ToLower(id))
		if !ok {
			return nil, fmt.Errorf("no rule %q%s", id, suggestion(id))
		}
		list = append(list, r)
	}
	return list, nil
}

// suggestion names the rules that somebody may have meant by id.
func suggestion(id string) string {
	var like []string
	for _, r := range diagnose.Rules() {
		for word := range strings.SplitSeq(strings.ToLower(id), "-") {
			if len(word) > 3 && strings.Contains(r.ID, word) {
				like = append(like, r.ID)
				break
			}
		}
	}
	if len(like) == 0 {
		return "; fourtwelve rules lists all"
	}
	return "; there are " + strings.Join(like[:min(len(like), 5)], ", ")
}
