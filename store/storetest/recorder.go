package storetest

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// recorder returns the store as a store.Recorder.
func (t *env) recorder() store.Recorder {
	t.Helper()
	return optional[store.Recorder](t)
}

// noteOf is what the cases have a write leave.
func noteOf(what string) func(store.Info) []byte {
	return func(i store.Info) []byte { return []byte(what + " " + i.Name + " " + i.Revision.String()) }
}

// commitWith commits content and leaves a record, both of which must succeed.
func (t *env) commitWith(name, content string, expect store.Expect, key string) store.Info {
	t.Helper()
	r := t.recorder()
	d := t.stage(name, content)
	info, err := r.CommitWith(t.Context(), d, expect, key, noteOf("wrote"))
	if err != nil {
		t.Fatalf("CommitWith(%q): %v", name, err)
	}
	t.abort(d)
	return info
}

var recorderCases = []testCase{
	{
		"Recorder/commit",
		"a commit leaves the record that was made of its own revision, and replaces that of another",
		func(t *env) {
			t.recorder()
			t.keep("other", "value")
			first := t.commitWith("a", "content", store.Absent, "key")
			t.wantInfo("Stat", t.wantContent("a", "content"), first)
			t.wantRecords("", "key", "wrote a "+first.Revision.String(), "other", "value")
			large := strings.Repeat("large ", 40_000)
			second := t.commitWith("a", large, store.At(first.Revision), "key")
			t.wantInfo("Stat", t.wantContent("a", large), second)
			t.wantRecords("", "key", "wrote a "+second.Revision.String(), "other", "value")
		},
	},
	{
		"Recorder/delete",
		"a deletion leaves a record of the revision that it removed",
		func(t *env) {
			r := t.recorder()
			info := t.put("a", "content")
			gone, err := r.DeleteWith(t.Context(), "a", store.At(info.Revision), "key", noteOf("removed"))
			if err != nil {
				t.Fatal(err)
			}
			t.wantInfo("DeleteWith", gone, info)
			t.wantNothing("a")
			t.wantRecords("", "key", "removed a "+info.Revision.String())
		},
	},
	{
		"Recorder/refused",
		"a write that is refused leaves no record, and after a conflict the draft may be committed again",
		func(t *env) {
			r := t.recorder()
			current := t.put("a", "content")
			d := t.stage("a", "draft")
			_, err := r.CommitWith(t.Context(), d, store.Absent, "key", noteOf("wrote"))
			t.wantConflict("CommitWith", err, "a", store.Absent, current)
			_, err = r.DeleteWith(t.Context(), "a", store.Absent, "key", noteOf("removed"))
			t.wantConflict("DeleteWith", err, "a", store.Absent, current)
			_, err = r.DeleteWith(t.Context(), "never", store.Any, "key", noteOf("removed"))
			t.wantErr("DeleteWith", err, store.ErrNotFound)
			t.wantRecords("")
			info, err := r.CommitWith(t.Context(), d, store.At(current.Revision), "key", noteOf("wrote"))
			if err != nil {
				t.Fatal(err)
			}
			t.abort(d)
			t.wantRecords("", "key", "wrote a "+info.Revision.String())
		},
	},
	{
		"Recorder/plain",
		"writes without a record leave none, and leave those of others alone",
		func(t *env) {
			t.recorder()
			info := t.commitWith("a", "content", store.Absent, "key")
			t.put("a", "again")
			t.remove("a")
			t.wantRecords("", "key", "wrote a "+info.Revision.String())
		},
	},
	{
		"Recorder/bounds",
		"a record that cannot be kept is an error, and the write has not taken place",
		func(t *env) {
			r := t.recorder()
			before := t.put("a", "content")
			tooLong := func(store.Info) []byte { return make([]byte, store.MaxRecordValue+1) }
			d := t.stage("a", "draft")
			_, err := r.CommitWith(t.Context(), d, store.Any, "key", tooLong)
			t.wantErr("CommitWith with a value too large", err, store.ErrTooLarge)
			t.abort(d)
			d = t.stage("a", "draft")
			_, err = r.CommitWith(t.Context(), d, store.Any, "", noteOf("wrote"))
			t.wantErr("CommitWith without a key", err, store.ErrName)
			t.abort(d)
			_, err = r.DeleteWith(t.Context(), "a", store.Any, "key", tooLong)
			t.wantErr("DeleteWith with a value too large", err, store.ErrTooLarge)
			t.wantInfo("Stat", t.wantContent("a", "content"), before)
			t.wantRecords("")
		},
	},
}
