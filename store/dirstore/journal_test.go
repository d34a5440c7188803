package dirstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// newJournal opens the journal in dir and begins epoch in it.
func newJournal(tb testing.TB, dir string, epoch uint64, hook func(step) error) *journal {
	tb.Helper()
	root, err := os.OpenRoot(dir)
	check(tb, err)
	defer root.Close()
	if hook == nil {
		hook = func(step) error { return nil }
	}
	j, err := openJournal(root, "session", true, hook)
	check(tb, err)
	tb.Cleanup(func() { j.close() })
	check(tb, j.rotate(epoch))
	return j
}

// contents returns what the journal's files have to say, by epoch.
func journalContents(tb testing.TB, j *journal) map[uint64]string {
	tb.Helper()
	files, err := j.read()
	check(tb, err)
	all := make(map[uint64]string)
	for _, f := range files {
		if f.session != "session" {
			tb.Errorf("epoch %d is of session %q", f.epoch, f.session)
		}
		var records []string
		for _, r := range f.records {
			records = append(records, string(r))
		}
		all[f.epoch] = strings.Join(records, " ")
	}
	return all
}

func TestJournal(t *testing.T) {
	j := newJournal(t, fastDir(t), 1, nil)
	want := map[uint64]string{}
	for epoch := range uint64(5) {
		epoch++
		if epoch > 1 {
			check(t, j.rotate(epoch))
		}
		var records []string
		for i := range 10 - epoch { // fewer and fewer, so that older ones follow
			r := fmt.Sprintf("%d.%d", epoch, i)
			check(t, j.append([]byte(r)))
			records = append(records, r)
		}
		want[epoch] = strings.Join(records, " ")
		delete(want, epoch-2)
		for e, got := range journalContents(t, j) {
			if got != want[e] {
				t.Errorf("epoch %d has %q, want %q", e, got, want[e])
			}
		}
	}
}

// TestJournalGroups: records appended at the same time are all there, those of
// one goroutine in order.
func TestJournalGroups(t *testing.T) {
	const writers, each = 16, 50
	j := newJournal(t, fastDir(t), 1, nil)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := j.append(fmt.Appendf(nil, "%d.%d", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	records := strings.Fields(journalContents(t, j)[1])
	if len(records) != writers*each {
		t.Fatalf("%d records, want %d", len(records), writers*each)
	}
	next := make([]int, writers)
	for _, r := range records {
		var w, i int
		fmt.Sscanf(r, "%d.%d", &w, &i)
		if next[w] != i {
			t.Errorf("writer %d: record %d comes where %d was expected", w, i, next[w])
		}
		next[w] = i + 1
	}
}

// TestJournalShares: those who come while a group is being synced share the next
// sync.
func TestJournalShares(t *testing.T) {
	const others = 20
	var j *journal
	syncs := 0
	j = newJournal(t, fastDir(t), 1, func(w step) error {
		if w != stepJournalSync {
			return nil
		}
		for syncs++; syncs == 1; runtime.Gosched() {
			j.mu.Lock()
			waiting := len(j.next.buf) / (recordOverhead + 1)
			j.mu.Unlock()
			if waiting == others {
				break
			}
		}
		return nil
	})
	var wg sync.WaitGroup
	for range 1 + others {
		wg.Go(func() {
			if err := j.append([]byte{'r'}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if syncs != 2 {
		t.Errorf("one record, and %d while it was synced, took %d syncs, want 2", others, syncs)
	}
}

// TestJournalTorn: a record that was written in part is where the journal ends.
func TestJournalTorn(t *testing.T) {
	dir := fastDir(t)
	j := newJournal(t, dir, 1, nil)
	for _, r := range []string{"first", "second", "third"} {
		check(t, j.append([]byte(r)))
	}
	file := j.files[j.active].Name()
	whole, err := os.ReadFile(file)
	check(t, err)
	end := bytes.Index(whole, []byte("third")) + len("third")
	for cut := journalHeader; cut < end; cut++ {
		torn := slices.Clone(whole)
		clear(torn[cut:])
		f, ok := parseJournal(torn)
		if !ok {
			t.Fatalf("cut at %d: the header is not valid", cut)
		}
		for i, r := range f.records {
			if want := []string{"first", "second", "third"}[i]; string(r) != want {
				t.Errorf("cut at %d: record %d is %q, want %q", cut, i, r, want)
			}
		}
		if len(f.records) == 3 {
			t.Errorf("cut at %d: all records are there", cut)
		}
	}
	for i := range journalHeader {
		damaged := slices.Clone(whole)
		damaged[i] ^= 1
		if f, ok := parseJournal(damaged); ok && (f.epoch != 1 || f.session != "session") {
			t.Errorf("byte %d of the header damaged: %+v", i, f)
		}
	}
}

// TestJournalFaults: a group that could not be written is not there, unless the
// error says that it may be; nor does anything of it come back with the next.
func TestJournalFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		what    step
		times   int // how often it fails
		unknown bool
	}{
		{"the write", stepJournal, 1, false},
		{"the sync", stepJournalSync, 1, false},
		{"the sync, and that of what is to void it", stepJournalSync, 2, true},
		{"the extension", stepJournalExtend, 1, false},
	} {
		left := 0
		dir := fastDir(t)
		j := newJournal(t, dir, 1, func(w step) error {
			if w == c.what && left > 0 {
				left--
				return syscall.EIO
			}
			return nil
		})
		check(t, j.append([]byte("first")))
		left = c.times
		// Two records in one group, the first as long as what will take its place.
		j.next.buf = appendRecord(j.next.buf, []byte("lost1"))
		lost := []byte("lost2")
		if c.what == stepJournalExtend {
			lost = bytes.Repeat(lost, journalFirst) // too long for what there is
		}
		err := j.append(lost)
		if !errors.Is(err, syscall.EIO) || errors.Is(err, store.ErrUnknown) != c.unknown {
			t.Errorf("%s failed: error %v", c.name, err)
		}
		if got := journalContents(t, j)[1]; got != "first" && !c.unknown {
			t.Errorf("%s failed: the journal has %.40q", c.name, got)
		}
		check(t, j.append([]byte("next.")))
		if got := journalContents(t, j)[1]; got != "first next." {
			t.Errorf("%s failed: after the next group the journal has %.40q", c.name, got)
		}
	}
}

func FuzzParseJournal(f *testing.F) {
	j := newJournal(f, fastDir(f), 7, nil)
	for i := range 3 {
		check(f, j.append(bytes.Repeat([]byte{'r'}, 1+i*100)))
	}
	whole, err := os.ReadFile(j.files[j.active].Name())
	check(f, err)
	f.Add(whole[:5000])
	f.Add(whole[:journalHeader+20])
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, ok := parseJournal(b)
		if !ok && len(file.records) > 0 {
			t.Error("there are records in a file that is not valid")
		}
		total := journalHeader
		for _, r := range file.records {
			total += recordOverhead + len(r)
		}
		if len(file.records) > 0 && total > len(b) {
			t.Errorf("records of %d bytes in %d", total, len(b))
		}
	})
}

// TestLostHeaderStaysLost: an epoch had begun when power was lost, and of its file a record has
// come to the disk, but not the header: the change was never acknowledged. The next start does not
// know of it, and the one after that does not, either, though it finds a header there.
func TestLostHeaderStaysLost(t *testing.T) {
	dir := fastDir(t)
	failing := false
	s := openAt(t, dir, Options{manual: true, hook: func(w step) error {
		if failing && w == stepIndex {
			return syscall.EIO
		}
		return nil
	}})
	commit(t, s, "a", "content", store.Absent)
	check(t, s.checkpoint(false))
	commit(t, s, "b", "content", store.Absent)
	failing = true
	if err := s.checkpoint(false); !errors.Is(err, syscall.EIO) {
		t.Errorf("checkpoint: error %v, want EIO", err)
	}
	active := filepath.Join(dir, stateDir, fmt.Sprint("journal", s.journal.active))
	_, err := s.Delete(t.Context(), "a", store.Any)
	check(t, err)
	log, err := s.readJournal(0)
	check(t, err)
	s.abandon()

	taken := filepath.Join(dir, stateDir, log.records[len(log.records)-1].spare)
	check(t, os.Rename(taken, filepath.Join(dir, "a"))) // its removal is lost, too
	f, err := os.OpenFile(active, os.O_RDWR, 0)
	check(t, err)
	_, err = f.WriteAt(make([]byte, journalHeader), 0)
	check(t, errors.Join(err, f.Close()))
	for _, boot := range []string{"first", "second", "third"} {
		s = openAt(t, dir, Options{manual: true, session: boot})
		wantPlain(t, s, "a", "content")
		check(t, s.Close())
	}
}

// TestHeaderIsWrittenAgain: the first sync of an epoch fails, and the disk has lost the header with what
// was to be synced. The group after it brings a header of its own; and later groups do not write
// one, as it is on the disk.
func TestHeaderIsWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	failing := true
	j := newJournal(t, dir, 7, func(w step) error {
		if w == stepJournalSync && failing {
			return syscall.EIO
		}
		return nil
	})
	defer j.close()
	lose := func() {
		t.Helper()
		_, err := j.files[j.active].WriteAt(make([]byte, journalHeader), 0)
		check(t, err)
	}
	if err := j.append([]byte("lost")); !errors.Is(err, store.ErrUnknown) || !errors.Is(err, syscall.EIO) {
		t.Errorf("append: error %v, want EIO of an unknown outcome", err)
	}
	lose()
	failing = false
	check(t, j.append([]byte("first")))
	files, err := j.read()
	check(t, err)
	if len(files) != 1 || files[0].epoch != 7 || len(files[0].records) != 1 || string(files[0].records[0]) != "first" {
		t.Fatalf("the journal reads as %+v, want the record %q of epoch 7", files, "first")
	}
	lose()
	check(t, j.append([]byte("second")))
	if files, err = j.read(); err != nil || len(files) != 0 {
		t.Errorf("a header that was on the disk was written again: %+v, error %v", files, err)
	}
}

// TestJournalWhileSyncFails: a sync of the file system fails between the writing of a group and its own
// sync, which finds nothing left to write and succeeds. The group is not believed.
func TestJournalWhileSyncFails(t *testing.T) {
	var failures uint64
	failing := false
	j := newJournal(t, t.TempDir(), 1, func(w step) error {
		if w == stepJournalSync && failing {
			failures, failing = failures+1, false
		}
		return nil
	})
	defer j.close()
	j.failures = func() uint64 { return failures }
	check(t, j.append([]byte("first")))
	failing = true
	if err := j.append([]byte("lost")); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknown) {
		t.Errorf("append: error %v, want ErrUnavailable of a known outcome", err)
	}
	check(t, j.append([]byte("second")))
	files, err := j.read()
	check(t, err)
	if got := fmt.Sprintf("%s", files[0].records); got != "[first second]" {
		t.Errorf("the journal has %s", got)
	}
}
