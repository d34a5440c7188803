package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
	"github.com/fourtwelve/fourtwelve/store"
)

// The model
//
// A name is a register that holds a value or nothing. A value is any non-empty
// string that stands for content: the content itself, its digest, its entity
// tag. Conditions are on values, not on revisions, so the same model judges a
// store, HTTP requests and a program that renames files into place. If the same
// value can be written twice, a condition on it holds again (A-B-A), as it does
// for entity tags made of content.
//
// Names with slashes are in collections. Those matter to a history only if an
// operation in it names one: then a write makes the collections on its way, and
// they stay. A collection has the value "/", of which only Anything holds.

// Kind says what an Op does.
type Kind int

// The kinds of Op. The first three are all that a register needs; the others are
// for stores that implement the optional interfaces.
const (
	Read Kind = iota
	Write
	Delete
	Move
	Copy
	MakeCollection
	DeleteCollection
	Mark     // sets a property
	ReadMark // reads it
)

// collectionValue is the value of a name that has members rather than content.
const collectionValue = "/"

// Condition is the value a write or a deletion insists on replacing. The zero
// Condition is Nothing.
type Condition struct {
	anything bool
	value    string
}

var (
	// Anything holds always.
	Anything = Condition{anything: true}
	// Nothing holds if there is no value.
	Nothing = Condition{}
)

// Exactly holds if the value is v.
func Exactly(v string) Condition { return Condition{value: v} }

// IsAnything reports whether c is Anything.
func (c Condition) IsAnything() bool { return c.anything }

// Value returns the value c insists on, or "" for Nothing and Anything.
func (c Condition) Value() string { return c.value }

func (c Condition) holds(value string) bool { return c.anything || c.value == value }

func (c Condition) String() string {
	switch {
	case c.anything:
		return "anything"
	case c.value == "":
		return "nothing"
	}
	return c.value
}

// Op is an operation on one register, or on what is in a collection.
type Op struct {
	Kind  Kind
	Name  string
	If    Condition // for all but Read, ReadMark and collections as such
	Value string    // what Write writes; not empty. What Mark sets
	To    string    // for Move and Copy, as is
	IfTo  Condition
}

func (o Op) String() string {
	switch o.Kind {
	case Write:
		return fmt.Sprintf("write %s to %s if %v", o.Value, o.Name, o.If)
	case Delete:
		return fmt.Sprintf("delete %s if %v", o.Name, o.If)
	case Move, Copy:
		return fmt.Sprintf("%s %s if %v to %s if %v", map[Kind]string{Move: "move", Copy: "copy"}[o.Kind], o.Name, o.If, o.To, o.IfTo)
	case MakeCollection:
		return "make collection " + o.Name
	case DeleteCollection:
		return "delete collection " + o.Name
	case Mark:
		return fmt.Sprintf("mark %s with %s if %v", o.Name, o.Value, o.If)
	case ReadMark:
		return "read the mark of " + o.Name
	}
	return "read " + o.Name
}

// reads reports whether o changes nothing.
func (o Op) reads() bool { return o.Kind == Read || o.Kind == ReadMark }

// Outcome says what became of an Op.
type Outcome int

// The outcomes of an Op.
const (
	// Unknown: the operation may have happened, may yet happen, or never will.
	// It is the zero Outcome, and that of an operation that never ended.
	Unknown Outcome = iota
	// Done: it happened.
	Done
	// Conflict: the condition did not hold, nothing was changed.
	Conflict
	// NotFound: there was nothing to delete, to move or to mark, or no collection
	// to hold what was to come.
	NotFound
	// Failed: it has certainly not happened, for a reason that says nothing of
	// the register. The history leaves it out.
	Failed
)

func (o Outcome) String() string {
	return [...]string{"unknown", "done", "conflict", "not found", "failed"}[o]
}

// Result is what an Op returned.
type Result struct {
	Outcome Outcome
	// Value is what a Read that is Done read: "" if there was nothing.
	Value string
	// Seen says that a Conflict or a Delete told which value it found, or a Move or
	// Copy which value arrived, and that Value is that.
	Seen bool
	// AtTo says of a Conflict that it was about the name To.
	AtTo bool
}

func (r Result) describe(o Op) string {
	switch {
	case o.reads() && r.Outcome == Done && r.Value == "":
		return "nothing"
	case o.reads() && r.Outcome == Done:
		return r.Value
	case r.AtTo:
		return fmt.Sprintf("%v at %s, saw %s", r.Outcome, o.To, cmp.Or(r.Value, "nothing"))
	case r.Seen && r.Value == "":
		return r.Outcome.String() + ", saw nothing"
	case r.Seen:
		return r.Outcome.String() + ", saw " + r.Value
	}
	return r.Outcome.String()
}

// state is what the names of a partition have. It is encoded as a string, for
// comparison: the lines of those that have anything, in order.
type state map[string]register

// register is what a name has.
type register struct{ value, mark string }

func (s state) encode() string {
	lines := make([]string, 0, len(s))
	for name, r := range s {
		if r != (register{}) {
			lines = append(lines, name+"\x00"+r.value+"\x00"+r.mark)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func decode(encoded string) state {
	s := make(state)
	for line := range strings.Lines(encoded) {
		part := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		s[part[0]] = register{part[1], part[2]}
	}
	return s
}

// after returns the states that can be after o ended with r, if the given one
// was before: none if that cannot be, two if the outcome is unknown.
func (o Op) after(before string, r Result) []any {
	s := decode(before)
	result := o.perform(s)
	after := s.encode()
	switch {
	case r.Outcome != Unknown && !r.explainedBy(result):
		return nil
	case r.Outcome == Unknown && after != before && o.Kind == Write:
		return []any{before, o.onItsWay(before), after}
	case r.Outcome == Unknown && after != before:
		return []any{before, after}
	}
	return []any{after}
}

// onItsWay returns the state with the collections that a write makes on its way: it may end
// after that.
func (o Op) onItsWay(before string) string {
	s := decode(before)
	s.makeParents(o.Name)
	return s.encode()
}

// makeParents makes the collections that name is in.
func (s state) makeParents(name string) {
	for name = parent(name); name != ""; name = parent(name) {
		s[name] = register{collectionValue, s[name].mark}
	}
}

// explainedBy reports whether r is what an operation may tell that had the
// result other. Whoever finds nothing where a value was expected may say either.
func (r Result) explainedBy(other Result) bool {
	if r.Outcome == NotFound && other == (Result{Outcome: Conflict, Seen: true}) {
		return true
	}
	if r.Seen || other.Outcome == Done && !other.Seen {
		return r == other
	}
	return r.Outcome == other.Outcome
}

// perform does o to s and returns the result, which tells all that can be told.
func (o Op) perform(s state) Result {
	at := s[o.Name]
	refused := Result{Outcome: Conflict, Seen: true, Value: at.value}
	switch o.Kind {
	case Read:
		return Result{Outcome: Done, Value: at.value}
	case ReadMark:
		return Result{Outcome: Done, Value: at.mark}
	case Write:
		return o.write(s, at, refused)
	case MakeCollection:
		return o.makeCollection(s, at, refused)
	case DeleteCollection:
		if at.value == collectionValue {
			s.clear(o.Name)
			return Result{Outcome: Done}
		}
		return Result{Outcome: cmp.Or(kindOutcome(at), NotFound)}
	}
	switch {
	case at.value == "" && o.If.anything:
		return Result{Outcome: NotFound}
	case o.Kind == Delete && at.value == collectionValue:
		return Result{Outcome: Failed}
	case !o.If.holds(at.value):
		return refused
	case at.value == "":
		return Result{Outcome: NotFound}
	}
	switch o.Kind {
	case Delete:
		s.clear(o.Name)
		return Result{Outcome: Done, Seen: true, Value: at.value}
	case Mark:
		s[o.Name] = register{at.value, o.Value}
		return Result{Outcome: Done}
	}
	return o.transfer(s, at)
}

// kindOutcome is that of an operation for collections on what is a resource.
func kindOutcome(at register) Outcome {
	if at.value != "" && at.value != collectionValue {
		return Failed
	}
	return Unknown
}

func (o Op) write(s state, at register, refused Result) Result {
	for name := o.Name; parent(name) != ""; {
		name = parent(name)
		if kindOutcome(s[name]) == Failed {
			return Result{Outcome: Failed}
		}
	}
	switch {
	case at.value == collectionValue:
		return Result{Outcome: Failed}
	case !o.If.holds(at.value):
		return refused
	}
	s.makeParents(o.Name)
	s[o.Name] = register{o.Value, at.mark}
	return Result{Outcome: Done}
}

func (o Op) makeCollection(s state, at register, refused Result) Result {
	if at.value != "" {
		return refused
	}
	if r := s.holder(o.Name); r.Outcome != Done {
		return r
	}
	s[o.Name] = register{value: collectionValue}
	return Result{Outcome: Done}
}

// holder says whether there is a collection to hold name.
func (s state) holder(name string) Result {
	if parent(name) == "" || s[parent(name)].value == collectionValue {
		return Result{Outcome: Done}
	}
	return Result{Outcome: cmp.Or(kindOutcome(s[parent(name)]), NotFound)}
}

// transfer moves or copies what o names, which may be.
func (o Op) transfer(s state, at register) Result {
	if r := s.holder(o.To); r.Outcome != Done {
		return r
	}
	if to := s[o.To].value; !o.IfTo.holds(to) {
		return Result{Outcome: Conflict, Seen: true, Value: to, AtTo: true}
	}
	s.clear(o.To)
	for name, r := range maps.Clone(s) {
		if name == o.Name || store.Inside(name, o.Name) {
			s[o.To+strings.TrimPrefix(name, o.Name)] = r
		}
	}
	if o.Kind == Move {
		s.clear(o.Name)
	}
	return Result{Outcome: Done, Seen: true, Value: at.value}
}

// clear takes away what is under name and in it.
func (s state) clear(name string) {
	maps.DeleteFunc(s, func(n string, _ register) bool { return n == name || store.Inside(n, name) })
}

// Model returns the sequential specification of registers with conditional
// writes and deletions, each empty at first, for package porcupine, and of moves,
// copies and properties. Its inputs are Op, its outputs Result.
func Model() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: partitions,
		Init:      func() []any { return []any{""} },
		Step: func(state, input, output any) []any {
			return input.(Op).after(state.(string), output.(Result))
		},
		DescribeOperation: func(input, output any) string {
			op := input.(Op)
			return op.String() + ": " + output.(Result).describe(op)
		},
		DescribeState: func(state any) string {
			var b strings.Builder
			for name, r := range decode(state.(string)) {
				fmt.Fprintf(&b, "%s: %s %s\n", name, r.value, r.mark)
			}
			return cmp.Or(b.String(), "nothing")
		},
	}
	return m.ToModel()
}

// partitions divides a history into parts that have nothing to do with each
// other: by name, and names that an operation joins are together, as are a
// collection that an operation names and what is in it. They are in the order of
// their names.
func partitions(history []porcupine.Operation) [][]porcupine.Operation {
	joined := make(map[string]string) // to another name of the part
	var root func(name string) string
	root = func(name string) string {
		if next, ok := joined[name]; ok && next != name {
			return root(next)
		}
		joined[name] = name
		return name
	}
	join := func(a, b string) {
		a, b = root(a), root(b)
		joined[max(a, b)] = min(a, b)
	}
	for _, op := range history {
		o := op.Input.(Op)
		join(o.Name, cmp.Or(o.To, o.Name))
	}
	names := slices.Sorted(maps.Keys(joined))
	for i, name := range names {
		for _, other := range names[i+1:] {
			if store.Inside(other, name) {
				join(name, other)
			}
		}
	}
	parts := make(map[string][]porcupine.Operation)
	for _, op := range history {
		name := root(op.Input.(Op).Name)
		parts[name] = append(parts[name], op)
	}
	var all [][]porcupine.Operation
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		all = append(all, parts[name])
	}
	return all
}
