package storetest

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// optionalParts are what a broken store can replace of the optional interfaces.
type optionalParts struct {
	makeCollection   func(ctx context.Context, name string) (store.Info, error)
	deleteCollection func(ctx context.Context, name string) error
	transfer         func(ctx context.Context, t passage, do transfer) (store.Info, error) // Move and Copy
	copyCollection   func(ctx context.Context, from, to string, expectTo store.Expect) (store.Info, error)
	properties       func(ctx context.Context, name string) (map[string]string, error)
	setProperties    func(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error
	keep             func(ctx context.Context, key string, value []byte) error
	kept             func(ctx context.Context, prefix string) iter.Seq2[store.Record, error]
	commitWith       func(ctx context.Context, d store.Draft, expect store.Expect, key string, value store.Note) (store.Info, error)
	deleteWith       func(ctx context.Context, name string, expect store.Expect, key string, value store.Note) (store.Info, error)
	purge            func(ctx context.Context, name string, rev store.Revision) (int, error)
}

// passage is what Move and Copy are called with.
type passage struct {
	from, to             string
	expectFrom, expectTo store.Expect
	copy                 bool
}

// mem is what a broken store is made of.
func (b *broken) mem() *memstore.Store { return b.Store.(*memstore.Store) }

func (b *broken) MakeCollection(ctx context.Context, name string) (store.Info, error) {
	if b.makeCollection != nil {
		return b.makeCollection(ctx, name)
	}
	return b.mem().MakeCollection(ctx, name)
}

func (b *broken) DeleteCollection(ctx context.Context, name string) error {
	if b.deleteCollection != nil {
		return b.deleteCollection(ctx, name)
	}
	return b.mem().DeleteCollection(ctx, name)
}

func (b *broken) Move(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	if b.transfer != nil {
		return b.transfer(ctx, passage{from, to, expectFrom, expectTo, false}, b.mem().Move)
	}
	return b.mem().Move(ctx, from, expectFrom, to, expectTo)
}

func (b *broken) Copy(ctx context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	if b.transfer != nil {
		return b.transfer(ctx, passage{from, to, expectFrom, expectTo, true}, b.mem().Copy)
	}
	return b.mem().Copy(ctx, from, expectFrom, to, expectTo)
}

func (b *broken) CopyCollection(ctx context.Context, from, to string, expectTo store.Expect) (store.Info, error) {
	if b.copyCollection != nil {
		return b.copyCollection(ctx, from, to, expectTo)
	}
	return b.mem().CopyCollection(ctx, from, to, expectTo)
}

// do performs what p is.
func (p passage) do(ctx context.Context, do transfer) (store.Info, error) {
	return do(ctx, p.from, p.expectFrom, p.to, p.expectTo)
}

func (b *broken) Properties(ctx context.Context, name string) (map[string]string, error) {
	if b.properties != nil {
		return b.properties(ctx, name)
	}
	return b.mem().Properties(ctx, name)
}

func (b *broken) SetProperties(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
	if b.setProperties != nil {
		return b.setProperties(ctx, name, expect, changes)
	}
	return b.mem().SetProperties(ctx, name, expect, changes)
}

func (b *broken) Keep(ctx context.Context, key string, value []byte) error {
	if b.keep != nil {
		return b.keep(ctx, key, value)
	}
	return b.mem().Keep(ctx, key, value)
}

func (b *broken) Kept(ctx context.Context, prefix string) iter.Seq2[store.Record, error] {
	if b.kept != nil {
		return b.kept(ctx, prefix)
	}
	return b.mem().Kept(ctx, prefix)
}

func (b *broken) CanSpare(size int64) bool { return b.mem().CanSpare(size) }

func (b *broken) CommitWith(ctx context.Context, d store.Draft, expect store.Expect, key string, value store.Note) (store.Info, error) {
	if b.commitWith != nil {
		return b.commitWith(ctx, d, expect, key, value)
	}
	return b.mem().CommitWith(ctx, whole(d), expect, key, value)
}

// whole is d as the store below made it.
func whole(d store.Draft) store.Draft {
	if b, ok := d.(*brokenDraft); ok {
		return b.Draft
	}
	return d
}

func (b *broken) DeleteWith(ctx context.Context, name string, expect store.Expect, key string, value store.Note) (store.Info, error) {
	if b.deleteWith != nil {
		return b.deleteWith(ctx, name, expect, key, value)
	}
	return b.mem().DeleteWith(ctx, name, expect, key, value)
}

func (b *broken) Purge(ctx context.Context, name string, rev store.Revision) (int, error) {
	if b.purge != nil {
		return b.purge(ctx, name, rev)
	}
	return b.mem().Purge(ctx, name, rev)
}

// remake replaces what MakeCollection returns.
func (b *broken) remake(change func(info store.Info, err error) (store.Info, error)) {
	b.makeCollection = func(ctx context.Context, name string) (store.Info, error) {
		return change(b.mem().MakeCollection(ctx, name))
	}
}

// forEach calls f with all resources in a collection, at any depth.
func (b *broken) forEach(collection string, f func(name string)) {
	members, _ := b.members(collection)
	for _, m := range members {
		if m.Collection {
			b.forEach(m.Name, f)
		} else {
			f(m.Name)
		}
	}
}

// content reads what is current under name.
func (b *broken) read(name string) string {
	c, err := b.Store.Open(context.Background(), name, 0)
	if err != nil {
		return ""
	}
	content, _ := readAll(c)
	return content
}

// resetting replaces what Move and Copy expect.
func (b *broken) resetting(change func(p *passage)) {
	b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
		change(&p)
		return p.do(ctx, do)
	}
}

// retransfer replaces what Move and Copy return.
func (b *broken) retransfer(change func(p passage, info store.Info, err error) (store.Info, error)) {
	b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
		info, err := p.do(ctx, do)
		return change(p, info, err)
	}
}

// errors replaces one error of Move and Copy by another.
func (b *broken) confusing(from, to error) {
	b.retransfer(func(_ passage, info store.Info, err error) (store.Info, error) { return info, instead(err, from, to) })
}

// merging is a Move or Copy of a collection that leaves what was at the destination.
func (b *broken) merging(ctx context.Context, p passage, do transfer) (store.Info, error) {
	stay := make(map[string]string)
	b.forEach(p.to, func(name string) { stay[name] = b.read(name) })
	info, err := p.do(ctx, do)
	if err == nil {
		for name, content := range stay {
			if !b.current(name).Exists() {
				b.put(name, content)
			}
		}
	}
	return info, err
}

// byParts is a Move that puts the resource where it goes, and then takes it
// away where it was.
func (b *broken) byParts(ctx context.Context, p passage, do transfer) (store.Info, error) {
	if p.copy {
		return p.do(ctx, do)
	}
	info, err := b.mem().Copy(ctx, p.from, p.expectFrom, p.to, p.expectTo)
	if err != nil {
		return info, err
	}
	pause()
	pause()
	if !b.current(p.from).Exists() {
		return info, b.mem().DeleteCollection(ctx, p.from)
	}
	_, err = b.Store.Delete(ctx, p.from, store.Any)
	return info, err
}

// remembered are the properties that a store keeps by name.
type remembered struct {
	mu     sync.Mutex
	byName map[string]map[string]string
}

func (r *remembered) of(name string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byName[name]
}

func (r *remembered) set(name string, properties map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byName[name] = properties
}

func (r *remembered) forget(forgotten func(name string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.byName, func(name string, _ map[string]string) bool { return forgotten(name) })
}

// remembering keeps properties by name, and moves and copies none.
func (b *broken) remembering() *remembered {
	r := &remembered{byName: make(map[string]map[string]string)}
	b.properties = func(ctx context.Context, name string) (map[string]string, error) {
		_, err := b.mem().Properties(ctx, name)
		return maps.Clone(r.of(name)), err
	}
	b.setProperties = func(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
		err := b.mem().SetProperties(ctx, name, expect, changes)
		if err == nil {
			var properties map[string]string
			properties, err = b.mem().Properties(ctx, name)
			r.set(name, properties)
		}
		return err
	}
	return r
}

var optionalMutants = append(transferMutants("Move"), append(transferMutants("Copy"), []mutant{
	{"Collections/made", "describes what it made as content", func(b *broken, _ *Options) {
		b.remake(func(info store.Info, err error) (store.Info, error) {
			info.Collection = false
			return info, err
		})
	}},
	{"Collections/taken", "makes what is there already", func(b *broken, _ *Options) {
		b.remake(func(info store.Info, err error) (store.Info, error) {
			return info, instead(err, store.ErrConflict, nil)
		})
	}},
	{"Collections/no-parent", "makes the collections on its way", func(b *broken, _ *Options) {
		b.makeCollection = func(ctx context.Context, name string) (store.Info, error) {
			if up := parent(name); up != "" {
				b.makeCollection(ctx, up)
			}
			return b.mem().MakeCollection(ctx, name)
		}
	}},
	{"Collections/no-parent", "has one word for all that is not found", func(b *broken, _ *Options) {
		b.remake(func(info store.Info, err error) (store.Info, error) {
			return info, instead(err, store.ErrNoParent, store.ErrNotFound)
		})
	}},
	{"Collections/names", "makes what Windows cannot store", func(b *broken, _ *Options) {
		b.makeCollection = func(ctx context.Context, name string) (store.Info, error) {
			if store.CheckName(name) == nil && store.CheckNewName(name) != nil {
				name = "stand-in"
			}
			return b.mem().MakeCollection(ctx, name)
		}
	}},
	{"Collections/stay", "clears empty collections away", func(b *broken, _ *Options) {
		b.delete = func(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
			info, err := b.Store.Delete(ctx, name, expect)
			if members, _ := b.members(parent(name)); len(members) == 0 {
				b.mem().DeleteCollection(ctx, parent(name))
			}
			return info, err
		}
	}},
	{"Collections/deleted", "deletes what begins with the name", func(b *broken, _ *Options) {
		b.deleteCollection = func(ctx context.Context, name string) error {
			b.forEach("", func(n string) {
				if strings.HasPrefix(n, name) {
					b.Store.Delete(ctx, n, store.Any)
				}
			})
			return b.mem().DeleteCollection(ctx, name)
		}
	}},
	{"Collections/deleted", "leaves the collections in it", func(b *broken, _ *Options) {
		b.deleteCollection = func(ctx context.Context, name string) error {
			members, err := b.members(name)
			for _, m := range members {
				b.Store.Delete(ctx, m.Name, store.Any)
			}
			return err
		}
	}},
	{"Collections/deleted-revisions", "numbers from one again after a deletion", func(b *broken, _ *Options) {
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
	{"Collections/deleted-history", "keeps nothing of the members", func(b *broken, _ *Options) {
		b.deleteCollection = func(ctx context.Context, name string) error {
			var names []string
			b.forEach(name, func(n string) { names = append(names, n) })
			err := b.mem().DeleteCollection(ctx, name)
			for _, n := range names {
				b.Purge(ctx, n, 0)
			}
			return err
		}
	}},
	{"Collections/not-deleted", "deletes resources too", func(b *broken, _ *Options) {
		b.deleteCollection = func(ctx context.Context, name string) error {
			err := b.mem().DeleteCollection(ctx, name)
			if errors.Is(err, store.ErrNotCollection) {
				_, err = b.Store.Delete(ctx, name, store.Any)
			}
			return err
		}
	}},
	{"Collections/cancelled", "makes and says that it was cancelled", func(b *broken, _ *Options) {
		b.makeCollection = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.mem().MakeCollection(context.WithoutCancel(ctx), name)
			return info, errors.Join(err, ctx.Err())
		}
	}},
	{"Collections/race", "looks, then makes", func(b *broken, _ *Options) {
		b.makeCollection = func(ctx context.Context, name string) (store.Info, error) {
			if at, err := b.Store.Stat(ctx, name); err == nil {
				return store.Info{}, &store.ConflictError{Name: name, Expect: store.Absent, Current: at}
			}
			pause()
			info, err := b.mem().MakeCollection(ctx, name)
			return info, instead(err, store.ErrConflict, nil)
		}
	}},
	{"Collections/atomic", "deletes member by member", func(b *broken, _ *Options) {
		b.deleteCollection = func(ctx context.Context, name string) error {
			b.forEach(name, func(n string) {
				b.Store.Delete(ctx, n, store.Any)
				pause()
				pause()
			})
			return b.mem().DeleteCollection(ctx, name)
		}
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			pause()
			return b.Store.Stat(ctx, name)
		}
	}},
	{"Move/leaves-nothing", "copies", func(b *broken, _ *Options) {
		b.transfer = func(ctx context.Context, p passage, _ transfer) (store.Info, error) { return p.do(ctx, b.mem().Copy) }
	}},
	{"Move/leaves-nothing", "keeps nothing of what was moved", func(b *broken, _ *Options) {
		b.retransfer(func(p passage, info store.Info, err error) (store.Info, error) {
			b.Purge(context.Background(), p.from, 0)
			return info, err
		})
	}},
	{"Move/collection-leaves-nothing", "copies collections", func(b *broken, _ *Options) {
		b.transfer = func(ctx context.Context, p passage, _ transfer) (store.Info, error) { return p.do(ctx, b.mem().Copy) }
	}},
	{"Move/one-source", "moves in two steps", func(b *broken, _ *Options) { b.transfer = b.byParts }},
	{"Move/against-write", "moves in two steps", func(b *broken, _ *Options) {
		b.transfer = b.byParts
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			pause() // until the copy is made
			return d.Draft.Commit(ctx, expect)
		}
	}},
	{"Move/collection-against-write", "moves collections in two steps", func(b *broken, _ *Options) {
		b.transfer = b.byParts
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			for range 100 { // until the copy is made
				if info, err := b.Store.Stat(ctx, "t"); err == nil && info.Collection {
					break
				}
				pause()
			}
			return d.Draft.Commit(ctx, expect)
		}
	}},
	{"Copy/alone", "copies the members", func(b *broken, _ *Options) {
		b.copyCollection = func(ctx context.Context, from, to string, expectTo store.Expect) (store.Info, error) {
			return b.mem().Copy(ctx, from, store.Any, to, expectTo)
		}
	}},
	{"Copy/alone", "forgets the properties", func(b *broken, _ *Options) {
		b.copyCollection = func(ctx context.Context, from, to string, expectTo store.Expect) (store.Info, error) {
			info, err := b.mem().CopyCollection(ctx, from, to, expectTo)
			if err == nil {
				err = b.mem().SetProperties(ctx, to, store.Any, map[string]*string{"k": nil})
			}
			return info, err
		}
	}},
	{"Copy/alone", "leaves what is at the new name", func(b *broken, _ *Options) {
		b.copyCollection = func(ctx context.Context, from, to string, expectTo store.Expect) (store.Info, error) {
			if there, err := b.Store.Stat(ctx, to); err == nil && there.Collection && expectTo == store.Any {
				return there, nil
			}
			return b.mem().CopyCollection(ctx, from, to, expectTo)
		}
	}},
	{"Copy/independent", "copies by a second name", func(b *broken, _ *Options) {
		alias := make(map[string]string)
		b.retransfer(func(p passage, info store.Info, err error) (store.Info, error) {
			alias[p.to] = p.from
			return info, err
		})
		b.stage = func(ctx context.Context, name string, r io.Reader) (store.Draft, error) {
			if from := alias[name]; from != "" {
				name = from
			}
			return b.Store.Stage(ctx, name, r)
		}
	}},
	{"Mover/linearizable", "moves in two steps", func(b *broken, _ *Options) { b.transfer = b.byParts }},
	{"Mover/linearizable", "leaves marks behind", func(b *broken, _ *Options) { b.remembering() }},
	{"Mover/linearizable", "merges collections", func(b *broken, _ *Options) { b.transfer = b.merging }},
	{"Properties/set", "drops empty values", func(b *broken, _ *Options) {
		b.properties = func(ctx context.Context, name string) (map[string]string, error) {
			set, err := b.mem().Properties(ctx, name)
			maps.DeleteFunc(set, func(_, value string) bool { return value == "" })
			return set, err
		}
	}},
	{"Properties/set", "hands out its own map", func(b *broken, _ *Options) {
		r := b.remembering()
		b.properties = func(_ context.Context, name string) (map[string]string, error) { return r.of(name), nil }
	}},
	{"Properties/no-validators", "makes a revision", func(b *broken, _ *Options) {
		b.setProperties = func(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
			err := b.mem().SetProperties(ctx, name, expect, changes)
			if b.current(name).Exists() {
				b.put(name, b.read(name))
			}
			return err
		}
	}},
	{"Properties/nothing", "keeps properties of nothing", func(b *broken, _ *Options) {
		b.setProperties = func(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
			return instead(b.mem().SetProperties(ctx, name, expect, changes), store.ErrNotFound, nil)
		}
	}},
	{"Properties/stale", "sets whatever is there", func(b *broken, _ *Options) {
		b.setProperties = func(ctx context.Context, name string, _ store.Expect, changes map[string]*string) error {
			return b.mem().SetProperties(ctx, name, store.Any, changes)
		}
	}},
	{"Properties/bounds", "sets what fits", func(b *broken, _ *Options) {
		b.setProperties = func(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
			err := b.mem().SetProperties(ctx, name, expect, changes)
			for key, value := range changes {
				if err != nil {
					b.mem().SetProperties(ctx, name, expect, map[string]*string{key: value})
				}
			}
			return err
		}
	}},
	{"Properties/commit", "binds properties to content", func(b *broken, _ *Options) {
		r := b.remembering()
		b.commit = func(ctx context.Context, d *brokenDraft, expect store.Expect) (store.Info, error) {
			info, err := d.Draft.Commit(ctx, expect)
			if err == nil {
				r.forget(func(name string) bool { return name == d.name })
			}
			return info, err
		}
	}},
	{"Properties/deleted", "keeps properties by name", func(b *broken, _ *Options) { b.remembering() }},
	{"Properties/moved", "keeps properties by name", func(b *broken, _ *Options) { b.remembering() }},
	{"Properties/copied", "leaves properties behind", func(b *broken, _ *Options) { b.remembering() }},
	{"Properties/one-step", "sets one after the other", func(b *broken, _ *Options) {
		b.setProperties = func(ctx context.Context, name string, expect store.Expect, changes map[string]*string) error {
			for key, value := range changes {
				pause()
				if err := b.mem().SetProperties(ctx, name, expect, map[string]*string{key: value}); err != nil {
					return err
				}
			}
			return nil
		}
	}},
	{"Properties/names", "has properties of any name", func(b *broken, _ *Options) {
		b.properties = func(ctx context.Context, name string) (map[string]string, error) {
			set, err := b.mem().Properties(ctx, name)
			return set, instead(err, store.ErrName, store.ErrNotFound)
		}
	}},
	{"Keeper/keeps", "takes the prefix for a collection", func(b *broken, _ *Options) {
		b.kept = func(ctx context.Context, prefix string) iter.Seq2[store.Record, error] {
			return func(yield func(store.Record, error) bool) {
				for r, err := range b.mem().Kept(ctx, prefix) {
					if r.Key != prefix && strings.HasPrefix(r.Key, strings.TrimSuffix(prefix, "/")+"/") && !yield(r, err) {
						return
					}
				}
			}
		}
	}},
	{"Keeper/keeps", "removes what is empty", func(b *broken, _ *Options) {
		b.keep = func(ctx context.Context, key string, value []byte) error {
			if len(value) == 0 {
				value = nil
			}
			return b.mem().Keep(ctx, key, value)
		}
	}},
	{"Keeper/own-values", "keeps the slice it was given", func(b *broken, _ *Options) {
		var given []byte
		b.keep = func(ctx context.Context, key string, value []byte) error {
			given = value
			return b.mem().Keep(ctx, key, value)
		}
		b.kept = func(_ context.Context, _ string) iter.Seq2[store.Record, error] {
			return func(yield func(store.Record, error) bool) { yield(store.Record{Key: "key", Value: given}, nil) }
		}
	}},
	{"Keeper/bounds", "keeps the beginning of long values", func(b *broken, _ *Options) {
		b.keep = func(ctx context.Context, key string, value []byte) error {
			return b.mem().Keep(ctx, key, value[:min(len(value), store.MaxRecordValue)])
		}
	}},
	{"Keeper/apart", "keeps records as resources", func(b *broken, _ *Options) {
		b.keep = func(ctx context.Context, key string, value []byte) error {
			b.put(key, string(value))
			return b.mem().Keep(ctx, key, value)
		}
	}},
	{"Keeper/cancelled", "keeps and says that it was cancelled", func(b *broken, _ *Options) {
		b.keep = func(ctx context.Context, key string, value []byte) error {
			return errors.Join(b.mem().Keep(context.WithoutCancel(ctx), key, value), ctx.Err())
		}
	}},
	{"Recorder/commit", "makes the record of the revision before", func(b *broken, _ *Options) {
		b.commitWith = func(ctx context.Context, d store.Draft, expect store.Expect, key string, value store.Note) (store.Info, error) {
			return b.mem().CommitWith(ctx, whole(d), expect, key, func(i store.Info) []byte { i.Revision--; return value(i) })
		}
	}},
	{"Recorder/delete", "deletes, and forgets the record", func(b *broken, _ *Options) {
		b.deleteWith = func(ctx context.Context, name string, expect store.Expect, _ string, _ store.Note) (store.Info, error) {
			return b.mem().Delete(ctx, name, expect)
		}
	}},
	{"Recorder/refused", "keeps the record first", func(b *broken, _ *Options) {
		b.commitWith = func(ctx context.Context, d store.Draft, expect store.Expect, key string, value store.Note) (store.Info, error) {
			if err := b.mem().Keep(ctx, key, value(store.Info{})); err != nil {
				return store.Info{}, err
			}
			return d.Commit(ctx, expect)
		}
	}},
	{"Recorder/plain", "takes the record away with what it is about", func(b *broken, _ *Options) {
		b.kept = func(ctx context.Context, prefix string) iter.Seq2[store.Record, error] {
			return func(yield func(store.Record, error) bool) {
				for r, err := range b.mem().Kept(ctx, prefix) {
					if b.read("a") != "" && !yield(r, err) {
						return
					}
				}
			}
		}
	}},
	{"Recorder/bounds", "commits, and then looks at the record", func(b *broken, _ *Options) {
		b.commitWith = func(ctx context.Context, d store.Draft, expect store.Expect, key string, value store.Note) (store.Info, error) {
			info, err := d.Commit(ctx, expect)
			if err == nil {
				err = b.mem().Keep(ctx, key, value(info))
			}
			return info, err
		}
	}},
	{"Keeper/one-moment", "looks each record up when it is asked for", func(b *broken, _ *Options) {
		b.keep = func(ctx context.Context, key string, value []byte) error {
			pause()
			return b.mem().Keep(ctx, key, value)
		}
		b.kept = func(ctx context.Context, prefix string) iter.Seq2[store.Record, error] {
			return func(yield func(store.Record, error) bool) {
				for r := range b.mem().Kept(ctx, prefix) {
					for now := range b.mem().Kept(ctx, r.Key) {
						if !yield(now, nil) {
							return
						}
					}
					for range 5 {
						pause()
					}
				}
			}
		}
	}},
	{"Purge/one", "purges all", func(b *broken, _ *Options) {
		b.purge = func(ctx context.Context, name string, _ store.Revision) (int, error) {
			return b.mem().Purge(ctx, name, 0)
		}
	}},
	{"Purge/one", "purges nothing", func(b *broken, _ *Options) {
		b.purge = func(context.Context, string, store.Revision) (int, error) { return 1, nil }
	}},
	{"Purge/all", "counts the current one", func(b *broken, _ *Options) {
		b.purge = func(ctx context.Context, name string, rev store.Revision) (int, error) {
			n, err := b.mem().Purge(ctx, name, rev)
			return n + 1, err
		}
	}},
	{"Purge/current", "deletes what is current", func(b *broken, _ *Options) {
		b.purge = func(ctx context.Context, name string, rev store.Revision) (int, error) {
			if _, err := b.Store.Delete(ctx, name, store.At(rev)); err != nil {
				return b.mem().Purge(ctx, name, rev)
			}
			return 1, nil
		}
	}},
	{"Purge/grows", "numbers from one after a purge", func(b *broken, _ *Options) {
		b.recommit(func(expect store.Expect, info *store.Info, err error) error {
			if expect == store.Absent {
				info.Revision = 1
			}
			return err
		})
		b.stat = func(ctx context.Context, name string) (store.Info, error) {
			info, err := b.Store.Stat(ctx, name)
			info.Revision = 1
			return info, err
		}
	}},
	{"Purge/names", "purges any name", func(b *broken, _ *Options) {
		b.purge = func(ctx context.Context, name string, rev store.Revision) (int, error) {
			n, err := b.mem().Purge(ctx, name, rev)
			return n, instead(err, store.ErrName, store.ErrGone)
		}
	}},
	{"Reopen/tree", "brings deleted collections back", func(b *broken, o *Options) {
		var deleted []string
		b.deleteCollection = func(ctx context.Context, name string) error {
			deleted = append(deleted, name)
			return b.mem().DeleteCollection(ctx, name)
		}
		o.Reopen = func(testing.TB, store.Store) store.Store {
			for _, name := range deleted {
				b.mem().MakeCollection(context.Background(), name)
			}
			return b
		}
	}},
	{"Reopen/tree", "forgets records", func(b *broken, o *Options) {
		o.Reopen = func(testing.TB, store.Store) store.Store {
			b.mem().Keep(context.Background(), "lock", nil)
			return b
		}
	}},
	{"Reopen/tree-revisions", "numbers from one", func(_ *broken, o *Options) { o.Reopen = renumbered }},
	{"Reopen/properties", "forgets properties", func(b *broken, o *Options) {
		r := b.remembering()
		o.Reopen = func(testing.TB, store.Store) store.Store {
			r.forget(func(string) bool { return true })
			return b
		}
	}},
}...)...)

// transferMutants break the rules that are the same for Move and Copy.
func transferMutants(method string) []mutant {
	return []mutant{
		{method + "/resource", "returns what was at the old name", func(b *broken, _ *Options) {
			b.retransfer(func(p passage, info store.Info, err error) (store.Info, error) {
				info.Name = p.from
				return info, err
			})
		}},
		{method + "/resource", "dates what arrives by its arrival", func(b *broken, _ *Options) {
			b.retransfer(func(_ passage, info store.Info, err error) (store.Info, error) {
				info.Modified = info.Modified.Add(time.Second)
				return info, err
			})
		}},
		{method + "/replaces", "keeps the date of what arrives in any case", func(b *broken, _ *Options) {
			b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
				before := b.current(p.from)
				info, err := p.do(ctx, do)
				info.Modified = before.Modified.Add(-time.Second) // as if it were an old file
				return info, err
			}
		}},
		{method + "/replaces", "keeps nothing of what it replaces", func(b *broken, _ *Options) {
			b.retransfer(func(p passage, info store.Info, err error) (store.Info, error) {
				b.Purge(context.Background(), p.to, 0)
				return info, err
			})
		}},
		{method + "/over-deleted", "keeps the revision of what arrives", func(b *broken, _ *Options) {
			b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
				before := b.current(p.from)
				info, err := p.do(ctx, do)
				info.Revision = before.Revision
				return info, err
			}
		}},
		{method + "/collection", "leaves empty collections behind", func(b *broken, _ *Options) {
			b.retransfer(func(p passage, info store.Info, err error) (store.Info, error) {
				b.mem().DeleteCollection(context.Background(), p.to+"/empty")
				return info, err
			})
		}},
		{method + "/collection", "takes what begins with the name, too", func(b *broken, _ *Options) {
			b.retransfer(func(p passage, info store.Info, err error) (store.Info, error) {
				if info.Collection {
					b.mem().Move(context.Background(), p.from+".txt", store.Any, p.to+".txt", store.Any)
				}
				return info, err
			})
		}},
		{method + "/over-collection", "merges", func(b *broken, _ *Options) { b.transfer = b.merging }},
		{method + "/over-collection", "keeps nothing of what it replaces", func(b *broken, _ *Options) {
			b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
				var names []string
				b.forEach(p.to, func(name string) { names = append(names, name) })
				info, err := p.do(ctx, do)
				for _, name := range names {
					b.Purge(ctx, name, 0)
				}
				return info, err
			}
		}},
		{method + "/other-kind", "replaces like by like only", func(b *broken, _ *Options) {
			b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
				if to, err := b.Store.Stat(ctx, p.to); err == nil && to.Collection && b.current(p.from).Exists() {
					return store.Info{}, store.ErrIsCollection
				}
				return p.do(ctx, do)
			}
		}},
		{method + "/stale", "expects nothing of the source", func(b *broken, _ *Options) {
			b.resetting(func(p *passage) { p.expectFrom = store.Any })
		}},
		{method + "/stale", "expects nothing of the destination", func(b *broken, _ *Options) {
			b.resetting(func(p *passage) { p.expectTo = store.Any })
		}},
		{method + "/stale", "says which state was wrong, but not whose", func(b *broken, _ *Options) {
			b.retransfer(func(p passage, info store.Info, err error) (store.Info, error) {
				if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
					conflict.Name = p.to
				}
				return info, err
			})
		}},
		{method + "/stale-collection", "takes a collection for nothing", func(b *broken, _ *Options) {
			b.resetting(func(p *passage) {
				if to, err := b.Store.Stat(context.Background(), p.to); err == nil && to.Collection && p.expectTo == store.Absent {
					p.expectTo = store.Any
				}
			})
		}},
		{method + "/nothing", "has nothing to do", func(b *broken, _ *Options) { b.confusing(store.ErrNotFound, nil) }},
		{method + "/no-parent", "makes the collections on its way", func(b *broken, _ *Options) {
			b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
				b.mem().MakeCollection(ctx, parent(p.to))
				return p.do(ctx, do)
			}
		}},
		{method + "/no-parent", "has one word for all that is not found", func(b *broken, _ *Options) {
			b.confusing(store.ErrNoParent, store.ErrNotFound)
		}},
		{method + "/inside", "has nothing to do where the names are equal", func(b *broken, _ *Options) {
			b.retransfer(func(p passage, info store.Info, err error) (store.Info, error) {
				if p.from == p.to {
					err = nil
				}
				return info, err
			})
		}},
		{method + "/names", "moves to names that Windows cannot store", func(b *broken, _ *Options) {
			b.resetting(func(p *passage) {
				if store.CheckName(p.to) == nil && store.CheckNewName(p.to) != nil {
					p.to = "stand-in"
				}
			})
		}},
		{method + "/revisions-grow", "numbers names on their own, and moves the numbers", func(b *broken, _ *Options) {
			renumber := func(info store.Info) store.Info {
				info.Revision = 1 + store.Revision(info.Digest[0])
				return info
			}
			b.stat = func(ctx context.Context, name string) (store.Info, error) {
				info, err := b.Store.Stat(ctx, name)
				return renumber(info), err
			}
		}},
		{method + "/cancelled", "does it and says that it was cancelled", func(b *broken, _ *Options) {
			b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
				info, err := p.do(context.WithoutCancel(ctx), do)
				return info, errors.Join(err, ctx.Err())
			}
		}},
		{method + "/one-destination", "looks, then moves", func(b *broken, _ *Options) {
			b.transfer = func(ctx context.Context, p passage, do transfer) (store.Info, error) {
				if to := b.current(p.to); !p.expectTo.Holds(to.Revision) {
					return store.Info{}, &store.ConflictError{Name: p.to, Expect: p.expectTo, Current: to}
				}
				pause()
				p.expectTo = store.Any
				return p.do(ctx, do)
			}
		}},
	}
}
