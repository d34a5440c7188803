package clusterstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/content/recent"
	"github.com/fourtwelve/fourtwelve/store"
)

// Store keeps the contract of package store, and all its optional interfaces but hints, over an engine.
// All its methods may be called from any number of goroutines, and any number of Stores may be open on
// one engine.
//
// The limits of what it promises beyond one name: a Move, a Copy or a DeleteCollection touches at most
// Options.Tree names. A List is not of one moment. A commit that creates a resource while its
// collection is deleted or moved away makes the collection again, and may be seen a moment before that
// collection is.
type Store struct {
	heads    Heads
	contents Contents
	options  Options
	turns    turns
	closed   atomic.Bool
	closing  context.Context // done when the store is closed
	close    context.CancelFunc
	notified sync.WaitGroup

	known       *recent.Cache[string, *state] // nil if none are kept
	missed      atomic.Int64                  // what was known before may have changed unheard, in nanoseconds since 1970
	remembering [64]sync.Mutex
	cached      *recent.Cache[ContentID, []byte] // nil if none are kept

	mu        sync.Mutex
	decisions []*state // that nobody uses
}

var (
	_ store.Store       = (*Store)(nil)
	_ store.History     = (*Store)(nil)
	_ store.Purger      = (*Store)(nil)
	_ store.Sparer      = (*Store)(nil)
	_ store.Collections = (*Store)(nil)
	_ store.Mover       = (*Store)(nil)
	_ store.Properties  = (*Store)(nil)
	_ store.Keeper      = (*Store)(nil)
	_ store.Recorder    = (*Store)(nil)
)

// New returns a Store on heads and contents, which belong to it from then on. It asks the engine
// nothing. If heads is a [Notifier], it listens until Close.
func New(heads Heads, contents Contents, o Options) (*Store, error) {
	if heads == nil || contents == nil {
		return nil, errors.New("a store needs heads and contents")
	}
	s := &Store{heads: heads, contents: contents, options: o.withDefaults()}
	if s.options.HeadMemory > 0 {
		s.known = recent.New[string, *state](s.options.HeadMemory)
	}
	if s.options.Memory > 0 {
		s.cached = recent.New[ContentID, []byte](s.options.Memory)
	}
	s.closing, s.close = context.WithCancel(context.Background())
	if n, ok := heads.(Notifier); ok && s.known != nil && s.options.ReadStaleness > 0 {
		s.notified.Go(func() { n.Notify(s.closing, s.changed) })
	}
	return s, nil
}

// changed is what a Notifier calls.
func (s *Store) changed(name string) {
	if name == "" {
		s.missed.Store(s.now().UnixNano())
		return
	}
	s.forget(name)
}

// Close closes the engine's part in this Store; calls that follow fail with store.ErrClosed. Content
// that is open cannot be read any more, unless it is in memory. Drafts are given up.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.close()
	s.notified.Wait()
	var errs []error
	for _, part := range []any{s.heads, s.contents} {
		if c, ok := part.(Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Health reports whether the engine answers.
func (s *Store) Health() error {
	ctx, cancel := context.WithTimeout(s.closing, 5*time.Second)
	defer cancel()
	_, err := s.look(ctx, resourcePrefix, 0)
	return err
}

// Stat implements store.Store. A collection's Modified is when it was made.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	st, err := s.read(ctx, name)
	if err != nil {
		return store.Info{}, err
	}
	info := st.info()
	if !info.Exists() && !info.Collection {
		return info, named(name, store.ErrNotFound)
	}
	return info, nil
}

// read returns the state of a resource or collection for a reader.
func (s *Store) read(ctx context.Context, name string) (*state, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	st, err := s.look(ctx, headName(name), s.options.ReadStaleness)
	if err != nil {
		return nil, named(name, err)
	}
	return st, nil
}

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
	st, err := s.read(ctx, name)
	for err == nil {
		var r *revision
		if r, err = st.find(rev); err != nil {
			return nil, named(name, err)
		}
		c, gone := s.newContent(ctx, r.info(name), ContentID{st.name, r.ID}, r.data)
		if gone == nil {
			return c, nil
		}
		if !errors.Is(gone, store.ErrGone) {
			return nil, gone
		}
		// It was forgotten and swept since the head was read: then the head is another one by now.
		before := st.token
		if st, err = s.look(ctx, st.name, 0); err == nil && st.token == before {
			return nil, fmt.Errorf("%q: content %s of revision %d is missing from the engine", name, r.ID, r.Revision)
		}
	}
	return nil, err
}

// find returns the revision rev, or the current one for 0.
func (st *state) find(rev store.Revision) (*revision, error) {
	if rev != 0 {
		for _, r := range st.head.revisions() {
			if r.Revision == rev {
				return r, nil
			}
		}
	}
	switch {
	case st.collection():
		return nil, store.ErrIsCollection
	case st.head.Kind == kindNothing:
		return nil, store.ErrNotFound
	case rev != 0:
		return nil, store.ErrGone
	}
	return st.head.Current, nil
}

// List implements store.Store. It is not of one moment.
func (s *Store) List(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		st, err := s.read(ctx, name)
		switch {
		case err != nil:
		case st.head.Kind == kindResource:
			err = named(name, store.ErrNotCollection)
		case !st.collection():
			err = named(name, store.ErrNotFound)
		}
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		for member, err := range s.level(ctx, name) {
			if err != nil {
				yield(store.Info{}, named(name, err))
				return
			}
			if info := member.info(); (info.Exists() || info.Collection) && !yield(info, nil) {
				return
			}
		}
	}
}

// page is how many heads are asked for at once.
const page = 500

// level yields the heads of what is, or was, directly in the collection name.
func (s *Store) level(ctx context.Context, name string) iter.Seq2[*state, error] {
	prefix := headName(name)
	if name != "" {
		prefix += "/"
	}
	return s.listed(ctx, prefix)
}

// levelAlone is level without a look at that collection for each of them.
func (s *Store) levelAlone(ctx context.Context, name string) iter.Seq2[*state, error] {
	return s.pages(ctx, headName(name)+"/", func(l Listed) (*state, error) { return &state{name: l.Name}, nil })
}

// listed yields the heads of one level whose name begins with prefix and is longer.
func (s *Store) listed(ctx context.Context, prefix string) iter.Seq2[*state, error] {
	return s.pages(ctx, prefix, func(l Listed) (*state, error) { return s.fromListing(ctx, l) })
}

// pages yields what f makes of the heads of one level whose name begins with prefix and is longer.
func (s *Store) pages(ctx context.Context, prefix string, f func(Listed) (*state, error)) iter.Seq2[*state, error] {
	return func(yield func(*state, error) bool) {
		for after := prefix; after != ""; {
			heads, next, err := s.heads.List(ctx, prefix, after, page)
			if err != nil {
				yield(nil, err)
				return
			}
			states := make([]*state, len(heads))
			numbers := make([]int, len(heads))
			for i := range numbers {
				numbers[i] = i
			}
			err = each(numbers, func(i int) (err error) {
				states[i], err = f(heads[i])
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, st := range states {
				if !yield(st, nil) {
					return
				}
			}
			after = next
		}
	}
}

// fromListing returns the state of a head that was listed.
func (s *Store) fromListing(ctx context.Context, l Listed) (*state, error) {
	if l.Token == "" {
		return s.look(ctx, l.Name, 0)
	}
	known := s.remembered(l.Name)
	if known != nil && known.token == l.Token {
		return s.within(ctx, known)
	}
	if l.Record == nil {
		return s.look(ctx, l.Name, 0)
	}
	h, err := decodeHead(l.Record)
	if err != nil {
		return nil, fmt.Errorf("head %q: %w", l.Name, err)
	}
	if h.Pending != nil {
		return s.look(ctx, l.Name, 0)
	}
	return s.within(ctx, &state{name: l.Name, token: l.Token, stored: h, head: h})
}

// Revisions implements store.History. The revisions are those of one moment.
func (s *Store) Revisions(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		st, err := s.read(ctx, name)
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		for _, r := range st.head.revisions() {
			if !yield(r.info(name), nil) {
				return
			}
		}
	}
}

// CanSpare implements store.Sparer.
func (s *Store) CanSpare(size int64) bool {
	return s.options.Keep > 0 && (s.options.KeepBytes <= 0 || size <= s.options.KeepBytes)
}

// info describes what st is; it is zero if that is nothing.
func (st *state) info() store.Info {
	name := resourceName(st.name)
	if info := st.head.info(name); name != "" || info.Collection {
		return info
	}
	return store.Info{Collection: true, Modified: time.Unix(0, 0).UTC()} // the root is there from the beginning
}

// collection reports whether st is a collection: the root always is.
func (st *state) collection() bool {
	return st.name == resourcePrefix || st.head.Kind == kindCollection
}

// resourcePrefix begins the names of the heads of resources and collections.
const resourcePrefix = "r/"

func headName(name string) string        { return resourcePrefix + name }
func resourceName(name string) string    { return strings.TrimPrefix(name, resourcePrefix) }
func named(name string, err error) error { return fmt.Errorf("%q: %w", name, err) }

func check(ctx context.Context, name string) error { return cmp.Or(store.CheckName(name), ctx.Err()) }

// now returns the time by the wall clock.
func (s *Store) now() time.Time { return s.options.Now().UTC().Round(0) }

var seed = maphash.MakeSeed()

func hash(s string) uint64 { return maphash.String(seed, s) }

// parent returns the collection name is directly in.
func parent(name string) string { return name[:max(strings.LastIndexByte(name, '/'), 0)] }

// atOnce is how many requests one call sends to the engine at the same time.
const atOnce = 16

// each calls f for all of list, some at the same time, and returns one of the errors.
func each[T any](list []T, f func(T) error) error {
	if len(list) == 1 {
		return f(list[0])
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	room := make(chan struct{}, atOnce)
	for _, one := range list {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			if err := f(one); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = cmp.Or(failed, err)
			}
		})
	}
	wg.Wait()
	return failed
}
