package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

func TestHistories(t *testing.T) {
	text, err := os.ReadFile("testdata/histories.txt")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(text), "\n== ")[1:]
	if len(sections) < 30 {
		t.Fatalf("testdata/histories.txt has %d histories", len(sections))
	}
	for _, section := range sections {
		lines := strings.Split(strings.TrimSpace(section), "\n")
		t.Run(lines[0], func(t *testing.T) {
			var h History
			for i, line := range lines[2:] {
				h.ops = append(h.ops, parseOperation(t, i, line))
			}
			verdict := map[porcupine.CheckResult]string{porcupine.Ok: "linearizable", porcupine.Illegal: "not linearizable"}
			if got := verdict[porcupine.CheckOperationsTimeout(Model(), h.Operations(), 0)]; got != lines[1] {
				t.Errorf("judged %s, want %s", got, lines[1])
			}
		})
	}
}

var (
	operation = regexp.MustCompile(`^(\d+)-(\d*) +([^:]*): (.*)$`)
	kinds     = []struct {
		kind   Kind
		syntax *regexp.Regexp
	}{
		{Read, regexp.MustCompile(`^read(?: (?P<name>\S+))?$`)},
		{Write, regexp.MustCompile(`^write (?P<value>\w+)(?: to (?P<name>\S+))?(?: if (?P<if>\w+))?$`)},
		{DeleteCollection, regexp.MustCompile(`^delete all of (?P<name>\S+)$`)},
		{Delete, regexp.MustCompile(`^delete(?: (?P<name>\S+))? if (?P<if>\w+)$`)},
		{Move, regexp.MustCompile(`^move (?P<name>\S+) if (?P<if>\w+) to (?P<to>\S+) if (?P<ifTo>\w+)$`)},
		{Copy, regexp.MustCompile(`^copy (?P<name>\S+) if (?P<if>\w+) to (?P<to>\S+) if (?P<ifTo>\w+)$`)},
		{MakeCollection, regexp.MustCompile(`^make (?P<name>\S+)$`)},
		{Mark, regexp.MustCompile(`^mark (?P<name>\S+) with (?P<value>\w+) if (?P<if>\w+)$`)},
		{ReadMark, regexp.MustCompile(`^mark of (?P<name>\S+)$`)},
	}
	result = regexp.MustCompile(`^(done|conflict|not found|unknown)( at to)?(?:, saw (\S+))?$`)
)

// parseOperation reads one line of testdata/histories.txt.
func parseOperation(t *testing.T, client int, line string) porcupine.Operation {
	t.Helper()
	m := operation.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("cannot read the line %q", line)
	}
	op := parseOp(t, m[3])
	call, _ := strconv.ParseInt(m[1], 10, 64)
	end := int64(forever)
	if m[2] != "" {
		end, _ = strconv.ParseInt(m[2], 10, 64)
	}
	return porcupine.Operation{ClientId: client, Input: op, Output: parseResult(t, op, m[4]), Call: call, Return: end}
}

func parseOp(t *testing.T, text string) Op {
	t.Helper()
	for _, k := range kinds {
		m := k.syntax.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		part := func(name string) string {
			if i := k.syntax.SubexpIndex(name); i >= 0 {
				return m[i]
			}
			return ""
		}
		return Op{
			Kind: k.kind, Name: cmp.Or(part("name"), "a"), If: parseCondition(part("if")), Value: part("value"),
			To: part("to"), IfTo: parseCondition(part("ifTo")),
		}
	}
	t.Fatalf("cannot read the operation %q", text)
	return Op{}
}

func parseCondition(s string) Condition {
	switch s {
	case "anything":
		return Anything
	case "nothing", "":
		return Nothing
	}
	return Exactly(s)
}

func parseResult(t *testing.T, op Op, s string) Result {
	t.Helper()
	value := func(s string) string { return strings.TrimPrefix(s, "nothing") }
	if op.reads() {
		return Result{Outcome: Done, Value: value(s)}
	}
	m := result.FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("cannot read the result %q", s)
	}
	outcome := map[string]Outcome{"done": Done, "conflict": Conflict, "not found": NotFound, "unknown": Unknown}[m[1]]
	return Result{Outcome: outcome, Value: value(m[3]), Seen: m[3] != "", AtTo: m[2] != ""}
}

// What cannot be explained is named, with a picture.
func TestCheckExplains(t *testing.T) {
	dir := t.TempDir()
	keepPicturesIn(t, dir)
	var h History
	perform := func(op Op, r Result) { h.Begin(h.Client(), op)(r) }
	perform(Op{Kind: Write, Name: "other", Value: "x"}, Result{Outcome: Done})
	perform(Op{Kind: Write, Name: "a", Value: "v1"}, Result{Outcome: Done})
	h.Begin(h.Client(), Op{Kind: Write, Name: "a", Value: "v2", If: Exactly("v9")}) // never ends
	perform(Op{Kind: Read, Name: "a"}, Result{Outcome: Done})
	perform(Op{Kind: Read, Name: "a"}, Result{Outcome: Done, Value: "v1"})

	r := &recorder{TB: t}
	Check(r, &h)
	got, picture, _ := strings.Cut(r.log.String(), "picture: ")
	want := `a history of 5 operations is not linearizable
    3–4     client 1: write v1 to a if nothing: done
    5–…     client 2: write v2 to a if v9: unknown
no order of the above explains this one:
    6–7     client 3: read a: nothing
`
	if !r.failed || got != want {
		t.Errorf("Check says, failing: %v,\n%swant\n%s", r.failed, got, want)
	}
	if page, err := os.ReadFile(strings.TrimSpace(picture)); err != nil || !strings.Contains(string(page), "<html") {
		t.Errorf("the picture %q is no web page, error %v", picture, err)
	}
}

// The clock counts beginnings and ends.
func TestHistoryRecords(t *testing.T) {
	var h History
	read, write := Op{Name: "a"}, Op{Kind: Write, Name: "a", Value: "v1"}
	h.Begin(0, read)                             // 1: never ends, tells nothing
	h.Begin(0, read)(Result{Outcome: Unknown})   // 2–3: was cut, tells nothing
	h.Begin(0, write)(Result{Outcome: Failed})   // 4–5: has not happened
	h.Begin(0, write)(Result{Outcome: Unknown})  // 6–7: may yet happen, until settled
	h.Begin(0, write)                            // 8: likewise
	h.Begin(0, write)(Result{Outcome: Conflict}) // 9–10
	h.Settle()                                   // 11
	h.Begin(1, write)(Result{Outcome: Unknown})  // 12–13: may yet happen
	var got []string
	for _, op := range h.Operations() {
		got = append(got, fmt.Sprintf("%d–%d", op.Call, op.Return))
	}
	want := fmt.Sprintf("6–11 8–11 9–10 12–%d", int64(forever))
	if strings.Join(got, " ") != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// undecided is a store whose commits end with ErrUnknown now and then, half of
// them having happened.
func undecided() *broken {
	b := &broken{Store: memstore.New(memstore.Options{})}
	commits := make(chan int, 1)
	commits <- 0
	b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
		n := <-commits
		commits <- n + 1
		switch n % 6 {
		case 0:
			d.Draft.Commit(ctx, expect)
			return store.Info{}, store.ErrUnknown
		case 3:
			return store.Info{}, store.ErrUnknown
		}
		return d.Draft.Commit(ctx, expect)
	}
	return b
}

func TestUnknownOutcomes(t *testing.T) {
	for seed := range uint64(20) {
		var h History
		clients := StoreClients(t, undecided(), 3, 100)
		Workload{Seed: seed}.Run(t.Context(), &h, clients)
		h.Settle()
		Workload{Seed: seed + 1000}.Run(t.Context(), &h, clients)
		Check(t, &h)
		unknown := 0
		for _, op := range h.Operations() {
			if op.Output.(Result).Outcome == Unknown {
				unknown++
			}
		}
		if unknown == 0 {
			t.Error("no outcome was unknown")
		}
	}
}

// A second workload can be an unconditional writer, and values may return.
func TestMixedWorkloads(t *testing.T) {
	s := memstore.New(memstore.Options{})
	var h History
	done := make(chan struct{})
	go func() {
		defer close(done)
		Workload{Mix: Mix{Overwrite: 1}, Ops: 10, Values: 2}.Run(t.Context(), &h, []Client{&byDigest{t, s}})
	}()
	Workload{Values: 2}.Run(t.Context(), &h, []Client{&byDigest{t, s}, &byDigest{t, s}})
	<-done
	Check(t, &h)
	if got, want := len(h.Operations()), 60; got != want {
		t.Errorf("%d operations were recorded, want %d", got, want)
	}
}

// byDigest is a Client whose conditions are on content, as an origin server's
// are: it looks, and commits on the revision it saw, until that is current.
type byDigest struct {
	t     testing.TB
	store store.Store
}

func (c *byDigest) Do(ctx context.Context, op Op) Result {
	t := &env{TB: c.t, store: c.store}
	for {
		state, current := "", store.Info{}
		if content, err := c.store.Open(ctx, op.Name, 0); err == nil {
			current = content.Info()
			state, _ = readAll(content)
			content.Close()
		}
		switch {
		case op.Kind == Read:
			return Result{Outcome: Done, Value: state}
		case !op.If.holds(state):
			return Result{Outcome: Conflict, Seen: true, Value: state}
		}
		var err error
		if op.Kind == Delete {
			_, err = c.store.Delete(ctx, op.Name, store.At(current.Revision))
		} else {
			d := t.stage(op.Name, op.Value)
			_, err = d.Commit(ctx, store.At(current.Revision))
			t.abort(d)
		}
		switch {
		case err == nil:
			return Result{Outcome: Done}
		case op.Kind == Delete && state == "":
			return Result{Outcome: NotFound}
		}
	}
}

// outside is another program's way into a memstore. If it is broken, the program
// reads what was there before.
func outside(b *broken, stale bool) Outside {
	read := func(name string) (string, error) {
		c, err := b.Store.Open(context.Background(), name, 0)
		if errors.Is(err, store.ErrNotFound) {
			return "", fs.ErrNotExist
		}
		if err != nil {
			return "", err
		}
		defer c.Close()
		return readAll(c)
	}
	seen := make(map[string]string)
	return Outside{
		Read: func(name string) (string, error) {
			content, err := read(name)
			if old := seen[name]; stale && old != "" {
				return old, nil
			}
			seen[name] = content
			return content, err
		},
		Write: func(name, content string) error {
			_, err := b.put(name, content)
			return err
		},
		Remove: func(name string) error {
			_, err := b.Store.Delete(context.Background(), name, store.Any)
			return instead(err, store.ErrNotFound, fs.ErrNotExist)
		},
	}
}

func TestOutside(t *testing.T) {
	for seed := range uint64(20) {
		b := &broken{Store: memstore.New(memstore.Options{})}
		clients := StoreClients(t, b, 3, 0)
		var h History
		var wg sync.WaitGroup
		wg.Go(func() {
			w := Workload{Seed: seed, Mix: Mix{Read: 3, Overwrite: 2, Discard: 1}}
			w.Run(t.Context(), &h, []Client{outside(b, false).Client(clients)})
		})
		wg.Go(func() { Workload{Seed: seed}.Run(t.Context(), &h, clients) })
		wg.Wait()
		Check(t, &h)
	}
}

func TestStaleOutsideIsCaught(t *testing.T) {
	keepPicturesIn(t, t.TempDir())
	r := &recorder{TB: t}
	b := &broken{Store: memstore.New(memstore.Options{})}
	var h History
	w := Workload{Mix: Mix{Read: 3, Overwrite: 2}}
	w.Run(t.Context(), &h, []Client{outside(b, true).Client(StoreClients(r, b, 1, 0))})
	Check(r, &h)
	if !r.failed {
		t.Error("another program that reads what was there before is not noticed")
	}
}

func TestOutsideHasNoConditions(t *testing.T) {
	r := &recorder{TB: t}
	b := &broken{Store: memstore.New(memstore.Options{})}
	c := outside(b, false).Client(StoreClients(r, b, 1, 0))
	if got := c.Do(t.Context(), Op{Kind: Write, Name: "a", Value: "v"}); got.Outcome != Failed || !r.failed {
		t.Errorf("a conditional write by another program ended %v", got.Outcome)
	}
}

func TestWorkloadIsRepeatable(t *testing.T) {
	run := func(seed uint64) string {
		var h History
		Workload{Seed: seed}.Run(t.Context(), &h, StoreClients(t, memstore.New(memstore.Options{}), 1, 0))
		return fmt.Sprint(h.Operations())
	}
	if first, again := run(1), run(1); first != again {
		t.Error("the same seed gave different operations")
	}
	if run(1) == run(2) {
		t.Error("different seeds gave the same operations")
	}
}

func TestExpand(t *testing.T) {
	for _, size := range []int{0, 1, 10, 1000} {
		content := Expand("value", size)
		if len(content) <= size {
			t.Errorf("Expand to %d bytes has %d", size, len(content))
		}
		if got, err := Fold(content); got != "value" || err != nil {
			t.Errorf("Fold gives %q, error %v", got, err)
		}
		for i := range content {
			changed := []byte(content)
			changed[i] ^= 1
			if got, err := Fold(string(changed)); err == nil && got == "value" {
				t.Errorf("Fold did not notice that byte %d of %d was changed", i, len(content))
			}
			if got, err := Fold(content[:i]); err == nil {
				t.Errorf("Fold takes the first %d of %d bytes for %q", i, len(content), got)
			}
		}
	}
	if got, err := Fold(Expand("a", 100)[:50] + Expand("b", 100)[50:]); err == nil {
		t.Errorf("Fold takes a mixture for %q", got)
	}
}

func FuzzFold(f *testing.F) {
	f.Add("", "value", 0)
	f.Add(Expand("value", 100), "c1v2", 100)
	f.Add("value\n-1\n", "v", 1)
	f.Add("value\n99999999999999999999\n", "v", 1)
	f.Fuzz(func(t *testing.T, content, value string, size int) {
		if folded, err := Fold(content); err == nil && strings.Contains(folded, "\n") {
			t.Errorf("Fold(%q) is %q, which no value is", content, folded)
		}
		if size %= 1 << 16; strings.Contains(value, "\n") || size < 0 {
			return
		}
		if got, err := Fold(Expand(value, size)); got != value || err != nil {
			t.Errorf("Fold(Expand(%q, %d)) is %q, error %v", value, size, got, err)
		}
	})
}
