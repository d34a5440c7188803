package diagnose

import "slices"

// catalogue has the rules of all groups, in the order of groups.
var catalogue, byID = join(
	conflictRules, davConflictRules, clientRules, davClientRules, browserRules, clientServices,
	transformRules, transformServices, mintingRules, dateRules,
	serverRules, davServerRules, serverServices, rangeRules, rangeServices, otherServices, otherRules,
	designedRules, designedServices, refusalRules, gapRules,
)

func join(lists ...[]Rule) (all []*Rule, byID map[string]*Rule) {
	byID = map[string]*Rule{}
	for _, list := range lists {
		for i := range list {
			all = append(all, &list[i])
			byID[list[i].ID] = &list[i]
		}
	}
	return all, byID
}

// Rules returns all rules, by group and within it by importance. The slice is the
// caller's, the rules are not to be changed.
func Rules() []*Rule { return slices.Clone(catalogue) }

// RuleByID returns the rule with the ID.
func RuleByID(id string) (*Rule, bool) {
	r, ok := byID[id]
	return r, ok
}
