package ifheader

import (
	"fmt"
	"slices"

	"github.com/fourtwelve/fourtwelve/etag"
)

// State is what is known of a resource that a field names.
type State struct {
	// Name tells the resource from others: two URIs of one resource have the same Name. It is for the
	// caller, who gets it back from [Decision.Guards].
	Name string
	// Elsewhere is set for a resource that the caller does not serve, so that nothing is known of it.
	Elsewhere bool
	// Exists reports whether the URI is mapped to a resource. If it is not, the resource is treated
	// as one that has none of the states asked for (RFC 4918 §10.4.4).
	Exists bool
	// Tags are the entity tags of the current revision, in all its content codings.
	Tags []etag.Tag
	// Locks are the tokens of the active locks that cover the resource: "A lock state token is
	// considered to match if the resource is anywhere in the scope of the lock" (§10.4.4). A URI
	// that is not mapped can have them, too.
	Locks []string
}

// Policy holds what a server may choose. The zero Policy is what the function [Evaluate] uses.
type Policy struct {
	// WeakComparison compares entity tags weakly (RFC 9110 §8.8.3.2). "Servers MUST use either the
	// weak or the strong comparison function" (RFC 4918 §10.4.4).
	WeakComparison bool
}

// Reason is why a condition holds or does not. Its text form is stable.
type Reason uint8

const (
	// Unconditional: there was no field.
	Unconditional Reason = iota
	// TagMatches: the resource has the entity tag.
	TagMatches
	// TagDiffers: it has others.
	TagDiffers
	// WeakTag: it has one with that opaque text, but one of the two is weak, and the comparison is
	// strong.
	WeakTag
	// NoTag: it exists, and has no entity tag.
	NoTag
	// Locked: a lock with the token covers the resource.
	Locked
	// NotLocked: none does.
	NotLocked
	// Unmapped: nothing exists there, and so it has no entity tag.
	Unmapped
	// Elsewhere: the resource is not one of this server's.
	Elsewhere
)

var reasons = [...]string{
	"unconditional", "tag-matches", "tag-differs", "weak-tag", "no-tag", "locked", "not-locked", "unmapped", "elsewhere",
}

// String returns the reason in kebab case, such as "not-locked".
func (r Reason) String() string { return reasons[r] }

// MarshalText returns what String does.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Decision is what became of a field.
type Decision struct {
	// Holds reports whether the request may proceed. If not, "the server MUST reject the request
	// with a 412 (Precondition Failed) status" (RFC 4918 §10.4.3).
	Holds bool
	// List is the list that decided: the first that holds, or, if none does, the first; Condition is its
	// last condition, or the one that does not hold; and Reason is why.
	List      List
	Condition Condition
	Reason    Reason
	// Guarded reports whether the field could have stopped the method because of the state of the
	// target: it is what a server asks for that requires preconditions. A list that only denies
	// tokens could not: it says nothing of what its sender has seen.
	Guarded bool

	guards []string
}

// Section returns the subsection of RFC 4918 that the decision rests on, such as "10.4.4".
func (d Decision) Section() string {
	if d.Reason == Unconditional || d.Holds {
		return "10.4.3"
	}
	return "10.4.4"
}

// Guards is Guarded for another resource, given its [State.Name]: such as the destination of a MOVE.
func (d Decision) Guards(name string) bool { return slices.Contains(d.guards, name) }

// Step is what became of one list.
type Step struct {
	List  List
	Holds bool
	// Condition is the one that does not hold, or the last.
	Condition Condition
	Reason    Reason
}

// Evaluate decides a field with the zero [Policy].
func Evaluate(h Header, target string, lookup func(uri string) State) Decision {
	return Policy{}.Evaluate(h, target, lookup)
}

// Evaluate decides a field. target is the target URI of the request, which lists without a resource
// are about; lookup describes a resource. It is called once for each URI that is needed, and with
// the target or what stands in the field, as it was sent.
func (p Policy) Evaluate(h Header, target string, lookup func(uri string) State) Decision {
	d, _ := p.Explain(h, target, lookup)
	return d
}

// Explain is Evaluate with what became of each list, in their order.
func (p Policy) Explain(h Header, target string, lookup func(uri string) State) (Decision, []Step) {
	if !h.Sent() {
		return Decision{Holds: true}, nil
	}
	e := evaluation{policy: p, target: target, lookup: lookup, states: map[string]State{}}
	for _, l := range h.Lists {
		e.list(l)
	}
	return e.decide(), e.steps
}

// evaluation is one walk through the lists.
type evaluation struct {
	policy Policy
	target string
	lookup func(string) State
	states map[string]State
	steps  []Step
	// guards are the names of resources of which a list that holds says something that its sender
	// has seen; loose is set if a list holds that only denies tokens.
	guards []string
	loose  bool
}

// state describes the resource of a list.
func (e *evaluation) state(l List) State {
	uri := l.Resource
	if uri == "" {
		uri = e.target
	}
	s, known := e.states[uri]
	if !known {
		s = e.lookup(uri)
		e.states[uri] = s
	}
	return s
}

// list judges a list: a conjunction (§10.4.3).
func (e *evaluation) list(l List) {
	s := e.state(l)
	step := Step{List: l, Holds: true}
	names := false
	for _, c := range l.Conditions {
		has, reason := e.policy.has(s, c)
		step.Condition, step.Reason = c, reason
		if has == c.Not || s.Elsewhere {
			step.Holds = false
			break
		}
		names = names || !c.Not || c.Token == ""
	}
	e.steps = append(e.steps, step)
	switch {
	case step.Holds && names:
		e.guards = append(e.guards, s.Name)
	case step.Holds:
		e.loose = true
	}
}

// has reports whether the resource has the state of a condition, its Not aside.
func (p Policy) has(s State, c Condition) (bool, Reason) {
	switch {
	case s.Elsewhere:
		return false, Elsewhere
	case c.Token != "" && slices.Contains(s.Locks, c.Token):
		return true, Locked
	case c.Token != "":
		return false, NotLocked
	case !s.Exists:
		return false, Unmapped
	case len(s.Tags) == 0:
		return false, NoTag
	case slices.ContainsFunc(s.Tags, c.Tag.StrongEqual):
		return true, TagMatches
	case !slices.ContainsFunc(s.Tags, c.Tag.WeakEqual):
		return false, TagDiffers
	case p.WeakComparison:
		return true, TagMatches
	}
	return false, WeakTag
}

// decide makes the disjunction of the lists (§10.4.3).
func (e *evaluation) decide() Decision {
	deciding := e.steps[0]
	if i := slices.IndexFunc(e.steps, func(s Step) bool { return s.Holds }); i >= 0 {
		deciding = e.steps[i]
	}
	d := Decision{Holds: deciding.Holds, List: deciding.List, Condition: deciding.Condition, Reason: deciding.Reason}
	if !e.loose {
		d.guards = e.guards
		d.Guarded = d.Holds && slices.Contains(e.guards, e.state(List{}).Name)
	}
	return d
}

// Text says for people why the decision is what it is.
func (d Decision) Text() string {
	if d.Reason == Unconditional {
		return "If was not sent"
	}
	return Step{List: d.List, Holds: d.Holds, Condition: d.Condition, Reason: d.Reason}.Text()
}

// Text says for people what became of the list.
func (s Step) Text() string {
	about := "the target"
	if s.List.Resource != "" {
		about = s.List.Resource
	}
	verdict := "does not hold"
	if s.Holds {
		verdict = "holds"
	}
	return fmt.Sprintf("the list %s %s: %s", s.List, verdict, s.fact(about))
}

// fact says what the resource has or has not.
func (s Step) fact(about string) string {
	tag := s.Condition.Tag.String()
	switch s.Reason {
	case TagMatches:
		return fmt.Sprintf("%s has the entity tag %s", about, tag)
	case WeakTag:
		return fmt.Sprintf("%s is %s only by a weak comparison, and writes need a strong one", about, tag)
	case NoTag:
		return about + " has no entity tag"
	case Locked:
		return fmt.Sprintf("%s is locked with <%s>", about, s.Condition.Token)
	case NotLocked:
		return fmt.Sprintf("%s has no lock <%s>, or no longer has it", about, s.Condition.Token)
	case Unmapped:
		return "nothing exists at " + about
	case Elsewhere:
		return fmt.Sprintf("%s is not a resource of this server", about)
	}
	return fmt.Sprintf("%s has another entity tag than %s", about, tag)
}
