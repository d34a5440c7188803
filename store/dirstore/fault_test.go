package dirstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// failAt makes the nth step fail with err, and if forever is set all after it.
func failAt(n int, err error, forever bool) func(step) error {
	return func(step) error {
		n--
		if n == 0 || forever && n < 0 {
			return err
		}
		return nil
	}
}

// faulty are changes whose every step is made to fail, and what is there before.
var faulty = []struct {
	name   string
	before string // "": nothing
	change scripted
}{
	{"create", "", scripted{name: "d/a", size: 1000}},
	{"create large", "", scripted{name: "d/a", size: 100_000}},
	{"replace", "before", scripted{name: "d/a", size: 1000}},
	{"replace by large", "before", scripted{name: "d/a", size: 100_000}},
	{"replace large", strings.Repeat("before", 20_000), scripted{name: "d/a", size: 1000}},
	{"delete", "before", scripted{name: "d/a", delete: true}},
}

// TestFaults lets each step of each kind of change fail in turn, once or for
// good, as a disk does that is full, broken or read-only. The change then has not
// happened, unless the error says that this is unknown. Once the disk is well
// again, so is the store.
func TestFaults(t *testing.T) {
	for _, c := range faulty {
		t.Run(c.name, func(t *testing.T) {
			for _, fault := range []struct {
				err, kind error
				forever   bool
			}{
				{syscall.ENOSPC, store.ErrNoSpace, true},
				{syscall.EROFS, store.ErrReadOnly, false},
				{syscall.EIO, syscall.EIO, false},
			} {
				for n := 1; ; n++ {
					f := faultRun{t: t, before: c.before, change: c.change, kind: fault.kind}
					if f.run(failAt(n, fault.err, fault.forever)) {
						break
					}
					if t.Failed() {
						t.Fatalf("step %d failed with %v, forever %t", n, fault.err, fault.forever)
					}
				}
			}
		})
	}
}

// faultRun is one change on a store whose disk fails.
type faultRun struct {
	t      *testing.T
	before string
	change scripted
	kind   error
}

// run makes the change while fault is in force, and reports whether it was never
// noticed.
func (f faultRun) run(fault func(step) error) (unnoticed bool) {
	t := f.t
	dir := fastDir(t)
	var hook func(step) error
	failed := false
	s := openAt(t, dir, Options{Keep: 1, manual: true, hook: func(w step) error {
		if hook == nil {
			return nil
		}
		err := hook(w)
		failed = failed || err != nil
		return err
	}})
	if f.before != "" {
		commit(t, s, f.change.name, "older", store.Absent)
		commit(t, s, f.change.name, f.before, store.Any)
	}
	hook = fault
	_, err := f.change.perform(s, 1)
	hook = nil

	_, now, readErr := readCurrent(s, f.change.name)
	if readErr != nil && !errors.Is(readErr, store.ErrNotFound) {
		t.Errorf("Open after the fault: %v", readErr)
	}
	after := ""
	if !f.change.delete {
		after = f.change.content(1)
	}
	switch {
	case err == nil && now != after:
		t.Errorf("the change succeeded, but %.20q is there", now)
	case errors.Is(err, store.ErrUnknown):
		if now != after && now != f.before {
			t.Errorf("the outcome is unknown, but %.20q is there", now)
		}
	case err != nil && now != f.before:
		t.Errorf("the change failed (%v), but %.20q is there", err, now)
	}
	if err != nil && !errors.Is(err, store.ErrUnknown) && !errors.Is(err, f.kind) {
		t.Errorf("error %v, want one that is %v", err, f.kind)
	}
	if err != nil && strings.Contains(err.Error(), dir) {
		t.Errorf("error %q tells where the directory is", err)
	}
	f.recovers(s, err, now)
	return !failed
}

// recovers checks that s is well after the change ended with err, and now was
// there; and that so is the directory for the next to open it.
func (f faultRun) recovers(s *Store, err error, now string) {
	t := f.t
	again := f.change.name
	commit(t, s, again, "again", store.Any)
	wantPlain(t, s, again, "again")
	check(t, s.Close())
	s = openAt(t, s.dir, Options{Keep: 1})
	wantPlain(t, s, again, "again")
	if left, _ := strayFiles(t, s); len(left) > 0 {
		t.Errorf("left behind after error %v: %q", err, left)
	}
	checkHistory(t, s, false)
	check(t, s.Close())
}

// TestFaultThenCrash lets each step fail and then the process die. What was
// there when the change had failed is there after the next start too.
func TestFaultThenCrash(t *testing.T) {
	for _, c := range faulty {
		for _, session := range []string{"", "after a loss of power"} {
			for n := 1; ; n++ {
				dir := fastDir(t)
				var hook func(step) error
				failed := false
				s := openAt(t, dir, Options{Keep: 1, manual: true, hook: func(w step) error {
					if hook == nil {
						return nil
					}
					err := hook(w)
					failed = failed || err != nil
					return err
				}})
				if c.before != "" {
					commit(t, s, c.change.name, c.before, store.Absent)
				}
				hook = failAt(n, syscall.EIO, false)
				_, err := c.change.perform(s, 1)
				hook = nil
				_, was, _ := readCurrent(s, c.change.name)
				s.abandon()
				s = openAt(t, dir, Options{Keep: 1, session: session})
				_, is, _ := readCurrent(s, c.change.name)
				if is != was && !errors.Is(err, store.ErrUnknown) {
					t.Errorf("after error %v there was %.20q, and after the crash there is %.20q", err, was, is)
				}
				if left, _ := strayFiles(t, s); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
				check(t, s.Close())
				if t.Failed() {
					t.Fatalf("%s, step %d", c.name, n)
				}
				if !failed {
					break
				}
			}
		}
	}
}

// TestCheckpointFaults lets checkpoints fail. Changes go on, and are there after
// a crash; the next checkpoint that can be written takes them all. What a failed sync does is
// in TestFailedSync.
func TestCheckpointFaults(t *testing.T) {
	for _, what := range []step{stepJournalNew, stepIndex, stepJournalForget} {
		t.Run(string(what), func(t *testing.T) {
			dir := fastDir(t)
			var broken bool
			s := openAt(t, dir, Options{manual: true, hook: func(w step) error {
				if broken && w == what {
					return syscall.EIO
				}
				return nil
			}})
			broken = true
			for i := range 3 {
				commit(t, s, fmt.Sprint("a", i), "first", store.Absent)
				if err := s.checkpoint(false); !errors.Is(err, syscall.EIO) {
					t.Errorf("checkpoint: error %v, want EIO", err)
				}
				commit(t, s, fmt.Sprint("a", i), "second", store.Any)
			}
			s.abandon()
			for _, session := range []string{"", "after a loss of power"} {
				s = openAt(t, dir, Options{session: session})
				for i := range 3 {
					wantPlain(t, s, fmt.Sprint("a", i), "second")
				}
				checkHistory(t, s, false)
				if left := leftovers(t, s); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
				s.abandon()
			}
		})
	}
}

// TestFailedSync: when a sync of the plain files has failed, nothing is believed to be on the
// disk because a later sync succeeds. Writes are refused with the reason, reads go on, and
// writes are accepted when what the journal has is in new files, each of which was synced.
func TestFailedSync(t *testing.T) {
	for _, fault := range []struct{ err, kind error }{
		{syscall.EIO, store.ErrUnavailable},
		{syscall.ENOSPC, store.ErrNoSpace},
	} {
		dir := fastDir(t)
		failing, synced := 0, 0
		s := openAt(t, dir, Options{manual: true, hook: func(w step) error {
			switch {
			case w == stepSyncFS && failing > 0:
				failing--
				return fault.err
			case w == stepSync:
				synced++
			}
			return nil
		}})
		commit(t, s, "kept", "before", store.Absent)
		check(t, s.checkpoint(false))
		infos := []store.Info{commit(t, s, "a", "first", store.Absent), commit(t, s, "d/b", "second", store.Absent)}
		infos = append(infos, commit(t, s, "d/b", "third", store.At(infos[1].Revision)))
		first, err := statAt(s.top, "a")
		check(t, err)

		failing = 2 // the second is that of the rescue
		for range 2 {
			if err := s.checkpoint(false); !errors.Is(err, fault.err) {
				t.Errorf("checkpoint: error %v, want %v", err, fault.err)
			}
			refusesWrites(t, s, fault.kind)
		}
		check(t, s.checkpoint(false))
		if err := s.Health(); err != nil {
			t.Errorf("Health after the rescue: %v", err)
		}
		if second, err := statAt(s.top, "a"); err != nil || second.id.ino == first.id.ino || synced < 2 {
			t.Errorf("the content was not written to a new file (inode %d, then %d, error %v), or that was not synced (%d syncs)",
				first.id.ino, second.id.ino, err, synced)
		}
		for i, name := range []string{"a", "", "d/b"} {
			if got, err := s.Stat(t.Context(), name); name != "" && (err != nil || got != infos[i]) {
				t.Errorf("after the rescue %q is %+v, error %v; want %+v", name, got, err, infos[i])
			}
		}
		checkHistory(t, s, false)
		if left := leftovers(t, s); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		commit(t, s, "a", "fourth", store.At(infos[0].Revision))
		check(t, s.Close())
	}
}

// refusesWrites checks that s refuses changes with an error of that kind, and can be read.
func refusesWrites(t *testing.T, s *Store, kind error) {
	t.Helper()
	_, stageErr := s.Stage(t.Context(), "kept", strings.NewReader("refused"))
	_, deleteErr := s.Delete(t.Context(), "kept", store.Any)
	for what, err := range map[string]error{"Health": s.Health(), "Stage": stageErr, "Delete": deleteErr} {
		if !errors.Is(err, kind) {
			t.Errorf("%s: error %v, want one that is %v", what, err, kind)
		}
	}
	wantPlain(t, s, "kept", "before")
	wantPlain(t, s, "d/b", "third")
}

// TestFailedSyncThenRestart: that a sync has failed outlives the process. What the journal has is
// written again by the next start, whatever the memory of the system shows.
func TestFailedSyncThenRestart(t *testing.T) {
	dir := fastDir(t)
	failing := false
	fail := func(w step) error {
		if w == stepSyncFS && failing {
			return syscall.EIO
		}
		return nil
	}
	s := openAt(t, dir, Options{manual: true, hook: fail})
	commit(t, s, "a", "content", store.Absent)
	first, err := statAt(s.top, "a")
	check(t, err)
	failing = true
	if err := s.checkpoint(false); !errors.Is(err, syscall.EIO) {
		t.Errorf("checkpoint: error %v, want EIO", err)
	}
	s.abandon()
	if _, err := Open(dir, Options{hook: fail}); !errors.Is(err, syscall.EIO) {
		t.Errorf("Open while the disk fails: error %v, want EIO", err)
	}
	s = openAt(t, dir, Options{})
	if second, err := statAt(s.top, "a"); err != nil || second.id.ino == first.id.ino {
		t.Errorf("the content was not written to a new file: inode %d, then %d, error %v", first.id.ino, second.id.ino, err)
	}
	wantPlain(t, s, "a", "content")
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestSyncEach: where the file system cannot be synced as a whole, each file and
// each directory above is.
func TestSyncEach(t *testing.T) {
	s := openAt(t, t.TempDir(), Options{manual: true})
	for _, name := range []string{"a", "d/e/b", "d/c"} {
		commit(t, s, name, "content", store.Absent)
	}
	_, err := s.Delete(t.Context(), "d/c", store.Any)
	check(t, err)
	names := s.index.unsynced()
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "a d/c d/e/b" {
		t.Errorf("not synced are %s", got)
	}
	check(t, s.syncEach(append(names, "never/was")))
}

// TestStagedWhileSyncFails: large content that was staged while a sync of the file system failed is
// refused, though its own sync succeeds: there may have been nothing left to write.
func TestStagedWhileSyncFails(t *testing.T) {
	content := strings.Repeat("x", 100_000)
	for _, committed := range []bool{false, true} {
		failing := false
		var s *Store
		s = openAt(t, fastDir(t), Options{manual: true, hook: func(w step) error {
			switch {
			case w == stepSyncFS && failing:
				failing = false
				return syscall.EIO
			case w == stepSync && failing && !committed:
				if err := s.checkpoint(false); !errors.Is(err, syscall.EIO) {
					t.Errorf("checkpoint: error %v, want EIO", err)
				}
			}
			return nil
		}})
		commit(t, s, "a", "before", store.Absent)
		failing = true
		d, err := s.Stage(t.Context(), "a", strings.NewReader(content))
		if committed {
			check(t, err)
			if err := s.checkpoint(false); !errors.Is(err, syscall.EIO) {
				t.Errorf("checkpoint: error %v, want EIO", err)
			}
			check(t, s.checkpoint(false)) // the rescue
			check(t, s.Health())
			_, err = d.Commit(t.Context(), store.Any)
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("committed %t: error %v, want ErrUnavailable", committed, err)
		}
		check(t, s.checkpoint(false))
		wantPlain(t, s, "a", "before")
		commit(t, s, "a", content, store.Any)
		if left := leftovers(t, s); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}
