package dav_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestHistoriesAreLinearizable: whatever clients do at the same time with resources, collections and locks, there is an order of
// their requests in which each answer is right. After half of it another handler takes over the store.
func TestHistoriesAreLinearizable(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() store.Store) {
		performed := map[string]int{}
		for seed := range seeds(t, 40) {
			for _, op := range checkHistory(t, open(), seed) {
				if op.Output.(answer).status < 300 {
					performed[op.Input.(request).method]++
				}
			}
		}
		for _, m := range []string{"GET", "PUT", "MKCOL", "DELETE", "MOVE", "COPY", "LOCK", "UNLOCK"} {
			if performed[m] < 5 {
				t.Errorf("%s was performed %d times in all histories, which shows little", m, performed[m])
			}
		}
	})
}

// seeds is how many histories are judged: n, unless .ci/davhistories asks for more.
func seeds(t *testing.T, n uint64) uint64 {
	t.Helper()
	more := os.Getenv("FOURTWELVE_DAV_HISTORIES")
	if more == "" {
		return n
	}
	n, err := strconv.ParseUint(more, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// eachStore runs f with each store that WebDAV can be served from; open makes a new one.
func eachStore(t *testing.T, f func(t *testing.T, open func() store.Store)) {
	eachStoreWith(t, dirstore.Options{}, f)
}

// eachStoreWith is eachStore with options for the store that has some.
func eachStoreWith(t *testing.T, o dirstore.Options, f func(t *testing.T, open func() store.Store)) {
	t.Run("memstore", func(t *testing.T) { f(t, func() store.Store { return memstore.New(memstore.Options{}) }) })
	t.Run("dirstore", func(t *testing.T) {
		f(t, func() store.Store {
			s, err := dirstore.Open(t.TempDir(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		})
	})
}

// request is what a client asks for, and answer what it is told.
type request struct {
	method, path, to, value string
	// depth0 is set for a LOCK of depth 0, keep for Overwrite: F.
	depth0, keep bool
	// submitted is a token in If whose list need not hold; locked is one whose list has to, and tag the value whose entity tag
	// has to be the current one. At most one of them is set.
	submitted, locked, tag string
	// token is that of an UNLOCK.
	token string
}

type answer struct {
	status int    // 0 if there was none, because the server was killed
	value  string // of a GET
	token  string // of a LOCK
}

// world is what a server knows, written to the letter of RFC 4918.
type world struct {
	things map[string]string // by path; a collection has the value "/"
	locks  []held
}

type held struct {
	token, root string
	infinite    bool
}

func (w world) clone() world { return world{maps.Clone(w.things), slices.Clone(w.locks)} }

func (w world) String() string {
	var parts []string
	for name, value := range w.things {
		parts = append(parts, name+"="+value)
	}
	for _, l := range w.locks {
		parts = append(parts, fmt.Sprint(l))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func under(name, root string) bool { return strings.HasPrefix(name, root+"/") }

func (l held) on(name string) bool { return name == l.root || l.infinite && under(name, l.root) }

// barred reports whether a name is locked, and the token is not that of a lock on it.
func (w world) barred(name, token string) bool {
	locked := false
	for _, l := range w.locks {
		if l.on(name) {
			if l.token == token {
				return false
			}
			locked = true
		}
	}
	return locked
}

// barredMember is barred for a name that begins or ceases to exist, with all below it.
func (w world) barredMember(name, token string) bool {
	if w.barred(name, token) || w.barred(path.Dir(name), token) {
		return true
	}
	return slices.ContainsFunc(w.locks, func(l held) bool { return under(l.root, name) && w.barred(l.root, token) })
}

// failures are the status codes that refuse the request, each for a reason of its own; none if it is to be performed.
func (w world) failures(r request) (codes []int) {
	refuse := func(status int, if_ bool) {
		if if_ {
			codes = append(codes, status)
		}
	}
	is, token := w.things[r.path], r.submitted+r.locked
	parent := func(name string) string { return w.things[path.Dir(name)] }
	covered := slices.ContainsFunc(w.locks, func(l held) bool { return l.token == r.locked && l.on(r.path) })
	refuse(http.StatusPreconditionFailed, r.locked != "" && !covered)
	refuse(http.StatusPreconditionFailed, r.tag != "" && is != r.tag)
	switch r.method {
	case "GET":
		refuse(http.StatusNotFound, is == "")
	case "PUT":
		refuse(http.StatusConflict, parent(r.path) != "/")
		refuse(http.StatusConflict, is == "/")
		refuse(http.StatusMethodNotAllowed, is == "/")
		refuse(http.StatusLocked, is != "" && w.barred(r.path, token) || is == "" && w.barredMember(r.path, token))
	case "MKCOL":
		refuse(http.StatusMethodNotAllowed, is != "")
		refuse(http.StatusConflict, parent(r.path) != "/")
		refuse(http.StatusLocked, w.barredMember(r.path, token))
	case "DELETE":
		refuse(http.StatusNotFound, is == "")
		refuse(http.StatusLocked, w.barredMember(r.path, token))
	case "COPY", "MOVE":
		refuse(http.StatusNotFound, is == "")
		refuse(http.StatusConflict, parent(r.to) != "/")
		refuse(http.StatusPreconditionFailed, r.keep && w.things[r.to] != "")
		refuse(http.StatusLocked, w.barredMember(r.to, token) || r.method == "MOVE" && w.barredMember(r.path, token))
	case "LOCK":
		refuse(http.StatusLocked, slices.ContainsFunc(w.locks, func(l held) bool { return l.on(r.path) || !r.depth0 && under(l.root, r.path) }))
		refuse(http.StatusConflict, is == "" && parent(r.path) != "/")
		refuse(http.StatusLocked, is == "" && w.barred(path.Dir(r.path), token))
	case "UNLOCK":
		known := slices.ContainsFunc(w.locks, func(l held) bool { return l.token == r.token && l.on(r.path) })
		refuse(http.StatusConflict, !known)
	}
	return codes
}

// perform does what was asked for, and returns the status.
func (w world) perform(r request, a answer) (world, int) {
	after, is := w.clone(), w.things[r.path]
	switch r.method {
	case "PUT":
		after.things[r.path] = r.value
		return after, created(is == "")
	case "MKCOL":
		after.things[r.path] = "/"
		return after, http.StatusCreated
	case "DELETE":
		after.remove(r.path)
		after.unlock(func(l held) bool { return l.root == r.path || under(l.root, r.path) })
		return after, http.StatusNoContent
	case "COPY", "MOVE":
		after.remove(r.to)
		after.unlock(func(l held) bool { return under(l.root, r.to) })
		for name, value := range w.things {
			if name == r.path || under(name, r.path) {
				after.things[r.to+strings.TrimPrefix(name, r.path)] = value
			}
		}
		if r.method == "MOVE" {
			after.remove(r.path)
			after.unlock(func(l held) bool { return l.root == r.path || under(l.root, r.path) })
		}
		return after, created(w.things[r.to] == "")
	case "LOCK":
		after.locks = append(after.locks, held{a.token, r.path, !r.depth0})
		if is == "" {
			after.things[r.path] = empty
			return after, http.StatusCreated
		}
	case "UNLOCK":
		after.unlock(func(l held) bool { return l.token == r.token })
		return after, http.StatusNoContent
	}
	return after, http.StatusOK
}

// empty is the value of a resource that a LOCK has made.
const empty = "empty"

func created(is bool) int {
	if is {
		return http.StatusCreated
	}
	return http.StatusNoContent
}

func (w world) remove(root string) {
	maps.DeleteFunc(w.things, func(name, _ string) bool { return name == root || under(name, root) })
}

func (w *world) unlock(gone func(held) bool) { w.locks = slices.DeleteFunc(w.locks, gone) }

// davModel is the world for porcupine.
var davModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{world{things: map[string]string{"/": "/"}}} },
	Step: func(state, input, output any) (next []any) {
		w, r, a := state.(world), input.(request), output.(answer)
		if a.status == 0 {
			return w.killed(r)
		}
		if codes := w.failures(r); len(codes) > 0 {
			if slices.Contains(codes, a.status) {
				return []any{w}
			}
			return nil
		}
		after, status := w.perform(r, a)
		if a.status != status || r.method == "GET" && w.things[r.path] != "/" && a.value != w.things[r.path] {
			return nil
		}
		return []any{after}
	},
	Equal:             func(a, b any) bool { return a.(world).String() == b.(world).String() },
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
}).ToModel()

// killed is what a request may have come to whose server was killed: nothing, or all, or, as locks are records of their own, all
// but them.
func (w world) killed(r request) []any {
	worlds := []any{w}
	if len(w.failures(r)) > 0 {
		return worlds
	}
	after, _ := w.perform(r, answer{token: "unknown to all"})
	without := after.clone()
	without.locks = slices.DeleteFunc(slices.Clone(w.locks), func(l held) bool { return after.things[l.root] == "" })
	return append(worlds, after, without)
}

// historian makes requests of several clients, and records them.
type historian struct {
	t       *testing.T
	clock   atomic.Int64
	mu      sync.Mutex
	ops     []porcupine.Operation
	tokens  []string
	handler http.Handler
}

const (
	historyClients = 4
	historyLength  = 12 // requests of each client, in each half
)

// yielding lets others go first at the beginning of a request and wherever it reads its content, which it does before its commit.
type yielding struct{ http.Handler }

func (y yielding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	runtime.Gosched()
	r.Body = yieldingBody{r.Body}
	y.Handler.ServeHTTP(w, r)
	runtime.Gosched()
}

type yieldingBody struct{ io.ReadCloser }

func (b yieldingBody) Read(p []byte) (int, error) {
	runtime.Gosched()
	return b.ReadCloser.Read(p)
}

// checkHistory makes a history, judges it, and returns it.
func checkHistory(t *testing.T, s store.Store, seed uint64) []porcupine.Operation {
	t.Helper()
	h := &historian{t: t}
	for half := range uint64(2) {
		h.handler = yielding{newHandler(t, s, nil)}
		h.round(seed, half, func() {})
	}
	h.judge(seed)
	return h.ops
}

// round has all clients make requests, each until it gets no answer. meanwhile is called before they are done.
func (h *historian) round(seed, number uint64, meanwhile func()) {
	ask(h.handler, "PROPFIND", "/", "", "Depth", "0") // so that the clients are known to speak WebDAV
	var all sync.WaitGroup
	for client := range historyClients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, number<<8|uint64(client)))
			for i := range historyLength {
				if !h.do(client, h.draw(random, fmt.Sprintf("c%d-%d-%d", client, number, i))) {
					return
				}
			}
		})
	}
	meanwhile()
	all.Wait()
}

func (h *historian) judge(seed uint64) {
	h.t.Helper()
	if got := porcupine.CheckOperationsTimeout(davModel, h.ops, time.Minute); got != porcupine.Ok {
		h.t.Errorf("seed %d: the history is %v\n%s", seed, got, h.explained())
	}
}

// explained lists the requests that changed something, and those of the others that no order of these explains.
func (h *historian) explained() string {
	ops := slices.Clone(h.ops)
	for i := len(ops) - 1; i >= 0; i-- {
		if changes(ops[i]) {
			continue
		}
		if without := slices.Delete(slices.Clone(ops), i, i+1); !porcupine.CheckOperations(davModel, without) {
			ops = without
		}
	}
	slices.SortFunc(ops, func(x, y porcupine.Operation) int { return int(x.Call - y.Call) })
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "%4d-%-4d client %d: %s\n", op.Call, op.Return, op.ClientId, davModel.DescribeOperation(op.Input, op.Output))
	}
	return b.String()
}

// changes reports whether an operation changed anything.
func changes(op porcupine.Operation) bool {
	return op.Input.(request).method != "GET" && op.Output.(answer).status < 300
}

// draw draws a request on few names, so that they meet.
func (h *historian) draw(random *rand.Rand, value string) request {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	files, collections := []string{"/c/a", "/e/a", "/f"}, []string{"/c", "/e"}
	r := request{
		method: pick("GET", "GET", "PUT", "PUT", "PUT", "MKCOL", "DELETE", "MOVE", "COPY", "LOCK", "LOCK", "UNLOCK"),
		path:   pick(files...),
	}
	switch r.method {
	case "PUT":
		r.value = value
	case "MKCOL":
		r.path = pick(collections...)
	case "DELETE":
		r.path = pick("/c/a", "/f", "/c", "/e")
	case "MOVE", "COPY":
		pair := [][2]string{{"/f", "/c/a"}, {"/c/a", "/f"}, {"/c", "/e"}, {"/e", "/c"}, {"/c/a", "/e/a"}}[random.IntN(5)]
		r.path, r.to, r.keep = pair[0], pair[1], random.IntN(3) == 0
	case "LOCK":
		r.path, r.depth0 = pick("/c", "/c/a", "/f", "/e"), random.IntN(2) == 0
	case "UNLOCK":
		r.path, r.token = pick("/c", "/c/a", "/f", "/e"), h.token(random)
	}
	if r.method == "GET" {
		return r
	}
	switch random.IntN(6) {
	case 0, 1:
		r.submitted = h.token(random)
	case 2:
		r.locked = h.token(random)
	case 3:
		if seen := h.value(random, r.path); seen != "/" {
			r.tag = seen
		}
	}
	return r
}

// token is one that was given out, or none that was.
func (h *historian) token(random *rand.Rand) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.tokens) == 0 {
		return "urn:uuid:00000000-0000-4000-8000-000000000000"
	}
	return h.tokens[max(0, len(h.tokens)-1-random.IntN(3))]
}

// value is what was written to the path by one of the last requests.
func (h *historian) value(random *rand.Rand, path string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range slices.Backward(h.ops) {
		if r := op.Input.(request); r.path == path && r.value != "" && random.IntN(3) > 0 {
			return r.value
		}
	}
	return empty
}

// contentOf is the content that a value stands for.
func contentOf(value string) string {
	if value == empty {
		return ""
	}
	return value
}

// do makes a request, and reports whether it was answered.
func (h *historian) do(client int, r request) bool {
	fields := r.fields()
	content := contentOf(r.value)
	if r.method == "LOCK" {
		content = lockinfo
	}
	call := h.clock.Add(1)
	if r.method == "DELETE" { // of a client of its own, which has sent no PUT that failed
		fields = append(fields, "Translate", "f", "User-Agent", fmt.Sprint(call))
	}
	w := ask(h.handler, r.method, r.path, content, fields...)
	a := answer{status: w.Code}
	if w.Code == http.StatusBadGateway { // see remote
		a.status = 0
	}
	switch {
	case r.method == "LOCK" && w.Code < 300:
		a.token = strings.Trim(w.Header().Get("Lock-Token"), "<>")
	case r.method == "GET" && w.Code == http.StatusOK:
		if a.value = w.Body.String(); a.value == "" {
			a.value = empty
		}
	}
	end := h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.token != "" {
		h.tokens = append(h.tokens, a.token)
	}
	if a.status == 0 && r.method == "GET" {
		return false
	}
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: r, Output: a, Call: call, Return: end})
	return a.status != 0
}

// fields are those of the request, by name and value.
func (r request) fields() (fields []string) {
	add := func(name, value string) { fields = append(fields, name, value) }
	switch {
	case r.submitted != "":
		add("If", "(<"+r.submitted+">) (Not <DAV:no-lock>)")
	case r.locked != "":
		add("If", "(<"+r.locked+">)")
	case r.tag != "":
		add("If", "(["+etag.Of([]byte(contentOf(r.tag))).String()+"])")
	}
	if r.depth0 {
		add("Depth", "0")
	}
	if r.keep {
		add("Overwrite", "F")
	}
	if r.to != "" {
		add("Destination", r.to)
	}
	if r.token != "" {
		add("Lock-Token", "<"+r.token+">")
	}
	return fields
}
