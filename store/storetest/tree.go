package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
)

// collections returns the store as a store.Collections.
func (t *env) collections() store.Collections {
	t.Helper()
	return optional[store.Collections](t)
}

// optional returns the store as a T, or skips the case.
func optional[T any](t *env) T {
	t.Helper()
	s, ok := t.store.(T)
	if !ok {
		t.Skipf("the store is not a %T", new(T))
	}
	return s
}

// mkcol makes a collection, which must succeed.
func (t *env) mkcol(name string) store.Info {
	t.Helper()
	info, err := t.collections().MakeCollection(t.Context(), name)
	if err != nil {
		t.Fatalf("MakeCollection(%q): %v", name, err)
	}
	return info
}

// rmcol deletes a collection, which must succeed.
func (t *env) rmcol(name string) {
	t.Helper()
	if err := t.collections().DeleteCollection(t.Context(), name); err != nil {
		t.Fatalf("DeleteCollection(%q): %v", name, err)
	}
}

// tree returns what is in the collection name, at any depth: a line for each
// resource, with its content, and for each collection, which ends in a slash.
func (t *env) tree(name string) string {
	t.Helper()
	members, err := t.list(name)
	if err != nil {
		t.Fatalf("List(%q): %v", name, err)
	}
	var b strings.Builder
	for _, m := range members {
		if m.Collection {
			b.WriteString(m.Name + "/\n" + t.tree(m.Name))
		} else {
			b.WriteString(m.Name + " " + t.content(m.Name, 0) + "\n")
		}
	}
	return b.String()
}

// wantTree checks all that is in the store. The lines are those of tree.
func (t *env) wantTree(lines ...string) {
	t.Helper()
	want := ""
	if len(lines) > 0 {
		want = strings.Join(lines, "\n") + "\n"
	}
	if got := t.tree(""); got != want {
		t.Errorf("the store has\n%swant\n%s", got, want)
	}
}

// wantUnchanged checks that f changes nothing that tree shows.
func (t *env) wantUnchanged(f func()) {
	t.Helper()
	before := t.tree("")
	f()
	if after := t.tree(""); after != before {
		t.Errorf("the store has\n%swant, as before,\n%s", after, before)
	}
}

// wantCollectionConflict checks that err says that a collection is under name.
func (t *env) wantCollectionConflict(call string, err error, name string, expect store.Expect) {
	t.Helper()
	conflict, ok := errors.AsType[*store.ConflictError](err)
	if !ok || conflict.Name != name || conflict.Expect != expect || !conflict.Current.Collection || conflict.Current.Exists() {
		t.Errorf("%s: error %#v, want a conflict about %q, expecting %v, with a collection", call, err, name, expect)
	}
}

var collectionCases = []testCase{
	{
		"Collections/made",
		"MakeCollection makes an empty collection and describes it as Stat does from then on",
		func(t *env) {
			for _, name := range []string{"d", "d/e", "d/e/f", "ä b"} {
				info := t.mkcol(name)
				if stat := t.stat(name); !info.Collection || info.Name != name || !sameInfo(info, stat) {
					t.Errorf("MakeCollection(%q) returned %+v; Stat says %+v", name, info, stat)
				}
				t.wantMembers(name)
			}
			t.wantTree("d/", "d/e/", "d/e/f/", "ä b/")
			t.put("d/e/a", "content")
			t.wantMembers("d/e", "d/e/a", "d/e/f")
		},
	},
	{
		"Collections/taken",
		"where anything exists, MakeCollection is a *ConflictError and changes nothing",
		func(t *env) {
			c := t.collections()
			current := t.put("d/a", "content")
			t.wantUnchanged(func() {
				_, err := c.MakeCollection(t.Context(), "d/a")
				t.wantConflict("MakeCollection(d/a)", err, "d/a", store.Absent, current)
				for _, name := range []string{"", "d"} {
					_, err := c.MakeCollection(t.Context(), name)
					t.wantCollectionConflict(fmt.Sprintf("MakeCollection(%q)", name), err, name, store.Absent)
				}
			})
			t.wantInfo("Stat", t.stat("d/a"), current)
		},
	},
	{
		"Collections/no-parent",
		"where no collection would hold it, MakeCollection is ErrNoParent, which is ErrNotFound; in a resource it is ErrNotCollection",
		func(t *env) {
			c := t.collections()
			t.put("a", "content")
			t.wantUnchanged(func() {
				for _, name := range []string{"d/e", "d/e/f"} {
					_, err := c.MakeCollection(t.Context(), name)
					t.wantErr(fmt.Sprintf("MakeCollection(%q)", name), err, store.ErrNoParent)
					t.wantErr(fmt.Sprintf("MakeCollection(%q)", name), err, store.ErrNotFound)
				}
				_, err := c.MakeCollection(t.Context(), "a/d")
				t.wantErr("MakeCollection(a/d)", err, store.ErrNotCollection)
			})
		},
	},
	{
		"Collections/names",
		"MakeCollection returns a *NameError for names that CheckNewName refuses, DeleteCollection for those that CheckName does",
		func(t *env) {
			c := t.collections()
			t.wantUnchanged(func() {
				for _, name := range badNames {
					_, err := c.MakeCollection(t.Context(), name)
					t.wantNameError(fmt.Sprintf("MakeCollection(%q)", name), err)
					t.wantNameError(fmt.Sprintf("DeleteCollection(%q)", name), c.DeleteCollection(t.Context(), name))
				}
				for _, name := range badNewNames[1:] { // the root exists
					if parent(name) == "" {
						_, err := c.MakeCollection(t.Context(), name)
						t.wantNameError(fmt.Sprintf("MakeCollection(%q)", name), err)
					}
				}
			})
		},
	},
	{
		"Collections/stay",
		"a collection stays when its last member goes, also one that a commit made on its way",
		func(t *env) {
			t.mkcol("d")
			t.put("d/a", "content")
			t.put("e/f/a", "content")
			t.remove("d/a")
			t.remove("e/f/a")
			t.wantTree("d/", "e/", "e/f/")
		},
	},
	{
		"Collections/deleted",
		"DeleteCollection removes the collection with all that is in it, and nothing else",
		func(t *env) {
			t.mkcol("d")
			t.mkcol("d/empty")
			for _, name := range []string{"d/a", "d/e/a", "d/e/f/a", "d.txt", "dd/a", "e/d/a"} {
				t.put(name, "content")
			}
			t.rmcol("d")
			t.wantTree("d.txt content", "dd/", "dd/a content", "e/", "e/d/", "e/d/a content")
			for _, name := range []string{"d", "d/a", "d/e", "d/e/f/a", "d/empty"} {
				t.wantNothing(name)
			}
			t.put("d/e/a", "again")
			t.wantMembers("d", "d/e")
			t.wantContent("d/e/a", "again")
		},
	},
	{
		"Collections/deleted-revisions",
		"members of a deleted collection are as if each had been deleted: their revisions grow, dates and expectations of before do not return",
		func(t *env) {
			t.collections()
			var last store.Revision
			for i := range 5 {
				first := t.put("d/e/a", fmt.Sprint(i))
				t.wantLater(&last, first)
				t.rmcol("d")
				t.wantRefused("d/e/a", store.At(first.Revision), store.Info{})
				d := t.stage("d/e/a", fmt.Sprint(i+1))
				t.wantModified("the created revision", store.Absent, d)
				t.wantLater(&last, t.stat("d/e/a"))
			}
		},
	},
	{
		"Collections/deleted-history",
		"the revisions of the members of a deleted collection are kept as those of deleted resources are",
		func(t *env) {
			h := t.history()
			t.collections()
			infos := []store.Info{t.put("d/e/a", "content 0"), t.put("d/e/a", "content 1")}
			t.rmcol("d")
			revisions, err := t.collect(h.Revisions(t.Context(), "d/e/a"))
			if err != nil {
				t.Errorf("Revisions of a member of a deleted collection: %v", err)
			}
			t.wantKept(revisions, infos, "content ")
			t.wantStillKept(infos[1], "content 1")
		},
	},
	{
		"Collections/not-deleted",
		"DeleteCollection is ErrNotFound for nothing, ErrNotCollection for a resource, ErrName for the root; nothing has changed",
		func(t *env) {
			c := t.collections()
			t.put("d/a", "content")
			t.wantUnchanged(func() {
				for name, want := range map[string]error{
					"": store.ErrName, "d/a": store.ErrNotCollection, "e": store.ErrNotFound, "d/e": store.ErrNotFound, "e/f": store.ErrNotFound,
				} {
					t.wantErr(fmt.Sprintf("DeleteCollection(%q)", name), c.DeleteCollection(t.Context(), name), want)
				}
			})
		},
	},
	{
		"Collections/cancelled",
		"a change of collections whose context is cancelled succeeds, or returns context.Canceled and has not happened",
		func(t *env) {
			c := t.collections()
			if _, err := c.MakeCollection(t.cancelled(), "d"); err != nil {
				t.wantErr("MakeCollection", err, context.Canceled)
				t.wantTree()
				t.mkcol("d")
			}
			if err := c.DeleteCollection(t.cancelled(), "d"); err != nil {
				t.wantErr("DeleteCollection", err, context.Canceled)
				t.wantTree("d/")
			}
		},
	},
	{
		"Collections/race",
		"of any number who make a collection exactly one succeeds",
		func(t *env) {
			c := t.collections()
			for range t.rounds() {
				won := t.count(func(int) error {
					_, err := c.MakeCollection(t.Context(), "d")
					return err
				}, store.ErrConflict)
				if won != 1 {
					t.Fatalf("%d of %d made the collection, want one", won, racers)
				}
				t.rmcol("d")
			}
		},
	},
	{
		"Collections/atomic",
		"whoever looks while a collection is deleted sees all of it or nothing of it",
		func(t *env) {
			t.collections()
			for range t.rounds() {
				var names []string
				for i := range 8 {
					names = append(names, fmt.Sprintf("d/%d/a", i))
					t.put(names[i], "content")
				}
				var wg sync.WaitGroup
				wg.Go(func() { t.rmcol("d") })
				wg.Go(func() { t.wantAllAfterOne(names) })
				wg.Wait()
			}
		},
	},
}

// wantAllAfterOne waits until one of names is gone, and checks that then all are.
func (t *env) wantAllAfterOne(names []string) {
	exists := func(name string) bool {
		_, err := t.store.Stat(t.Context(), name)
		return err == nil
	}
	for i := 0; ; i = (i + 1) % len(names) {
		if exists(names[i]) {
			continue
		}
		for _, other := range names {
			if exists(other) {
				t.Errorf("%q is gone, and %q is not", names[i], other)
			}
		}
		return
	}
}

// count lets racers loose on f at once and returns how many had no error. The
// others must have one that is refused.
func (t *env) count(f func(i int) error, refused error) (won int) {
	t.Helper()
	errs := make([]error, racers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, refused) {
			t.Errorf("a loser: error %v, want one that is %q", err, refused)
		}
	}
	return won
}
