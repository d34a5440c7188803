package dirstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// outside is another program that reads, renames into place and removes the
// files in dir. It prepares them elsewhere in the same file system.
func outside(tb testing.TB, dir string) storetest.Outside {
	elsewhere, err := os.MkdirTemp(filepath.Dir(dir), "elsewhere")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(elsewhere) })
	var n atomic.Int64
	return storetest.Outside{
		Read: func(name string) (string, error) {
			b, err := os.ReadFile(filepath.Join(dir, name))
			return string(b), err
		},
		Write: func(name, content string) error {
			tmp := filepath.Join(elsewhere, fmt.Sprint(n.Add(1)))
			if err := os.WriteFile(tmp, []byte(content), 0o666); err != nil {
				return err
			}
			return os.Rename(tmp, filepath.Join(dir, name))
		},
		Remove: func(name string) error {
			return os.Remove(filepath.Join(dir, name))
		},
	}
}

// TestAnotherProgram judges histories in which another program renames files into
// place, and removes them, while the store's clients read and write the same
// names.
//
// The other program does not read: for the instant until a commit that has met a
// conflict is undone, it could see what the commit had written. For the same
// reason it removes nothing where the store does, since it could find nothing
// while the store puts back a file removed by mistake.
func TestAnotherProgram(t *testing.T) {
	rename := storetest.Mix{Overwrite: 1}
	renameAndRemove := storetest.Mix{Overwrite: 3, Discard: 1}
	noDeletion := storetest.Mix{Read: 6, Replace: 8, Create: 4, Overwrite: 1}
	for name, c := range map[string]struct {
		options      Options
		size         int
		store, other storetest.Mix
	}{
		"renames":               {Options{}, 0, storetest.DefaultMix, rename},
		"renames, unsynced":     {Options{Sync: SyncNone, Keep: 1}, 0, storetest.DefaultMix, rename},
		"renames, large":        {Options{Sync: SyncNone}, 70_000, storetest.DefaultMix, rename},
		"removes too":           {Options{}, 0, noDeletion, renameAndRemove},
		"removes too, unsynced": {Options{Sync: SyncNone, Keep: -1}, 0, noDeletion, renameAndRemove},
		"removes too, large":    {Options{Sync: SyncNone, Keep: 1}, 70_000, noDeletion, renameAndRemove},
	} {
		t.Run(name, func(t *testing.T) {
			seeds := uint64(20)
			if c.size > inlineSize {
				seeds = 5 // making and judging so much content takes long
			}
			for seed := range seeds {
				dir := fastDir(t)
				if seed == 0 {
					dir = t.TempDir()
				}
				s := openAt(t, dir, c.options)
				clients := storetest.StoreClients(t, s, 3, c.size)
				var h storetest.History
				var wg sync.WaitGroup
				wg.Go(func() {
					storetest.Workload{Seed: seed, Mix: c.store}.Run(t.Context(), &h, clients)
				})
				wg.Go(func() {
					w := storetest.Workload{Seed: seed, Mix: c.other, Ops: 40}
					w.Run(t.Context(), &h, []storetest.Client{outside(t, dir).Client(clients)})
				})
				wg.Wait()
				storetest.Check(t, &h)
				if left := leftovers(t, s); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// TestKilledHistories judges histories during which the process with the store is
// killed, again and again, and started anew.
func TestKilledHistories(t *testing.T) {
	killedHistories(t, 3, storetest.Workload{Ops: 60}, 30)
}

// TestKilledTreeHistories does the same with collections, moves, copies and properties.
func TestKilledTreeHistories(t *testing.T) {
	killedHistories(t, 12, storetest.Workload{Names: []string{"d/a", "d/b", "e/a"}, Ops: 14, Mix: storetest.TreeMix}, 9)
}

// killedHistories judges histories of w, each time after more calls than before killing the process.
func killedHistories(t *testing.T, seeds uint64, w storetest.Workload, calls int64) {
	for seed := range seeds {
		w.Seed = seed
		dir := fastDir(t)
		r := startRemote(t, dir)
		clients := storetest.StoreClients(t, r, 3, 0)
		var h storetest.History
		var wg sync.WaitGroup
		done := make(chan struct{})
		wg.Go(func() {
			defer close(done)
			w.Run(t.Context(), &h, clients)
		})
		for kills := 1; r.killAfter(calls*int64(kills), done); kills++ {
			r.restart(t, h.Settle)
		}
		wg.Wait()
		r.stop()
		storetest.Check(t, &h)
		s := openAt(t, dir, Options{Keep: 1})
		if left, _ := strayFiles(t, s); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		checkPlain(t, s)
		checkHistory(t, s, false)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

var _ interface {
	store.Store
	store.Collections
	store.Mover
	store.Properties
} = (*remote)(nil)

// remote is a store in another process. A read that loses the process is asked
// again of its successor; the outcome of a write is unknown then.
type remote struct {
	dir   string
	calls atomic.Int64

	mu     sync.Mutex
	cmd    *exec.Cmd
	client *rpc.Client
	up     chan struct{} // closed while client can be asked
}

func startRemote(t *testing.T, dir string) *remote {
	r := &remote{dir: dir, up: make(chan struct{})}
	r.start(t)
	close(r.up)
	t.Cleanup(r.stop)
	return r
}

// start starts the process and waits until the store is open.
func (r *remote) start(t *testing.T) {
	cmd := childProcess(t, "server", "DIRSTORE_DIR="+r.dir)
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	client := rpc.NewClient(pipes{stdout, stdin})
	if err := client.Call("Server.Ready", 0, new(int)); err != nil {
		t.Fatalf("the child did not start: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd, r.client = cmd, client
}

// killAfter waits for the given number of calls and kills the process. It
// reports false if done is closed before.
func (r *remote) killAfter(calls int64, done <-chan struct{}) bool {
	for r.calls.Load() < calls {
		select {
		case <-done:
			return false
		default:
		}
		// Each look takes a call to the child, so this does not spin.
		r.ask("Server.Ready", 0, new(int))
	}
	r.mu.Lock()
	r.up = make(chan struct{})
	cmd := r.cmd
	r.mu.Unlock()
	cmd.Process.Kill()
	cmd.Wait()
	return true
}

func (r *remote) restart(t *testing.T, settle func()) {
	r.start(t)
	settle()
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.up)
}

func (r *remote) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.client.Close()
	r.cmd.Wait()
}

// ask calls the process, once it is up.
func (r *remote) ask(method string, args, reply any) error {
	r.mu.Lock()
	up := r.up
	r.mu.Unlock()
	<-up
	r.mu.Lock()
	client := r.client
	r.mu.Unlock()
	return client.Call(method, args, reply)
}

// askAgain is ask until there is an answer.
func (r *remote) askAgain(method string, args, reply any) {
	for r.ask(method, args, reply) != nil {
	}
	r.calls.Add(1)
}

// Request and Reply are what travels between the processes.
type Request struct {
	Name    string
	Content []byte
	Expect  store.Expect

	To       string
	ExpectTo store.Expect
	Value    string // of the property
}

type Reply struct {
	Info    store.Info
	Content []byte
	Kind    int // of the error, in kinds; -1 for none
	Text    string
	Name    string // that a conflict is about
	Set     map[string]string
}

var kinds = []error{store.ErrNotFound, store.ErrConflict, store.ErrUnknown, store.ErrIsCollection, store.ErrNotCollection}

func (r *Reply) set(info store.Info, err error) {
	r.Info, r.Kind = info, -1
	if err == nil {
		return
	}
	r.Kind, r.Text = len(kinds), err.Error()
	for i, kind := range kinds {
		if errors.Is(err, kind) {
			r.Kind = i
		}
	}
	if c, ok := errors.AsType[*store.ConflictError](err); ok {
		r.Info, r.Name = c.Current, c.Name
	}
}

func (r *Reply) err(name string, expect store.Expect) error {
	switch {
	case r.Kind < 0:
		return nil
	case r.Kind == len(kinds):
		return errors.New(r.Text)
	case kinds[r.Kind] == store.ErrConflict:
		return &store.ConflictError{Name: cmp.Or(r.Name, name), Expect: expect, Current: r.Info}
	}
	return kinds[r.Kind]
}

func (r *remote) Stat(_ context.Context, name string) (store.Info, error) {
	var reply Reply
	r.askAgain("Server.Stat", Request{Name: name}, &reply)
	return reply.Info, reply.err(name, 0)
}

func (r *remote) Open(_ context.Context, name string, _ store.Revision) (store.Content, error) {
	var reply Reply
	r.askAgain("Server.Read", Request{Name: name}, &reply)
	if err := reply.err(name, 0); err != nil {
		return nil, err
	}
	return &memContent{reply.Info, reply.Content}, nil
}

func (r *remote) Stage(_ context.Context, name string, content io.Reader) (store.Draft, error) {
	b, err := io.ReadAll(content)
	return &remoteDraft{r: r, name: name, content: b}, err
}

// change calls a method that must not be called again.
func (r *remote) change(method string, q Request) (store.Info, error) {
	var reply Reply
	if err := r.ask(method, q, &reply); err != nil {
		return store.Info{}, fmt.Errorf("%w: %w", store.ErrUnknown, err)
	}
	r.calls.Add(1)
	return reply.Info, reply.err(q.Name, q.Expect)
}

func (r *remote) Delete(_ context.Context, name string, expect store.Expect) (store.Info, error) {
	return r.change("Server.Delete", Request{Name: name, Expect: expect})
}

func (r *remote) MakeCollection(_ context.Context, name string) (store.Info, error) {
	return r.change("Server.MakeCollection", Request{Name: name})
}

func (r *remote) DeleteCollection(_ context.Context, name string) error {
	_, err := r.change("Server.DeleteCollection", Request{Name: name})
	return err
}

func (r *remote) Move(_ context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	return r.change("Server.Move", Request{Name: from, Expect: expectFrom, To: to, ExpectTo: expectTo})
}

func (r *remote) Copy(_ context.Context, from string, expectFrom store.Expect, to string, expectTo store.Expect) (store.Info, error) {
	return r.change("Server.Copy", Request{Name: from, Expect: expectFrom, To: to, ExpectTo: expectTo})
}

func (r *remote) CopyCollection(_ context.Context, from, to string, expectTo store.Expect) (store.Info, error) {
	return r.change("Server.CopyCollection", Request{Name: from, To: to, ExpectTo: expectTo})
}

func (r *remote) SetProperties(_ context.Context, name string, expect store.Expect, changes map[string]*string) error {
	_, err := r.change("Server.Mark", Request{Name: name, Expect: expect, Value: *changes["mark"]})
	return err
}

func (r *remote) Properties(_ context.Context, name string) (map[string]string, error) {
	var reply Reply
	r.askAgain("Server.Marks", Request{Name: name}, &reply)
	return reply.Set, reply.err(name, 0)
}

func (r *remote) List(context.Context, string) iter.Seq2[store.Info, error] {
	panic("not used by the clients")
}

type remoteDraft struct {
	store.Draft
	r       *remote
	name    string
	content []byte
}

func (d *remoteDraft) Commit(_ context.Context, expect store.Expect) (store.Info, error) {
	return d.r.change("Server.Put", Request{Name: d.name, Content: d.content, Expect: expect})
}

func (d *remoteDraft) Abort(context.Context) error { return nil }

type pipes struct {
	io.ReadCloser
	w io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p pipes) Close() error                { return errors.Join(p.w.Close(), p.ReadCloser.Close()) }

// serverChild lets a parent use a store through its standard input and output,
// until that ends or the process is killed.
func serverChild() int {
	s, err := Open(os.Getenv("DIRSTORE_DIR"), Options{Keep: 1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := rpc.Register(&Server{s}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	rpc.ServeConn(pipes{os.Stdin, os.Stdout})
	if err := s.Close(); err != nil {
		return 1
	}
	return 0
}

// Server is what serverChild offers.
type Server struct{ s *Store }

func (v *Server) Ready(int, *int) error { return nil }

func (v *Server) Stat(q Request, r *Reply) error {
	r.set(v.s.Stat(context.Background(), q.Name))
	return nil
}

func (v *Server) Read(q Request, r *Reply) error {
	info, content, err := readCurrent(v.s, q.Name)
	r.set(info, err)
	r.Content = []byte(content)
	return nil
}

func (v *Server) Put(q Request, r *Reply) error {
	d, err := v.s.Stage(context.Background(), q.Name, strings.NewReader(string(q.Content)))
	if err != nil {
		r.set(store.Info{}, err)
		return nil
	}
	defer d.Abort(context.Background())
	r.set(d.Commit(context.Background(), q.Expect))
	return nil
}

func (v *Server) Delete(q Request, r *Reply) error {
	r.set(v.s.Delete(context.Background(), q.Name, q.Expect))
	return nil
}

func (v *Server) MakeCollection(q Request, r *Reply) error {
	r.set(v.s.MakeCollection(context.Background(), q.Name))
	return nil
}

func (v *Server) DeleteCollection(q Request, r *Reply) error {
	r.set(store.Info{}, v.s.DeleteCollection(context.Background(), q.Name))
	return nil
}

func (v *Server) Move(q Request, r *Reply) error {
	r.set(v.s.Move(context.Background(), q.Name, q.Expect, q.To, q.ExpectTo))
	return nil
}

func (v *Server) Copy(q Request, r *Reply) error {
	r.set(v.s.Copy(context.Background(), q.Name, q.Expect, q.To, q.ExpectTo))
	return nil
}

func (v *Server) CopyCollection(q Request, r *Reply) error {
	r.set(v.s.CopyCollection(context.Background(), q.Name, q.To, q.ExpectTo))
	return nil
}

func (v *Server) Mark(q Request, r *Reply) error {
	r.set(store.Info{}, v.s.SetProperties(context.Background(), q.Name, q.Expect, map[string]*string{"mark": &q.Value}))
	return nil
}

func (v *Server) Marks(q Request, r *Reply) error {
	set, err := v.s.Properties(context.Background(), q.Name)
	r.set(store.Info{}, err)
	r.Set = set
	return nil
}
