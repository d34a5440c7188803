package probe

import (
	"fmt"
	"slices"
	"strings"
)

// worst is the check whose failure is the worst fault that a server can have.
const worst = "refused-not-done"

// refusalChecks come last: they also look back at what the checks before them were refused.
var refusalChecks = []*Check{{
	ID: worst, Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.2.1",
	Title: "A write that is refused has not been done",
	Sends: "PUT with If-Match: a tag that no version has, PUT with If-None-Match: *, and DELETE with that If-Match, each read back; what the other checks found is looked at as well.",
	Right: "What is there after a refusal is what was there before.",
	Means: "There is no worse answer to a write: the client is told that nothing was saved, while what another one saved is gone. It reads again, takes its own content for that of another, and nobody ever knows.",
	Fix: []string{
		"Evaluate the condition before anything is done, in the step that stores the content; not on the way out, where the answer already has the tag of what was just written.",
		"Look whether a filter that makes tags for answers also evaluates conditions of writes: let it do so for GET and HEAD alone.",
		"Until then put one in front that evaluates the conditions and does not pass them on, such as fourtwelve guard.",
	},
	Servers: []ServerFix{
		{"CherryPy", "its tools.etags compares after the handler has run: switch it on for GET and HEAD only, and compare in the handler before it writes"},
	},
	Rules: []string{"precondition-evaluated-after-write"},
	ask:   withContent(askRefusals),
}}

func askRefusals(t *trial, now *answer) verdict {
	for _, ask := range []func() *answer{
		func() *answer { return t.put(t.scratch.written, "If-Match", noVersion) },
		func() *answer { return t.put(t.scratch.written, "If-None-Match", "*") },
		func() *answer { return t.delete("If-Match", noVersion) },
	} {
		t.untouched(now, ask())
		if again, v := t.place(t.scratch.before); v == nil {
			now = again
		}
	}
	switch s := t.scratch; {
	case len(s.done) > 0:
		return wrong("refused, and done nevertheless: %s", several(s.done)).because("precondition-evaluated-after-write")
	case s.refusals == 0:
		return inapplicable("the server refuses nothing: see put-if-match-stale and put-inm-star-existing")
	default:
		return right("%d refusals, and nothing was done", s.refusals)
	}
}

// several joins a few texts, each once, and says how many more there are.
func several(all []string) string {
	const few = 3
	var seen []string
	for _, s := range all {
		if !slices.Contains(seen, s) {
			seen = append(seen, s)
		}
	}
	if len(seen) > few {
		return fmt.Sprintf("%s; and %d more", strings.Join(seen[:few], "; "), len(seen)-few)
	}
	return strings.Join(seen, "; ")
}
