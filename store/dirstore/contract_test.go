package dirstore

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// TestContract is the contract of package store, with each form of durability,
// and in the way of file systems that cannot exchange files.
func TestContract(t *testing.T) {
	onDisk := func(tb testing.TB) string { return tb.TempDir() }
	for name, c := range map[string]struct {
		options Options
		dir     func(testing.TB) string
		rounds  bool // races as often as the contract wants
	}{
		"sync=full":          {Options{}, fastDir, true},
		"sync=full, on disk": {Options{}, onDisk, false},
		"sync=none":          {Options{Sync: SyncNone}, fastDir, false},
		"no exchange":        {Options{noExchange: true}, fastDir, false},
		"no memory":          {Options{CacheBytes: -1}, fastDir, false},
	} {
		t.Run(name, func(t *testing.T) {
			if !c.rounds {
				repeatLess(t)
			}
			open := func(tb testing.TB) store.Store { return openAt(tb, c.dir(tb), c.options) }
			storetest.Run(t, open, storetest.Options{Reopen: reopener(c.options), Leftovers: leftovers})
		})
	}
}

// repeatLess lets races be repeated as with -short, until the test ends.
func repeatLess(t *testing.T) {
	was := flag.Lookup("test.short").Value.String()
	flag.Set("test.short", "true")
	t.Cleanup(func() { flag.Set("test.short", was) })
}

func BenchmarkContract(b *testing.B) { storetest.Bench(b, opener(Options{})) }

func opener(o Options) func(testing.TB) store.Store {
	return func(tb testing.TB) store.Store { return openAt(tb, tb.TempDir(), o) }
}

// openAt opens dir until the test ends.
func openAt(tb testing.TB, dir string, o Options) *Store {
	tb.Helper()
	s, err := Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return s
}

func reopener(o Options) func(testing.TB, store.Store) store.Store {
	return func(tb testing.TB, s store.Store) store.Store {
		tb.Helper()
		if err := s.(*Store).Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
		return openAt(tb, s.(*Store).dir, o)
	}
}

// leftovers returns the files of the state folder that no entry refers to, and
// those that are missing.
func leftovers(tb testing.TB, opened store.Store) []string {
	tb.Helper()
	left, missing := strayFiles(tb, opened.(*Store))
	return append(left, missing...)
}

func strayFiles(tb testing.TB, s *Store) (left, missing []string) {
	tb.Helper()
	s.settleAsides()
	wanted := map[string]bool{"lock": true, "index": true, "journal0": true, "journal1": true}
	for _, e := range s.entries(tb) {
		for _, k := range e.kept {
			wanted[k.path()] = true
		}
	}
	state := filepath.Join(s.dir, stateDir)
	err := filepath.WalkDir(state, func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(state, path)
		if err == nil && !d.IsDir() && !wanted[filepath.ToSlash(rel)] {
			left = append(left, rel)
		}
		delete(wanted, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	for file := range wanted {
		missing = append(missing, "missing: "+file)
	}
	return left, missing
}

// entries returns all that s knows.
func (s *Store) entries(tb testing.TB) map[string]*entry {
	tb.Helper()
	all, err := s.index.all()
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// settleAsides does what the background would, without waiting for a checkpoint.
func (s *Store) settleAsides() {
	s.trees.mu.Lock()
	for _, a := range s.trees.asides {
		a.flushed = true
	}
	s.trees.mu.Unlock()
	s.clearAsides()
}
