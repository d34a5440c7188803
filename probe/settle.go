package probe

import (
	"regexp"
	"slices"
)

// seeAlso finds the check that a reason not to ask another one refers to.
var seeAlso = regexp.MustCompile(`\bsee ([a-z0-9]+(?:-[a-z0-9]+)+)`)

// holdAgainst has a check that was not asked because another one failed count as one that lacks what it is about: a server that
// ignores a field has more wrong than the one check that tells it.
func holdAgainst(results []Result) {
	failed := func(id string) bool {
		return slices.ContainsFunc(results, func(r Result) bool { return r.Check.ID == id && r.Outcome == Failed })
	}
	for i := range results {
		r := &results[i]
		if r.Outcome != DoesNotApply {
			continue
		}
		for _, m := range seeAlso.FindAllStringSubmatch(r.Says, -1) {
			r.Lacks = r.Lacks || failed(m[1])
		}
	}
}
