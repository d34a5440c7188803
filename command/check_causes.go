package command

import (
	"cmp"
	"slices"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/probe"
)

// causesOf names the causes of what failed, most probable first. A check sends what clients should not, so that rules would find
// fault with its requests too. Hence only those count that the check knows it may fail by, and only one if it
// could tell which; that is likely, unless the exchanges prove it. What other checks of the run refute is none.
func causesOf(r *probe.Report) []report.Cause {
	var list []report.Cause
	for i := range r.Results {
		if r.Results[i].Outcome != probe.Failed {
			continue
		}
		for _, f := range causesOfResult(&r.Results[i]) {
			list = addCause(list, f, r.Results[i].Check.ID)
		}
	}
	slices.SortStableFunc(list, func(a, b report.Cause) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(b.Rule.Level, a.Rule.Level))
	})
	return list
}

func causesOfResult(r *probe.Result) (list []diagnose.Finding) {
	among := r.Check.Rules
	if r.Rule != "" {
		among = []string{r.Rule}
	}
	for _, f := range diagnose.Exchanges(r.Exchanges).Findings {
		named := slices.Contains(among, f.Rule.ID) && !slices.Contains(r.Refuted, f.Rule.ID)
		if named && f.Rule.Level > diagnose.Good && f.Confidence > diagnose.Insufficient {
			list = append(list, f)
		}
	}
	if told, ok := diagnose.RuleByID(r.Rule); ok && len(list) == 0 {
		list = append(list, diagnose.Finding{
			Rule: told, Confidence: diagnose.Likely, Says: r.Says, Exchange: max(0, len(r.Exchanges)-1),
			Evidence: []diagnose.Fact{{Name: r.Check.ID, Value: r.Says, Source: "fourtwelve check"}},
		})
	}
	return list
}

// addCause joins findings of the same rule. That of the highest confidence speaks, and its check comes first.
func addCause(list []report.Cause, f diagnose.Finding, check string) []report.Cause {
	at := slices.IndexFunc(list, func(c report.Cause) bool { return c.Rule == f.Rule })
	if at < 0 {
		return append(list, report.Cause{Finding: f, Checks: []string{check}})
	}
	c := &list[at]
	known := slices.Contains(c.Checks, check)
	switch {
	case f.Confidence > c.Confidence:
		c.Finding = f
		c.Checks = slices.DeleteFunc(c.Checks, func(id string) bool { return id == check })
		c.Checks = slices.Insert(c.Checks, 0, check)
	case !known:
		c.Checks = append(c.Checks, check)
	}
	return list
}
