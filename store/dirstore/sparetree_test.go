package dirstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// A blindPass replaces something by a Move or a Copy with a collection at either end, and loses nothing of it.
type blindPass struct {
	name     string
	precious []string // what is at the destination to, or in it
	do       func(ctx context.Context, s *Store) error
}

var blindPasses = []blindPass{
	{"a collection moved over one", []string{"to/a", "to/b/c", "to/both"}, func(ctx context.Context, s *Store) error {
		_, err := s.Move(ctx, "from", store.Any, "to", store.Any)
		return err
	}},
	{"a collection copied over one", []string{"to/a", "to/b/c", "to/both"}, func(ctx context.Context, s *Store) error {
		_, err := s.Copy(ctx, "from", store.Any, "to", store.Any)
		return err
	}},
	{"a collection copied alone", []string{"to/a"}, func(ctx context.Context, s *Store) error {
		_, err := s.CopyCollection(ctx, "from", "to", store.Any)
		return err
	}},
	{"a collection moved over a resource", []string{"to"}, func(ctx context.Context, s *Store) error {
		_, err := s.Move(ctx, "from", store.Any, "to", store.Any)
		return err
	}},
	{"a resource moved over a collection", []string{"to/a", "to/b/c"}, func(ctx context.Context, s *Store) error {
		_, err := s.Move(ctx, "from/both", store.Any, "to", store.Any)
		return err
	}},
}

// precious is what must not be lost under name.
func precious(name string) string { return "precious " + name }

// prepare makes what the pass is about.
func (b blindPass) prepare(t *testing.T, s *Store) {
	t.Helper()
	commit(t, s, "from/new", "new", store.Absent)
	commit(t, s, "from/both", "new", store.Absent)
	for _, name := range b.precious {
		commit(t, s, name, precious(name), store.Absent)
	}
}

// wantPrecious checks that all that was at the destination is there or among the earlier revisions.
func (b blindPass) wantPrecious(t *testing.T, s *Store) {
	t.Helper()
	for _, name := range b.precious {
		if !hasContent(t, s, name, precious(name)) {
			t.Errorf("%s: what was at %q is lost", b.name, name)
		}
	}
}

// hasContent reports whether a revision of name, the current one or an earlier one, has the content.
func hasContent(t *testing.T, s *Store, name, content string) bool {
	t.Helper()
	for info, err := range s.Revisions(t.Context(), name) {
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := readRevision(s, name, info.Revision); err == nil && got == content {
			return true
		}
	}
	return false
}

// writeOver writes more revisions to each name than are kept, or deletes what is in the way of that.
func (b blindPass) writeOver(t *testing.T, s *Store) {
	t.Helper()
	if err := s.DeleteCollection(t.Context(), "to"); errors.Is(err, store.ErrNotCollection) {
		_, err = s.Delete(t.Context(), "to", store.Any)
		check(t, err)
	}
	for i := range 3 {
		for _, name := range b.precious {
			commit(t, s, name, fmt.Sprint("later ", i), store.Any)
		}
	}
}

// TestTreesAreSpared: what a tree is replaced blindly with does not take the place of what was there in
// any of its names: that stays when others follow, when it has become old, and after a restart.
func TestTreesAreSpared(t *testing.T) {
	for _, b := range blindPasses {
		for _, noExchange := range []bool{false, true} {
			t.Run(fmt.Sprint(b.name, " ", noExchange), func(t *testing.T) {
				now, dir := time.Now(), fastDir(t)
				o := Options{Keep: 1, KeepAge: time.Hour, KeepBytes: 1000, manual: true, noExchange: noExchange, Now: func() time.Time { return now }}
				s := openAt(t, dir, o)
				b.prepare(t, s)
				commit(t, s, b.precious[0], strings.Repeat("x", 500), store.Any) // more than the eighth that is kept of others
				check(t, b.do(store.Sparing(t.Context()), s))
				if !hasContent(t, s, b.precious[0], strings.Repeat("x", 500)) {
					t.Error("the large one is not kept")
				}
				commitOver(t, s, b)
				now = now.Add(2 * time.Hour)
				for range 2 {
					check(t, s.Close())
					s = openAt(t, dir, o)
					settleHistory(t, s)
					if !hasContent(t, s, b.precious[0], strings.Repeat("x", 500)) {
						t.Error("the large one is lost")
					}
					blindPass{b.name, b.precious[1:], nil}.wantPrecious(t, s)
				}
			})
		}
	}
}

// commitOver is writeOver, with what was aside made history first.
func commitOver(t *testing.T, s *Store, b blindPass) {
	t.Helper()
	check(t, s.checkpoint(false))
	s.clearAsides()
	b.writeOver(t, s)
}

// TestTreesAreSparedAfterDeath: wherever the process dies, what was there is there still, or spared.
func TestTreesAreSparedAfterDeath(t *testing.T) {
	for _, b := range blindPasses {
		for _, session := range []string{"", "after a loss of power"} {
			t.Run(b.name+session, func(t *testing.T) { b.dieAtEachStep(t, session) })
		}
	}
}

func (b blindPass) dieAtEachStep(t *testing.T, session string) {
	for n := 1; ; n++ {
		dir := fastDir(t)
		var hook func(step) error
		o := Options{Keep: 1, manual: true, hook: func(w step) error {
			if hook == nil {
				return nil
			}
			return hook(w)
		}}
		s := openAt(t, dir, o)
		b.prepare(t, s)
		check(t, s.checkpoint(false))
		hook = failFrom(n)
		err := b.do(store.Sparing(t.Context()), s)
		if err == nil {
			err = s.checkpoint(false)
		}
		s.clearAsides()
		s.abandon()
		o.hook, o.session = nil, session
		s = openAt(t, dir, o)
		b.wantPrecious(t, s)
		if _, err := s.Stat(t.Context(), b.precious[0]); errors.Is(err, store.ErrNotFound) || b.replaced(t, s) {
			b.writeOver(t, s)
			b.wantPrecious(t, s)
		}
		check(t, s.Close())
		if t.Failed() {
			t.Fatalf("the process died at step %d", n)
		}
		if err == nil {
			return
		}
	}
}

// replaced reports whether the pass has taken place.
func (b blindPass) replaced(t *testing.T, s *Store) bool {
	t.Helper()
	info, err := s.Stat(t.Context(), b.precious[0])
	if err != nil || !info.Exists() {
		return true
	}
	_, got, err := readRevision(s, b.precious[0], info.Revision)
	check(t, err)
	return got != precious(b.precious[0])
}

// TestUnsparedTreesStay: what could not be kept of is not replaced blindly, and the error says what that is.
func TestUnsparedTreesStay(t *testing.T) {
	large, half := strings.Repeat("x", 1001), strings.Repeat("x", 501)
	for _, c := range []struct {
		name string
		o    Options
		at   map[string]string
		want string
	}{
		{"a large member", Options{KeepBytes: 1000}, map[string]string{"to/b/c": large}, `"to/b/c" has 1001 bytes, more than the 1000`},
		{"too much in all", Options{KeepBytes: 1000}, map[string]string{"to/a": half, "to/b/c": half}, `"to" has more than the 1000 bytes`},
		{"too many", Options{KeepFiles: 1}, map[string]string{"to/a": "", "to/b/c": ""}, `"to" has more than the 1 files`},
		{"a large resource", Options{KeepBytes: 1000}, map[string]string{"to": large}, `"to" has 1001 bytes`},
		{"nothing is kept", Options{Keep: -1}, map[string]string{"to/a": ""}, `"to/a" is a file, and no earlier revisions are kept`},
		{"as much as is kept", Options{KeepBytes: 1000, KeepFiles: 2}, map[string]string{"to/a": half, "to/b": half[2:]}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.manual = true
			s := openAt(t, fastDir(t), c.o)
			commit(t, s, "from/a", "new", store.Absent)
			for name, content := range c.at {
				commit(t, s, name, content, store.Absent)
			}
			before := treeOf(t, s, "")
			for name, do := range map[string]func(context.Context) (store.Info, error){
				"copy alone": func(ctx context.Context) (store.Info, error) { return s.CopyCollection(ctx, "from", "to", store.Any) },
				"copy":       func(ctx context.Context) (store.Info, error) { return s.Copy(ctx, "from", store.Any, "to", store.Any) },
				"move":       func(ctx context.Context) (store.Info, error) { return s.Move(ctx, "from", store.Any, "to", store.Any) },
			} {
				_, err := do(store.Sparing(t.Context()))
				if c.want == "" {
					check(t, err)
					break
				}
				if _, ok := errors.AsType[*store.UnsparedError](err); !ok || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: error %v, want %s", name, err, c.want)
				}
				if got := treeOf(t, s, ""); got != before {
					t.Errorf("%s: there is\n%swant\n%s", name, got, before)
				}
				wantHealthy(t, s)
			}
			if c.want == "" {
				return
			}
			_, err := s.Move(t.Context(), "from", store.Any, "to", store.Any) // as somebody who has seen what is there
			check(t, err)
		})
	}
}

// wantHealthy checks that nothing is left over and writes are accepted.
func wantHealthy(t *testing.T, s *Store) {
	t.Helper()
	check(t, s.Health())
	if left, _ := strayFiles(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestNamelessFilesAreNotReplacedBlindly: nobody could ask for an earlier revision of a file whose name the store does not take.
func TestNamelessFilesAreNotReplacedBlindly(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{manual: true})
	commit(t, s, "from/a", "new", store.Absent)
	commit(t, s, "to/a", "old", store.Absent)
	check(t, os.WriteFile(filepath.Join(dir, "to", ".fourtwelve"), []byte("another program's"), 0o600))
	_, err := s.Move(store.Sparing(t.Context()), "from", store.Any, "to", store.Any)
	if _, ok := errors.AsType[*store.UnsparedError](err); !ok {
		t.Errorf("error %v, want one that says what would be lost", err)
	}
}
