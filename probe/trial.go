package probe

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A trial is one check being asked.
type trial struct {
	ctx context.Context
	*session
	// base is the first look at the target, in identity coding: a 200. It is shared and must not be
	// changed.
	base *answer
	// scratch is what may be written to; nil if nothing may be.
	scratch *scratch

	answers []*answer
	err     error // of the first request that failed
	// withheld is why something that the check needs is not sent, "" if all is.
	withheld string
}

// do sends a request. Once one has failed nothing more is sent, and the answers are empty.
func (t *trial) do(r request) *answer {
	if t.err != nil || t.withheld != "" {
		return &answer{}
	}
	a, err := t.session.do(t.ctx, r)
	t.err = err
	t.answers = append(t.answers, a)
	return a
}

// shownOnce is how many bytes of content an answer has that is judged by more than its content.
const shownOnce = 64 << 10

// once returns the answer to a GET with fields, which is sent unless another check has sent the
// same. At most shownOnce bytes of its content are read.
func (t *trial) once(fields ...string) *answer { return t.share(http.MethodGet, fields) }

// headOnce is once for HEAD.
func (t *trial) headOnce(fields ...string) *answer { return t.share(http.MethodHead, fields) }

func (t *trial) share(method string, fields []string) *answer {
	if t.err != nil || t.withheld != "" {
		return &answer{}
	}
	s := t.sharedBy(method + " " + strings.Join(fields, "\n"))
	s.once.Do(func() {
		s.answer = &answer{}
		r := request{method: method, fields: fields, limit: shownOnce}
		if method == http.MethodGet && t.unusual(fields) {
			s.withheld = t.shield(&r)
		}
		if s.err = t.err; s.err == nil && s.withheld == "" {
			s.answer, s.err = t.session.do(t.ctx, r)
		}
	})
	t.err, t.withheld = s.err, s.withheld
	t.answers = append(t.answers, s.answer)
	return s.answer
}

// sharedBy returns what is under the key, for once.
func (s *session) sharedBy(key string) *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared[key] == nil {
		s.shared[key] = &shared{}
	}
	return s.shared[key]
}

// result makes the result of a check of its verdict.
func (t *trial) result(c *Check, v verdict) Result {
	if t.withheld != "" {
		v = inapplicable("%s", t.withheld)
	}
	r := Result{Check: c, Outcome: v.outcome, Says: v.says, Rule: v.rule, Refuted: v.refuted, Lacks: v.lacks}
	if t.err != nil {
		r.Outcome, r.Says, r.Rule, r.Lacks = NotAsked, t.err.Error(), "", false
	}
	answers := t.answers
	if len(answers) == 0 && (r.Outcome == Passed || r.Outcome == Failed) {
		answers = []*answer{t.base}
	}
	for _, a := range answers {
		if a.x != nil {
			r.Exchanges, r.Curl = append(r.Exchanges, a.x), append(r.Curl, a.curl)
		}
	}
	return r
}

// A verdict is what a check says of the answers.
type verdict struct {
	outcome Outcome
	says    string
	rule    string
	refuted []string // rules that are not the cause
	lacks   bool
}

// right: the check passes; what is said is what was seen.
func right(format string, args ...any) verdict {
	return verdict{outcome: Passed, says: fmt.Sprintf(format, args...)}
}

// wrong: the check fails.
func wrong(format string, args ...any) verdict {
	return verdict{outcome: Failed, says: fmt.Sprintf(format, args...)}
}

// because names the rule of package diagnose that is the cause.
func (v verdict) because(rule string) verdict {
	v.rule = rule
	return v
}

// butNot names rules that are not the cause, though one might think so.
func (v verdict) butNot(rules ...string) verdict {
	v.refuted = append(slices.Clone(v.refuted), rules...)
	return v
}

// inapplicable: there is nothing to check.
func inapplicable(format string, args ...any) verdict {
	return verdict{outcome: DoesNotApply, says: fmt.Sprintf(format, args...)}
}

// unmet: what a check presumes is not so. What the server itself lacks is held against it.
func unmet(says string) verdict {
	v := inapplicable("%s", says)
	v.lacks = strings.HasPrefix(says, noTag) || strings.HasPrefix(says, noTagThere) || strings.HasPrefix(says, noParts)
	return v
}
