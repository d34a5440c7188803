package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing/iotest"

	"github.com/fourtwelve/fourtwelve/store"
)

var stageCases = []testCase{
	{
		"Stage/invisible",
		"staged content is invisible: what was current stays so, and nothing new is listed",
		func(t *env) {
			before := t.put("a", "content")
			replacing := t.stage("a", "staged")
			creating := t.stage("d/e/new", "staged")
			t.wantInfo("Stat after Stage", t.wantContent("a", "content"), before)
			t.wantNothing("d/e/new")
			t.wantMembers("", "a")
			t.abort(replacing)
			t.abort(creating)
		},
	},
	{
		"Stage/described",
		"a draft has the size and the SHA-256 of the staged content, also once it is committed",
		func(t *env) {
			for _, content := range []string{"", "x", pattern("described", 300_000)} {
				d := t.stage("a", content)
				check := func() {
					if d.Size() != int64(len(content)) || d.Digest() != digest(content) {
						t.Errorf("draft of %s: size %d, digest %v; want %d, %v", brief(content), d.Size(), d.Digest(), len(content), digest(content))
					}
				}
				check()
				t.commit(d, store.Any)
				check()
			}
		},
	},
	{
		"Stage/to-its-end",
		"Stage reads content to its end, in whatever portions it comes",
		func(t *env) {
			content := pattern("to its end", 70_000)
			for name, r := range map[string]io.Reader{
				"one byte at a time":            iotest.OneByteReader(strings.NewReader(content)),
				"half of what is asked for":     iotest.HalfReader(strings.NewReader(content)),
				"the last bytes with io.EOF":    iotest.DataErrReader(strings.NewReader(content)),
				"nothing at all, now and then":  &hesitantReader{r: strings.NewReader(content)},
				"by WriteTo if the store likes": strings.NewReader(content),
			} {
				d, err := t.store.Stage(t.Context(), "a", r)
				if err != nil {
					t.Errorf("Stage of content that comes as %s: %v", name, err)
					continue
				}
				t.commit(d, store.Any)
				t.wantContent("a", content)
			}
		},
	},
	{
		"Stage/failing-content",
		"if content fails, Stage returns that error (wrapped) and keeps nothing",
		func(t *env) {
			before := t.put("a", "content")
			broken := errors.New("connection reset")
			for _, size := range []int{0, 1, 100_000, 2 << 20} {
				for _, r := range []io.Reader{
					io.MultiReader(strings.NewReader(pattern("failing", size)), iotest.ErrReader(broken)),
					iotest.DataErrReader(io.MultiReader(strings.NewReader(pattern("failing", size)), iotest.ErrReader(broken))),
				} {
					d, err := t.store.Stage(t.Context(), "a", r)
					t.wantErr(fmt.Sprintf("Stage of content that fails after %d bytes", size), err, broken)
					if err == nil {
						t.abort(d)
					}
				}
			}
			d, err := t.store.Stage(t.Context(), "b", iotest.ErrReader(io.ErrUnexpectedEOF))
			t.wantErr("Stage of content that is cut", err, io.ErrUnexpectedEOF)
			if err == nil {
				t.abort(d)
			}
			t.wantInfo("Stat after failed Stage", t.wantContent("a", "content"), before)
			t.wantMembers("", "a")
		},
	},
	{
		"Stage/independent",
		"drafts are independent of each other, also under the same name",
		func(t *env) {
			var drafts []store.Draft
			for i := range 5 {
				drafts = append(drafts, t.stage("a", fmt.Sprint("content ", i)))
			}
			t.abort(drafts[3])
			for _, i := range []int{2, 0, 4, 1} {
				t.commit(drafts[i], store.Any)
				t.wantContent("a", fmt.Sprint("content ", i))
			}
		},
	},
	{
		"Stage/below-content",
		"a name below one that has content is refused with ErrNotCollection, by Stage or by Commit",
		func(t *env) {
			before := t.put("a", "content")
			for _, name := range []string{"a/b", "a/b/c"} {
				t.wantErr("write of "+name, t.tryPut(name, store.Absent), store.ErrNotCollection)
				t.wantErr("write of "+name, t.tryPut(name, store.Any), store.ErrNotCollection)
				t.wantNothing(name)
			}
			t.wantInfo("Stat of the parent", t.wantContent("a", "content"), before)
		},
	},
	{
		"Stage/over-collection",
		"the name of a collection is refused with ErrIsCollection, by Stage or by Commit",
		func(t *env) {
			t.put("d/e/a", "content")
			for _, name := range []string{"d", "d/e"} {
				t.wantErr("write of "+name, t.tryPut(name, store.Absent), store.ErrIsCollection)
				t.wantErr("write of "+name, t.tryPut(name, store.Any), store.ErrIsCollection)
			}
			t.wantContent("d/e/a", "content")
		},
	},
}

var commitCases = []testCase{
	{
		"Commit/creates",
		"a commit expecting Absent, the zero Expect and At(0) creates what does not exist",
		func(t *env) {
			var zero store.Expect
			for i, expect := range []store.Expect{store.Absent, zero, store.At(0)} {
				name := fmt.Sprintf("d/%d", i)
				t.commit(t.stage(name, "content"), expect)
				t.wantContent(name, "content")
			}
			t.remove("d/0")
			t.commit(t.stage("d/0", "again"), store.Absent)
			t.wantContent("d/0", "again")
		},
	},
	{
		"Commit/exists",
		"a commit expecting Absent never overwrites: it is a *ConflictError with the current Info",
		func(t *env) {
			before := t.put("a", "content")
			t.wantRefused("a", store.Absent, before)
		},
	},
	{
		"Commit/replaces",
		"a commit expecting the current revision replaces it",
		func(t *env) {
			info := t.put("a", "content 0")
			for i := 1; i <= 20; i++ {
				content := fmt.Sprint("content ", i)
				info = t.commit(t.stage("a", content), store.At(info.Revision))
				t.wantInfo("Stat", t.wantContent("a", content), info)
			}
		},
	},
	{
		"Commit/stale",
		"a commit expecting another revision than the current is a *ConflictError with the current Info, and nothing has changed",
		func(t *env) {
			first := t.put("a", "first")
			current := t.put("a", "second")
			for _, expect := range []store.Expect{
				store.At(first.Revision), store.At(current.Revision + 1), store.At(current.Revision - 1), store.Any - 1,
			} {
				t.wantRefused("a", expect, current)
			}
		},
	},
	{
		"Commit/at-nothing",
		"a commit expecting a revision where nothing exists is a *ConflictError with Revision 0",
		func(t *env) {
			deleted := t.put("gone", "content")
			t.remove("gone")
			t.wantRefused("gone", store.At(deleted.Revision), store.Info{})
			t.wantRefused("never", store.At(1), store.Info{})
			t.wantNothing("gone")
			t.wantNothing("never")
		},
	},
	{
		"Commit/any",
		"a commit expecting Any replaces whatever is there, or creates",
		func(t *env) {
			t.commit(t.stage("a", "first"), store.Any)
			t.wantContent("a", "first")
			t.commit(t.stage("a", "second"), store.Any)
			t.wantContent("a", "second")
		},
	},
	{
		"Commit/returns-info",
		"a commit returns the new revision, as Stat describes it from then on",
		func(t *env) {
			for _, content := range []string{"first", "second", ""} {
				info := t.put("d/a", content)
				t.wantInfo("Stat", t.stat("d/a"), info)
			}
		},
	},
	{
		"Commit/again",
		"after a conflict the draft may be committed again, as often as it takes",
		func(t *env) {
			current := t.put("a", "content")
			d := t.stage("a", "draft")
			for range 3 {
				_, err := d.Commit(t.Context(), store.Absent)
				t.wantConflict("Commit(absent)", err, "a", store.Absent, current)
				current = t.put("a", "content")
			}
			t.commit(d, store.At(current.Revision))
			t.wantContent("a", "draft")
		},
	},
	{
		"Commit/spent",
		"after a success the draft is spent: another commit fails and changes nothing",
		func(t *env) {
			d := t.stage("a", "draft")
			t.commit(d, store.Any)
			t.wantSpent(d, t.put("a", "content"))
		},
	},
	{
		"Commit/aborted",
		"a draft that was given up cannot be committed",
		func(t *env) {
			current := t.put("a", "content")
			d := t.stage("a", "draft")
			t.abort(d)
			t.wantSpent(d, current)
		},
	},
	{
		"Commit/same-content",
		"a commit of what is current already makes a revision of its own",
		func(t *env) {
			first := t.put("a", "content")
			second := t.put("a", "content")
			if second.Revision <= first.Revision {
				t.Errorf("committing the same content gave revision %d, then %d", first.Revision, second.Revision)
			}
			t.wantRefused("a", store.At(first.Revision), second)
		},
	},
	{
		"Commit/same-size",
		"writes of the same size within one tick of any clock never share a revision or a digest",
		func(t *env) {
			seen := make(map[store.Revision]string)
			for i := range 300 {
				content := fmt.Sprintf("content %03d", i)
				info := t.put("a", content)
				t.wantInfo("Stat", t.stat("a"), info)
				if info.Digest != digest(content) || t.content("a", 0) != content {
					t.Fatalf("%q has digest %v and is read as %q", content, info.Digest, t.content("a", 0))
				}
				if other, ok := seen[info.Revision]; ok {
					t.Fatalf("%q and %q are both revision %d", other, content, info.Revision)
				}
				seen[info.Revision] = content
			}
		},
	},
	{
		"Commit/became-collection",
		"what became a collection, or came to lie below content, after Stage is refused by Commit, and the draft is spent",
		func(t *env) {
			over := t.stage("a", "draft")
			t.put("a/b", "content")
			_, err := over.Commit(t.Context(), store.Any)
			t.wantErr("Commit over a new collection", err, store.ErrIsCollection)
			t.wantContent("a/b", "content")

			below := t.stage("c/d", "draft")
			t.put("c", "content")
			_, err = below.Commit(t.Context(), store.Any)
			t.wantErr("Commit below new content", err, store.ErrNotCollection)
			t.wantContent("c", "content")

			t.remove("c")
			if _, err := below.Commit(t.Context(), store.Any); err == nil {
				t.Error("the draft could be committed after the error")
			}
			t.wantNothing("c/d")
			t.abort(over)
			t.abort(below)
		},
	},
	{
		"Abort/gives-up",
		"Abort gives up the draft; when called again it does nothing",
		func(t *env) {
			d := t.stage("d/a", "draft")
			t.abort(d)
			t.abort(d)
			t.wantNothing("d/a")
			t.wantMembers("")

			current := t.put("a", "content")
			refused := t.stage("a", "draft")
			_, err := refused.Commit(t.Context(), store.Absent)
			t.wantErr("Commit(absent)", err, store.ErrConflict)
			t.abort(refused)
			t.abort(refused)
			t.wantInfo("Stat", t.wantContent("a", "content"), current)
		},
	},
	{
		"Abort/cancelled",
		"Abort gives up the draft even if its context is done",
		func(t *env) {
			current := t.put("a", "content")
			for _, content := range []string{"draft", pattern("draft", 1<<20)} {
				d := t.stage("a", content)
				if err := d.Abort(t.cancelled()); err != nil {
					t.wantErr("Abort", err, context.Canceled)
				}
				t.wantSpent(d, current)
			}
		},
	},
	{
		"Abort/after-commit",
		"after a successful Commit, Abort does nothing",
		func(t *env) {
			d := t.stage("a", "draft")
			info := t.commit(d, store.Any)
			t.abort(d)
			t.abort(d)
			t.wantInfo("Stat", t.wantContent("a", "draft"), info)
		},
	},
}

var deleteCases = []testCase{
	{
		"Delete/removes",
		"Delete removes the name if expect holds, and returns what it removed",
		func(t *env) {
			for _, any := range []bool{true, false} {
				t.put("d/b", "neighbour")
				info := t.put("d/a", "content")
				expect := store.At(info.Revision)
				if any {
					expect = store.Any
				}
				removed, err := t.store.Delete(t.Context(), "d/a", expect)
				if err != nil {
					t.Errorf("Delete(%v): %v", expect, err)
				}
				t.wantInfo("what Delete returns", removed, info)
				t.wantNothing("d/a")
				t.wantMembers("d", "d/b")
				t.wantContent("d/b", "neighbour")
			}
		},
	},
	{
		"Delete/stale",
		"Delete expecting another state than the current is a *ConflictError, and nothing has changed",
		func(t *env) {
			first := t.put("a", "first")
			current := t.put("a", "second")
			for _, expect := range []store.Expect{store.At(first.Revision), store.At(current.Revision + 1), store.Absent} {
				_, err := t.store.Delete(t.Context(), "a", expect)
				t.wantConflict(fmt.Sprintf("Delete(%v)", expect), err, "a", expect, current)
				t.wantInfo("Stat", t.wantContent("a", "second"), current)
			}
		},
	},
	{
		"Delete/nothing",
		"deleting what does not exist is ErrNotFound with Any, and a *ConflictError with a revision",
		func(t *env) {
			deleted := t.put("gone", "content")
			t.remove("gone")
			t.put("a", "content")
			for _, name := range []string{"gone", "never", "d/never", "a/b", "NUL"} {
				_, err := t.store.Delete(t.Context(), name, store.Any)
				t.wantErr(fmt.Sprintf("Delete(%q, any)", name), err, store.ErrNotFound)
				expect := store.At(deleted.Revision)
				_, err = t.store.Delete(t.Context(), name, expect)
				t.wantConflict(fmt.Sprintf("Delete(%q, %v)", name, expect), err, name, expect, store.Info{})
			}
			t.wantMembers("", "a")
		},
	},
	{
		"Delete/collection",
		"deleting a collection is ErrIsCollection, and its members stay",
		func(t *env) {
			t.put("d/e/a", "content")
			for _, name := range []string{"", "d", "d/e"} {
				_, err := t.store.Delete(t.Context(), name, store.Any)
				t.wantErr(fmt.Sprintf("Delete(%q, any)", name), err, store.ErrIsCollection)
			}
			t.wantContent("d/e/a", "content")
		},
	},
	{
		"Delete/last",
		"a collection whose last member was deleted is gone or empty, and its name and its members' can be written to again",
		func(t *env) {
			t.put("d/e/a", "content")
			t.remove("d/e/a")
			for _, name := range []string{"d/e", "d"} {
				switch members, err := t.list(name); {
				case errors.Is(err, store.ErrNotFound):
				case err != nil:
					t.Errorf("List(%q) after its last member was deleted: %v", name, err)
				default:
					for _, m := range members {
						if !m.Collection {
							t.Errorf("List(%q) yields %+v after its last member was deleted", name, m)
						}
					}
				}
			}
			t.put("d/e/a", "again")
			t.wantContent("d/e/a", "again")
		},
	},
}

// tryPut stages and commits name, and returns the first error.
func (t *env) tryPut(name string, expect store.Expect) error {
	d, err := t.store.Stage(t.Context(), name, strings.NewReader("content"))
	if err != nil {
		return err
	}
	defer t.abort(d)
	_, err = d.Commit(t.Context(), expect)
	return err
}

// wantRefused checks that a commit of name conflicts with current, and changes
// nothing.
func (t *env) wantRefused(name string, expect store.Expect, current store.Info) {
	t.Helper()
	d := t.stage(name, "to be refused")
	defer t.abort(d)
	_, err := d.Commit(t.Context(), expect)
	t.wantConflict(fmt.Sprintf("Commit(%v)", expect), err, name, expect, current)
	if current.Exists() {
		t.wantInfo("Stat after the conflict", t.stat(name), current)
	}
}

// wantSpent checks that d cannot be committed, whatever it expects of current.
func (t *env) wantSpent(d store.Draft, current store.Info) {
	t.Helper()
	for _, expect := range []store.Expect{store.At(current.Revision), store.Any} {
		if info, err := d.Commit(t.Context(), expect); err == nil {
			t.Errorf("Commit(%v) of a spent draft made %+v", expect, info)
		} else if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrUnknown) {
			t.Errorf("Commit(%v) of a spent draft: error %v, want one that says so", expect, err)
		}
	}
	t.wantInfo("Stat", t.stat(current.Name), current)
}

// hesitantReader returns nothing, and no error, on every other call.
type hesitantReader struct {
	r      io.Reader
	paused bool
}

func (h *hesitantReader) Read(p []byte) (int, error) {
	if h.paused = !h.paused; h.paused {
		return 0, nil
	}
	return h.r.Read(p)
}
