package dirstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// TestNotesAfterDeath lets the disk refuse everything from each step in turn on. After the next
// start a write has taken place if and only if the record it leaves is there, whatever its caller
// was told.
func TestNotesAfterDeath(t *testing.T) {
	contents := []string{"small", "again", strings.Repeat("large", 20_000), "flush", "small", "", "flush", "once more", ""}
	for _, o := range []Options{{}, {Sync: SyncNone}, {session: "after a loss of power"}} {
		for n := 1; ; n++ {
			dir := fastDir(t)
			var hook func(step) error
			s := openAt(t, dir, Options{manual: true, Sync: o.Sync, hook: func(w step) error {
				if hook == nil {
					return nil
				}
				return hook(w)
			}})
			hook = failFrom(n)
			done := perform(s, contents)
			s.abandon()
			s = openAt(t, dir, Options{session: o.session})
			records := keptRecords(t, s)
			info, err := s.Stat(t.Context(), "a")
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			last := ""
			for i, what := range contents {
				if r := records[fmt.Sprint(i)]; r != "" {
					last = r
				} else if what != "flush" && i < done {
					t.Fatalf("stopped at step %d: write %d was told done, and left no record", n, i)
				}
			}
			if last == "" {
				last = described(store.Info{})
			}
			if got := described(info); got != last {
				t.Fatalf("stopped at step %d, write %d: there is %s, and the last record is of %s", n, done, got, last)
			}
			check(t, s.Close())
			if done == len(contents) {
				break
			}
		}
	}
}

// described describes what is there.
func described(i store.Info) string { return fmt.Sprintf("%v %d %v", i.Revision, i.Size, i.Digest) }

// perform writes the contents one after the other, "" being a deletion, each with a record of the
// state that it makes. It returns how many have succeeded.
func perform(s *Store, contents []string) int {
	ctx := context.Background()
	for i, content := range contents {
		key := fmt.Sprint(i)
		switch content {
		case "flush":
			_ = s.checkpoint(false)
			continue
		case "":
			nothing := func(store.Info) []byte { return []byte(described(store.Info{})) }
			if _, err := s.DeleteWith(ctx, "a", store.Any, key, nothing); err != nil {
				return i
			}
			continue
		}
		d, err := s.Stage(ctx, "a", strings.NewReader(content))
		if err != nil {
			return i
		}
		if _, err := s.CommitWith(ctx, d, store.Any, key, func(i store.Info) []byte { return []byte(described(i)) }); err != nil {
			return i
		}
	}
	return len(contents)
}

// TestNotesSurviveTheJournal: what was left in the journal is there after a checkpoint, too, and
// over restarts.
func TestNotesSurviveTheJournal(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{manual: true})
	if done := perform(s, []string{"first", "second", "flush", "third"}); done != 4 {
		t.Fatalf("only %d of 4 were done", done)
	}
	want := keptRecords(t, s)
	for range 2 {
		check(t, s.Close())
		s = openAt(t, dir, Options{})
		if got := keptRecords(t, s); fmt.Sprint(got) != fmt.Sprint(want) || len(got) != 3 {
			t.Errorf("there are %v, want %v", got, want)
		}
	}
	check(t, s.Close())
}

// TestForeignDraft: a draft of another store is refused.
func TestForeignDraft(t *testing.T) {
	a, b := openAt(t, fastDir(t), Options{}), openAt(t, fastDir(t), Options{})
	defer a.Close()
	defer b.Close()
	d, err := a.Stage(t.Context(), "a", strings.NewReader("content"))
	check(t, err)
	if _, err := b.CommitWith(t.Context(), d, store.Any, "key", func(store.Info) []byte { return nil }); err == nil {
		t.Error("the draft of another store was committed")
	}
	check(t, d.Abort(t.Context()))
}
