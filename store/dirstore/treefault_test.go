package dirstore

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestTreeFaults lets each step of a script over collections fail once. The change that it belongs
// to has then not happened, on any name, unless the error says that this is unknown; all
// others happen, and so does what follows a restart.
func TestTreeFaults(t *testing.T) {
	script := everyTreeKind()
	for _, fault := range []struct{ err, kind error }{
		{syscall.ENOSPC, store.ErrNoSpace},
		{syscall.EIO, syscall.EIO},
	} {
		for _, noExchange := range []bool{false, true} {
			for n := 1; ; n++ {
				f := treeFault{t: t, model: memstore.New(memstore.Options{}), kind: fault.kind}
				if f.run(script, Options{noExchange: noExchange}, failAt(n, fault.err, false)) {
					break
				}
				if t.Failed() {
					t.Fatalf("step %d failed with %v, without exchange %t", n, fault.err, noExchange)
				}
			}
		}
	}
}

// treeFault is a script on a store whose disk fails, and on one that needs no disk.
type treeFault struct {
	t     *testing.T
	model *memstore.Store
	kind  error
}

// run performs the script while fault is in force, and reports whether it was never noticed.
func (f treeFault) run(script []treeStep, o Options, fault func(step) error) (unnoticed bool) {
	t := f.t
	dir := fastDir(t)
	var hook func(step) error
	var failed step
	o.manual, o.Keep = true, 1
	o.hook = func(w step) error {
		if hook == nil {
			return nil
		}
		err := hook(w)
		if err != nil {
			failed = w
		}
		return err
	}
	s := openAt(t, dir, o)
	hook = fault
	for i, c := range script {
		err := c.perform(s, i)
		if err != nil && c.do != "flush" && !f.judge(s, c, i, err) {
			break
		}
		if err == nil {
			check(t, c.perform(f.model, i))
		}
		if s.Health() != nil {
			_ = s.checkpoint(false) // the rescue
		}
	}
	hook = nil
	want := treeOf(t, f.model, "")
	f.compare(s, script, want, failed)
	check(t, s.Close())
	s = openAt(t, dir, Options{Keep: 1})
	f.compare(s, script, want, failed)
	if left, _ := strayFiles(t, s); len(left) > 0 {
		t.Errorf("left behind after %q failed: %q", failed, left)
	}
	checkHistory(t, s, false)
	check(t, s.Close())
	return failed == ""
}

// judge checks how the change i ended. If that is unknown the model does what the store did.
func (f treeFault) judge(s *Store, c treeStep, i int, err error) (goOn bool) {
	t := f.t
	if strings.Contains(err.Error(), s.dir) {
		t.Errorf("%v: error %q tells where the directory is", c, err)
	}
	if errors.Is(err, store.ErrUnknown) {
		if before := treeOf(t, f.model, ""); treeOf(t, s, "") != before {
			check(t, c.perform(f.model, i))
		}
		return true
	}
	if !errors.Is(err, f.kind) && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("%v: error %v, want one that is %v", c, err, f.kind)
		return false
	}
	return true
}

// compare compares what is in s with what the model has; collections that were made on the way of
// writes are not looked at.
func (f treeFault) compare(s *Store, script []treeStep, want string, failed step) {
	f.t.Helper()
	got := treeOf(f.t, s, "")
	for _, c := range script {
		got, want = c.forget(got), c.forget(want)
	}
	if got != want {
		f.t.Errorf("after %q failed the store has\n%swant\n%s", failed, got, want)
	}
}
