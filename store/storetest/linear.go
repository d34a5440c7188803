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

// Copy returns what h has recorded so far, as a history that can go on in its own way: what
// a machine that loses power now may come to. The ends of operations under way are recorded
// in h alone.
func (h *History) Copy() *History {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &History{clock: h.clock, clients: h.clients, ops: slices.Clone(h.ops)}
}

// Operations returns what Model can judge: all that tells something.
func (h *History) Operations() []porcupine.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ops []porcupine.Operation
	for _, op := range h.ops {
		outcome := op.Output.(Result).Outcome
		if outcome == Failed || outcome == Unknown && op.Input.(Op).reads() {
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
		t.Errorf("a history of %d operations is not linearizable\n%spicture: %s", len(ops), Explain(ops), picture(ops))
	}
}

// Explain lists the shortest beginning of a partition of ops that is not linearizable. It is
// empty if all of them are.
func Explain(ops []porcupine.Operation) string {
	for _, partition := range partitions(ops) {
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
			if op.Input.(Op).reads() {
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

	// The following are for stores that implement the optional interfaces. A tree
	// is a collection that holds one of the names of the workload.
	Rename     int // move to another name: on the values the client saw last, or on nothing at the destination
	Duplicate  int // copy, likewise
	MoveTree   int // move or copy one tree over another, whatever there is
	MakeTree   int
	RemoveTree int
	Mark       int // set a property, on the value the client saw last or whatever there is
	ReadMark   int
}

func (m Mix) sum() int {
	return m.Read + m.Replace + m.Create + m.Overwrite + m.Remove + m.Discard +
		m.Rename + m.Duplicate + m.MoveTree + m.MakeTree + m.RemoveTree + m.Mark + m.ReadMark
}

// DefaultMix keeps the registers filled most of the time, and contended.
var DefaultMix = Mix{Read: 6, Replace: 8, Create: 2, Overwrite: 1, Remove: 2, Discard: 1}

// TreeMix is for names in several collections, none in another.
var TreeMix = Mix{
	Read: 6, Replace: 4, Create: 2, Overwrite: 2, Remove: 1, Discard: 1,
	Rename: 3, Duplicate: 2, MoveTree: 3, MakeTree: 1, RemoveTree: 1, Mark: 2, ReadMark: 3,
}

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
	n := g.rand.IntN(m.sum())
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
	case chosen(m.Discard):
		op.Kind, op.If = Delete, Anything
	case chosen(m.Rename):
		op = g.transfer(Op{Kind: Move, Name: op.Name})
	case chosen(m.Duplicate):
		op = g.transfer(Op{Kind: Copy, Name: op.Name})
	case chosen(m.MoveTree):
		op = Op{Kind: Move + Kind(g.rand.IntN(2)), Name: parent(op.Name), If: Anything, To: parent(g.other(op.Name)), IfTo: Anything}
	case chosen(m.MakeTree):
		op = Op{Kind: MakeCollection, Name: parent(op.Name)}
	case chosen(m.RemoveTree):
		op = Op{Kind: DeleteCollection, Name: parent(op.Name)}
	case chosen(m.Mark):
		op.Kind, op.If, op.Value = Mark, g.condition(op.Name), g.value()
	default:
		op.Kind = ReadMark
	}
	if op.Kind == Move || op.Kind == Copy {
		if op.Name == op.To {
			op = Op{Name: g.Names[0]} // names of one collection: nowhere to go
		}
	}
	if op.Kind == Delete && last == "" && !op.If.anything {
		op = Op{Name: op.Name} // nothing to remove: look again
	}
	if op.Kind == Write {
		op.Value = g.value()
	}
	return op
}

// transfer completes a Move or Copy of one resource.
func (g *generator) transfer(op Op) Op {
	op.To = g.other(op.Name)
	op.If, op.IfTo = g.condition(op.Name), g.condition(op.To)
	if g.rand.IntN(3) == 0 {
		op.IfTo = Nothing
	}
	return op
}

// condition returns Anything, or that the value be what the client saw last.
func (g *generator) condition(name string) Condition {
	if last := g.seen[name]; last != "" && g.rand.IntN(2) == 0 {
		return Exactly(last)
	}
	return Anything
}

// other returns another name than name, if there is one.
func (g *generator) other(name string) string {
	for range 10 {
		if other := g.Names[g.rand.IntN(len(g.Names))]; other != name {
			return other
		}
	}
	return name
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
	case op.Kind == Move || op.Kind == Copy:
		if r.Outcome == Done && r.Seen && r.Value != collectionValue {
			g.seen[op.To] = r.Value
		}
	case op.Kind > Delete: // says nothing of content
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
