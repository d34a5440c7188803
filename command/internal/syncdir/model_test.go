package syncdir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/collection"
	"github.com/fourtwelve/fourtwelve/command/internal/folder"
	"github.com/fourtwelve/fourtwelve/command/internal/syncdir"
	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// killed is the exit code of a run that has ended in the middle, as a kill does it.
const killed = 99

// TestMain makes this binary a process that synchronises once, for tests in which it is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SYNCDIR_DIR"); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

func child(at string) int {
	killAt, _ := strconv.ParseInt(os.Getenv("SYNCDIR_KILL"), 10, 64)
	var steps atomic.Int64
	result, err := synchronise(at, os.Getenv("SYNCDIR_URL"), syncdir.Options{
		Step: func(string) {
			if steps.Add(1) == killAt {
				os.Exit(killed)
			}
		},
		Did: func(d syncdir.Done) { fmt.Fprintln(os.Stderr, d) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return 1
	}
	return 0
}

func synchronise(at, to string, o syncdir.Options) (syncdir.Result, error) {
	dir, err := folder.Open(at)
	if err != nil {
		return syncdir.Result{}, err
	}
	defer dir.Close()
	root, err := url.Parse(to)
	if err != nil {
		return syncdir.Result{}, err
	}
	c := &client.Client{Transport: client.NewTransport(), Attempts: 6, MaxWait: 50 * time.Millisecond}
	o.Emptied = true
	return syncdir.New(dir, c, root, o).Run(context())
}

// world is a directory and a server, with a person at each who changes files at random.
type world struct {
	t   *testing.T
	dir string
	url string // without faults
	bad string // with
	per client.Client

	mu     sync.Mutex
	random *rand.Rand
	next   int
	gone   map[string]bool // contents that their own side has overwritten or deleted
	all    map[string]bool // contents that were ever written
	quiet  atomic.Bool     // no faults, and nobody changes anything
}

func newWorld(t *testing.T, seed uint64) *world {
	h, err := dav.New(dav.Options{Origin: origin.Options{Store: memstore.New(memstore.Options{}), Require: origin.RequireNever}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 17)), gone: map[string]bool{}, all: map[string]bool{}}
	w.per = client.Client{Trust: client.Believe}
	plain := httptest.NewServer(h)
	t.Cleanup(plain.Close)
	faulty := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.serve(h, rw, r) }))
	t.Cleanup(faulty.Close)
	w.url, w.bad = plain.URL+"/", faulty.URL+"/"
	return w
}

// serve answers, while somebody changes something in between, or the answer is lost.
func (w *world) serve(h http.Handler, rw http.ResponseWriter, r *http.Request) {
	if w.quiet.Load() {
		h.ServeHTTP(rw, r)
		return
	}
	w.mu.Lock()
	change, cut := w.random.IntN(6) == 0, w.random.IntN(12) == 0
	if change {
		w.somebody()
	}
	w.mu.Unlock()
	if !cut {
		h.ServeHTTP(rw, r)
		return
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

var names = []string{"a", "b.txt", "d/x", "d/y", "f", "f/z", "g/h/i"}

// somebody changes one thing on one side.
func (w *world) somebody() {
	name := names[w.random.IntN(len(names))]
	w.next++
	content := fmt.Sprintf("content %d %s", w.next, strings.Repeat("x", w.random.IntN(50)))
	deletes := w.random.IntN(4) == 0
	renames := w.random.IntN(4) == 0
	if w.random.IntN(2) == 0 {
		w.here(name, content, deletes, renames)
	} else {
		w.there(name, content, deletes, renames)
	}
}

// here changes a file of the directory. What is overwritten is taken out of its place first, so that it is known what
// it was.
func (w *world) here(name, content string, deletes, renames bool) {
	grave := w.t.TempDir()
	file := filepath.Join(w.dir, filepath.FromSlash(name))
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) { // a file where a folder has to be
		parent := filepath.Join(w.dir, dir)
		if info, err := os.Lstat(parent); err == nil && info.Mode().IsRegular() {
			w.bury(parent, filepath.Join(grave, "parent"))
		}
	}
	old := w.bury(file, filepath.Join(grave, "old"))
	if deletes {
		return
	}
	if renames && old != "" {
		content, name = old, "renamed"+strconv.Itoa(w.next)
		file = filepath.Join(w.dir, name)
	}
	fresh := filepath.Join(grave, "new")
	err := os.WriteFile(fresh, []byte(content), 0o666)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o777)
	}
	if err == nil {
		w.written(content)
		err = os.Link(fresh, file)
	}
	if err != nil { // something has come there in between
		w.lose(content)
	}
}

func (w *world) written(content string) { w.all[content] = true; delete(w.gone, content) }
func (w *world) lose(content string)    { w.gone[content] = true }

// bury takes away a file or a folder with all that is in it, and returns the content of a file.
func (w *world) bury(file, grave string) string {
	if os.Rename(file, grave) != nil {
		return ""
	}
	var last string
	_ = filepath.WalkDir(grave, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			data, _ := os.ReadFile(p)
			last = string(data)
			w.lose(last)
		}
		return nil
	})
	return last
}

// there changes a resource, under the condition that it is what was read.
func (w *world) there(name, content string, deletes, renames bool) {
	ctx := context()
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		w.deleteThere(dir)
	}
	old := w.deleteThere(name)
	if deletes {
		return
	}
	if renames && old != "" {
		content, name = old, "moved"+strconv.Itoa(w.next)
	}
	w.written(content)
	if _, err := w.per.Create(ctx, w.url+name, client.Text(content)); err != nil {
		w.lose(content)
	}
}

func (w *world) deleteThere(name string) string {
	r, err := w.per.Get(context(), w.url+name)
	if err != nil || strings.HasSuffix(r.URL, "/") {
		return ""
	}
	cond, err := r.Condition()
	if err != nil || w.per.Delete(context(), w.url+name, cond) != nil {
		return ""
	}
	w.lose(string(r.Content))
	return string(r.Content)
}

// run synchronises in a process of its own, which is killed at a step, or not at all.
func (w *world) run(to string, killAt int) (result syncdir.Result, code int, says string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SYNCDIR_DIR="+w.dir, "SYNCDIR_URL="+to, "SYNCDIR_KILL="+strconv.Itoa(killAt))
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return result, exit.ExitCode(), told.String()
	}
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &result)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return result, 0, told.String()
}

// filesHere are the contents of the directory by name.
func filesHere(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == syncdir.StateDir {
			return fs.SkipDir
		}
		if e.Type().IsRegular() {
			data, err := os.ReadFile(p)
			name, _ := filepath.Rel(dir, p)
			all[filepath.ToSlash(name)] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// filesThere are those of the server.
func filesThere(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	c := &client.Client{}
	var walk func(dir string)
	walk = func(dir string) {
		u, err := url.Parse(root + dir)
		if err != nil {
			t.Fatal(err)
		}
		members, _, err := (&collection.Asker{Transport: http.DefaultTransport}).List(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			if m.Collection {
				walk(dir + m.Name + "/")
				continue
			}
			r, err := c.Get(t.Context(), u.JoinPath(m.Name).String())
			if err != nil {
				t.Fatal(err)
			}
			all[dir+m.Name] = string(r.Content)
		}
	}
	walk("")
	return all
}

// TestModel: people change files on both sides at random, before and while the two are synchronised; runs are killed at any
// step, and answers are lost. In the end both sides are the same, and have all that their people have not overwritten
// or deleted themselves; and another run does nothing.
func TestModel(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			for range 6 {
				w.mu.Lock()
				for range 1 + w.random.IntN(4) {
					w.somebody()
				}
				killAt := w.random.IntN(40)
				w.mu.Unlock()
				w.run(w.bad, killAt)
			}
			w.quiet.Store(true)
			w.settle()
		})
	}
}

// settle synchronises until there is nothing to do, and looks at what there is.
func (w *world) settle() {
	t := w.t
	var result syncdir.Result
	for range 3 {
		var code int
		var says string
		result, code, says = w.run(w.bad, 0)
		for deadline := time.Now().Add(time.Minute); strings.Contains(says, "423 Locked") && time.Now().Before(deadline); {
			time.Sleep(time.Second) // a run that was killed has a lock, for ten seconds
			result, code, says = w.run(w.bad, 0)
		}
		if code != 0 || result.Failed > 0 {
			t.Fatalf("a run without faults: %d %+v\n%s", code, result, says)
		}
	}
	if result.Uploaded+result.Downloaded+result.Deleted+result.Conflicts > 0 || result.Unsettled {
		t.Errorf("the third run without changes still has something to do: %+v", result)
	}
	here, there := filesHere(t, w.dir), filesThere(t, w.url)
	if result.Clashes == 0 && !maps.Equal(here, there) {
		t.Errorf("the sides differ:\nhere  %v\nthere %v", here, there)
	}
	have := map[string]bool{}
	for _, side := range []map[string]string{here, there} {
		for content := range maps.Values(side) {
			have[content] = true
		}
	}
	for content := range w.all {
		if !w.gone[content] && !have[content] {
			t.Errorf("%q is lost\nhere  %v\nthere %v", content, here, there)
		}
	}
	entries, err := os.ReadDir(filepath.Join(w.dir, syncdir.StateDir))
	if err != nil {
		t.Fatal(err)
	}
	left := slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == "lock" || e.Name() == "state.json" })
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
