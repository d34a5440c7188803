package dirstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// treeStep is one change of a script over collections.
type treeStep struct {
	do, name, to string
	size         int // of the content that put writes
}

func (c treeStep) String() string { return strings.TrimSpace(c.do + " " + c.name + " " + c.to) }

// everyTreeKind has each kind of change of collections, with others before and after that the
// journal is needed for.
func everyTreeKind() []treeStep {
	const small, large = 1000, 100_000
	return []treeStep{
		{do: "make", name: "d"},
		{do: "put", name: "d/a", size: small},
		{do: "put", name: "d/e/b", size: large},
		{do: "mark", name: "d/a"},
		{do: "mark", name: "d/e"},
		{do: "put", name: "d/a", size: small}, // marked yet
		{do: "make", name: "d/empty"},
		{do: "move", name: "d", to: "t"}, // to nothing
		{do: "put", name: "t/a", size: small},
		{do: "put", name: "d/a", size: 10}, // again, under the old name
		{do: "move", name: "t", to: "d"},   // over a collection
		{do: "put", name: "d/e/b", size: small},
		{do: "copy", name: "d", to: "c"}, // to nothing
		{do: "put", name: "c/a", size: small},
		{do: "copy", name: "d", to: "c"}, // over a collection
		{do: "flush"},
		{do: "move", name: "d", to: "c/d"}, // into another one
		{do: "move", name: "c/d", to: "d"},
		{do: "put", name: "a", size: small},
		{do: "mark", name: "a"},
		{do: "move", name: "a", to: "b"}, // a resource, to nothing
		{do: "put", name: "a", size: small},
		{do: "move", name: "a", to: "b"}, // over another
		{do: "put", name: "a", size: large},
		{do: "move", name: "a", to: "b"}, // a large one
		{do: "copy", name: "b", to: "a"},
		{do: "copy", name: "d/a", to: "a"},
		{do: "move", name: "b", to: "c"}, // over a collection
		{do: "put", name: "c", size: small},
		{do: "move", name: "d", to: "a"}, // a collection over a resource
		{do: "put", name: "a/e/new", size: small},
		{do: "remove", name: "a/a"},
		{do: "flush"},
		{do: "clear", name: "a"},
		{do: "make", name: "a"},
		{do: "put", name: "a/a", size: small},
		{do: "clear", name: "a"},
		{do: "put", name: "a", size: small},
		{do: "copy", name: "a", to: "b"},
	}
}

// randomTrees returns a script of n changes to a few collections and their members.
func randomTrees(seed uint64, n int) []treeStep {
	r := rand.New(rand.NewPCG(seed, 4918))
	collections, members := []string{"d", "e", "d/f"}, []string{"a", "b", "f/a"}
	any := func() string {
		switch c := collections[r.IntN(len(collections))]; r.IntN(3) {
		case 0:
			return c
		default:
			return c + "/" + members[r.IntN(len(members))]
		}
	}
	var steps []treeStep
	for range n {
		c := treeStep{do: "put", name: any(), size: []int{10, 1000, 1000, 70_000}[r.IntN(4)]}
		switch r.IntN(10) {
		case 0, 1, 2:
			c = treeStep{do: "move", name: any(), to: any()}
		case 3:
			c = treeStep{do: "copy", name: any(), to: any()}
		case 4:
			c.do = []string{"clear", "make", "flush", "remove"}[r.IntN(4)]
		case 5:
			c.do = "mark"
		}
		steps = append(steps, c)
	}
	return steps
}

// wholeStore is what the scripts need.
type wholeStore interface {
	store.Store
	store.Collections
	store.Mover
	store.Properties
}

// perform carries out change i of a script on s. What the contract refuses is no failure.
func (c treeStep) perform(s wholeStore, i int) error {
	ctx, err := context.Background(), error(nil)
	switch c.do {
	case "put":
		content := scripted{name: c.name, size: c.size}.content(i)
		var d store.Draft
		if d, err = s.Stage(ctx, c.name, strings.NewReader(content)); err == nil {
			_, err = d.Commit(ctx, store.Any)
			err = errors.Join(err, d.Abort(ctx))
		}
	case "remove":
		_, err = s.Delete(ctx, c.name, store.Any)
	case "make":
		_, err = s.MakeCollection(ctx, c.name)
	case "clear":
		err = s.DeleteCollection(ctx, c.name)
	case "move":
		_, err = s.Move(ctx, c.name, store.Any, c.to, store.Any)
	case "copy":
		_, err = s.Copy(ctx, c.name, store.Any, c.to, store.Any)
	case "mark":
		mark := fmt.Sprint("mark ", i)
		err = s.SetProperties(ctx, c.name, store.Any, map[string]*string{"k": &mark})
	case "flush":
		if d, ok := s.(*Store); ok {
			err = d.checkpoint(false)
			if err == nil {
				d.clearAsides()
			}
		}
	}
	for _, refused := range []error{
		store.ErrNotFound, store.ErrIsCollection, store.ErrNotCollection, store.ErrConflict, store.ErrInside, store.ErrName,
	} {
		if errors.Is(err, refused) {
			return nil
		}
	}
	return err
}

// states returns what is there before each change of a script and after the last: by a store
// that needs no argument to be believed.
func states(t *testing.T, script []treeStep) []string {
	t.Helper()
	m := memstore.New(memstore.Options{})
	all := []string{""}
	for i, c := range script {
		check(t, c.perform(m, i))
		all = append(all, treeOf(t, m, ""))
	}
	return all
}

// treeOf returns what is in a collection, at any depth: a line for each.
func treeOf(t *testing.T, s store.Store, name string) string {
	t.Helper()
	var b strings.Builder
	for m, err := range s.List(t.Context(), name) {
		if err != nil {
			t.Errorf("List(%q): %v", name, err)
			break
		}
		set, err := s.(store.Properties).Properties(t.Context(), m.Name)
		if err != nil {
			t.Errorf("Properties(%q): %v", m.Name, err)
		}
		if m.Collection {
			b.WriteString(strings.TrimSpace(m.Name+"/ "+set["k"]) + "\n" + treeOf(t, s, m.Name))
			continue
		}
		c, err := s.Open(t.Context(), m.Name, 0)
		if err != nil {
			t.Errorf("Open(%q): %v", m.Name, err)
			continue
		}
		var content strings.Builder
		_, err = c.WriteRange(&content, 0, c.Info().Size)
		line := fmt.Sprintf("%s %d bytes %.20q %v %s", m.Name, content.Len(), content.String(), err, set["k"])
		b.WriteString(strings.TrimSpace(line) + "\n")
		c.Close()
	}
	return b.String()
}

// wantOneOf checks that what is in s is one of the states, and that nothing is left over. What
// has been made on the way of a write is not looked at.
func wantOneOf(t *testing.T, s *Store, unmark bool, underWay treeStep, states ...string) {
	t.Helper()
	got := treeOf(t, s, "")
	if unmark {
		got, states = unmarked(got)[0], unmarked(slices.Clone(states)...)
	}
	if !slices.ContainsFunc(states, func(want string) bool { return underWay.forget(want) == underWay.forget(got) }) {
		t.Errorf("the store has\n%swant one of\n%s", got, strings.Join(slices.Compact(states), "or\n"))
	}
	if left, _ := strayFiles(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	checkPlain(t, s)
	checkHistory(t, s, true)
}

var marks = regexp.MustCompile(` mark \d+\n`)

// unmarked removes the properties from states.
func unmarked(states ...string) []string {
	for i, state := range states {
		states[i] = marks.ReplaceAllString(state, "\n")
	}
	return states
}

// forget removes from a state the collections that a write makes on its way.
func (c treeStep) forget(state string) string {
	for name := parentOf(c.name); c.do == "put" && name != ""; name = parentOf(name) {
		state = strings.TrimPrefix(strings.Replace("\n"+state, "\n"+name+"/\n", "\n", 1), "\n")
	}
	return state
}

// TestTreesStoppedAtEachStep lets the disk refuse everything from each step in turn on. Whatever
// the step, the next start finds each change of a collection done or not begun, on all
// names at once; and so it does if power may have been lost.
func TestTreesStoppedAtEachStep(t *testing.T) {
	scripts := map[string][]treeStep{"every kind": everyTreeKind(), "random": randomTrees(1, 15)}
	for name, script := range scripts {
		want := states(t, script)
		for _, how := range []struct {
			sync, session string
			noExchange    bool
		}{{"full", "", false}, {"full", "after a loss of power", false}, {"none", "", false}, {"full", "", true}} {
			t.Run(fmt.Sprint(name, how), func(t *testing.T) {
				for n := 1; ; n++ {
					dir := fastDir(t)
					o := crashOptions(how.sync)
					o.noExchange = how.noExchange
					at := stopTreesAt(t, dir, o, script, n)
					o.session = how.session
					for range 2 {
						s := openAt(t, dir, o)
						wantOneOf(t, s, false, script[min(at, len(script)-1)], want[at], want[min(at+1, len(script))])
						check(t, s.Close())
					}
					if t.Failed() {
						t.Fatalf("stopped at step %d, in change %d: %v", n, at, script[min(at, len(script)-1)])
					}
					if at == len(script) {
						t.Logf("%d steps", n-1)
						return
					}
				}
			})
		}
	}
}

// stopTreesAt performs the script until the nth step, which fails as do all after it, and
// returns the change that was under way.
func stopTreesAt(t *testing.T, dir string, o Options, script []treeStep, n int) int {
	t.Helper()
	var hook func(step) error
	o.hook = func(w step) error {
		if hook == nil {
			return nil
		}
		return hook(w)
	}
	s := openAt(t, dir, o)
	hook = failFrom(n)
	for i, c := range script {
		if err := c.perform(s, i); err != nil {
			if !errors.Is(err, errKilled) {
				t.Fatalf("change %d, %v: %v", i, c, err)
			}
			s.abandon()
			return i
		}
	}
	s.abandon()
	return len(script)
}
