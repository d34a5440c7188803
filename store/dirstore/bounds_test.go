package dirstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/fourtwelve/fourtwelve/store"
)

// settleHistory does what a checkpoint does in time.
func settleHistory(t *testing.T, s *Store) {
	t.Helper()
	check(t, errors.Join(s.checkpoint(false), s.trim(), s.checkpoint(false)))
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// keptCount is how many earlier revisions there are, by the files and by the count.
func keptCount(t *testing.T, s *Store) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(s.dir, stateDir, "kept"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	check(t, err)
	if counted := int(s.keptFiles.Load()); counted != n {
		t.Errorf("%d kept files are counted, and there are %d", counted, n)
	}
	return n
}

// TestKeepFiles: the oldest go first when there are too many, whosever they are, and the
// count survives a restart.
func TestKeepFiles(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{KeepFiles: 50, manual: true, Sync: SyncNone})
	for i := range 200 {
		name := fmt.Sprint("n", i)
		commit(t, s, name, "x", store.Absent)
		_, err := s.Delete(t.Context(), name, store.Any)
		check(t, err)
	}
	settleHistory(t, s)
	if n := keptCount(t, s); n != 50 {
		t.Errorf("%d revisions are kept, want 50", n)
	}
	if len(keptRevisions(t, s, "n149")) != 0 || len(keptRevisions(t, s, "n150")) != 1 {
		t.Error("it is not the oldest that have gone")
	}
	check(t, s.Close())
	s = openAt(t, dir, Options{KeepFiles: 10, manual: true, Sync: SyncNone})
	settleHistory(t, s)
	if n := keptCount(t, s); n != 10 {
		t.Errorf("%d revisions are kept after a restart with less, want 10", n)
	}
}

// TestKeepAge: a revision goes when it was replaced so long ago, not when it was made.
func TestKeepAge(t *testing.T) {
	now := time.Now()
	s := openAt(t, fastDir(t), Options{KeepAge: time.Hour, manual: true, Now: func() time.Time { return now }})
	commit(t, s, "a", "first", store.Absent)
	commit(t, s, "a", "second", store.Any)
	now = now.Add(59 * time.Minute)
	settleHistory(t, s)
	if n := len(keptRevisions(t, s, "a")); n != 1 {
		t.Errorf("%d revisions are kept for 59 minutes, want 1", n)
	}
	now = now.Add(2 * time.Minute)
	settleHistory(t, s)
	if n := len(keptRevisions(t, s, "a")); n != 0 {
		t.Errorf("%d revisions are kept for 61 minutes, want none", n)
	}
	wantPlain(t, s, "a", "second")
}

// TestHistoryLeavesSpaceFree, bytes and files, for what is not history.
func TestHistoryLeavesSpaceFree(t *testing.T) {
	for what, full := range map[string]func(kept uint64) space{
		"bytes": func(kept uint64) space { return space{bytes: 1000, freeBytes: 100 - kept, files: 100, freeFiles: 50} },
		"files": func(kept uint64) space { return space{bytes: 1000, freeBytes: 500, files: 1000, freeFiles: 100 - kept} },
	} {
		var s *Store
		s = openAt(t, fastDir(t), Options{Keep: 90, manual: true, Sync: SyncNone, space: func() (space, error) {
			return full(uint64(s.keptFiles.Load())), nil
		}})
		for i := range 80 {
			commit(t, s, "a", fmt.Sprint(i), store.Any)
		}
		settleHistory(t, s)
		if n := keptCount(t, s); n != 50 {
			t.Errorf("%s: %d revisions are kept, want the 50 that leave a twentieth free", what, n)
		}
	}
}

// TestHistoryGivesWay: a write that finds no space is not refused while there is history,
// be it of its own name, and be it flushed or not.
func TestHistoryGivesWay(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		for _, name := range []string{"a", "b"} {
			for _, size := range []int{1, 300_000} {
				for _, where := range []step{stepCreate, stepWrite, stepMakeDir, stepJournal} {
					var s *Store
					room := int64(1 << 40)
					s = openAt(t, fastDir(t), Options{Keep: 90, manual: true, hook: func(at step) error {
						if s != nil && at == where && s.keptFiles.Load() >= room {
							return syscall.ENOSPC
						}
						return nil
					}})
					for i := range 40 {
						commit(t, s, "a", fmt.Sprint(i, strings.Repeat("x", 1000)), store.Any)
					}
					if flushed {
						check(t, s.checkpoint(false))
					}
					room = 5
					target := name
					if where == stepMakeDir {
						target = "new/" + name
					}
					what := fmt.Sprintf("flushed %v, %s of %d bytes, no space to %s", flushed, target, size, where)
					d, err := s.Stage(t.Context(), target, strings.NewReader(strings.Repeat("y", size)))
					if err == nil {
						_, err = d.Commit(t.Context(), store.Any)
					}
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
					room = 2 // what is there no more cannot give way
					if _, err := s.Delete(t.Context(), target, store.Any); err != nil && !errors.Is(err, store.ErrNoSpace) {
						t.Errorf("%s: delete: %v", what, err)
					}
					room = 1 << 40
					keptCount(t, s)
				}
			}
		}
	}
}

// comeAndGo leaves a kept revision of each of so many names.
func comeAndGo(t *testing.T, s *Store, names int) {
	t.Helper()
	for i := range names {
		name := fmt.Sprint("n", i)
		commit(t, s, name, "x", store.Absent)
		_, err := s.Delete(t.Context(), name, store.Any)
		check(t, err)
	}
}

// TestHistoryGivesWayMoreThanOnce: what one write needs is more than history gives at once, and
// what was dropped is still in the index.
func TestHistoryGivesWayMoreThanOnce(t *testing.T) {
	for _, size := range []int{1, 300_000} {
		var s *Store
		room := int64(1 << 40)
		s = openAt(t, fastDir(t), Options{manual: true, Sync: SyncNone, hook: func(at step) error {
			if at == stepWrite && s.keptFiles.Load() > room {
				return syscall.ENOSPC
			}
			return nil
		}})
		comeAndGo(t, s, 100)
		check(t, s.checkpoint(false))
		room = 5
		commit(t, s, "b", strings.Repeat("y", size), store.Absent)
		if n := keptCount(t, s); n > 5 || n == 0 {
			t.Errorf("%d bytes: %d revisions are kept, want those there is room for", size, n)
		}
	}
}

// TestHistoryGaveWayToOthers: a write finds no space, and before it can ask for some, others have
// made all of history give way.
func TestHistoryGaveWayToOthers(t *testing.T) {
	for _, size := range []int{1, 300_000} {
		var s *Store
		full := false
		s = openAt(t, fastDir(t), Options{manual: true, Sync: SyncNone, hook: func(at step) error {
			if !full || at != stepWrite {
				return nil
			}
			full = false
			s.giving.Lock()
			defer s.giving.Unlock()
			for s.keptFiles.Load() > 0 {
				s.giveWay(nil)
			}
			return syscall.ENOSPC
		}})
		comeAndGo(t, s, 20)
		full = true
		commit(t, s, "b", strings.Repeat("y", size), store.Absent)
	}
}

// TestNoSpaceWithoutHistory: it is an error when nothing can give way.
func TestNoSpaceWithoutHistory(t *testing.T) {
	full := false
	s := openAt(t, fastDir(t), Options{manual: true, hook: func(step) error {
		if full {
			return syscall.ENOSPC
		}
		return nil
	}})
	commit(t, s, "a", "first", store.Absent)
	commit(t, s, "a", "second", store.Any)
	full = true
	for _, size := range []int{1, 300_000} {
		d, err := s.Stage(t.Context(), "b", strings.NewReader(strings.Repeat("y", size)))
		if err == nil {
			_, err = d.Commit(t.Context(), store.Any)
		}
		if !errors.Is(err, store.ErrNoSpace) {
			t.Errorf("%d bytes: error %v, want ErrNoSpace", size, err)
		}
	}
	full = false
}

// TestDeletedNamesLeaveTheIndex when nothing of them is kept any more, whoever deleted them.
func TestDeletedNamesLeaveTheIndex(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{KeepFiles: 1, manual: true})
	for i := range 20 {
		name := fmt.Sprint("n", i)
		commit(t, s, name, name, store.Absent)
		if i%2 == 0 {
			check(t, os.Remove(filepath.Join(dir, name)))
			if _, err := s.Stat(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
				t.Error(err)
			}
			continue
		}
		_, err := s.Delete(t.Context(), name, store.Any)
		check(t, err)
	}
	commit(t, s, "alive", "alive", store.Absent)
	settleHistory(t, s)
	var names []string
	check(t, s.index.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketNames).ForEach(func(k, _ []byte) error {
			names = append(names, string(k))
			return nil
		})
	}))
	if got := strings.Join(names, " "); got != "alive n19" {
		t.Errorf("the index has %q, want what is there and the one of which a revision is kept", got)
	}
}

// traces returns the files of the state folder, the index apart, that contain text.
func traces(t *testing.T, s *Store, text string) (found []string) {
	t.Helper()
	check(t, filepath.WalkDir(filepath.Join(s.dir, stateDir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			found = append(found, path)
		}
		return err
	}))
	return found
}

// TestPurge: what is purged is in no file any more, and nothing else is lost.
func TestPurge(t *testing.T) {
	for _, manual := range []bool{true, false} {
		dir := fastDir(t)
		s := openAt(t, dir, Options{manual: manual})
		var first store.Info
		for i, content := range []string{"a secret of Ann's", "another secret", "the third one", "what is current"} {
			info := commit(t, s, "d/a", content, store.Any)
			if i == 0 {
				first = info
			}
			commit(t, s, "b", "b: "+content, store.Any)
		}
		commit(t, s, "deleted", "a deleted secret", store.Absent)
		_, err := s.Delete(t.Context(), "deleted", store.Any)
		check(t, err)
		if len(traces(t, s, "a secret of Ann's")) < 2 {
			t.Fatal("the content is not where this test looks for it")
		}

		if n, err := s.Purge(t.Context(), "d/a", first.Revision); n != 1 || err != nil {
			t.Errorf("Purge of the first revision: %d, error %v, want 1", n, err)
		}
		if _, _, err := readRevision(s, "d/a", first.Revision); !errors.Is(err, store.ErrGone) {
			t.Errorf("the first revision after it was purged: error %v, want ErrGone", err)
		}
		current, err := s.Stat(t.Context(), "d/a")
		check(t, err)
		for _, rev := range []store.Revision{first.Revision, current.Revision, 7} {
			if n, err := s.Purge(t.Context(), "d/a", rev); n != 0 || !errors.Is(err, store.ErrGone) {
				t.Errorf("Purge of revision %d: %d, error %v, want ErrGone", rev, n, err)
			}
		}
		if n := len(keptRevisions(t, s, "d/a")); n != 2 {
			t.Errorf("%d revisions are kept after one was purged, want 2", n)
		}
		done, err := s.PurgeAll(t.Context(), Selection{Names: []string{"d", "deleted"}})
		if want := (Purged{Names: 2, Revisions: 3, Bytes: 43}); done != want || err != nil {
			t.Errorf("PurgeAll: %+v, error %v, want %+v", done, err, want)
		}
		if n := len(keptRevisions(t, s, "b")); n != 3 {
			t.Errorf("%d revisions of another name are kept, want 3", n)
		}
		if done, err := s.PurgeAll(t.Context(), Selection{OlderThan: time.Hour}); done.Revisions != 0 || err != nil {
			t.Errorf("PurgeAll of what is an hour old: %+v, error %v, want nothing", done, err)
		}
		if n, err := s.Purge(t.Context(), "b", 0); n != 3 || err != nil {
			t.Errorf("Purge of b: %d, error %v, want 3", n, err)
		}
		for _, text := range []string{"a secret of Ann's", "another secret", "the third one", "a deleted secret"} {
			if found := traces(t, s, text); len(found) > 0 {
				t.Errorf("%q is still in %q", text, found)
			}
		}
		wantPlain(t, s, "d/a", "what is current")
		commit(t, s, "d/a", "after it", store.At(current.Revision))
		check(t, s.Close())
		s = openAt(t, dir, Options{manual: true})
		wantPlain(t, s, "d/a", "after it")
		wantPlain(t, s, "b", "b: what is current")
		settleHistory(t, s)
	}
}

// TestPurgeReadOnly: a store that writes nothing cannot forget either.
func TestPurgeReadOnly(t *testing.T) {
	s := openAt(t, fastDir(t), Options{ReadOnly: true})
	if _, err := s.PurgeAll(t.Context(), Selection{}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("error %v, want ErrReadOnly", err)
	}
}

// TestBusyHistoryGivesWay: the only history is that of a name that somebody is using. A write to another
// name waits for that to end, and is not refused.
func TestBusyHistoryGivesWay(t *testing.T) {
	for _, size := range []int{1, 300_000} {
		var s *Store
		full := false
		s = openAt(t, fastDir(t), Options{manual: true, Sync: SyncNone, hook: func(at step) error {
			if full && at == stepWrite && s.keptFiles.Load() > 0 {
				return syscall.ENOSPC
			}
			return nil
		}})
		commit(t, s, "a", "first", store.Absent)
		commit(t, s, "a", "second", store.Any)
		full = true
		used, err := s.nodes.take(t.Context(), "a")
		check(t, err)
		done := make(chan error)
		go func() {
			d, err := s.Stage(context.Background(), "b", strings.NewReader(strings.Repeat("y", size)))
			if err == nil {
				_, err = d.Commit(context.Background(), store.Absent)
			}
			done <- err
		}()
		for waits := false; !waits; {
			select {
			case err := <-done:
				t.Fatalf("the write did not wait: error %v", err)
			default:
				runtime.Gosched()
			}
			in := s.nodes.shard("a")
			in.mu.Lock()
			waits = used.users == 2
			in.mu.Unlock()
		}
		s.nodes.release(used)
		if err := <-done; err != nil {
			t.Errorf("a write of %d bytes: error %v", size, err)
		}
		full = false
	}
}
