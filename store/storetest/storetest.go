// Package storetest is the contract of package store in executable form.
//
// A store gets all of it, tests and benchmarks, for one function that opens it:
//
//	func open(tb testing.TB) store.Store {
//		s, err := mystore.Open(tb.TempDir())
//		if err != nil {
//			tb.Fatal(err)
//		}
//		tb.Cleanup(func() { s.Close() })
//		return s
//	}
//
//	func TestStore(t *testing.T)      { storetest.Run(t, open, storetest.Options{}) }
//	func BenchmarkStore(b *testing.B) { storetest.Bench(b, open) }
//
// Each case names the method or notion it is about and states the rule it
// checks; a failure repeats the rule. A store that survives its process says in
// Options how it is opened again, one that could leave litter how it is found.
// The cases of an optional interface are skipped where it is not implemented.
//
// # Histories
//
// Package storetest also judges whether histories of concurrent operations are
// linearizable, through whatever interface they were performed:
//
//	var h storetest.History
//	w := storetest.Workload{Names: []string{"a", "b"}, Seed: 1}
//	w.Run(ctx, &h, storetest.StoreClients(t, s, 4, 0))
//	storetest.Check(t, &h)
//
// Clients of another interface implement [Client]: an HTTP client turns the
// condition on a value into If-Match with the entity tag of the content that
// stands for it ([Expand]), or into If-None-Match: *. [Outside] is a client that
// goes past the store. Operations whose outcome is unknown, because the server
// was killed or the connection was cut, are part of the model; [History.Settle]
// says when they can no longer happen.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// Options say what more than the methods of store.Store can be tested. The zero
// Options is for a store that keeps nothing beyond its process.
type Options struct {
	// Reopen closes s and opens again what it kept, as after a restart. Unless
	// it is set, the cases about restarts are left out. What Reopen is given was
	// returned by open or by Reopen.
	Reopen func(tb testing.TB, s store.Store) store.Store
	// Leftovers returns what s still holds of drafts that are committed,
	// aborted, failed or lost, such as the names of temporary files. It is
	// called after each case, when none is in flight and all content is closed.
	Leftovers func(tb testing.TB, s store.Store) []string
	// Rounds is how often races are repeated, for stores that take long for one; 0 means 200, or 20
	// with -short.
	Rounds int
}

// testCase checks one rule of the contract on a new, empty store.
type testCase struct {
	name string // method or notion, slash, situation
	rule string // what the contract says
	run  func(t *env)
}

// cases returns the contract, as far as it can be tested with o.
func cases(o Options) []testCase {
	all := slices.Concat(nameCases, statCases, openCases, contentCases, stageCases, commitCases, deleteCases,
		listCases, revisionCases, modifiedCases, historyCases, contextCases, concurrentCases,
		collectionCases, moverCases, propertyCases, keeperCases, recorderCases, purgeCases)
	if o.Reopen != nil {
		all = append(all, reopenCases...)
	}
	return all
}

// Run tests the stores that open returns, a new and empty one for each case.
// Times are compared with the system's clock. With -short, cases that repeat
// races do so a tenth as often.
func Run(t *testing.T, open func(tb testing.TB) store.Store, o Options) {
	for _, c := range cases(o) {
		t.Run(c.name, func(t *testing.T) {
			c.check(t, open, o)
		})
	}
}

// check runs c on a new store.
func (c testCase) check(t testing.TB, open func(tb testing.TB) store.Store, o Options) {
	defer func() {
		if t.Failed() {
			t.Logf("rule: %s", c.rule)
		}
	}()
	e := &env{TB: t, store: open(t), options: o}
	c.run(e)
	if o.Leftovers != nil && !t.Failed() {
		if left := o.Leftovers(t, e.store); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// env is what a case works with: a store, and helpers that fail the case.
type env struct {
	testing.TB
	store   store.Store
	options Options
}

// rounds is how often a race is repeated.
func (t *env) rounds() int {
	if t.options.Rounds > 0 {
		return t.options.Rounds
	}
	if testing.Short() {
		return 20
	}
	return 200
}

// reopen restarts the store.
func (t *env) reopen() {
	t.Helper()
	t.store = t.options.Reopen(t.TB, t.store)
}

// history returns the store as a store.History.
func (t *env) history() store.History {
	t.Helper()
	h, ok := t.store.(store.History)
	if !ok {
		t.Skip("the store is not a store.History")
	}
	return h
}

// stage stages content for name. The case has to commit or abort the draft.
func (t *env) stage(name, content string) store.Draft {
	t.Helper()
	d, err := t.store.Stage(t.Context(), name, strings.NewReader(content))
	if err != nil {
		t.Fatalf("Stage(%q): %v", name, err)
	}
	return d
}

// commit commits d, which must succeed.
func (t *env) commit(d store.Draft, expect store.Expect) store.Info {
	t.Helper()
	info, err := d.Commit(t.Context(), expect)
	if err != nil {
		t.Fatalf("Commit(%v): %v", expect, err)
	}
	return info
}

// put writes content under name, whatever is there.
func (t *env) put(name, content string) store.Info {
	t.Helper()
	return t.commit(t.stage(name, content), store.Any)
}

// remove deletes name, whatever is there.
func (t *env) remove(name string) store.Info {
	t.Helper()
	info, err := t.store.Delete(t.Context(), name, store.Any)
	if err != nil {
		t.Fatalf("Delete(%q, any): %v", name, err)
	}
	return info
}

// abort gives d up.
func (t *env) abort(d store.Draft) {
	t.Helper()
	if err := d.Abort(t.Context()); err != nil {
		t.Errorf("Abort: %v", err)
	}
}

// stat describes name, which must exist.
func (t *env) stat(name string) store.Info {
	t.Helper()
	info, err := t.store.Stat(t.Context(), name)
	if err != nil {
		t.Fatalf("Stat(%q): %v", name, err)
	}
	return info
}

// open opens a revision that must be there.
func (t *env) open(name string, rev store.Revision) store.Content {
	t.Helper()
	c, err := t.store.Open(t.Context(), name, rev)
	if err != nil {
		t.Fatalf("Open(%q, %v): %v", name, rev, err)
	}
	return c
}

// close closes c.
func (t *env) close(c store.Content) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// content returns the whole content of a revision that must be there.
func (t *env) content(name string, rev store.Revision) string {
	t.Helper()
	c := t.open(name, rev)
	defer t.close(c)
	got, err := readAll(c)
	if err != nil {
		t.Fatalf("WriteRange of the whole of %q: %v", name, err)
	}
	return got
}

// readAll returns the whole of c.
func readAll(c store.Content) (string, error) {
	var b bytes.Buffer
	n, err := c.WriteRange(&b, 0, c.Info().Size)
	if err == nil && n != c.Info().Size {
		err = io.ErrShortWrite
	}
	return b.String(), err
}

// wantErr checks that err, returned by call, is target.
func (t *env) wantErr(call string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error %v, want one that is %q", call, err, target)
	}
}

// wantNameError checks that err is a *store.NameError.
func (t *env) wantNameError(call string, err error) {
	t.Helper()
	if _, ok := errors.AsType[*store.NameError](err); !ok || !errors.Is(err, store.ErrName) {
		t.Errorf("%s: error %v, want a *store.NameError that is ErrName", call, err)
	}
}

// wantConflict checks that err says that expect did not hold for name, because
// of current.
func (t *env) wantConflict(call string, err error, name string, expect store.Expect, current store.Info) {
	t.Helper()
	t.wantErr(call, err, store.ErrConflict)
	conflict, ok := errors.AsType[*store.ConflictError](err)
	if !ok {
		t.Errorf("%s: error %v, want a *store.ConflictError", call, err)
		return
	}
	if conflict.Name != name || conflict.Expect != expect {
		t.Errorf("%s: the conflict is about %q and expecting %v, want %q and %v",
			call, conflict.Name, conflict.Expect, name, expect)
	}
	if !current.Exists() {
		if conflict.Current.Exists() {
			t.Errorf("%s: the conflict's Current is %+v, want Revision 0", call, conflict.Current)
		}
		return
	}
	t.wantInfo(call+": the conflict's Current", conflict.Current, current)
}

// wantInfo checks that two descriptions of content are the same.
func (t *env) wantInfo(what string, got, want store.Info) {
	t.Helper()
	if !sameInfo(got, want) {
		t.Errorf("%s is\n%+v, want\n%+v", what, got, want)
	}
}

func sameInfo(a, b store.Info) bool {
	if !a.Modified.Equal(b.Modified) {
		return false
	}
	a.Modified = b.Modified
	return a == b
}

// wantContent checks that name exists with content, in every way to look at it,
// and returns its description.
func (t *env) wantContent(name, content string) store.Info {
	t.Helper()
	info := t.stat(name)
	if info.Collection || info.Revision == 0 {
		t.Fatalf("Stat(%q) is %+v, want content", name, info)
	}
	if info.Name != name || info.Size != int64(len(content)) || info.Digest != digest(content) {
		t.Errorf("Stat(%q) is %+v,\nwant size %d, digest %v", name, info, len(content), digest(content))
	}
	for _, rev := range []store.Revision{0, info.Revision} {
		if got := t.content(name, rev); got != content {
			t.Errorf("Open(%q, %d) has content %s, want %s", name, rev, brief(got), brief(content))
		}
	}
	return info
}

// wantNothing checks that nothing exists under name.
func (t *env) wantNothing(name string) {
	t.Helper()
	info, err := t.store.Stat(t.Context(), name)
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Stat(%q) is %+v, error %v; want one that is %q", name, info, err, store.ErrNotFound)
	}
	if c, err := t.store.Open(t.Context(), name, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Open(%q, 0): error %v, want one that is %q", name, err, store.ErrNotFound)
		if err == nil {
			c.Close()
		}
	}
}

// list returns the members of the collection name and the error that ended it.
func (t *env) list(name string) ([]store.Info, error) {
	t.Helper()
	return t.collect(t.store.List(t.Context(), name))
}

// collect returns what a sequence yields. It fails the case if the sequence
// goes on after an error.
func (t *env) collect(seq func(func(store.Info, error) bool)) (infos []store.Info, err error) {
	t.Helper()
	for info, e := range seq {
		if err != nil {
			t.Errorf("the sequence goes on after the error %v", err)
			break
		}
		if e != nil {
			err = e
			continue
		}
		infos = append(infos, info)
	}
	return infos, err
}

// wantMembers checks the names of the members of a collection, in order.
func (t *env) wantMembers(collection string, want ...string) {
	t.Helper()
	members, err := t.list(collection)
	if err != nil {
		t.Errorf("List(%q): %v", collection, err)
		return
	}
	var got []string
	for _, m := range members {
		got = append(got, m.Name)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("List(%q) yields %q, want %q", collection, got, want)
	}
}

// cancelled returns a context that is cancelled.
func (t *env) cancelled() context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func digest(content string) store.Digest { return sha256.Sum256([]byte(content)) }

// brief shows content in a message.
func brief(content string) string {
	if len(content) > 40 {
		d := digest(content)
		return strconv.Quote(content[:40]) + "… (SHA-256 " + d.String()[:16] + "…)"
	}
	return strconv.Quote(content)
}
