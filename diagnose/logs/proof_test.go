package logs

import (
	"slices"
	"testing"

	"github.com/fourtwelve/fourtwelve/diagnose"
)

// TestProofs: of each rule that logs can decide it is said what a log needs for that, and of no other.
func TestProofs(t *testing.T) {
	for _, r := range diagnose.Rules() {
		if _, ok := proofs[r.ID]; ok != slices.Contains(r.Needs, diagnose.FromLog) {
			t.Errorf("%s: a proof is named: %t", r.ID, ok)
		}
	}
}

// TestProofsSuffice: in each case whose log proves its rule, the log has what is said to be needed, or the rule is proven by less.
func TestProofsSuffice(t *testing.T) {
	for _, c := range cases(t) {
		if !c.bad() || c.confidence(t) != diagnose.Certain {
			continue
		}
		for _, f := range c.report(t).Files {
			for _, m := range f.Missing {
				for need := range proofs[c.rule].All() {
					if need.String() == m && !slices.Contains(provenByLess, c.rule) {
						t.Errorf("%s is certain without %s", c, m)
					}
				}
			}
		}
	}
}

// provenByLess are rules of which some forms need less than the best proof.
var provenByLess = []string{
	"stale-etag-concurrent-edit", "if-match-on-missing-resource", "http-date-not-gmt", "full-content-as-designed", "answer-against-standard",
	"refused-as-designed",
	"wrong-tag-kind", "retry-after-lost-response", "double-quoted-or-escaped-etag", "subsecond-mtime-vs-httpdate",
}
