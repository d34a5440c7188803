package probe

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/fourtwelve/fourtwelve/capture"
)

// seeAlso finds the check that a reason not to ask another one refers to.
var seeAlso = regexp.MustCompile(`\bsee ([a-z0-9]+(?:-[a-z0-9]+)+)`)

// holdAgainst has a check that was not asked because another one failed count as one that lacks
// what it is about: a server that ignores a field has more wrong than the one check that tells it.
func holdAgainst(results []Result) {
	for i := range results {
		r := &results[i]
		if r.Outcome != DoesNotApply {
			continue
		}
		for _, m := range seeAlso.FindAllStringSubmatch(r.Says, -1) {
			r.Lacks = r.Lacks || outcome(results, m[1]) == Failed
		}
	}
}

// refuters are checks whose passing shows that a rule is not the cause of what else fails.
var refuters = map[string]string{
	"clock-skew":                        "clock",
	"double-quoted-or-escaped-etag":     "tag-well-formed",
	"duplicate-etag-fields":             "tag-single",
	"inm-compared-strongly":             "inm-weak-form",
	"last-modified-in-future":           "last-modified-not-future",
	"missing-vary":                      "coding-vary",
	"same-strong-etag-across-encodings": "coding-distinct-tags",
	"suffix-always-304":                 "inm-nonsense-suffix",
	"unquoted-etag":                     "tag-well-formed",
	"unstable-etag-per-request":         "tag-stable",
}

// refute takes from failures the causes that other checks of the run show to be none.
func refute(results []Result) {
	known := evaluated(results)
	for i := range results {
		r := &results[i]
		if r.Outcome != Failed {
			continue
		}
		for _, rule := range r.Check.Rules {
			by, refutable := refuters[rule]
			if refutable && outcome(results, by) == Passed || slices.Contains(notEvaluated, rule) && r.takes(known) {
				r.Refuted = append(r.Refuted, rule)
			}
		}
		if slices.Contains(r.Refuted, r.Rule) {
			r.Rule = ""
		}
	}
}

func outcome(results []Result, id string) Outcome {
	i := slices.IndexFunc(results, func(r Result) bool { return r.Check.ID == id })
	if i < 0 {
		return NotAsked
	}
	return results[i].Outcome
}

// notEvaluated are the rules that a field does not count, or never comes to where it would.
var notEvaluated = []string{"precondition-ignored", "gateway-drops-precondition"}

// A condition is a field in a request of some method.
type condition struct{ method, field string }

// evaluated are the conditions of which some request of the run shows that the server evaluates
// them: it was answered otherwise, by nothing else than that field.
func evaluated(results []Result) map[condition]bool {
	known := map[condition]bool{}
	for i := range results {
		for _, x := range results[i].Exchanges {
			all := conditionsOf(x)
			read := x.Request.Method == http.MethodGet || x.Request.Method == http.MethodHead
			status := x.Response.Status
			if len(all) == 1 && (status == http.StatusPreconditionFailed || read && status == http.StatusNotModified) {
				known[all[0]] = true
			}
		}
	}
	return known
}

func conditionsOf(x *capture.Exchange) (all []condition) {
	for _, field := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if x.Request.Header.Has(field) {
			all = append(all, condition{x.Request.Method, field})
		}
	}
	return all
}

// takes reports whether a request of the result was let through that has a condition of those which
// are known to be evaluated.
func (r *Result) takes(known map[condition]bool) bool {
	return slices.ContainsFunc(r.Exchanges, func(x *capture.Exchange) bool {
		return x.Response.Status/100 == 2 && slices.ContainsFunc(conditionsOf(x), func(c condition) bool { return known[c] })
	})
}
