package dirstore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// overwriteBlindly commits content on what is current, as somebody who has not said what that is.
func overwriteBlindly(t *testing.T, s *Store, name, content string) {
	t.Helper()
	d, err := s.Stage(t.Context(), name, strings.NewReader(content))
	check(t, err)
	_, err = d.Commit(store.Sparing(t.Context()), store.Any)
	check(t, err)
}

// TestSpared: what was overwritten blindly stays, whatever is written after it and however long ago
// it was, also after a restart.
func TestSpared(t *testing.T) {
	now, dir := time.Now(), fastDir(t)
	o := Options{Keep: 2, KeepAge: time.Hour, manual: true, Now: func() time.Time { return now }}
	s := openAt(t, dir, o)
	seen := commit(t, s, "a", "precious", store.Absent)
	overwriteBlindly(t, s, "a", "blind")
	for i := range 5 {
		commit(t, s, "a", fmt.Sprint(i), store.Any)
	}
	settleHistory(t, s)
	if got := keptRevisions(t, s, "a"); len(got) != 3 || got[2] != seen {
		t.Errorf("kept are %v, want two, and %d, which was overwritten blindly", got, seen.Revision)
	}
	now = now.Add(2 * time.Hour)
	for range 2 { // once by age, once beginning after what is known to be spared
		settleHistory(t, s)
		if got := keptRevisions(t, s, "a"); !slices.Equal(got, []store.Info{seen}) {
			t.Errorf("kept two hours later are %v, want %d alone", got, seen.Revision)
		}
	}
	commit(t, s, "b", "1", store.Absent)
	commit(t, s, "b", "2", store.Any)
	now = now.Add(2 * time.Hour)
	settleHistory(t, s)
	if got := keptRevisions(t, s, "b"); len(got) != 0 {
		t.Errorf("kept of b are %v, and it is too old", got)
	}
	check(t, s.Close())
	s = openAt(t, dir, o)
	settleHistory(t, s)
	wantRevision(t, s, seen, "precious")
	for i := range 5 {
		overwriteBlindly(t, s, "a", fmt.Sprint("blind ", i))
	}
	settleHistory(t, s)
	if got := keptRevisions(t, s, "a"); len(got) != 2 {
		t.Errorf("%d are kept of what was overwritten blindly, want the last 2", len(got))
	}
}

// TestSparedWithinBytes: what is spared counts for the size of all, and may be all of it.
func TestSparedWithinBytes(t *testing.T) {
	s := openAt(t, fastDir(t), Options{KeepBytes: 1000, manual: true, Sync: SyncNone})
	if !s.CanSpare(1000) || s.CanSpare(1001) {
		t.Error("another size than that of all history can be spared")
	}
	large := strings.Repeat("x", 900)
	commit(t, s, "a", large, store.Absent)
	commit(t, s, "a", "2", store.Any)
	if got := keptRevisions(t, s, "a"); len(got) != 0 {
		t.Errorf("%v are kept, and are more than an eighth", got)
	}
	commit(t, s, "b", large, store.Absent)
	overwriteBlindly(t, s, "b", large)
	if got := keptRevisions(t, s, "b"); len(got) != 1 {
		t.Errorf("%d are kept of what was overwritten blindly, want 1", len(got))
	}
	overwriteBlindly(t, s, "b", "3")
	settleHistory(t, s)
	if got := keptRevisions(t, s, "b"); len(got) != 1 {
		t.Errorf("%d are kept, want the newer one, as both have 1800 bytes", len(got))
	}
}

// TestSparedAfterDeath: wherever the process dies, what was there is current still, or spared.
func TestSparedAfterDeath(t *testing.T) {
	for n := 1; ; n++ {
		dir := fastDir(t)
		var hook func(step) error
		s := openAt(t, dir, Options{Keep: 1, manual: true, hook: func(w step) error {
			if hook == nil {
				return nil
			}
			return hook(w)
		}})
		seen := commit(t, s, "a", "precious", store.Absent)
		hook = failFrom(n)
		d, err := s.Stage(t.Context(), "a", strings.NewReader("blind"))
		if err == nil {
			_, err = d.Commit(store.Sparing(t.Context()), store.Any)
		}
		s.abandon()
		s = openAt(t, dir, Options{Keep: 1, manual: true})
		if now, err := s.Stat(t.Context(), "a"); err != nil {
			t.Fatal(err)
		} else if now.Digest != seen.Digest {
			commit(t, s, "a", "3", store.Any)
			commit(t, s, "a", "4", store.Any)
		}
		wantRevision(t, s, seen, "precious")
		check(t, s.Close())
		if t.Failed() || err == nil {
			break
		}
	}
}

// TestSparedByMove: so does what a resource is moved over.
func TestSparedByMove(t *testing.T) {
	s := openAt(t, fastDir(t), Options{Keep: 1, manual: true})
	seen := commit(t, s, "a", "precious", store.Absent)
	commit(t, s, "tmp", "blind", store.Absent)
	if _, err := s.Move(store.Sparing(t.Context()), "tmp", store.Any, "a", store.Any); err != nil {
		t.Fatal(err)
	}
	commit(t, s, "a", "3", store.Any)
	commit(t, s, "a", "4", store.Any)
	wantRevision(t, s, seen, "precious")
}

// wantRevision checks the content of a revision that may be an earlier one.
func wantRevision(t *testing.T, s *Store, seen store.Info, want string) {
	t.Helper()
	if _, got, err := readRevision(s, seen.Name, seen.Revision); err != nil || got != want {
		t.Errorf("revision %d is %q, error %v, want %q", seen.Revision, got, err, want)
	}
}
