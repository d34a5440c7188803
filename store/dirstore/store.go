package dirstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/store"
)

// nodeLimit is how many names are remembered in memory.
const nodeLimit = 1 << 17

// maxTries is how often something is tried again because another program
// changed a file meanwhile.
const maxTries = 16

// Store is a directory of plain files. Its methods may be called from any
// number of goroutines.
type Store struct {
	dir  string
	opts Options
	root *os.Root

	// top and state are the directory and its state folder, held open.
	top, state, tmp folder
	stateRoot       *os.Root
	lock            *dirLock

	nodes    *nodes
	contents *contents
	index    *index
	journal  *journal

	clock       clock
	granularity int64  // of the times of the files
	dev         uint64 // of the directory
	sessions    uint64 // how many there have been: see session
	seq         atomic.Uint64
	keptBytes   atomic.Int64
	keptFiles   atomic.Int64
	spared      uint64        // all kept files numbered below are spared, or gone; of the checkpoint loop
	giving      sync.Mutex    // held while earlier revisions are dropped for want of space or for their age
	gaveWay     atomic.Uint64 // how many were
	scrubs      struct{ wanted, done atomic.Int64 }
	shardMade   atomic.Uint64            // last folder for kept files known to exist, plus one
	noExchange  atomic.Bool              // the file system cannot exchange files
	newFiles    atomic.Pointer[fileStat] // what our files look like when they are made

	trees    trees
	records  *table // of store.Keeper
	keyTurns keyTurns
	props    properties

	own      own
	strays   strays
	verified verified
	trouble  trouble
	notes    notes // only while Open recovers

	// users counts calls under way; Close adds closedBias.
	users    atomic.Int64
	idleOnce sync.Once
	idle     chan struct{}
	close    func() error

	// barrier is held for reading by each change, and for writing to switch the
	// journal when no change is under way.
	barrier     sync.RWMutex
	checkpoints checkpointer
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.History = (*Store)(nil)
	_ store.Purger  = (*Store)(nil)
	_ store.Keeper  = (*Store)(nil)

	_ store.Recorder    = (*Store)(nil)
	_ store.Collections = (*Store)(nil)
	_ store.Mover       = (*Store)(nil)
	_ store.Properties  = (*Store)(nil)
)

// Open opens the directory dir, which must exist, and takes possession of it.
// It finishes or undoes what a crash interrupted. The error is a [*LockedError]
// if another process owns the directory, and errors.Is [store.ErrReadOnly] if
// it cannot be written to, unless o.ReadOnly says that it need not be.
func Open(dir string, o Options) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open directory %q: %w", dir, bare(err))
	}
	s := &Store{
		dir: dir, opts: o.withDefaults(), root: root,
		nodes: newNodes(nodeLimit),
		index: &index{},

		trees:    trees{cuts: make(map[string]cut), touched: make(map[string]touched)},
		keyTurns: keyTurns{seed: maphash.MakeSeed()},
		idle:     make(chan struct{}),
	}
	s.props.dirty = make(map[uint64][]byte)
	s.props.index = s.index
	s.records = newTable("records", s.opts.Logger)
	s.contents = newContents(s.opts.CacheBytes)
	s.clock.now = s.opts.Now
	s.noExchange.Store(o.noExchange)
	s.close = sync.OnceValue(s.shutDown)
	if err := s.start(); err != nil {
		s.closeFiles()
		return nil, err
	}
	return s, nil
}

// start opens what s consists of.
func (s *Store) start() error {
	var err error
	if s.top, err = openFolder(s.root, "."); err != nil {
		return fmt.Errorf("open directory %q: %w", s.dir, bare(err))
	}
	st, err := statAt(s.top, ".")
	if err != nil {
		return fmt.Errorf("open directory %q: %w", s.dir, err)
	}
	s.dev = st.id.dev
	s.granularity = granularity(s.top)
	if s.opts.ReadOnly {
		return nil
	}
	if err := s.openState(); err != nil {
		return err
	}
	if s.lock, err = lockDir(s.stateRoot, s.dir, s.opts.WaitLock); err != nil {
		return err
	}
	kept := int64(0)
	if err := s.recover(); err != nil {
		return fmt.Errorf("open directory %q: %w", s.dir, err)
	}
	if err := s.index.eachKept(0, func(keptRef) bool { kept++; return true }); err != nil {
		return fmt.Errorf("open directory %q: %w", s.dir, err)
	}
	s.keptFiles.Store(kept)
	s.startCheckpoints()
	return nil
}

// openState makes and opens the state folder.
func (s *Store) openState() error {
	fail := func(err error) error {
		if isReadOnly(err) {
			err = fmt.Errorf("%w (%w)", store.ErrReadOnly, bare(err))
		}
		return fmt.Errorf("state folder %q: %w", filepath.Join(s.dir, stateDir), bare(err))
	}
	if err := s.step(stepMakeDir); err != nil {
		return fail(err)
	}
	if err := s.root.Mkdir(stateDir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fail(err)
	}
	// A link would let the state be somewhere else, and be shared.
	fi, err := s.root.Lstat(stateDir)
	if err != nil {
		return fail(err)
	}
	if !fi.IsDir() {
		return fail(errors.New("is not a directory"))
	}
	if s.stateRoot, err = s.root.OpenRoot(stateDir); err != nil {
		return fail(err)
	}
	if s.state, err = openFolder(s.root, stateDir); err != nil {
		return fail(err)
	}
	return nil
}

// Close waits for the calls under way, makes everything durable and lets go of
// the directory. Contents already open stay readable; all else fails with
// [store.ErrClosed].
func (s *Store) Close() error { return s.close() }

func (s *Store) shutDown() error {
	if s.users.Add(closedBias) != closedBias {
		<-s.idle
	}
	err := s.stopCheckpoints()
	return errors.Join(err, s.closeFiles())
}

func (s *Store) closeFiles() error {
	var errs []error
	if s.index != nil {
		errs = append(errs, s.index.close())
	}
	if s.journal != nil {
		errs = append(errs, s.journal.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	if s.stateRoot != nil {
		errs = append(errs, s.stateRoot.Close())
	}
	for _, f := range []folder{s.top, s.state, s.tmp} {
		if f != (folder{}) {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(append(errs, s.root.Close())...)
}

const closedBias = math.MinInt64 / 2

// enter registers a call; leave must follow unless it fails.
func (s *Store) enter() error {
	if s.users.Add(1) > 0 {
		return nil
	}
	s.leave()
	return store.ErrClosed
}

func (s *Store) leave() {
	if s.users.Add(-1) == closedBias {
		s.idleOnce.Do(func() { close(s.idle) })
	}
}

// Stat describes what is current under name. Of a file that has not changed
// since it was last looked at, one system call is made, which is shared by those who
// ask at the same time.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	if err := s.enter(); err != nil {
		return store.Info{}, err
	}
	defer s.leave()
	if n := s.nodes.find(name); n != nil {
		if e := n.looks.share(func() *entry { return s.recognise(n) }); e != nil {
			return e.info, nil
		}
	}
	st, err := s.find(ctx, name)
	if err != nil {
		return store.Info{}, err
	}
	if st.collection {
		return store.Info{Name: name, Collection: true, Modified: st.modified}, nil
	}
	if !st.entry.exists() {
		return store.Info{}, notFound(name)
	}
	return st.entry.info, nil
}

func notFound(name string) error { return fmt.Errorf("%q: %w", name, store.ErrNotFound) }

// unchanged returns the entry of name if it is in memory and the file under
// name is still the one it describes, without opening anything.
func (s *Store) unchanged(name string) *entry {
	n := s.nodes.find(name)
	if n == nil {
		return nil
	}
	return s.recognise(n)
}

// recognise is unchanged for the name of n. The file may be reached through
// links that lead anywhere; since it is the very file found before inside the
// directory, that does not matter.
func (s *Store) recognise(n *node) *entry {
	e := n.entry.Load()
	if !e.exists() || !e.settled {
		return nil
	}
	if id, err := s.identify(n.name); err != nil || id != e.id || s.trees.past(e) {
		return nil
	}
	return e
}

// find is look for those who have no turn.
func (s *Store) find(ctx context.Context, name string) (state, error) {
	if err := checkName(name); err != nil {
		return state{}, err
	}
	if name == "" {
		return s.rootState()
	}
	n, err := s.nodes.take(ctx, name)
	if err != nil {
		return state{}, err
	}
	defer s.nodes.release(n)
	return s.look(ctx, n)
}
