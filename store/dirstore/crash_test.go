package dirstore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// A script is a sequence of changes that a child process carries out, telling
// before and after each, until it is killed.
type script []scripted

// scripted is one change: content written under name, or a deletion.
type scripted struct {
	name   string
	size   int // of the content, which begins with the number of the change
	delete bool
	flush  bool // a checkpoint instead
	// outside: another program does it, and does not sync it.
	outside bool
}

// content is what change i of a script writes.
func (c scripted) content(i int) string {
	head := fmt.Sprintf("change %d of %s;", i, c.name)
	if c.size <= len(head) {
		return head
	}
	return head + strings.Repeat(strconv.Itoa(i%10), c.size-len(head))
}

// everyKind is a script with each kind of change, most of them more than once.
func everyKind() script {
	const small, large = 1000, 100_000
	return script{
		{name: "a", size: small},                    // create
		{name: "a", size: small},                    // replace
		{name: "d/e/b", size: small},                // create, with directories
		{name: "a", size: 10},                       // replace, pushing out what is kept
		{flush: true},                               //
		{name: "a", size: small},                    // replace, in a new epoch
		{name: "large", size: large},                // create a large one
		{name: "large", size: large + 1},            // replace it
		{name: "large", size: small},                // by a small one
		{name: "large", size: large},                // and back
		{name: "a", delete: true},                   //
		{name: "a", size: small},                    // create again
		{name: "large", delete: true},               //
		{name: "d/e/b", delete: true},               //
		{name: "d/e/c", size: small},                //
		{flush: true},                               //
		{name: "d/e/c", size: small},                //
		{name: "d/e/c", size: small + 1},            //
		{name: "d/e/c", size: small},                //
		{name: "d/e/b", size: large, delete: false}, //
	}
}

// random returns a script of n changes to few names.
func random(seed uint64, n int) script {
	r := rand.New(rand.NewPCG(seed, 412))
	names := []string{"a", "b", "d/a", "d/e/a"}
	sizes := []int{10, 1000, 1000, 1000, 70_000}
	var s script
	for range n {
		c := scripted{name: names[r.IntN(len(names))], size: sizes[r.IntN(len(sizes))]}
		switch r.IntN(12) {
		case 0:
			c.delete = true
		case 1:
			c = scripted{flush: r.IntN(4) == 0, name: c.name, size: c.size}
		}
		s = append(s, c)
	}
	return s
}

// perform carries out change i on s. Deleting what is not there is no failure.
func (c scripted) perform(s *Store, i int) (store.Revision, error) {
	switch {
	case c.flush:
		return 0, s.checkpoint(false)
	case c.delete:
		_, err := s.Delete(context.Background(), c.name, store.Any)
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return 0, err
	}
	d, err := s.Stage(context.Background(), c.name, strings.NewReader(c.content(i)))
	if err != nil {
		return 0, err
	}
	info, err := d.Commit(context.Background(), store.Any)
	return info.Revision, errors.Join(err, d.Abort(context.Background()))
}

// expected is what may be there under each name: "" stands for nothing.
type expected map[string][]string

// perform carries out change i, and notes what may be there while it is under way, and after it.
func (x expected) perform(s *Store, c scripted, i int) error {
	before, after := x[c.name], ""
	if before == nil {
		before = []string{""}
	}
	if !c.delete {
		after = c.content(i)
	}
	x[c.name] = append(slices.Clone(before), after)
	_, err := c.perform(s, i)
	switch {
	case err == nil:
		x[c.name] = []string{after}
	case errors.Is(err, store.ErrUnknown):
	default:
		x[c.name] = before
	}
	return err
}

// writerChild performs a script, says "begin 3" and "done 3 1234", and kills
// itself at the given step of the disk, if there are so many. Its arguments are
// in the environment.
func writerChild() int {
	dieAt, _ := strconv.Atoi(os.Getenv("DIRSTORE_DIE_AT"))
	seed, _ := strconv.ParseUint(os.Getenv("DIRSTORE_SEED"), 10, 64)
	n, _ := strconv.Atoi(os.Getenv("DIRSTORE_CHANGES"))
	changes := everyKind()
	if n > 0 {
		changes = random(seed, n)
	}
	o := crashOptions(os.Getenv("DIRSTORE_SYNC"))
	steps := 0
	armed := false
	o.hook = func(step) error {
		if steps++; armed && steps == dieAt {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
			select {}
		}
		return nil
	}
	s, err := Open(os.Getenv("DIRSTORE_DIR"), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	steps, armed = 0, true
	for i, c := range changes {
		fmt.Println("begin", i)
		rev, err := c.perform(s, i)
		if err != nil {
			fmt.Fprintln(os.Stderr, "change", i, err)
			return 1
		}
		fmt.Println("done", i, rev)
	}
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("end")
	return 0
}

// crashOptions keep one earlier revision, so that files are pushed out soon, and
// take no checkpoint but those of the script.
func crashOptions(sync string) Options {
	o := Options{Keep: 1, manual: true}
	if sync == "none" {
		o.Sync = SyncNone
	}
	return o
}

// A run is what is known of a child's run: what it began and what it finished.
type run struct {
	changes script
	begun   int // the last change begun, -1 if none
	done    int // the last change done
	revs    map[int]store.Revision
	ended   bool
}

// runWriter runs a writer child until it ends or dies. kill, if not negative, is
// after how many changes done the child is killed.
func runWriter(t *testing.T, changes script, kill int, env ...string) run {
	t.Helper()
	cmd := childProcess(t, "writer", env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := run{changes: changes, begun: -1, done: -1, revs: make(map[int]store.Revision)}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		r.note(lines.Text())
		if kill >= 0 && r.done+1 >= kill {
			cmd.Process.Kill()
			kill = -1
		}
	}
	cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("the child says: %s", &stderr)
	}
	return r
}

func (r *run) note(line string) {
	var i int
	var rev store.Revision
	switch {
	case line == "end":
		r.ended = true
	case strings.HasPrefix(line, "begin "):
		fmt.Sscanf(line, "begin %d", &i)
		r.begun = i
	default:
		fmt.Sscanf(line, "done %d %d", &i, &rev)
		r.done, r.revs[i] = i, rev
	}
}

// childProcess prepares the test binary to play a part in the directory given in
// env.
func childProcess(t testing.TB, role string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), append(env, childEnv+"="+role)...)
	return cmd
}

// check compares the store with what the run finished. Of the change that was
// begun but not finished, either all or nothing has happened.
func (r run) check(t *testing.T, s *Store) {
	t.Helper()
	for name, last := range r.lastChanges(r.done) {
		want := []int{last}
		if r.begun > r.done && r.changes[r.begun].name == name && !r.changes[r.begun].flush {
			want = append(want, r.begun)
		}
		r.checkName(t, s, name, want)
	}
	if left, _ := strayFiles(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	checkPlain(t, s)
	checkHistory(t, s, false)
}

// lastChanges returns the last change up to the given one for each name of the
// script, -1 if there is none.
func (r run) lastChanges(until int) map[string]int {
	last := make(map[string]int)
	for i, c := range r.changes {
		if c.flush {
			continue
		}
		if _, ok := last[c.name]; !ok {
			last[c.name] = -1
		}
		if i <= until {
			last[c.name] = i
		}
	}
	return last
}

// checkName checks that what is under name is the result of one of the given
// changes.
func (r run) checkName(t *testing.T, s *Store, name string, changes []int) {
	t.Helper()
	info, content, err := readCurrent(s, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%q: %v", name, err)
		return
	}
	for _, i := range changes {
		if i < 0 || r.changes[i].delete {
			if err != nil {
				return
			}
			continue
		}
		if err == nil && content == r.changes[i].content(i) {
			if rev, done := r.revs[i]; done && info.Revision != rev {
				t.Errorf("%q has revision %d, the commit returned %d", name, info.Revision, rev)
			}
			return
		}
	}
	t.Errorf("%q holds %.40q (error %v), want the result of one of the changes %d", name, content, err, changes)
}

// readCurrent returns what is current under name.
func readCurrent(s *Store, name string) (store.Info, string, error) {
	return readRevision(s, name, 0)
}

func readRevision(s *Store, name string, rev store.Revision) (store.Info, string, error) {
	c, err := s.Open(context.Background(), name, rev)
	if err != nil {
		return store.Info{}, "", err
	}
	defer c.Close()
	var b strings.Builder
	_, err = c.WriteRange(&b, 0, c.Info().Size)
	return c.Info(), b.String(), err
}

// checkPlain checks that each name's plain file is what the store says, and that
// there are no others.
func checkPlain(t *testing.T, s *Store) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(s.dir, path)
		switch {
		case err != nil:
			return err
		case rel == stateDir:
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		plain, err := os.ReadFile(path)
		_, content, openErr := readCurrent(s, filepath.ToSlash(rel))
		if openErr != nil || content != string(plain) {
			t.Errorf("file %q holds %.40q, the store has %.40q, error %v", rel, plain, content, openErr)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// checkHistory checks that each kept revision can be read. A loss of power may
// have damaged some; those must say so.
func checkHistory(t *testing.T, s *Store, damaged bool) {
	t.Helper()
	for name := range s.entries(t) {
		last := store.Revision(1 << 63)
		for info, err := range s.Revisions(context.Background(), name) {
			if err != nil {
				t.Errorf("Revisions(%q): %v", name, err)
				break
			}
			_, content, err := readRevision(s, name, info.Revision)
			if damaged && errors.Is(err, store.ErrGone) {
				continue
			}
			if err != nil || sha256.Sum256([]byte(content)) != info.Digest {
				t.Errorf("revision %d of %q: %d bytes, error %v; want %d", info.Revision, name, len(content), err, info.Size)
			}
			if info.Revision >= last {
				t.Errorf("Revisions(%q) yields %d after %d", name, info.Revision, last)
			}
			last = info.Revision
		}
	}
}

// TestStoppedAtEachStep lets the disk refuse everything from each step in turn
// on, which to the disk is as if the process had been killed there. Whatever the
// step, the next start finds each change done or not begun, and removes what was
// left; and so it does if it has reason to believe that power was lost.
func TestStoppedAtEachStep(t *testing.T) {
	for _, sync := range []string{"full", "none"} {
		for _, session := range []string{"", "after a loss of power"} {
			t.Run(fmt.Sprintf("sync=%s/%s", sync, session), func(t *testing.T) {
				for n := 1; ; n++ {
					dir := fastDir(t)
					r := stopAt(t, dir, crashOptions(sync), n)
					o := crashOptions(sync)
					o.session = session
					s := openAt(t, dir, o)
					r.check(t, s)
					if t.Failed() {
						t.Fatalf("stopped at step %d, in change %d", n, r.begun)
					}
					check(t, s.Close())
					if r.ended {
						t.Logf("%d steps", n-1)
						return
					}
				}
			})
		}
	}
}

// stopAt performs everyKind on the store in dir until the nth step, which fails
// as do all after it.
func stopAt(t *testing.T, dir string, o Options, n int) run {
	t.Helper()
	var hook func(step) error
	o.hook = func(w step) error {
		if hook == nil {
			return nil
		}
		return hook(w)
	}
	s := openAt(t, dir, o)
	hook = failFrom(n)
	r := run{changes: everyKind(), begun: -1, done: -1, revs: make(map[int]store.Revision)}
	for i, c := range r.changes {
		r.begun = i
		rev, err := c.perform(s, i)
		if err != nil && !c.flush {
			if !errors.Is(err, errKilled) {
				t.Fatalf("change %d: %v", i, err)
			}
			s.abandon()
			return r
		}
		r.done, r.revs[i] = i, rev
	}
	r.ended = hook(stepIndex) == nil
	s.abandon()
	return r
}

// TestKilledAtEachStep really kills a process, at every few of its steps.
func TestKilledAtEachStep(t *testing.T) {
	const stride = 7 // TestStoppedAtEachStep sees to the others
	for _, sync := range []string{"full", "none"} {
		t.Run("sync="+sync, func(t *testing.T) {
			for n := 1; ; n += stride {
				dir := fastDir(t)
				r := runWriter(t, everyKind(), -1, "DIRSTORE_DIR="+dir, "DIRSTORE_SYNC="+sync, fmt.Sprint("DIRSTORE_DIE_AT=", n))
				s := openAt(t, dir, crashOptions(sync))
				r.check(t, s)
				if t.Failed() {
					t.Fatalf("killed at step %d, in change %d", n, r.begun)
				}
				check(t, s.Close())
				if r.ended {
					return
				}
			}
		})
	}
}

// TestKilledAtRandom kills a process after a random number of changes, several
// times over on one directory.
func TestKilledAtRandom(t *testing.T) {
	const rounds, changes = 8, 60
	dir := fastDir(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		seed := rnd.Uint64()
		clear := openAt(t, dir, crashOptions("full"))
		for name := range clear.entries(t) {
			if _, err := clear.Delete(t.Context(), name, store.Any); err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if err := clear.Close(); err != nil {
			t.Fatal(err)
		}
		r := runWriter(t, random(seed, changes), rnd.IntN(changes), "DIRSTORE_DIR="+dir,
			fmt.Sprint("DIRSTORE_SEED=", seed), fmt.Sprint("DIRSTORE_CHANGES=", changes))
		s := openAt(t, dir, crashOptions("full"))
		r.check(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("round %d, after change %d", round, r.done)
		}
	}
}

// TestRecoveryInterrupted kills a process in mid-change and then lets recovery
// fail at each of its steps in turn, as it would if it were killed too. The
// recovery after that succeeds.
func TestRecoveryInterrupted(t *testing.T) {
	for _, at := range []int{12, 47, 60} {
		for n := 1; ; n++ {
			dir := fastDir(t)
			r := runWriter(t, everyKind(), -1, "DIRSTORE_DIR="+dir, fmt.Sprint("DIRSTORE_DIE_AT=", at))
			if r.ended {
				t.Fatalf("there is no step %d", at)
			}
			for _, session := range []string{"", "after a loss of power"} {
				o := crashOptions("full")
				o.session = session
				o.hook = failFrom(n)
				if s, err := Open(dir, o); err == nil {
					s.abandon()
				} else if !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
			}
			steps := 0
			o := crashOptions("full")
			o.hook = func(step) error { steps++; return nil }
			s := openAt(t, dir, o)
			r.check(t, s)
			if t.Failed() {
				t.Fatalf("killed at step %d in change %d, and recovery at step %d", at, r.begun, n)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if n > steps {
				break
			}
		}
	}
}

var errKilled = errors.New("killed")

// failFrom makes the nth step and all after it fail.
func failFrom(n int) func(step) error {
	return func(step) error {
		if n--; n <= 0 {
			return errKilled
		}
		return nil
	}
}

// abandon ends s as the death of its process would.
func (s *Store) abandon() {
	if c := &s.checkpoints; c.stop != nil {
		close(c.stop)
		c.done.Wait()
	}
	s.closeFiles()
	s.close = func() error { return nil }
}

// TestRecoveryGoesOn: a change of what another program had made, directory and all, is lost on the disk
// together with that, and the first recovery was interrupted: it has changed the directory
// that would tell that nothing has happened since. The change is carried out all the same.
func TestRecoveryGoesOn(t *testing.T) {
	for _, size := range []int{1000, 100_000} {
		dir, content := fastDir(t), strings.Repeat("x", size)
		s := openAt(t, dir, crashOptions("full"))
		check(t, os.Mkdir(filepath.Join(dir, "d"), 0o777))
		check(t, os.WriteFile(filepath.Join(dir, "d/b"), []byte("another program's"), 0o666))
		commit(t, s, "d/b", content, store.Any)
		log, err := s.readJournal(0)
		check(t, err)
		r := log.records[len(log.records)-1]
		s.abandon()

		file := func(rel string) string { return filepath.Join(dir, stateDir, rel) }
		check(t, os.RemoveAll(file("kept")))
		if r.hasBody {
			check(t, os.WriteFile(file(againFile(r.seq)), nil, 0o666)) // as far as the first recovery had come
		} else {
			check(t, os.Rename(filepath.Join(dir, "d/b"), file(r.spare)))
		}
		check(t, os.RemoveAll(filepath.Join(dir, "d")))

		o := crashOptions("full")
		o.session = "after a loss of power"
		s = openAt(t, dir, o)
		wantPlain(t, s, "d/b", content)
		if left, _ := strayFiles(t, s); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}
