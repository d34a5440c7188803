package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
)

var listCases = []testCase{
	{
		"List/members",
		"List yields the direct members of a collection, collections and content, by their full names",
		func(t *env) {
			for _, name := range []string{"a", "d/a", "d/b", "d/e/a", "d/e/f/a", "e/f/g/h"} {
				t.put(name, "content of "+name)
			}
			t.wantMembers("", "a", "d", "e")
			t.wantMembers("d", "d/a", "d/b", "d/e")
			t.wantMembers("d/e", "d/e/a", "d/e/f")
			t.wantMembers("e", "e/f")
			t.wantMembers("e/f/g", "e/f/g/h")
			t.remove("d/a")
			t.wantMembers("d", "d/b", "d/e")
		},
	},
	{
		"List/order",
		"List yields members in the byte order of their names",
		func(t *env) {
			names := []string{"-", "B", "a", "a b", "a-b", "a.b", "a0", "b", "z", "~", "Ä", "ä", "語"}
			for _, name := range slices.Backward(names) {
				if name == "a" {
					name = "a/x" // a collection sorts by its name, without a slash
				}
				t.put("d/"+name, "content")
			}
			for i := range names {
				names[i] = "d/" + names[i]
			}
			t.wantMembers("d", names...)
		},
	},
	{
		"List/describes",
		"List describes members as Stat does, except that Digest and Revision may be zero",
		func(t *env) {
			t.put("d/a", "content")
			t.put("d/b", "")
			t.put("d/e/a", "content")
			members, err := t.list("d")
			if err != nil || len(members) != 3 {
				t.Fatalf("List(d) yields %+v, error %v; want 3 members", members, err)
			}
			for _, m := range members {
				want := t.stat(m.Name)
				if m.Collection != want.Collection || !m.Modified.Equal(want.Modified) {
					t.Errorf("List describes %+v, Stat %+v", m, want)
				}
				if m.Collection {
					continue
				}
				if m.Size != want.Size ||
					m.Revision != 0 && m.Revision != want.Revision ||
					m.Digest != (store.Digest{}) && m.Digest != want.Digest {
					t.Errorf("List describes %+v, Stat %+v", m, want)
				}
			}
		},
	},
	{
		"List/known",
		"where List gives a digest and a revision, these are of one state that was current while it listed",
		func(t *env) {
			committed := make(map[store.Revision]store.Digest)
			turn := make(chan struct{}, 1)
			var writer, lister sync.WaitGroup
			writer.Go(func() {
				for i := range t.rounds() {
					turn <- struct{}{}
					info := t.put("d/a", fmt.Sprint(i%7))
					committed[info.Revision] = info.Digest
					<-turn
				}
			})
			lister.Go(func() {
				for range t.rounds() {
					members, err := t.list("d")
					turn <- struct{}{}
					for _, m := range members {
						if (m.Revision != 0 || m.Digest != store.Digest{}) && committed[m.Revision] != m.Digest {
							t.Errorf("List yields %+v, error %v; revision %d had the digest %v", m, err, m.Revision, committed[m.Revision])
						}
					}
					<-turn
				}
			})
			lister.Wait()
			writer.Wait()
		},
	},
	{
		"List/nothing",
		"for what does not exist, the single pair yielded has the error ErrNotFound",
		func(t *env) {
			t.put("a", "content")
			for _, name := range []string{"b", "b/c", "a/b"} {
				t.wantListError(name, store.ErrNotFound)
			}
		},
	},
	{
		"List/content",
		"for content, the single pair yielded has the error ErrNotCollection",
		func(t *env) {
			t.put("d/a", "content")
			t.wantListError("d/a", store.ErrNotCollection)
		},
	},
	{
		"List/empty",
		"the root is a collection without members before the first write and after the last deletion",
		func(t *env) {
			t.wantMembers("")
			t.put("a", "content")
			t.remove("a")
			t.wantMembers("")
		},
	},
	{
		"List/again",
		"a sequence may be left early and be ranged over again",
		func(t *env) {
			for i := range 10 {
				t.put(fmt.Sprint(i), "content")
			}
			list := t.store.List(t.Context(), "")
			for range 2 {
				var names []string
				for info, err := range list {
					if err != nil {
						t.Fatalf("List: %v", err)
					}
					if names = append(names, info.Name); len(names) == 3 {
						break
					}
				}
				if got := strings.Join(names, " "); got != "0 1 2" {
					t.Errorf("List yields %q first, want %q", got, "0 1 2")
				}
			}
		},
	},
}

var revisionCases = []testCase{
	{
		"Revision/grows",
		"every commit gives a name a revision greater than all it had before",
		func(t *env) {
			var last store.Revision
			for i := range 50 {
				t.wantLater(&last, t.put("a", fmt.Sprint(i%3)))
			}
		},
	},
	{
		"Revision/deleted",
		"revisions grow over deletions too: none ever names two states",
		func(t *env) {
			var last store.Revision
			for i := range 20 {
				first := t.commit(t.stage("d/a", fmt.Sprint(i)), store.Absent)
				t.wantLater(&last, first)
				t.wantLater(&last, t.put("d/a", fmt.Sprint(i+1)))
				t.remove("d/a")
				t.wantRefused("d/a", store.At(first.Revision), store.Info{})
			}
		},
	},
}

var historyCases = []testCase{
	{
		"Revisions/newest-first",
		"Revisions yields the revisions still kept, newest first, the current one included, and Open takes them",
		func(t *env) {
			h := t.history()
			var infos []store.Info
			for i := range 12 {
				infos = append(infos, t.put("a", fmt.Sprint("content ", i)))
			}
			revisions, err := t.collect(h.Revisions(t.Context(), "a"))
			if err != nil || len(revisions) == 0 {
				t.Fatalf("Revisions yields %+v, error %v", revisions, err)
			}
			t.wantInfo("the first", revisions[0], infos[len(infos)-1])
			t.wantKept(revisions, infos, "content ")
		},
	},
	{
		"Revisions/deleted",
		"revisions may be kept after the name was deleted; Open takes those too, and a new one comes before them",
		func(t *env) {
			h := t.history()
			infos := []store.Info{t.put("a", "content 0"), t.put("a", "content 1")}
			t.remove("a")
			revisions, err := t.collect(h.Revisions(t.Context(), "a"))
			if err != nil {
				t.Errorf("Revisions of a deleted name: %v", err)
			}
			t.wantKept(revisions, infos, "content ")

			infos = append(infos, t.put("a", "content 2"))
			revisions, err = t.collect(h.Revisions(t.Context(), "a"))
			if err != nil || len(revisions) == 0 || revisions[0].Revision != infos[2].Revision {
				t.Errorf("Revisions of a re-created name yields %+v, error %v; want the new one first", revisions, err)
			}
			t.wantKept(revisions, infos, "content ")
		},
	},
	{
		"Revisions/spared",
		"what was replaced under Sparing is kept however many revisions come after it, for a commit as for a move, of a collection too",
		func(t *env) {
			h := t.history()
			if s, ok := t.store.(store.Sparer); !ok || !s.CanSpare(int64(len("content"))) {
				t.Skip("the store spares nothing")
			}
			spared := []store.Info{t.put("a", "content 0"), t.put("b", "content 0")}
			d := t.stage("a", "content 1")
			if _, err := d.Commit(store.Sparing(t.Context()), store.Any); err != nil {
				t.Fatalf("Commit: %v", err)
			}
			if m, ok := t.store.(store.Mover); ok {
				t.put("c", "content 1")
				spared = append(spared, t.put("d/a", "content 0"), t.put("d/e/a", "content 0"))
				t.put("f/a", "content 1")
				for from, to := range map[string]string{"c": "b", "f": "d"} {
					if _, err := m.Move(store.Sparing(t.Context()), from, store.Any, to, store.Any); err != nil {
						t.Fatalf("Move: %v", err)
					}
				}
			} else {
				spared = spared[:1]
			}
			for i := range 64 {
				for _, info := range spared {
					t.put(info.Name, fmt.Sprint("later ", i))
				}
			}
			for _, info := range spared {
				revisions, err := t.collect(h.Revisions(t.Context(), info.Name))
				if err != nil || !slices.ContainsFunc(revisions, func(r store.Info) bool { return r.Revision == info.Revision }) {
					t.Errorf("Revisions yields %+v, error %v; want %d among them", revisions, err, info.Revision)
				}
			}
		},
	},
	{
		"Revisions/unheard",
		"Revisions yields nothing for a name never heard of",
		func(t *env) {
			h := t.history()
			t.put("d/a", "content")
			for _, name := range []string{"b", "d/b", "d/a/b", "NUL"} {
				if revisions, err := t.collect(h.Revisions(t.Context(), name)); len(revisions) > 0 || err != nil {
					t.Errorf("Revisions(%q) yields %+v, error %v", name, revisions, err)
				}
			}
		},
	},
}

var reopenCases = []testCase{
	{
		"Reopen/keeps",
		"what was committed before a restart is current after it, unchanged; what was deleted stays deleted",
		func(t *env) {
			infos := []store.Info{t.put("a", "first"), t.put("a", "second"), t.put("d/e/b", ""), t.put("d/c", pattern("keeps", 1<<20))}
			t.put("gone", "content")
			t.remove("gone")
			for range 2 {
				t.reopen()
				t.wantInfo("Stat after the restart", t.wantContent("a", "second"), infos[1])
				t.wantInfo("Stat after the restart", t.wantContent("d/e/b", ""), infos[2])
				t.wantInfo("Stat after the restart", t.wantContent("d/c", pattern("keeps", 1<<20)), infos[3])
				t.wantNothing("gone")
				t.wantMembers("", "a", "d")
			}
		},
	},
	{
		"Reopen/expectation",
		"an expectation formed before a restart means the same state after it",
		func(t *env) {
			stale := t.put("a", "first")
			seen := t.put("a", "second")
			t.reopen()
			t.wantRefused("a", store.At(stale.Revision), seen)
			t.commit(t.stage("a", "third"), store.At(seen.Revision))
			t.wantContent("a", "third")
		},
	},
	{
		"Reopen/revisions-grow",
		"revisions grow over restarts, also of names that were deleted before",
		func(t *env) {
			var last, lastDeleted store.Revision
			for i := range 3 {
				t.wantLater(&last, t.put("a", fmt.Sprint(i)))
				t.wantLater(&last, t.put("a", fmt.Sprint(i+1)))
				t.wantLater(&lastDeleted, t.put("gone", fmt.Sprint(i)))
				t.remove("gone")
				t.reopen()
			}
		},
	},
	{
		"Reopen/modified",
		"a revision that replaced one of before the restart has a Modified later than every second in which that one was current",
		func(t *env) {
			for i := range 3 {
				t.put("a", fmt.Sprint(i))
				t.reopen()
				t.wantModified("the new revision", store.Any, t.stage("a", fmt.Sprint(i+1)))
			}
		},
	},
	{
		"Reopen/drafts",
		"drafts that were not committed before a restart are gone, and nothing of them is left",
		func(t *env) {
			before := t.put("a", "content")
			for _, content := range []string{"draft", pattern("draft", 2<<20)} {
				t.stage("a", content)
				t.stage("d/new", content)
			}
			t.reopen()
			t.wantInfo("Stat after the restart", t.wantContent("a", "content"), before)
			t.wantMembers("", "a")
		},
	},
	{
		"Reopen/history",
		"the revisions kept before a restart are kept after it",
		func(t *env) {
			h := t.history()
			for i := range 3 {
				t.put("a", fmt.Sprint("content ", i))
			}
			before, err := t.collect(h.Revisions(t.Context(), "a"))
			if err != nil {
				t.Fatalf("Revisions: %v", err)
			}
			t.reopen()
			after, err := t.collect(t.history().Revisions(t.Context(), "a"))
			if err != nil || !slices.EqualFunc(after, before, sameInfo) {
				t.Errorf("Revisions after the restart are\n%+v, error %v; want\n%+v", after, err, before)
			}
			for i, info := range after {
				if got, want := t.content("a", info.Revision), fmt.Sprint("content ", 2-i); got != want {
					t.Errorf("revision %d has content %q after the restart, want %q", info.Revision, got, want)
				}
			}
		},
	},
	{
		"Reopen/tree",
		"collections made, deleted, moved and copied before a restart, and records kept, are so after it",
		func(t *env) {
			t.mkcol("d")
			t.mkcol("d/empty")
			t.put("d/a", "content")
			t.put("gone/a", "content")
			t.rmcol("gone")
			t.move("Copy", "d", "c")
			t.move("Move", "d", "t")
			t.put("a", "resource")
			t.move("Move", "a", "t/b")
			t.keep("lock", "value")
			infos := []store.Info{t.stat("t/a"), t.stat("t/b"), t.stat("c/a")}
			for range 2 {
				t.reopen()
				t.wantTree("c/", "c/a content", "c/empty/", "t/", "t/a content", "t/b resource", "t/empty/")
				for _, info := range infos {
					t.wantInfo("Stat after the restart", t.stat(info.Name), info)
				}
				t.wantRecords("", "lock", "value")
			}
		},
	},
	{
		"Reopen/tree-revisions",
		"revisions grow over restarts, also of the members of collections that were moved or deleted before",
		func(t *env) {
			var last [2]store.Revision
			for i := range 3 {
				t.wantLater(&last[0], t.put("d/a", fmt.Sprint(i)))
				t.move("Move", "d", "t")
				t.wantLater(&last[1], t.stat("t/a"))
				t.reopen()
				t.rmcol("t")
				t.reopen()
				t.wantNothing("t/a")
				t.wantNothing("d/a")
			}
		},
	},
	{
		"Reopen/properties",
		"properties set, moved and copied before a restart are so after it, and stay over commits; those of what was deleted stay gone",
		func(t *env) {
			for _, name := range []string{"a", "b", "gone", "d/a"} {
				t.put(name, "content")
				t.set(name, "k", "of "+name)
			}
			t.set("d", "k", "of d")
			t.remove("gone")
			t.move("Move", "d", "t")
			t.move("Copy", "b", "c")
			for range 2 {
				t.reopen()
				t.wantProperties("a", "k", "of a")
				t.wantProperties("c", "k", "of b")
				t.wantProperties("t", "k", "of d")
				t.wantProperties("t/a", "k", "of d/a")
				t.put("a", "changed")
				t.put("gone", "content")
				t.wantProperties("gone")
			}
			t.wantProperties("a", "k", "of a")
		},
	},
}

// wantLater checks that info's revision is greater than *last, and sets that.
func (t *env) wantLater(last *store.Revision, info store.Info) {
	t.Helper()
	if info.Revision <= *last {
		t.Errorf("%q got revision %d after %d", info.Name, info.Revision, *last)
	}
	*last = info.Revision
}

// wantListError checks that List yields one pair, with an error that is target.
func (t *env) wantListError(name string, target error) {
	t.Helper()
	members, err := t.list(name)
	t.wantErr(fmt.Sprintf("List(%q)", name), err, target)
	if len(members) > 0 {
		t.Errorf("List(%q) yields %+v before its error", name, members)
	}
}

// wantKept checks that the revisions yielded come newest first and that each is
// one of committed, where the content of committed[i] is prefix and i.
func (t *env) wantKept(revisions, committed []store.Info, prefix string) {
	t.Helper()
	for n, info := range revisions {
		if n > 0 && revisions[n-1].Revision <= info.Revision {
			t.Errorf("Revisions yields %d before %d, want the newest first", revisions[n-1].Revision, info.Revision)
		}
		i := slices.IndexFunc(committed, func(c store.Info) bool { return sameInfo(c, info) })
		if i < 0 {
			t.Errorf("Revisions yields %+v, which was never committed", info)
			continue
		}
		if got, want := t.content(info.Name, info.Revision), fmt.Sprint(prefix, i); got != want {
			t.Errorf("revision %d has content %q, want %q", info.Revision, got, want)
		}
	}
}
