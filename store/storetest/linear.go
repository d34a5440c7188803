package storetest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// The model
//
// A name is a register that holds a value or nothing. A value is any non-empty
// string that stands for content: the content itself, its digest, its entity
// tag. Conditions are on values, not on revisions, so the same model judges a
// store, HTTP requests and a program that renames files into place. If the same
// value can be written twice, a condition on it holds again (A-B-A), as it does
// for entity tags made of content.

// Kind says what an Op does.
type Kind int

// The kinds of Op.
const (
	Read Kind = iota
	Write
	Delete
)

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

func (c Condition) holds(state string) bool { return c.anything || c.value == state }

func (c Condition) String() string {
	switch {
	case c.anything:
		return "anything"
	case c.value == "":
		return "nothing"
	}
	return c.value
}

// Op is an operation on one register.
type Op struct {
	Kind  Kind
	Name  string
	If    Condition // for Write and Delete
	Value string    // what Write writes; not empty
}

func (o Op) String() string {
	switch o.Kind {
	case Write:
		return fmt.Sprintf("write %s to %s if %v", o.Value, o.Name, o.If)
	case Delete:
		return fmt.Sprintf("delete %s if %v", o.Name, o.If)
	}
	return "read " + o.Name
}

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
	// NotFound: there was nothing to delete.
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
	// Seen says that a Conflict or a Delete told which value it found, and that
	// Value is that.
	Seen bool
}

func (r Result) describe(kind Kind) string {
	switch {
	case kind == Read && r.Value == "":
		return "nothing"
	case kind == Read:
		return r.Value
	case r.Seen && r.Value == "":
		return r.Outcome.String() + ", saw nothing"
	case r.Seen:
		return r.Outcome.String() + ", saw " + r.Value
	}
	return r.Outcome.String()
}

// after returns the states a register can be in after o ended with r, if it was
// in the given state before: none if that cannot be, two if the outcome is
// unknown.
func (o Op) after(state string, r Result) []string {
	value := o.Value
	if o.Kind == Delete {
		value = ""
	}
	changes := o.Kind != Read && o.If.holds(state)
	possible := false
	switch r.Outcome {
	case Unknown:
		if changes {
			return []string{state, value}
		}
		return []string{state}
	case Done:
		switch o.Kind {
		case Read:
			return oneIf(state == r.Value, state)
		case Write:
			possible = changes
		case Delete:
			possible = changes && state != "" && (!r.Seen || r.Value == state)
		}
		return oneIf(possible, value)
	case Conflict:
		return oneIf(!changes && (!r.Seen || r.Value == state), state)
	case NotFound:
		return oneIf(o.Kind == Delete && state == "", state)
	}
	return nil
}

func oneIf(possible bool, state string) []string {
	if possible {
		return []string{state}
	}
	return nil
}

// Model returns the sequential specification of registers with conditional
// writes and deletions, each empty at first, for package porcupine. Its inputs
// are Op, its outputs Result.
func Model() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: byName,
		Init:      func() []any { return []any{""} },
		Step: func(state, input, output any) []any {
			var next []any
			for _, s := range input.(Op).after(state.(string), output.(Result)) {
				next = append(next, s)
			}
			return next
		},
		DescribeOperation: func(input, output any) string {
			op := input.(Op)
			return op.String() + ": " + output.(Result).describe(op.Kind)
		},
		DescribeState: func(state any) string {
			return cmp.Or(state.(string), "nothing")
		},
	}
	return m.ToModel()
}

// byName partitions a history by register, in the order of their names.
func byName(history []porcupine.Operation) [][]porcupine.Operation {
	partitions := make(map[string][]porcupine.Operation)
	var names []string
	for _, op := range history {
		name := op.Input.(Op).Name
		if partitions[name] == nil {
			names = append(names, name)
		}
		partitions[name] = append(partitions[name], op)
	}
	slices.Sort(names)
	var all [][]porcupine.Operation
	for _, name := range names {
		all = append(all, partitions[name])
	}
	return all
}

// Recording

// History records operations in the order of their beginnings and ends. The
// zero History is empty and ready for use by any number of goroutines.
type History struct {
	mu      sync.Mutex
	clock   int64 // counts beginnings and ends
	clients int
	ops     []porcupine.Operation // Return is forever until the operation ended
}

const forever = math.MaxInt64

// Client returns a number for one more client.
func (h *History) Client() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients++
	return h.clients - 1
}

// Begin records that client begins op. The function returned records its end,
// and is called at most once; until then the outcome is Unknown.
func (h *History) Begin(client int, op Op) (end func(Result)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	i := len(h.ops)
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: op, Output: Result{}, Call: h.clock, Return: forever})
	return func(r Result) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.clock++
		h.ops[i].Output = r
		if r.Outcome != Unknown {
			h.ops[i].Return = h.clock
		}
	}
}

// Settle records that what has not happened yet of the operations with an
// unknown outcome never will: the process that performed them has ended. It is
// to be called when that is certain and before its successor is asked anything.
func (h *History) Settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	for i := range h.ops {
		if h.ops[i].Return == forever {
			h.ops[i].Return = h.clock
		}
	}
}

// Operations returns what Model can judge: all that tells something.
func (h *History) Operations() []porcupine.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ops []porcupine.Operation
	for _, op := range h.ops {
		outcome := op.Output.(Result).Outcome
		if outcome == Failed || outcome == Unknown && op.Input.(Op).Kind == Read {
			continue
		}
		ops = append(ops, op)
	}
	return ops
}

// Judging

// Check fails t unless h is linearizable. Then it says which operation cannot
// be explained, lists those on the same name before it, and writes a picture
// for a browser into the directory for temporary files.
func Check(t testing.TB, h *History) {
	t.Helper()
	ops := h.Operations()
	switch porcupine.CheckOperationsTimeout(Model(), ops, time.Minute) {
	case porcupine.Ok:
	case porcupine.Unknown:
		t.Errorf("a history of %d operations could not be judged within a minute; record shorter ones", len(ops))
	default:
		t.Errorf("a history of %d operations is not linearizable\n%spicture: %s", len(ops), explain(ops), picture(ops))
	}
}

// explain lists the shortest beginning of a partition that is not linearizable.
func explain(ops []porcupine.Operation) string {
	for _, partition := range byName(ops) {
		if porcupine.CheckOperations(Model(), partition) {
			continue
		}
		var b strings.Builder
		beginning := shortest(partition)
		for i, op := range beginning {
			if i == len(beginning)-1 {
				b.WriteString("no order of the above explains this one:\n")
			}
			end := strconv.FormatInt(op.Return, 10)
			if op.Return == forever {
				end = "…"
			}
			fmt.Fprintf(&b, "%5d–%-5s client %d: %s\n", op.Call, end, op.ClientId, Model().DescribeOperation(op.Input, op.Output))
		}
		return b.String()
	}
	return ""
}

// shortest returns the shortest beginning of ops that is not linearizable, by
// the time of their ends: the last of them cannot be explained.
func shortest(ops []porcupine.Operation) []porcupine.Operation {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
	n, _ := slices.BinarySearchFunc(ops, true, func(op porcupine.Operation, _ bool) int {
		if porcupine.CheckOperations(Model(), until(ops, op.Return)) {
			return -1
		}
		return 0
	})
	last := ops[min(n, len(ops)-1)]
	beginning := slices.DeleteFunc(until(ops, last.Return), func(op porcupine.Operation) bool { return op.Call == last.Call })
	slices.SortStableFunc(beginning, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return append(beginning, last)
}

// until returns the history as it was at a time: what had not ended was unknown.
func until(ops []porcupine.Operation, at int64) []porcupine.Operation {
	var beginning []porcupine.Operation
	for _, op := range ops {
		if op.Call > at {
			continue
		}
		if op.Return > at {
			if op.Input.(Op).Kind == Read {
				continue
			}
			op.Return, op.Output = forever, Result{}
		}
		beginning = append(beginning, op)
	}
	return beginning
}

// picture writes the history as a web page and returns its file name.
func picture(ops []porcupine.Operation) string {
	_, info := porcupine.CheckOperationsVerbose(Model(), ops, time.Minute)
	f, err := os.CreateTemp("", "history-*.html")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if err := porcupine.Visualize(Model(), info, f); err != nil {
		return err.Error()
	}
	return f.Name()
}

// Performing

// Client performs operations, by whatever interface. It is used by one goroutine.
type Client interface {
	// Do performs op and says what became of it.
	Do(ctx context.Context, op Op) Result
}

// Mix says how often operations of each sort are performed, relative to the
// others.
type Mix struct {
	Read      int
	Replace   int // write, on the value the client saw last
	Create    int // write, if there is nothing
	Overwrite int // write, whatever there is
	Remove    int // delete, on the value the client saw last
	Discard   int // delete, whatever there is
}

// DefaultMix keeps the registers filled most of the time, and contended.
var DefaultMix = Mix{Read: 6, Replace: 8, Create: 2, Overwrite: 1, Remove: 2, Discard: 1}

// Workload is a random sequence of operations for each of several clients.
type Workload struct {
	Names []string // the registers; empty means a and b
	Ops   int      // for each client; 0 means 25
	Mix   Mix      // the zero Mix means DefaultMix
	Seed  uint64   // the same seed gives the same choices where clients see the same
	// Values is how many different values each client writes. 0 means a new one
	// each time, as it must be where conditions are carried by revisions.
	Values int
}

// Run lets all clients perform operations at the same time, recorded in h, until
// each has performed its share or ctx is done. Several workloads may run on one
// History at the same time.
func (w Workload) Run(ctx context.Context, h *History, clients []Client) {
	if len(w.Names) == 0 {
		w.Names = []string{"a", "b"}
	}
	if w.Ops == 0 {
		w.Ops = 25
	}
	if w.Mix == (Mix{}) {
		w.Mix = DefaultMix
	}
	start := make(chan struct{})
	var wg sync.WaitGroup
	for _, c := range clients {
		number := h.Client()
		g := &generator{
			Workload: w,
			client:   number,
			rand:     rand.New(rand.NewPCG(w.Seed, uint64(number))),
			seen:     make(map[string]string),
		}
		wg.Go(func() {
			<-start
			for range w.Ops {
				if ctx.Err() != nil {
					return
				}
				op := g.next()
				end := h.Begin(number, op)
				runtime.Gosched() // let fast operations overlap too
				r := c.Do(ctx, op)
				end(r)
				g.learn(op, r)
			}
		})
	}
	close(start)
	wg.Wait()
}

// generator chooses the operations of one client.
type generator struct {
	Workload
	client  int
	rand    *rand.Rand
	written int
	seen    map[string]string // by name: what the client saw last
}

func (g *generator) next() Op {
	op := Op{Name: g.Names[g.rand.IntN(len(g.Names))]}
	last := g.seen[op.Name]
	m := g.Mix
	n := g.rand.IntN(m.Read + m.Replace + m.Create + m.Overwrite + m.Remove + m.Discard)
	chosen := func(weight int) bool { n -= weight; return n < 0 }
	switch {
	case chosen(m.Read):
	case chosen(m.Replace):
		op.Kind, op.If = Write, Exactly(last)
	case chosen(m.Create):
		op.Kind, op.If = Write, Nothing
	case chosen(m.Overwrite):
		op.Kind, op.If = Write, Anything
	case chosen(m.Remove):
		op.Kind, op.If = Delete, Exactly(last)
	default:
		op.Kind, op.If = Delete, Anything
	}
	if op.Kind == Delete && last == "" && !op.If.anything {
		op = Op{Name: op.Name} // nothing to remove: look again
	}
	if op.Kind == Write {
		op.Value = g.value()
	}
	return op
}

// value returns the next value to write, unlike those of other clients.
func (g *generator) value() string {
	n := g.written
	g.written++
	if g.Values > 0 {
		n %= g.Values
	}
	return fmt.Sprintf("c%dv%d", g.client, n)
}

// learn remembers what r says about the register.
func (g *generator) learn(op Op, r Result) {
	switch {
	case r.Outcome == Done && op.Kind == Write:
		g.seen[op.Name] = op.Value
	case r.Outcome == Done && op.Kind == Delete, r.Outcome == NotFound:
		delete(g.seen, op.Name)
	case r.Outcome == Done, r.Outcome == Conflict && r.Seen:
		g.seen[op.Name] = r.Value
	}
}

// Contents

// Expand returns content that stands for value: a line with value, a line with
// size, and size bytes each of which depends on value. value has no line feed.
func Expand(value string, size int) string {
	return value + "\n" + strconv.Itoa(size) + "\n" + pattern(value, size)
}

// Fold returns the value that content made by Expand stands for. It fails if a
// single byte is not as Expand made it.
func Fold(content string) (value string, err error) {
	value, rest, _ := strings.Cut(content, "\n")
	size, _, _ := strings.Cut(rest, "\n")
	if n, err := strconv.Atoi(size); err != nil || n < 0 || n > len(content) || Expand(value, n) != content {
		return "", fmt.Errorf("content %s is not that of one value", brief(content))
	}
	return value, nil
}

// pattern returns size bytes that depend on key.
func pattern(key string, size int) string {
	p := make([]byte, size)
	rand.NewChaCha8(sha256.Sum256([]byte(key))).Read(p)
	return string(p)
}
