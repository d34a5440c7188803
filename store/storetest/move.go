package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// transfer is Move or Copy.
type transfer func(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error)

// mover returns one of the methods of the store as a store.Mover.
func (t *env) mover(method string) transfer {
	t.Helper()
	m := optional[store.Mover](t)
	if method == "Move" {
		return m.Move
	}
	return m.Copy
}

// move moves or copies, which must succeed.
func (t *env) move(method, from, to string) store.Info {
	t.Helper()
	info, err := t.mover(method)(t.Context(), from, store.Any, to, store.Any)
	if err != nil {
		t.Fatalf("%s(%q, %q): %v", method, from, to, err)
	}
	return info
}

// moverCases are the rules of Move and Copy, and the cases about both.
var moverCases = slices.Concat(transferCases("Move"), transferCases("Copy"), moveCases)

// transferCases are the rules that are the same for Move and Copy.
func transferCases(method string) []testCase {
	return []testCase{
		{
			method + "/resource",
			"what arrives has the content of what was there, a description as Stat gives it from then on, and its Modified",
			func(t *env) {
				before := t.put("a", "content")
				for _, to := range []string{"b", "d/b"} {
					if to == "d/b" {
						t.put("d/other", "content")
						t.put("a", "content")
						before = t.stat("a")
					}
					info := t.move(method, "a", to)
					t.wantInfo("Stat", t.wantContent(to, "content"), info)
					if !info.Modified.Equal(before.Modified) {
						t.Errorf("what arrived has Modified %v, want %v", info.Modified, before.Modified)
					}
				}
			},
		},
		{
			method + "/replaces",
			"what is at the destination is replaced: by a greater revision, with a later Modified, and kept as replaced things are",
			func(t *env) {
				for i := range 5 {
					t.put("a", fmt.Sprint("content ", 2*i))
					replaced := t.put("b", fmt.Sprint("content ", 2*i+1))
					t.wantLaterModified("what arrived", func() store.Info {
						info, err := t.mover(method)(t.Context(), "a", store.Any, "b", store.At(replaced.Revision))
						if err != nil {
							t.Fatalf("%s: %v", method, err)
						}
						last := replaced.Revision
						t.wantLater(&last, info)
						return info
					})
					t.wantContent("b", fmt.Sprint("content ", 2*i))
					t.wantRefused("b", store.At(replaced.Revision), t.stat("b"))
					t.wantStillKept(replaced, fmt.Sprint("content ", 2*i+1))
				}
			},
		},
		{
			method + "/over-deleted",
			"what arrives where something was deleted has a greater revision and a later Modified than that",
			func(t *env) {
				for i := range 5 {
					t.put("a", "content")
					last := t.put("b", fmt.Sprint(i)).Revision
					t.remove("b")
					t.wantLaterModified("what arrived", func() store.Info {
						info := t.move(method, "a", "b")
						t.wantLater(&last, info)
						return info
					})
				}
			},
		},
		{
			method + "/collection",
			"a collection arrives with all that is in it, at any depth, empty collections too, and nothing else",
			func(t *env) {
				t.plant("d")
				t.put("d.txt", "neighbour")
				t.put("dd/a", "neighbour")
				if info := t.move(method, "d", "t"); !info.Collection || info.Name != "t" {
					t.Errorf("%s of a collection returned %+v", method, info)
				}
				t.wantTree(slices.Concat(planted("d", method == "Copy"), []string{"d.txt neighbour", "dd/", "dd/a neighbour"}, planted("t", true))...)
				t.wantContent("t/e/f/a", "deep")
			},
		},
		{
			method + "/over-collection",
			"a collection at the destination is replaced with all that is in it, never merged, and its members are as if deleted",
			func(t *env) {
				t.plant("d")
				stale := []store.Info{t.put("t/e/f/a", "old"), t.put("t/old/b", "old")}
				t.move(method, "d", "t")
				t.wantTree(append(planted("d", method == "Copy"), planted("t", true)...)...)
				t.wantRefused("t/e/f/a", store.At(stale[0].Revision), t.stat("t/e/f/a"))
				t.wantRefused("t/old/b", store.At(stale[1].Revision), store.Info{})
				for _, s := range stale {
					t.wantStillKept(s, "old")
				}
			},
		},
		{
			method + "/other-kind",
			"a resource replaces a collection, and a collection a resource",
			func(t *env) {
				t.put("d/e/a", "in d")
				t.put("a", "resource")
				t.move(method, "a", "d")
				t.wantContent("d", "resource")
				t.wantNothing("d/e/a")
				t.put("e/f/a", "in e")
				t.move(method, "e", "d")
				t.wantMembers("d", "d/f")
				t.wantContent("d/f/a", "in e")
			},
		},
		{
			method + "/stale",
			"an expectation that does not hold is a *ConflictError that carries its name, and nothing has changed",
			func(t *env) {
				m := t.mover(method)
				old := t.put("a", "old")
				for range 2 {
					t.put("b", "old") // in case names count on their own: the revisions below are all different
				}
				from, to := t.put("a", "from"), t.put("b", "to")
				other := store.At(max(from.Revision, to.Revision) + 1)
				t.wantUnchanged(func() {
					for _, expect := range []store.Expect{store.At(old.Revision), store.Absent, other} {
						_, err := m(t.Context(), "a", expect, "b", store.Any)
						t.wantConflict(fmt.Sprintf("expecting %v of the source", expect), err, "a", expect, from)
						_, err = m(t.Context(), "a", store.At(from.Revision), "b", expect)
						if expect != store.At(to.Revision) {
							t.wantConflict(fmt.Sprintf("expecting %v of the destination", expect), err, "b", expect, to)
						}
						_, err = m(t.Context(), "a", expect, "b", expect)
						t.wantConflict(fmt.Sprintf("expecting %v of both", expect), err, "a", expect, from)
					}
					_, err := m(t.Context(), "a", store.Any, "new", other)
					t.wantConflict("expecting something where nothing is", err, "new", other, store.Info{})
				})
				t.wantInfo("Stat", t.stat("a"), from)
				t.wantInfo("Stat", t.stat("b"), to)
				if _, err := m(t.Context(), "a", store.At(from.Revision), "b", store.At(to.Revision)); err != nil {
					t.Errorf("expecting what is: %v", err)
				}
			},
		},
		{
			method + "/stale-collection",
			"of a collection only Any holds, on either name",
			func(t *env) {
				m := t.mover(method)
				a := t.put("a", "content")
				t.put("d/a", "content")
				t.put("e/a", "content")
				t.wantUnchanged(func() {
					for _, expect := range []store.Expect{store.Absent, store.At(a.Revision)} {
						_, err := m(t.Context(), "d", expect, "new", store.Any)
						t.wantCollectionConflict(fmt.Sprintf("expecting %v of the source", expect), err, "d", expect)
						for _, from := range []string{"a", "d"} {
							_, err = m(t.Context(), from, store.Any, "e", expect)
							t.wantCollectionConflict(fmt.Sprintf("expecting %v of the destination", expect), err, "e", expect)
						}
					}
				})
			},
		},
		{
			method + "/nothing",
			"of what does not exist it is ErrNotFound, and a *ConflictError if a revision was expected",
			func(t *env) {
				m := t.mover(method)
				old := t.put("gone", "content")
				t.remove("gone")
				t.put("b", "content")
				t.wantUnchanged(func() {
					for _, name := range []string{"gone", "never", "b/c", "d/never"} {
						for _, expect := range []store.Expect{store.Any, store.Absent} {
							_, err := m(t.Context(), name, expect, "to", store.Any)
							t.wantErr(fmt.Sprintf("%s(%q)", method, name), err, store.ErrNotFound)
						}
						_, err := m(t.Context(), name, store.At(old.Revision), "to", store.Any)
						t.wantConflict(fmt.Sprintf("%s(%q)", method, name), err, name, store.At(old.Revision), store.Info{})
					}
				})
			},
		},
		{
			method + "/no-parent",
			"where no collection would hold it, it is ErrNoParent, which is ErrNotFound; in a resource it is ErrNotCollection",
			func(t *env) {
				m := t.mover(method)
				t.put("a", "content")
				t.put("b", "content")
				t.put("d/a", "content")
				t.wantUnchanged(func() {
					for _, from := range []string{"a", "d"} {
						for _, to := range []string{"no/a", "no/e/a"} {
							_, err := m(t.Context(), from, store.Any, to, store.Any)
							t.wantErr(fmt.Sprintf("%s(%q, %q)", method, from, to), err, store.ErrNoParent)
							t.wantErr(fmt.Sprintf("%s(%q, %q)", method, from, to), err, store.ErrNotFound)
						}
						_, err := m(t.Context(), from, store.Any, "b/new", store.Any)
						t.wantErr(fmt.Sprintf("%s(%q, b/new)", method, from), err, store.ErrNotCollection)
					}
				})
			},
		},
		{
			method + "/inside",
			"names of which one is the other, or lies inside it, are ErrInside; nothing has changed",
			func(t *env) {
				m := t.mover(method)
				t.put("a", "content")
				t.put("d/e/a", "content")
				t.wantUnchanged(func() {
					for _, names := range [][2]string{
						{"a", "a"}, {"d", "d"}, {"d", "d/e"}, {"d", "d/new"}, {"d/e", "d"}, {"d/e/a", "d"},
						{"d/e/a", "d/e"}, {"a", "a/b"}, {"", "d"}, {"", "new"},
					} {
						_, err := m(t.Context(), names[0], store.Any, names[1], store.Any)
						t.wantErr(fmt.Sprintf("%s(%q, %q)", method, names[0], names[1]), err, store.ErrInside)
					}
				})
				t.move(method, "d/e/a", "d/a") // a neighbour is not inside
				t.move(method, "d/e", "d/ee")
			},
		},
		{
			method + "/names",
			"names that CheckName refuses, and destinations that CheckNewName refuses, are a *NameError",
			func(t *env) {
				m := t.mover(method)
				t.put("a", "content")
				t.wantUnchanged(func() {
					for _, name := range badNames {
						_, err := m(t.Context(), name, store.Any, "b", store.Any)
						t.wantNameError(fmt.Sprintf("%s from %q", method, name), err)
					}
					for _, name := range slices.Concat(badNames, badNewNames) {
						_, err := m(t.Context(), "a", store.Any, name, store.Any)
						t.wantNameError(fmt.Sprintf("%s to %q", method, name), err)
					}
				})
			},
		},
		{
			method + "/revisions-grow",
			"revisions of every name grow, however often things go to and fro; none ever names two states",
			func(t *env) {
				t.mover(method)
				last := make(map[string]store.Revision)
				digests := make(map[revisionOf]store.Digest)
				note := func(name string) {
					info := t.stat(name)
					at := revisionOf{name, info.Revision}
					if d, ok := digests[at]; ok && d != info.Digest {
						t.Errorf("revision %d of %q has had two contents", info.Revision, name)
					}
					if info.Revision < last[name] {
						t.Errorf("%q got revision %d after %d", name, info.Revision, last[name])
					}
					last[name], digests[at] = info.Revision, info.Digest
				}
				for i := range 6 {
					a := t.put("d/a", fmt.Sprint(i))
					note("d/a")
					t.move(method, "d", "e")
					note("e/a")
					t.put("e/a", fmt.Sprint(i, " changed"))
					note("e/a")
					t.move(method, "e/a", "e/b")
					note("e/b")
					t.move(method, "e", "d")
					note("d/b")
					t.move(method, "d/b", "d/a")
					note("d/a")
					t.wantRefused("d/a", store.At(a.Revision), t.stat("d/a"))
				}
			},
		},
		{
			method + "/cancelled",
			"with a context that is cancelled it succeeds, or returns context.Canceled and has not happened",
			func(t *env) {
				m := t.mover(method)
				t.put("a", "content")
				t.put("d/a", "content")
				for _, from := range []string{"a", "d"} {
					before := t.tree("")
					if _, err := m(t.cancelled(), from, store.Any, "to", store.Any); err != nil {
						t.wantErr(method, err, context.Canceled)
						if after := t.tree(""); after != before {
							t.Errorf("the store has\n%swant, as before,\n%s", after, before)
						}
					}
				}
			},
		},
		{
			method + "/one-destination",
			"of any number who expect nothing at a destination exactly one succeeds, and it has what that one brought",
			func(t *env) {
				m := t.mover(method)
				for i := range racers {
					t.put(fmt.Sprint(i), fmt.Sprint("content ", i))
				}
				for range t.rounds() {
					var winner atomic.Int64
					won := t.count(func(i int) error {
						_, err := m(t.Context(), fmt.Sprint(i), store.Any, "to", store.Absent)
						if err == nil {
							winner.Store(int64(i))
						}
						return err
					}, store.ErrConflict)
					if won != 1 {
						t.Fatalf("%d of %d succeeded, want one", won, racers)
					}
					t.wantContent("to", fmt.Sprint("content ", winner.Load()))
					t.remove("to")
					t.put(fmt.Sprint(winner.Load()), fmt.Sprint("content ", winner.Load()))
				}
			},
		},
	}
}

var moveCases = []testCase{
	{
		"Move/leaves-nothing",
		"after a move the old name is as if deleted: nothing is there, expectations of before fail, its revisions are kept",
		func(t *env) {
			t.mover("Move")
			for i := range 3 {
				from := t.put("a", fmt.Sprint("content ", i))
				t.move("Move", "a", "b")
				t.wantStillKept(from, fmt.Sprint("content ", i))
				t.wantAsDeleted(from)
				t.wantContent("b", fmt.Sprint("content ", i))
			}
		},
	},
	{
		"Move/collection-leaves-nothing",
		"after the move of a collection its members are as if deleted: expectations of before fail, their revisions grow",
		func(t *env) {
			t.mover("Move")
			for i := range 3 {
				from := t.put("d/e/a", fmt.Sprint("content ", i))
				t.move("Move", "d", "t")
				t.wantNothing("d")
				t.wantAsDeleted(from)
				t.wantContent("t/e/a", fmt.Sprint("content ", i))
			}
		},
	},
	{
		"Move/one-source",
		"of any number who move one resource exactly one succeeds, and the others find nothing",
		func(t *env) {
			m := t.mover("Move")
			for range t.rounds() {
				info := t.put("a", "content")
				won := t.count(func(i int) error {
					_, err := m(t.Context(), "a", store.At(info.Revision), fmt.Sprint(i), store.Any)
					return err
				}, store.ErrConflict)
				members, err := t.list("")
				if won != 1 || len(members) != 1 || err != nil {
					t.Fatalf("%d of %d moved it, and there are %v, error %v; want one", won, racers, members, err)
				}
				t.remove(members[0].Name)
			}
		},
	},
	{
		"Move/against-write",
		"of a move and a commit that saw the same revision one succeeds, and nothing that was acknowledged is lost",
		func(t *env) {
			m := t.mover("Move")
			for range t.rounds() {
				info := t.put("d/a", "before")
				d := t.stage("d/a", "written")
				won := t.count(func(i int) error {
					switch i {
					case 0:
						_, err := d.Commit(t.Context(), store.At(info.Revision))
						return err
					case 1:
						_, err := m(t.Context(), "d/a", store.At(info.Revision), "d/b", store.Absent)
						return err
					}
					return store.ErrConflict
				}, store.ErrConflict)
				if got := t.tree("d"); won != 1 || got != "d/a written\n" && got != "d/b before\n" {
					t.Fatalf("%d succeeded, and there is\n%s", won, got)
				}
				t.abort(d)
				t.rmcol("d")
			}
		},
	},
	{
		"Move/collection-against-write",
		"a commit into a collection that is moved happens before or after the move, and is never lost",
		func(t *env) {
			m := t.mover("Move")
			for range t.rounds() {
				t.put("d/a", "before")
				d := t.stage("d/a", "written")
				t.count(func(i int) error {
					switch i {
					case 0:
						_, err := d.Commit(t.Context(), store.Any)
						return err
					case 1:
						_, err := m(t.Context(), "d", store.Any, "t", store.Absent)
						return err
					}
					return store.ErrConflict
				}, store.ErrConflict)
				got := t.tree("")
				if got != "t/\nt/a written\n" && got != "d/\nd/a written\nt/\nt/a before\n" {
					t.Fatalf("there is\n%s", got)
				}
				t.rmcol("t")
				if got != "t/\nt/a written\n" {
					t.rmcol("d")
				}
			}
		},
	},
	{
		"Copy/independent",
		"after a copy no change to one of the two is seen in the other",
		func(t *env) {
			t.mover("Copy")
			large := pattern("independent", 1<<20)
			t.put("a", large)
			from := t.stat("a")
			t.move("Copy", "a", "b")
			t.wantInfo("Stat of the source", t.wantContent("a", large), from)
			t.put("b", "changed")
			t.wantContent("a", large)
			t.move("Copy", "a", "b")
			copied := t.stat("b")
			t.put("a", "changed, too")
			t.remove("a")
			t.wantInfo("Stat of the copy", t.wantContent("b", large), copied)

			t.plant("d")
			t.move("Copy", "d", "t")
			t.rmcol("d")
			t.wantContent("t/e/f/a", "deep")
		},
	},
	{
		"Copy/alone",
		"CopyCollection makes a collection without the members, in place of what is at its new name if that is as expected",
		func(t *env) {
			m := optional[store.Mover](t)
			t.plant("d")
			if p, ok := t.store.(store.Properties); ok {
				if err := p.SetProperties(t.Context(), "d", store.Any, map[string]*string{"k": new("v")}); err != nil {
					t.Fatal(err)
				}
			}
			t.plant("t")
			t.put("a", "content")
			copyTo := func(from, to string, expect store.Expect) error {
				_, err := m.CopyCollection(t.Context(), from, to, expect)
				return err
			}
			t.wantErr("CopyCollection over what is not expected", copyTo("d", "t", store.Absent), store.ErrConflict)
			t.wantErr("CopyCollection over what is not expected", copyTo("d", "a", store.Absent), store.ErrConflict)
			t.wantErr("CopyCollection of a resource", copyTo("a", "b", store.Any), store.ErrNotCollection)
			t.wantErr("CopyCollection of nothing", copyTo("b", "c", store.Any), store.ErrNotFound)
			t.wantErr("CopyCollection into itself", copyTo("d", "d/copy", store.Any), store.ErrInside)
			t.wantTree(slices.Concat([]string{"a content"}, planted("d", true), planted("t", true))...)
			for _, to := range []string{"t", "a", "new"} {
				if err := copyTo("d", to, store.Any); err != nil {
					t.Fatalf("CopyCollection to %q: %v", to, err)
				}
				if p, ok := t.store.(store.Properties); ok {
					if set, err := p.Properties(t.Context(), to); err != nil || set["k"] != "v" {
						t.Errorf("Properties(%q) is %v, error %v; want those of the source", to, set, err)
					}
				}
			}
			t.wantTree(slices.Concat([]string{"a/"}, planted("d", true), []string{"new/", "t/"})...)
		},
	},
	{
		"Mover/linearizable",
		"writes, deletions, moves and copies of resources and collections, with their properties, are linearizable",
		func(t *env) {
			t.mover("Move")
			t.collections()
			optional[store.Properties](t)
			for seed := range t.rounds() / 5 {
				h := new(History)
				w := Workload{Names: []string{"d/a", "d/b", "e/a"}, Seed: uint64(seed), Ops: 12, Mix: TreeMix}
				w.Run(t.Context(), h, StoreClients(t, t.store, 3, 0))
				Check(t, h)
				if t.Failed() {
					return
				}
				for _, name := range []string{"d", "e"} {
					t.collections().DeleteCollection(t.Context(), name)
				}
			}
		},
	},
}

// plant makes a collection with members.
func (t *env) plant(name string) {
	t.Helper()
	if _, err := t.store.Stat(t.Context(), name); err == nil {
		t.Fatalf("%q exists", name)
	}
	t.put(name+"/a", "shallow")
	t.put(name+"/e/f/a", "deep")
	if c, ok := t.store.(store.Collections); ok {
		if _, err := c.MakeCollection(t.Context(), name+"/empty"); err != nil {
			t.Fatalf("MakeCollection: %v", err)
		}
	} else {
		t.put(name+"/empty/a", "filled")
	}
}

// planted returns the lines of tree for what plant made, if it is there.
func planted(name string, there bool) []string {
	if !there {
		return nil
	}
	return []string{name + "/", name + "/a shallow", name + "/e/", name + "/e/f/", name + "/e/f/a deep", name + "/empty/"}
}

// wantLaterModified checks that what f makes has a Modified later than the
// second in which f was called, and not more than a second after its return.
func (t *env) wantLaterModified(what string, f func() store.Info) {
	t.Helper()
	called := time.Now().Truncate(time.Second)
	m := f().Modified
	returned := time.Now().Truncate(time.Second)
	if !m.After(called) || m.After(returned.Add(time.Second)) {
		t.Errorf("%s has Modified %v; it came between %v and %v", what, m, called.UTC(), returned.UTC())
	}
}

// wantAsDeleted checks that nothing is under the name of before, that what expects before is
// refused, and that what is put there next has a later revision and a Modified of its own.
func (t *env) wantAsDeleted(before store.Info) {
	t.Helper()
	t.wantNothing(before.Name)
	t.wantRefused(before.Name, store.At(before.Revision), store.Info{})
	last := before.Revision
	t.wantLaterModified("what came after", func() store.Info {
		info := t.put(before.Name, "new")
		t.wantLater(&last, info)
		return info
	})
}

// wantStillKept checks that a revision that is no longer current is kept with
// its content, if any revision is.
func (t *env) wantStillKept(info store.Info, content string) {
	t.Helper()
	h, ok := t.store.(store.History)
	if !ok {
		return
	}
	revisions, err := t.collect(h.Revisions(t.Context(), info.Name))
	if err != nil {
		t.Errorf("Revisions(%q): %v", info.Name, err)
	}
	for _, r := range revisions {
		if r.Revision == info.Revision {
			t.wantInfo("what Revisions yields", r, info)
			if got := t.content(info.Name, info.Revision); got != content {
				t.Errorf("revision %d of %q has content %s, want %s", info.Revision, info.Name, brief(got), brief(content))
			}
			return
		}
	}
	if t.keepsDeleted() {
		t.Errorf("revision %d of %q is not kept; there are %+v", info.Revision, info.Name, revisions)
	}
}

// keepsDeleted reports whether the store keeps the revisions of what is deleted.
func (t *env) keepsDeleted() bool {
	t.Helper()
	t.put("probe", "content")
	t.remove("probe")
	revisions, err := t.collect(t.history().Revisions(t.Context(), "probe"))
	return err == nil && len(revisions) > 0
}
