package syncdir

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/collection"
	"github.com/fourtwelve/fourtwelve/command/internal/folder"
)

// What errors.Is finds in the errors of Run.
var (
	// ErrEmptied: one side has none of the files that it had, and that may be a mistake.
	ErrEmptied = errors.New("all files are gone")
	// ErrInUse: another process synchronises the directory.
	ErrInUse = errors.New("another fourtwelve sync is at work in this directory")
)

// workers is how many files are on their way at the same time.
const workers = 6

// maxPasses bounds how often one run looks again because something changed while it was at work.
const maxPasses = 4

// Options are the choices of a Syncer.
type Options struct {
	Ignore
	// DryRun makes the plan, and does nothing.
	DryRun bool
	// Emptied lets all files of a side be deleted because the other has none of them any more.
	Emptied bool
	// Did is told what was done, or is planned in a dry run, from one goroutine at a time.
	Did func(Done)
	// Progress is told how many of how many steps are done.
	Progress func(done, total int)
	// Step, if set by a test, is called between steps.
	Step func(string)
}

// Done is what became of one step.
type Done struct {
	Name   string `json:"name"`
	Action string `json:"action"`
	// Kept is the name under which the version that was here is now, after a conflict.
	Kept string `json:"kept,omitempty"`
	// Error says why it was not done.
	Error string `json:"error,omitempty"`
}

// Problem is what cannot be synchronised.
type Problem struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Result is what a run has done.
type Result struct {
	Uploaded   int `json:"uploaded"`
	Downloaded int `json:"downloaded"`
	Deleted    int `json:"deleted"`   // on either side
	Conflicts  int `json:"conflicts"` // kept as two files
	Clashes    int `json:"clashes"`
	// Compared are files that a dry run would have to compare, as both sides have changed them: the same way, or there is a conflict.
	Compared int `json:"to_compare,omitempty"`
	Failed   int `json:"failed"`
	// Unsettled is set if files kept changing, so that another run has something to do.
	Unsettled bool      `json:"unsettled,omitempty"`
	Recovered []string  `json:"recovered,omitempty"` // what a run that was interrupted had taken out of its place
	Problems  []Problem `json:"problems,omitempty"`
	Files     int       `json:"files"` // that both sides have the same now, as far as is known
}

// Syncer synchronises one directory with one collection. It is for one goroutine.
type Syncer struct {
	Options
	dir    *folder.Dir
	client *client.Client
	asker  *collection.Asker
	root   *url.URL // of the collection, ends in a slash
	state  *state

	mu       sync.Mutex
	result   Result
	problems map[Problem]bool
	made     map[string]bool // collections that are there
	fatal    error           // ends the run
	again    atomic.Bool     // something changed meanwhile
	done     int
	missing  bool // there is no collection yet
	checked  bool // that the server honours the conditions of deletions
	unsure   []entry
}

// New makes a syncer. root must have no credentials in it.
func New(dir *folder.Dir, c *client.Client, root *url.URL, o Options) *Syncer {
	base := *root
	base.RawQuery, base.Fragment, base.RawPath = "", "", ""
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	return &Syncer{Options: o, dir: dir, client: c, asker: &collection.Asker{Transport: c.Transport, Header: c.Header}, root: &base}
}

// Run synchronises once. It looks again if something changed while it was at work, within bounds. The result says what
// was done also if there is an error.
func (s *Syncer) Run(ctx context.Context) (Result, error) {
	s.result, s.problems, s.made = Result{}, map[Problem]bool{}, map[string]bool{}
	if s.DryRun {
		return s.dryRun(ctx)
	}
	if err := s.dir.Root().MkdirAll(StateDir, 0o700); err != nil {
		return s.result, err
	}
	unlock, ok, err := s.dir.LockFile(lockFile)
	if err != nil {
		return s.result, err
	}
	if !ok {
		return s.result, ErrInUse
	}
	defer unlock()
	if s.state, err = openState(s.dir.Root(), s.root.String()); err != nil {
		return s.result, err
	}
	if s.result.Recovered, err = s.state.recover(s.dir); err != nil {
		return s.result, fmt.Errorf("what an interrupted run has left in %s cannot be cleared: %w", StateDir, err)
	}
	s.dir.Note, s.dir.Step = s.state.note, s.Step
	if err := s.clearQuestion(ctx); err != nil {
		return s.result, err
	}
	err = s.passes(ctx)
	s.result.Files = len(s.state.base)
	return s.result, errors.Join(err, s.state.save())
}

func (s *Syncer) passes(ctx context.Context) error {
	for pass := 1; ; pass++ {
		s.again.Store(false)
		steps, trees, err := s.look(ctx)
		if err != nil {
			return err
		}
		if err := s.act(ctx, steps, trees); err != nil {
			return err
		}
		if s.result.Unsettled = s.again.Load(); !s.result.Unsettled || pass == maxPasses {
			return s.makeSure(ctx)
		}
		s.result.Clashes = 0 // they are told again
	}
}

// dryRun tells what would be done.
func (s *Syncer) dryRun(ctx context.Context) (Result, error) {
	var err error
	if s.state, err = openState(s.dir.Root(), s.root.String()); err != nil {
		return s.result, err
	}
	steps, _, err := s.look(ctx)
	if err != nil {
		return s.result, err
	}
	for _, step := range steps {
		s.count(step.Action)
		if step.Action == Compare {
			s.result.Compared++
		}
		if step.Action != Forget {
			s.Did(Done{Name: step.Name, Action: step.Action.String()})
		}
	}
	s.result.Files = len(s.state.base)
	return s.result, nil
}

type trees struct{ local, remote *tree }

// look finds out the states, and makes the plan.
func (s *Syncer) look(ctx context.Context) ([]Step, trees, error) {
	remote, err := s.scanRemote(ctx)
	if errors.Is(err, collection.ErrNone) && len(s.state.base) > 0 {
		return nil, trees{}, fmt.Errorf("%w: it had %d files when it was last synchronised; to begin anew, remove %s",
			err, len(s.state.base), StateDir)
	}
	if errors.Is(err, collection.ErrNone) { // the first write makes it
		s.missing, err = true, nil
		remote = &tree{all: map[string]found{}}
	}
	if err != nil {
		return nil, trees{}, err
	}
	local, err := s.scanLocal(ctx)
	if err != nil {
		return nil, trees{}, err
	}
	for _, f := range remote.all {
		if f.side == Changed && f.member.Tag == "" {
			s.problem(f.name, "the server gives no entity tag for it, so it cannot be told whether it changes: it is left alone")
			f.side = Other
			remote.all[f.name] = f
		}
	}
	if had := len(s.state.base); had > 1 && !s.Emptied {
		if remote.files == 0 {
			return nil, trees{}, fmt.Errorf("%w there: %s had %d; if they are to go here, too, say --allow-empty", ErrEmptied, s.root, had)
		}
		if local.files == 0 {
			return nil, trees{}, fmt.Errorf("%w here: there were %d; if they are to go at %s, too, say --allow-empty", ErrEmptied, had, s.root)
		}
	}
	return Plan(s.compare(local, remote)), trees{local, remote}, nil
}

// act does what the plan says: first the deletions, so that there is room.
func (s *Syncer) act(ctx context.Context, steps []Step, t trees) error {
	s.done = 0
	first := slices.IndexFunc(steps, func(step Step) bool { return step.Action != DeleteLocal && step.Action != DeleteRemote })
	if first < 0 {
		first = len(steps)
	}
	for _, phase := range [][]Step{steps[:first], steps[first:]} {
		s.each(ctx, len(phase), func(i int) {
			s.take(ctx, phase[i], t)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.done++; s.Progress != nil {
				s.Progress(s.done, len(steps))
			}
		})
		if s.fatal != nil {
			return s.fatal
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		s.prune(ctx, phase, t)
	}
	return nil
}

// each calls f for 0 to n-1, several at a time, until ctx ends or there is no going on.
func (s *Syncer) each(ctx context.Context, n int, f func(int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(workers, n) {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				s.mu.Lock()
				stop := s.fatal != nil
				s.mu.Unlock()
				if i >= n || stop || ctx.Err() != nil {
					return
				}
				f(i)
			}
		})
	}
	all.Wait()
}

// problem notes what cannot be synchronised, once.
func (s *Syncer) problem(name, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := (Problem{name, why}); !s.problems[p] {
		s.problems[p] = true
		s.result.Problems = append(s.result.Problems, p)
	}
}

// count counts what was done.
func (s *Syncer) count(a Action) {
	switch a {
	case Upload:
		s.result.Uploaded++
	case Download:
		s.result.Downloaded++
	case DeleteLocal, DeleteRemote:
		s.result.Deleted++
	case Clash:
		s.result.Clashes++
	}
}

// tell tells what became of a step.
func (s *Syncer) tell(step Step, kept string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := Done{Name: step.Name, Action: step.Action.String(), Kept: kept}
	switch {
	case err != nil:
		d.Error = reason(err)
		s.result.Failed++
	case kept != "":
		s.result.Conflicts++
		d.Action = "conflict"
	default:
		s.count(step.Action)
	}
	if s.Did != nil {
		s.Did(d)
	}
}

func (s *Syncer) step(name string) {
	if s.Step != nil {
		s.Step(name)
	}
}

// conflictName is the name under which a version is kept: of its content, so that the same version is kept once.
func conflictName(name string, sum folder.Sum) string {
	return folder.Beside(name, "conflict "+hexOf(sum)[:8])
}

func folderOf(name string) string { return path.Dir(name) }
