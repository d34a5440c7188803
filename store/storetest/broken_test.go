package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// Each case of the contract is shown to fail on a store that breaks its rule.
//
// All of them run in a synctest bubble, where time stands still while anything
// can run: a broken store that has to lose a race pauses, and is certain to be
// overtaken.

// broken is a memstore with something replaced. What is nil is as it was.
type broken struct {
	store.Store
	stat      func(ctx context.Context, name string) (store.Info, error)
	open      func(ctx context.Context, name string, rev store.Revision) (store.Content, error)
	stage     func(ctx context.Context, name string, r io.Reader) (store.Draft, error)
	delete    func(ctx context.Context, name string, expect store.Expect) (store.Info, error)
	list      func(ctx context.Context, name string) iter.Seq2[store.Info, error]
	revisions func(ctx context.Context, name string) iter.Seq2[store.Info, error]
	optionalParts
	// commit and abort are for each draft, content for what Open returns.
	commit  func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error)
	abort   func(ctx context.Context, d *brokenDraft) error
	content func(c brokenContent) store.Content
}

type brokenDraft struct {
	store.Draft
	store *broken
	name  string
}

// brokenContent is a Content with something replaced.
type brokenContent struct {
	store.Content
	info       func() store.Info
	readAt     func(p []byte, off int64) (int, error)
	writeRange func(w io.Writer, off, n int64) (int64, error)
}

func (b *broken) Stat(ctx context.Context, name string) (store.Info, error) {
	if b.stat != nil {
		return b.stat(ctx, name)
	}
	return b.Store.Stat(ctx, name)
}

func (b *broken) Open(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
	open := b.Store.Open
	if b.open != nil {
		open = b.open
	}
	c, err := open(ctx, name, rev)
	if err == nil && b.content != nil {
		c = b.content(brokenContent{Content: c})
	}
	return c, err
}

func (b *broken) Stage(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
	stage := b.Store.Stage
	if b.stage != nil {
		stage = b.stage
	}
	d, err := stage(ctx, name, r)
	if err != nil {
		return nil, err
	}
	return &brokenDraft{d, b, name}, nil
}

func (b *broken) Delete(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
	if b.delete != nil {
		return b.delete(ctx, name, expect)
	}
	return b.Store.Delete(ctx, name, expect)
}

func (b *broken) List(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	if b.list != nil {
		return b.list(ctx, name)
	}
	return b.Store.List(ctx, name)
}

func (b *broken) Revisions(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	if b.revisions != nil {
		return b.revisions(ctx, name)
	}
	return b.Store.(store.History).Revisions(ctx, name)
}

func (d *brokenDraft) Commit(ctx context.Context, expect store.Expect) (store.Info, error) {
	if d.store.commit != nil {
		return d.store.commit(ctx, d, expect)
	}
	return d.Draft.Commit(ctx, expect)
}

func (d *brokenDraft) Abort(ctx context.Context) error {
	if d.store.abort != nil {
		return d.store.abort(ctx, d)
	}
	return d.Draft.Abort(ctx)
}

func (c brokenContent) Info() store.Info {
	if c.info != nil {
		return c.info()
	}
	return c.Content.Info()
}

func (c brokenContent) ReadAt(p []byte, off int64) (int, error) {
	if c.readAt != nil {
		return c.readAt(p, off)
	}
	return c.Content.ReadAt(p, off)
}

func (c brokenContent) WriteRange(w io.Writer, off, n int64) (int64, error) {
	if c.writeRange != nil {
		return c.writeRange(w, off, n)
	}
	return c.Content.WriteRange(w, off, n)
}

// current describes what is current under name; Revision 0 if nothing is.
func (b *broken) current(name string) store.Info {
	info, _ := b.Store.Stat(context.Background(), name)
	return info
}

// put writes content, whatever is there.
func (b *broken) put(name, content string) (store.Info, error) {
	d, err := b.Store.Stage(context.Background(), name, strings.NewReader(content))
	if err != nil {
		return store.Info{}, err
	}
	return d.Commit(context.Background(), store.Any)
}

// keepStaged remembers the content of the latest draft of each name, and lets
// that be committed again.
func (b *broken) keepStaged() (recommit func(name string, expect store.Expect) (store.Info, error)) {
	staged := make(map[string]string)
	b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		staged[name] = string(content)
		return b.Store.Stage(ctx, name, strings.NewReader(string(content)))
	}
	return func(name string, expect store.Expect) (store.Info, error) {
		d, err := b.Store.Stage(context.Background(), name, strings.NewReader(staged[name]))
		if err != nil {
			return store.Info{}, err
		}
		return d.Commit(context.Background(), expect)
	}
}

// members returns what List yields.
func (b *broken) members(name string) ([]store.Info, error) {
	var members []store.Info
	for info, err := range b.Store.List(context.Background(), name) {
		if err != nil {
			return nil, err
		}
		members = append(members, info)
	}
	return members, nil
}

// relist replaces List: change may change the members or the error.
func (b *broken) relist(change func(name string, members []store.Info, err error) ([]store.Info, error)) {
	b.list = func(ctx context.Context, name string) iter.Seq2[store.Info, error] {
		return func(yield func(store.Info, error) bool) {
			members, err := b.members(name)
			members, err = change(name, members, err)
			for _, m := range members {
				if !yield(m, nil) {
					return
				}
			}
			if err != nil {
				yield(store.Info{}, err)
			}
		}
	}
}

// recommit replaces what Commit returns.
func (b *broken) recommit(change func(expect store.Expect, info *store.Info, err error) error) {
	b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
		info, err := d.Draft.Commit(ctx, expect)
		err = change(expect, &info, err)
		return info, err
	}
}

// expecting replaces the expectation of each commit.
func (b *broken) expecting(change func(name string, expect store.Expect) store.Expect) {
	b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
		return d.Draft.Commit(ctx, change(d.name, expect))
	}
}

// checkThenWrite is the lost update: the expectation is checked, and the write
// happens later.
func (b *broken) checkThenWrite(when func(expect store.Expect) bool) {
	b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
		if current := b.current(d.name); !expect.Holds(current.Revision) {
			return store.Info{}, &store.ConflictError{Name: d.name, Expect: expect, Current: current}
		}
		if !when(expect) {
			return d.Draft.Commit(ctx, expect)
		}
		pause()
		return d.Draft.Commit(ctx, store.Any)
	}
}

// pause lets everything else run that can.
func pause() { time.Sleep(time.Nanosecond) }

// conflict is what a store returns that refuses on principle.
func (b *broken) conflict(name string, expect store.Expect) error {
	return &store.ConflictError{Name: name, Expect: expect, Current: b.current(name)}
}

var errBroken = errors.New("broken")

// instead returns to if err is from.
func instead(err, from, to error) error {
	if errors.Is(err, from) {
		return to
	}
	return err
}

func always(store.Expect) bool { return true }

// mutant is a store that breaks a rule.
type mutant struct {
	caughtBy string // the case
	does     string // what is wrong with it
	breaks   func(b *broken, o *Options)
}

var mutants = []mutant{
	{"Names/refused", "looks up any name", func(b *broken, _ *Options) {
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			return info, instead(err, store.ErrName, store.ErrNotFound)
		}
	}},
	{"Names/unwritable", "stages names no other system could hold", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			if store.CheckName(name) == nil && store.CheckNewName(name) != nil {
				name = "stand-in"
			}
			return b.Store.Stage(ctx, name, r)
		}
	}},
	{"Names/kept", "decodes percent-encodings in names", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			return b.Store.Stage(ctx, strings.ReplaceAll(name, "%2F", "-"), r)
		}
	}},
	{"Stat/nothing", "describes what does not exist", func(b *broken, _ *Options) {
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			return info, instead(err, store.ErrNotFound, nil)
		}
	}},
	{"Stat/content", "forgets the collections in the name", func(b *broken, _ *Options) {
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			info.Name = strings.TrimPrefix(name, parent(name)+"/")
			return info, err
		}
	}},
	{"Stat/collection", "refuses collections", func(b *broken, _ *Options) {
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			if info.Collection {
				err = store.ErrIsCollection
			}
			return info, err
		}
	}},
	{"Open/current", "describes content without its digest", func(b *broken, _ *Options) {
		b.content = func(c brokenContent) store.Content {
			c.info = func() store.Info {
				info := c.Content.Info()
				info.Digest = store.Digest{}
				return info
			}
			return c
		}
	}},
	{"Open/revision", "opens what is current, whatever was asked for", func(b *broken, _ *Options) {
		b.open = func(ctx context.Context, name string, _ store.Revision) (store.Content, error) {
			return b.Store.Open(ctx, name, 0)
		}
	}},
	{"Open/nothing", "says that what never existed is gone", func(b *broken, _ *Options) {
		b.open = func(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
			c, err := b.Store.Open(ctx, name, rev)
			return c, instead(err, store.ErrNotFound, store.ErrGone)
		}
	}},
	{"Open/gone", "says that nothing exists if the revision does not", func(b *broken, _ *Options) {
		b.open = func(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
			c, err := b.Store.Open(ctx, name, rev)
			return c, instead(err, store.ErrGone, store.ErrNotFound)
		}
	}},
	{"Open/collection", "says that collections do not exist", func(b *broken, _ *Options) {
		b.open = func(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
			c, err := b.Store.Open(ctx, name, rev)
			return c, instead(err, store.ErrIsCollection, store.ErrNotFound)
		}
	}},
	{"Content/ReadAt", "reads less than asked for without an error", func(b *broken, _ *Options) {
		b.content = func(c brokenContent) store.Content {
			c.readAt = func(p []byte, off int64) (int, error) {
				n, err := c.Content.ReadAt(p, off)
				return n, instead(err, io.EOF, nil)
			}
			return c
		}
	}},
	{"Content/ReadAt-concurrently", "reads from a position shared by all", func(b *broken, _ *Options) {
		b.content = func(c brokenContent) store.Content {
			var position atomic.Int64
			c.readAt = func(p []byte, off int64) (int, error) {
				position.Store(off)
				pause()
				return c.Content.ReadAt(p, position.Load())
			}
			return c
		}
	}},
	{"Content/WriteRange", "writes from the beginning", func(b *broken, _ *Options) {
		b.content = func(c brokenContent) store.Content {
			c.writeRange = func(w io.Writer, _, n int64) (int64, error) { return c.Content.WriteRange(w, 0, n) }
			return c
		}
	}},
	{"Content/WriteRange-failing", "hides the writer's error", func(b *broken, _ *Options) {
		b.content = func(c brokenContent) store.Content {
			c.writeRange = func(w io.Writer, off, n int64) (int64, error) {
				n, _ = c.Content.WriteRange(w, off, n)
				return n, nil
			}
			return c
		}
	}},
	{"Content/pinned", "reads what is current when it is read", func(b *broken, _ *Options) { b.unpin() }},
	{"Content/large", "stores the first 4 MiB", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			return b.Store.Stage(ctx, name, io.LimitReader(r, 4<<20))
		}
	}},
	{"Modified/form", "gives nanoseconds", func(b *broken, _ *Options) {
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			info.Modified = info.Modified.Add(1)
			return info, err
		}
	}},
	{"Modified/rewritten", "dates a revision by the second it was committed in", func(b *broken, _ *Options) {
		b.recommit(func(_ store.Expect, info *store.Info, err error) error {
			info.Modified = info.Modified.Add(-time.Second)
			return err
		})
	}},
	{"Modified/rewritten", "dates a revision two seconds ahead", func(b *broken, _ *Options) {
		b.recommit(func(_ store.Expect, info *store.Info, err error) error {
			info.Modified = info.Modified.Add(time.Second)
			return err
		})
	}},
	{"Modified/recreated", "forgets that something was there before a deletion", func(b *broken, _ *Options) {
		b.recommit(func(expect store.Expect, info *store.Info, err error) error {
			if expect == store.Absent {
				info.Modified = info.Modified.Add(-time.Second)
			}
			return err
		})
	}},
	{"Stage/invisible", "commits what is staged", func(b *broken, _ *Options) {
		recommit := b.keepStaged()
		stage := b.stage
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			d, err := stage(ctx, name, r)
			if err == nil {
				_, err = recommit(name, store.Any)
			}
			return d, err
		}
	}},
	{"Stage/described", "does not know the size of drafts", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			d, err := b.Store.Stage(ctx, name, r)
			return sizeless{d}, err
		}
	}},
	{"Stage/to-its-end", "reads once", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			p := make([]byte, 1<<20)
			n, _ := r.Read(p)
			return b.Store.Stage(ctx, name, strings.NewReader(string(p[:n])))
		}
	}},
	{"Stage/failing-content", "takes an error for the end", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			content, _ := io.ReadAll(r)
			return b.Store.Stage(ctx, name, strings.NewReader(string(content)))
		}
	}},
	{"Stage/failing-content", "leaves behind what it could read", func(b *broken, o *Options) {
		var left []string
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			d, err := b.Store.Stage(ctx, name, r)
			if err != nil {
				left = append(left, name)
			}
			return d, err
		}
		o.Leftovers = func(testing.TB, store.Store) []string { return left }
	}},
	{"Stage/independent", "keeps one draft for each name", func(b *broken, _ *Options) { b.unspend() }},
	{"Stage/below-content", "says that the parent was not found", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			d, err := b.Store.Stage(ctx, name, r)
			return d, instead(err, store.ErrNotCollection, store.ErrNotFound)
		}
	}},
	{"Stage/over-collection", "has no word for collections in the way", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			d, err := b.Store.Stage(ctx, name, r)
			return d, instead(err, store.ErrIsCollection, errBroken)
		}
	}},
	{"Commit/creates", "creates each name once", func(b *broken, _ *Options) {
		created := make(map[string]bool)
		b.expecting(func(name string, expect store.Expect) store.Expect {
			if created[name] {
				return store.At(b.current(name).Revision + 1)
			}
			created[name] = true
			return expect
		})
	}},
	{"Commit/exists", "takes Absent for Any", func(b *broken, _ *Options) {
		b.expecting(func(_ string, expect store.Expect) store.Expect {
			if expect == store.Absent {
				return store.Any
			}
			return expect
		})
	}},
	{"Commit/replaces", "never replaces a revision", func(b *broken, _ *Options) {
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			if expect != store.Any && expect != store.Absent {
				return store.Info{}, b.conflict(d.name, expect)
			}
			return d.Draft.Commit(ctx, expect)
		}
	}},
	{"Commit/stale", "replaces any revision", func(b *broken, _ *Options) {
		b.expecting(func(_ string, expect store.Expect) store.Expect {
			if expect != store.Absent {
				return store.Any
			}
			return expect
		})
	}},
	{"Commit/stale", "replaces any earlier revision", func(b *broken, _ *Options) {
		b.expecting(func(name string, expect store.Expect) store.Expect {
			if expect != store.Absent && expect < store.At(b.current(name).Revision) {
				return store.Any
			}
			return expect
		})
	}},
	{"Commit/stale", "does not say what is current", func(b *broken, _ *Options) {
		b.recommit(func(_ store.Expect, _ *store.Info, err error) error {
			return instead(err, store.ErrConflict, store.ErrConflict)
		})
	}},
	{"Commit/at-nothing", "creates instead of replacing", func(b *broken, _ *Options) {
		b.expecting(func(name string, expect store.Expect) store.Expect {
			if b.current(name).Exists() {
				return expect
			}
			return store.Absent
		})
	}},
	{"Commit/any", "takes Any for Absent", func(b *broken, _ *Options) {
		b.expecting(func(_ string, expect store.Expect) store.Expect {
			if expect == store.Any {
				return store.Absent
			}
			return expect
		})
	}},
	{"Commit/returns-info", "returns what was current before", func(b *broken, _ *Options) {
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			before := b.current(d.name)
			_, err := d.Draft.Commit(ctx, expect)
			return before, err
		}
	}},
	{"Commit/again", "gives the draft up on a conflict", func(b *broken, _ *Options) {
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			info, err := d.Draft.Commit(ctx, expect)
			if err != nil {
				d.Draft.Abort(ctx)
			}
			return info, err
		}
	}},
	{"Commit/spent", "commits as often as it is asked to", func(b *broken, _ *Options) { b.unspend() }},
	{"Commit/aborted", "keeps what was given up", func(b *broken, _ *Options) {
		b.abort = func(context.Context, *brokenDraft) error { return nil }
	}},
	{"Commit/same-content", "skips writes that change nothing", func(b *broken, _ *Options) {
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			if current := b.current(d.name); current.Digest == d.Digest() && expect.Holds(current.Revision) {
				return current, d.Draft.Abort(ctx)
			}
			return d.Draft.Commit(ctx, expect)
		}
	}},
	{"Commit/same-size", "trusts size and time of modification", func(b *broken, _ *Options) {
		type key struct {
			size     int64
			modified time.Time
		}
		known := make(map[key]store.Info)
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			k := key{info.Size, info.Modified}
			if cached, ok := known[k]; ok {
				return cached, err
			}
			known[k] = info
			return info, err
		}
	}},
	{"Commit/became-collection", "commits later what it once refused", func(b *broken, _ *Options) { b.unspend() }},
	{"Abort/gives-up", "complains of a second Abort", func(b *broken, _ *Options) {
		aborted := make(map[*brokenDraft]bool)
		b.abort = func(ctx context.Context, d *brokenDraft) error {
			if aborted[d] {
				return errBroken
			}
			aborted[d] = true
			return d.Draft.Abort(ctx)
		}
	}},
	{"Abort/after-commit", "takes back what was committed", func(b *broken, _ *Options) {
		b.abort = func(ctx context.Context, d *brokenDraft) error {
			_, err := b.Store.Delete(context.Background(), d.name, store.Any)
			return err
		}
	}},
	{"Abort/cancelled", "gives nothing up for those who have gone", func(b *broken, _ *Options) {
		b.abort = func(ctx context.Context, d *brokenDraft) error {
			if ctx.Err() != nil {
				return nil
			}
			return d.Draft.Abort(ctx)
		}
	}},
	{"Delete/removes", "does not say what it removed", func(b *broken, _ *Options) {
		b.delete = func(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
			_, err := b.Store.Delete(ctx, name, expect)
			return store.Info{}, err
		}
	}},
	{"Delete/removes", "removes the neighbours too", func(b *broken, _ *Options) {
		b.delete = func(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
			info, err := b.Store.Delete(ctx, name, expect)
			members, _ := b.members(parent(name))
			for _, m := range members {
				b.Store.Delete(ctx, m.Name, store.Any)
			}
			return info, err
		}
	}},
	{"Delete/stale", "deletes any revision", func(b *broken, _ *Options) {
		b.delete = func(ctx context.Context, name string, _ store.Expect) (store.Info, error) {
			return b.Store.Delete(ctx, name, store.Any)
		}
	}},
	{"Delete/nothing", "deletes what is not there", func(b *broken, _ *Options) {
		b.delete = func(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
			info, err := b.Store.Delete(ctx, name, expect)
			return info, instead(err, store.ErrNotFound, nil)
		}
	}},
	{"Delete/collection", "deletes collections with all members", func(b *broken, _ *Options) {
		b.delete = func(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
			members, _ := b.members(name)
			for _, m := range members {
				b.Delete(ctx, m.Name, store.Any)
			}
			return b.Store.Delete(ctx, name, expect)
		}
	}},
	{"Delete/last", "leaves something that is neither there nor not", func(b *broken, _ *Options) {
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			if len(members) == 0 {
				err = errBroken
			}
			return members, err
		})
	}},
	{"List/members", "lists content only", func(b *broken, _ *Options) {
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			return slices.DeleteFunc(members, func(m store.Info) bool { return m.Collection }), err
		})
	}},
	{"List/order", "sorts collections as if their names ended in a slash", func(b *broken, _ *Options) {
		key := func(m store.Info) string {
			if m.Collection {
				return m.Name + "/"
			}
			return m.Name
		}
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			slices.SortFunc(members, func(a, b store.Info) int { return strings.Compare(key(a), key(b)) })
			return members, err
		})
	}},
	{"List/order", "does not tell capital letters from others", func(b *broken, _ *Options) {
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			slices.SortStableFunc(members, func(a, b store.Info) int {
				return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
			})
			return members, err
		})
	}},
	{"List/describes", "lists without sizes", func(b *broken, _ *Options) {
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			for i := range members {
				members[i].Size = 0
			}
			return members, err
		})
	}},
	{"List/known", "gives the digest of another moment than the revision", func(b *broken, _ *Options) {
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			pause()
			for i := range members {
				members[i].Digest = b.current(members[i].Name).Digest
			}
			return members, err
		})
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			pause()
			return d.Draft.Commit(ctx, expect)
		}
	}},
	{"List/nothing", "lists nothing where nothing exists", func(b *broken, _ *Options) {
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			return members, instead(err, store.ErrNotFound, nil)
		})
	}},
	{"List/content", "lists content as its own member", func(b *broken, _ *Options) {
		b.relist(func(name string, members []store.Info, err error) ([]store.Info, error) {
			if errors.Is(err, store.ErrNotCollection) {
				return []store.Info{b.current(name)}, nil
			}
			return members, err
		})
	}},
	{"List/empty", "has no empty root", func(b *broken, _ *Options) {
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			if len(members) == 0 {
				err = store.ErrNotFound
			}
			return members, err
		})
	}},
	{"List/again", "goes on when the caller has left", func(b *broken, _ *Options) {
		b.list = func(ctx context.Context, name string) iter.Seq2[store.Info, error] {
			return func(yield func(store.Info, error) bool) {
				for m, err := range b.Store.List(ctx, name) {
					yield(m, err)
				}
			}
		}
	}},
	{"List/again", "yields each member once", func(b *broken, _ *Options) {
		b.list = func(ctx context.Context, name string) iter.Seq2[store.Info, error] {
			next, stop := iter.Pull2(b.Store.List(ctx, name))
			return func(yield func(store.Info, error) bool) {
				for m, err, ok := next(); ok && yield(m, err); m, err, ok = next() {
				}
				stop()
			}
		}
	}},
	{"Revision/grows", "numbers by content", func(b *broken, _ *Options) {
		b.recommit(func(_ store.Expect, info *store.Info, err error) error {
			info.Revision = 1 + store.Revision(info.Digest[0])
			return err
		})
	}},
	{"Revision/deleted", "numbers from one again after a deletion", func(b *broken, _ *Options) {
		var count store.Revision
		b.recommit(func(expect store.Expect, info *store.Info, err error) error {
			if expect == store.Absent {
				count = 0
			}
			count++
			info.Revision = count
			return err
		})
	}},
	{"Revisions/newest-first", "yields the oldest first", func(b *broken, _ *Options) {
		b.revisions = func(ctx context.Context, name string) iter.Seq2[store.Info, error] {
			var all []store.Info
			for info := range b.Store.(store.History).Revisions(ctx, name) {
				all = append(all, info)
			}
			return func(yield func(store.Info, error) bool) {
				for _, info := range slices.Backward(all) {
					if !yield(info, nil) {
						return
					}
				}
			}
		}
	}},
	{"Revisions/deleted", "yields revisions that Open does not take", func(b *broken, _ *Options) {
		b.open = func(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
			if !b.current(name).Exists() {
				return nil, store.ErrNotFound
			}
			return b.Store.Open(ctx, name, rev)
		}
	}},
	{"Revisions/spared", "spares nothing", func(b *broken, _ *Options) {
		b.commit = func(_ context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			return d.Draft.Commit(context.Background(), expect)
		}
	}},
	{"Revisions/spared", "spares no members", func(b *broken, _ *Options) {
		b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
			if b.current(p.from).Collection {
				ctx = context.Background()
			}
			return do(ctx, p.from, p.expectFrom, p.to, p.expectTo)
		}
	}},
	{"Revisions/unheard", "complains of names never heard of", func(b *broken, _ *Options) {
		b.revisions = func(ctx context.Context, name string) iter.Seq2[store.Info, error] {
			return func(yield func(store.Info, error) bool) {
				if _, err := b.Store.Stat(ctx, name); err != nil {
					yield(store.Info{}, err)
				}
			}
		}
	}},
	{"Reopen/keeps", "forgets everything", func(_ *broken, o *Options) {
		o.Reopen = func(testing.TB, store.Store) store.Store { return memstore.New(memstore.Options{}) }
	}},
	{"Reopen/keeps", "brings back what was deleted", func(b *broken, o *Options) {
		var deleted []string
		b.delete = func(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
			deleted = append(deleted, name)
			return b.Store.Delete(ctx, name, expect)
		}
		o.Reopen = func(testing.TB, store.Store) store.Store {
			for _, name := range deleted {
				b.put(name, "content")
			}
			return b
		}
	}},
	{"Reopen/expectation", "numbers anew", func(_ *broken, o *Options) { o.Reopen = renumbered }},
	{"Reopen/revisions-grow", "numbers from one", func(_ *broken, o *Options) { o.Reopen = renumbered }},
	{"Reopen/modified", "forgets when the last revision came to be", func(b *broken, o *Options) {
		o.Reopen = func(_ testing.TB, s store.Store) store.Store {
			b.recommit(func(_ store.Expect, info *store.Info, err error) error {
				info.Modified = info.Modified.Add(-time.Second)
				return err
			})
			return s
		}
	}},
	{"Reopen/drafts", "commits what was merely staged", func(b *broken, o *Options) {
		recommit := b.keepStaged()
		o.Reopen = func(testing.TB, store.Store) store.Store {
			recommit("a", store.Any)
			return b
		}
	}},
	{"Reopen/drafts", "leaves drafts behind", func(b *broken, o *Options) {
		o.Leftovers = func(testing.TB, store.Store) []string { return []string{"draft"} }
	}},
	{"Reopen/history", "keeps only what is current", func(b *broken, o *Options) {
		o.Reopen = func(_ testing.TB, s store.Store) store.Store {
			b.revisions = func(ctx context.Context, name string) iter.Seq2[store.Info, error] {
				return func(yield func(store.Info, error) bool) { yield(b.current(name), nil) }
			}
			return s
		}
	}},
	{"Context/reads", "takes a cancelled read for a missing resource", func(b *broken, _ *Options) {
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			return info, instead(err, context.Canceled, store.ErrNotFound)
		}
	}},
	{"Context/writes", "writes and says that it was cancelled", func(b *broken, _ *Options) {
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			info, err := d.Draft.Commit(context.WithoutCancel(ctx), expect)
			if err == nil {
				err = ctx.Err()
			}
			return info, err
		}
	}},
	{"Context/content", "reads for as long as its caller waits", func(b *broken, _ *Options) {
		b.open = func(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
			c, err := b.Store.Open(ctx, name, rev)
			return brokenContent{Content: c, writeRange: func(w io.Writer, off, n int64) (int64, error) {
				if ctx.Err() != nil {
					return 0, ctx.Err()
				}
				return c.WriteRange(w, off, n)
			}}, err
		}
	}},
	{"Context/draft", "gives drafts up when their stager goes", func(b *broken, _ *Options) {
		var staging context.Context
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			staging = ctx
			return b.Store.Stage(ctx, name, r)
		}
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			if staging.Err() != nil {
				return store.Info{}, staging.Err()
			}
			return d.Draft.Commit(ctx, expect)
		}
	}},
	{"Context/stage", "does not look at its context", func(b *broken, _ *Options) {
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			return b.Store.Stage(context.WithoutCancel(ctx), name, r)
		}
	}},
	{"Concurrent/writers", "checks, then replaces", func(b *broken, _ *Options) { b.checkThenWrite(always) }},
	{"Concurrent/writers", "tells losers of what they expected", func(b *broken, _ *Options) {
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			before := b.current(d.name)
			pause()
			info, err := d.Draft.Commit(ctx, expect)
			if errors.Is(err, store.ErrConflict) {
				err = &store.ConflictError{Name: d.name, Expect: expect, Current: before}
			}
			return info, err
		}
	}},
	{"Concurrent/creators", "checks, then creates", func(b *broken, _ *Options) {
		b.checkThenWrite(func(expect store.Expect) bool { return expect == store.Absent })
	}},
	{"Concurrent/deleters", "checks, then deletes", func(b *broken, _ *Options) {
		b.delete = func(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
			info := b.current(name)
			if !expect.Holds(info.Revision) {
				return store.Info{}, b.conflict(name, expect)
			}
			pause()
			b.Store.Delete(ctx, name, store.Any)
			return info, nil
		}
	}},
	{"Concurrent/readers", "reads what is current, piece by piece", func(b *broken, _ *Options) {
		b.unpin()
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			pause()
			return d.Draft.Commit(ctx, expect)
		}
	}},
	{"Concurrent/collections", "fails to list what goes away meanwhile", func(b *broken, _ *Options) {
		b.delete = func(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
			pause()
			return b.Store.Delete(ctx, name, expect)
		}
		b.relist(func(_ string, members []store.Info, err error) ([]store.Info, error) {
			pause()
			pause()
			for _, m := range members {
				if !b.current(m.Name).Exists() {
					return nil, errBroken
				}
			}
			return members, err
		})
	}},
	{"Concurrent/linearizable", "checks, then writes", func(b *broken, _ *Options) { b.checkThenWrite(always) }},
	{"Concurrent/linearizable", "reads what it has read before", func(b *broken, _ *Options) {
		var reads atomic.Int64
		var mu sync.Mutex
		last := make(map[string]store.Info)
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			if old, ok := last[name]; ok && reads.Add(1)%4 == 0 {
				return old, nil
			}
			last[name] = info
			return info, err
		}
	}},
	{"Concurrent/linearizable", "confirms writes it has not made", func(b *broken, _ *Options) {
		var writes atomic.Int64
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			info, err := d.Draft.Commit(ctx, expect)
			if err == nil && writes.Add(1)%5 == 0 {
				b.Store.Delete(ctx, d.name, store.At(info.Revision))
			}
			return info, err
		}
	}},
	{"Concurrent/linearizable", "makes writes it has refused", func(b *broken, _ *Options) {
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			info, err := d.Draft.Commit(ctx, expect)
			if errors.Is(err, store.ErrConflict) {
				b.put(d.name, Expand("refused", 0))
			}
			return info, err
		}
	}},
}

// sizeless is a draft without a size.
type sizeless struct{ store.Draft }

func (sizeless) Size() int64 { return 0 }

// unpin makes Content read what is current, a MiB at a time.
func (b *broken) unpin() {
	b.content = func(c brokenContent) store.Content {
		c.writeRange = func(w io.Writer, off, n int64) (written int64, err error) {
			for written < n && err == nil {
				now, failed := b.Store.Open(context.Background(), c.Content.Info().Name, 0)
				if failed != nil {
					return written, failed
				}
				var m int64
				m, err = now.WriteRange(w, off+written, min(1<<20, n-written, now.Info().Size-off-written))
				written += m
				pause()
			}
			return written, err
		}
		return c
	}
}

// unspend commits the latest content staged for the name of a draft, whatever
// became of that draft before.
func (b *broken) unspend() {
	recommit := b.keepStaged()
	b.commit = func(_ context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
		return recommit(d.name, expect)
	}
}

// renumbered returns a new store with what is current in s.
func renumbered(tb testing.TB, s store.Store) store.Store {
	fresh := &broken{Store: memstore.New(memstore.Options{})}
	t := &env{TB: tb, store: s}
	var copyAll func(collection string)
	copyAll = func(collection string) {
		members, err := t.list(collection)
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		for _, m := range members {
			if m.Collection {
				copyAll(m.Name)
			} else if _, err := fresh.put(m.Name, t.content(m.Name, 0)); err != nil {
				t.Fatalf("copying %q: %v", m.Name, err)
			}
		}
	}
	copyAll("")
	return fresh
}

// recorder is a testing.TB that fails without failing the test.
type recorder struct {
	testing.TB // for Context and Helper

	mu      sync.Mutex
	failed  bool
	skipped bool
	log     strings.Builder
	stop    func() // leaves the goroutine of the case
}

func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.log, format+"\n", args...)
}

func (r *recorder) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Log(args ...any)                   { r.Logf("%s", fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.Logf(format, args...); r.Fail() }
func (r *recorder) Error(args ...any)                 { r.Log(args...); r.Fail() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); r.FailNow() }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); r.FailNow() }
func (r *recorder) FailNow()                          { r.Fail(); r.stop() }
func (r *recorder) Skip(args ...any)                  { r.Log(args...); r.skipped = true; r.stop() }
func (r *recorder) Cleanup(f func())                  { r.TB.Cleanup(f) }

// leave is the panic by which a case ends early.
type leave struct{}

// try runs c on the store that open returns and reports what became of it.
func try(t testing.TB, c testCase, open func(testing.TB) store.Store, o Options) (r *recorder) {
	r = &recorder{TB: t, stop: func() { panic(leave{}) }}
	defer func() {
		switch p := recover().(type) {
		case nil, leave:
		default:
			r.Errorf("panic: %v", p)
		}
	}()
	c.check(r, open, o)
	return r
}

func TestBrokenStoresAreCaught(t *testing.T) {
	keepPicturesIn(t, t.TempDir())
	byName := make(map[string]testCase)
	for _, c := range cases(Options{Reopen: same}) {
		byName[c.name] = c
	}
	for _, m := range slices.Concat(mutants, optionalMutants) {
		t.Run(m.caughtBy+"/"+m.does, func(t *testing.T) {
			c, ok := byName[m.caughtBy]
			if !ok {
				t.Fatalf("there is no case %q", m.caughtBy)
			}
			synctest.Test(t, func(t *testing.T) {
				b := &broken{Store: memstore.New(memstore.Options{})}
				o := Options{Reopen: same}
				m.breaks(b, &o)
				r := try(t, c, func(testing.TB) store.Store { return b }, o)
				if !r.failed {
					t.Errorf("a store that %s passes %s", m.does, c.name)
				}
				t.Logf("%s", r.log.String())
			})
		})
	}
}

func TestEveryCaseCanFail(t *testing.T) {
	shown := make(map[string]bool)
	for _, m := range slices.Concat(mutants, optionalMutants) {
		shown[m.caughtBy] = true
	}
	for _, c := range cases(Options{Reopen: same}) {
		if !shown[c.name] {
			t.Errorf("no broken store shows that the case %s can fail", c.name)
		}
	}
}

// What the broken stores are made of passes, also where they are tried.
func TestUnbrokenStorePasses(t *testing.T) {
	for _, c := range cases(Options{Reopen: same}) {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				open := func(testing.TB) store.Store { return &broken{Store: memstore.New(memstore.Options{})} }
				none := func(testing.TB, store.Store) []string { return nil }
				if r := try(t, c, open, Options{Reopen: same, Leftovers: none}); r.failed || r.skipped {
					t.Errorf("%s", r.log.String())
				}
			})
		})
	}
}

// same is the restart of a store that keeps everything in any case.
func same(_ testing.TB, s store.Store) store.Store { return s }

// keepPicturesIn lets Check write its pictures into dir.
func keepPicturesIn(t *testing.T, dir string) {
	for _, variable := range []string{"TMPDIR", "TMP"} {
		t.Setenv(variable, dir)
	}
	if os.TempDir() != dir {
		t.Fatalf("the directory for temporary files is %q, want %q", os.TempDir(), dir)
	}
}
