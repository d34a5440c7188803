package dirstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// TestFilesAreUsedAgain: a name that is written to often has the same few files all the time, and what is in them is
// no older than it is: history gives way by age, whatever the file is called.
func TestFilesAreUsedAgain(t *testing.T) {
	dir := fastDir(t)
	o := Options{Keep: 2, manual: true}
	s := openAt(t, dir, o)
	commit(t, s, "often", "0", store.Absent)
	commit(t, s, "often", "1", store.Any)
	commit(t, s, "often", "2", store.Any)
	files := keptPaths(s, "often")
	commit(t, s, "once", "a", store.Absent)
	commit(t, s, "once", "b", store.Any)
	for i := 3; i < 9; i++ {
		commit(t, s, "often", fmt.Sprint(i), store.Any)
		now := keptPaths(s, "often")
		for file := range now {
			if !files[file] {
				t.Fatalf("write %d keeps %q, and the files were %v", i, file, files)
			}
		}
		if len(now) != 2 {
			t.Fatalf("after write %d %d files are kept", i, len(now))
		}
	}
	for _, flushed := range []bool{false, true} {
		if flushed {
			settleHistory(t, s)
		}
		if oldest := s.oldestHistory(1); len(oldest) == 0 || oldest[0].name != "once" {
			t.Errorf("flushed %v: the oldest of all is %v, want that of once", flushed, oldest)
		}
	}
	want := keptRevisions(t, s, "often")
	check(t, s.Close())
	s = openAt(t, dir, o)
	settleHistory(t, s)
	if len(want) != 2 || len(keptRevisions(t, s, "often")) != 2 {
		t.Fatalf("kept were %v, and after a restart %v", want, keptRevisions(t, s, "often"))
	}
	wantRevision(t, s, want[0], "7")
	wantRevision(t, s, want[1], "6")
}

func keptPaths(s *Store, name string) map[string]bool {
	paths := make(map[string]bool)
	for _, k := range s.nodes.peek(name).kept {
		paths[k.path()] = true
	}
	return paths
}

// TestRevisionWhoseFileWasTaken: when the process dies after it has written into the file of the oldest revision and before
// the write is announced, that revision is gone; the list of revisions does not say otherwise, and nothing stays behind.
func TestRevisionWhoseFileWasTaken(t *testing.T) {
	dir, armed, dead := fastDir(t), false, false
	s := openAt(t, dir, Options{Keep: 1, manual: true, hook: func(w step) error {
		if dead = dead || armed && w == stepJournal; dead { // whoever is dead tidies up nothing
			return errors.New("dead")
		}
		return nil
	}})
	oldest := commit(t, s, "a", "1", store.Absent)
	current := commit(t, s, "a", "2", store.Any)
	settleHistory(t, s)
	file := filepath.Join(dir, stateDir, s.nodes.peek("a").kept[0].path())
	armed = true
	d, err := s.Stage(t.Context(), "a", strings.NewReader("3"))
	check(t, err)
	if _, err := d.Commit(t.Context(), store.Any); err == nil {
		t.Fatal("a dead store has committed")
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "3" {
		t.Fatalf("the file has %q, error %v; want what was about to be announced", b, err)
	}
	s.abandon()
	s = openAt(t, dir, Options{Keep: 1, manual: true})
	if got, err := s.Stat(t.Context(), "a"); err != nil || got.Digest != current.Digest {
		t.Fatalf("current is %v, error %v", got, err)
	}
	if got := keptRevisions(t, s, "a"); len(got) != 0 {
		t.Errorf("kept are %v, and there is none", got)
	}
	if _, got, err := readRevision(s, "a", oldest.Revision); err == nil {
		t.Errorf("the revision that was lost reads as %q", got)
	}
	commit(t, s, "a", "4", store.Any)
	settleHistory(t, s)
	wantRevision(t, s, current, "2")
}
