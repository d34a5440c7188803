package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// DefaultWait is how long a request waits for the answer to another one for the same target.
const DefaultWait = 5 * time.Second

// DefaultIdle is how long the origin may take.
const DefaultIdle = time.Minute

// maxVariants bounds how many responses are kept for one target, which its requests select among.
const maxVariants = 64

// Options are the choices of [NewTransport]. The zero value is a cache of one user in 64 MiB of memory.
type Options struct {
	// Base sends the requests that go to the origin. Nil is [http.DefaultTransport].
	Base http.RoundTripper
	// Storage keeps the responses. Nil is a [Memory] of [DefaultMemory].
	Storage Storage
	// Beside is another transport whose storage this one uses, in place of Storage. What is invalidated at one of them is so for both,
	// and so is what is on its way: transports must not have one storage in another way.
	Beside *Transport
	// Policy says what may be kept and served. Nil is that of a private cache.
	Policy *Policy
	// Key returns what requests have in common that may be served the same, apart from method and fields; "" leaves a request
	// to the origin. Nil is the target URI: see [Target].
	Key func(*http.Request) string
	// NoVarySearch has responses say by No-Vary-Search which parameters of their query do not count: then requests that differ in those are
	// served the same.
	NoVarySearch bool
	// Alias names what a request reads in a way that is the same for all requests that may read the same thing: [Transport.Forget]
	// takes such names. Elements are separated by slashes. Nil is the target URI without query.
	Alias func(*http.Request) string
	// Sample, if it is positive, has one of so many requests that a coherent cache could serve validated all the same, and Changed is
	// told if that finds another representation although nothing was forgotten: then not all writes pass through here.
	Sample  int
	Changed func(*http.Request)
	// Decides reports whether the preconditions and the Range of a request are evaluated against what is stored, which answers it. If
	// not, the answer is the whole, for a caller who evaluates them himself. Nil is yes.
	Decides func(*http.Request, *Stored) bool
	// Name is that of the cache in Cache-Status (RFC 9211), which responses then carry; "" is none.
	Name string
	// ShownKey is what Cache-Status tells of the key of a request; "" is nothing. Nil never tells.
	ShownKey func(*http.Request) string
	// Observe is told what became of each request.
	Observe func(*http.Request, Status)
	// Wait bounds how long a request waits for the answer to another one. 0 is [DefaultWait], negative is not at all.
	Wait time.Duration
	// Idle bounds how long the origin may take to begin, and each time to go on, while its answer is being stored. 0 is
	// [DefaultIdle].
	Idle time.Duration
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// Transport is a cache between those who send requests and the origin: an [http.RoundTripper] by RFC 9111. It may be
// used from any number of goroutines.
//
//	client := &http.Client{Transport: cache.NewTransport(cache.Options{})}
//
// Responses that are served carry Age; those made of what is stored answer the preconditions and the Range of the
// request themselves. If several requests ask for the same, one goes to the origin. A body must be closed, as always; one that is
// closed early ends the transfer when nobody else reads it.
type Transport struct {
	base    http.RoundTripper
	storage Storage
	policy  *Policy
	options Options

	*ledger
	flights flights
	work    work
	served  atomic.Uint64
}

// ledger is what the transports of one storage know of what was invalidated in it.
type ledger struct {
	// changing orders what is stored after what is invalidated.
	changing sync.Mutex
	marks    marks
	// purges are those of the marks that have removed something. Their times are those of marks.
	purges marks
	index  index // by alias
	tags   index // see Tags
	doubts doubts

	searches searches
}

// maxTagged bounds how many tags of how many keys are remembered.
const maxTagged = 1 << 17

func newLedger() *ledger { return &ledger{tags: index{most: maxTagged}} }

// NewTransport returns a transport. What Storage has is used.
func NewTransport(o Options) *Transport {
	t := &Transport{base: o.Base, storage: o.Storage, policy: o.Policy, options: o}
	if t.base == nil {
		t.base = http.DefaultTransport
	}
	if o.Beside != nil {
		t.storage, t.ledger = o.Beside.storage, o.Beside.ledger
	}
	if t.storage == nil {
		t.storage = NewMemory(0)
	}
	if t.policy == nil {
		t.policy = &Policy{Role: Private}
	}
	if t.options.Alias == nil {
		t.options.Alias = func(r *http.Request) string {
			bare := *r.URL
			bare.RawQuery = ""
			return Target(&bare)
		}
	}
	if t.options.Now == nil {
		t.options.Now = time.Now
	}
	if t.options.Wait == 0 {
		t.options.Wait = DefaultWait
	}
	if t.options.Idle <= 0 {
		t.options.Idle = DefaultIdle
	}
	t.takeOver()
	return t
}

// takeOver makes what the storage has known under its aliases. To a coherent cache it is not current, nor is what is on its way: there
// may have been writes that nobody has told it of.
func (t *Transport) takeOver() {
	isFirst := t.ledger == nil
	if isFirst {
		t.ledger = newLedger()
	}
	if !isFirst && !t.policy.Coherent {
		return
	}
	t.changing.Lock()
	defer t.changing.Unlock()
	var keys []string
	for key, entries := range t.storage.All() {
		keys = append(keys, key)
		for _, e := range entries {
			t.enter(key, e.Alias, e, t.storage)
		}
	}
	if !t.policy.Coherent {
		return
	}
	t.marks.setAll()
	for _, key := range keys {
		t.mark(key)
	}
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	key := t.key(r)
	switch {
	case key == "":
		return t.pass(r, Status{Forwarded: Bypass})
	case r.Method == method.Query:
		return t.query(r, key)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		if r.Body != nil && r.Body != http.NoBody { // it has no meaning that is known
			return t.pass(r, Status{Forwarded: ByRequest})
		}
		return t.exchange(r, key, Request{Method: r.Method, Header: r.Header}).roundTrip()
	case method.IsSafe(r.Method):
		return t.pass(r, Status{Forwarded: ByMethod})
	}
	return t.write(r)
}

// FromStored answers a GET or HEAD from what is stored, or refuses it for want of that, if nobody has to be asked; nil otherwise.
func (t *Transport) FromStored(r *http.Request) *http.Response {
	key := t.key(r)
	if key == "" || r.Body != nil && r.Body != http.NoBody || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil
	}
	return t.exchange(r, key, Request{Method: r.Method, Header: r.Header}).fromStored()
}

// exchange is for a request that has a key.
func (t *Transport) exchange(r *http.Request, asked string, request Request) *exchange {
	key := asked
	if t.options.NoVarySearch {
		key = t.searches.key(asked)
	}
	return &exchange{
		Transport: t, r: r, asked: asked, key: key, flight: key + request.Content, alias: t.options.Alias(r), request: request,
	}
}

func (t *Transport) key(r *http.Request) string {
	if t.options.Key != nil {
		return t.options.Key(r)
	}
	return Target(r.URL)
}

// pass sends the request on.
func (t *Transport) pass(r *http.Request, s Status) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	t.tell(r, resp, s)
	return resp, nil
}

// maxQuery is how long the content of a QUERY may be whose answer is stored.
const maxQuery = 64 << 10

// query serves a QUERY: its content, and what says how to read that, are part of the key (RFC 10008).
func (t *Transport) query(r *http.Request, key string) (*http.Response, error) {
	var content []byte
	if r.Body != nil {
		var err error
		if content, err = io.ReadAll(io.LimitReader(r.Body, maxQuery+1)); err != nil {
			return nil, err
		}
	}
	if len(content) > maxQuery {
		long := r.Clone(r.Context())
		long.Body = &joinedBody{io.MultiReader(bytes.NewReader(content), r.Body), r.Body}
		return t.pass(long, Status{Forwarded: ByRequest})
	}
	if r.Body != nil {
		r.Body.Close()
	}
	sum := sha256.New()
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language"} {
		fmt.Fprintf(sum, "%q", r.Header[name])
	}
	sum.Write(content)
	request := Request{Method: r.Method, Header: r.Header, Content: hex.EncodeToString(sum.Sum(nil))}
	x := t.exchange(r, key, request)
	x.query = content
	return x.roundTrip()
}

type joinedBody struct {
	io.Reader
	io.Closer
}

// write sends an unsafe request on. What it may have changed is invalid before its answer is seen, and stays so if there is none, or a
// gateway's: then nobody knows what it has done.
func (t *Transport) write(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	if err != nil || t.mayHaveChanged(resp.StatusCode) {
		t.Invalidate(Invalidation{Targets: []string{t.key(r)}})
	}
	if err != nil {
		return nil, err
	}
	inv := Invalidates(r.Method, r.URL, Response{Status: resp.StatusCode, Header: resp.Header})
	if len(inv.Targets) > 0 && t.options.Key != nil {
		inv.Targets = t.keys(r, inv.Targets)
	}
	t.Invalidate(inv)
	t.tell(r, resp, Status{Forwarded: ByMethod})
	return resp, nil
}

// mayHaveChanged reports whether nobody knows what a request with such an answer has done: it comes from who answers for
// the origin, or all depends on what it does.
func (t *Transport) mayHaveChanged(status int) bool {
	return status >= 502 || status >= 500 && t.policy.Coherent
}

// keys are the keys of targets, as requests for them have.
func (t *Transport) keys(r *http.Request, targets []string) []string {
	keys := []string{t.key(r)}
	for _, target := range targets {
		u, err := url.Parse(target)
		if err != nil {
			continue
		}
		other := r.Clone(r.Context())
		other.Method, other.URL, other.Host = http.MethodGet, u, u.Host
		if key := t.key(other); key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Invalidate makes what is stored for the targets, which are keys, and for the groups wait for a validation, and also what is on its
// way from the origin. Groups are those of the origin of the first target.
func (t *Transport) Invalidate(inv Invalidation) {
	if len(inv.Targets) == 0 && len(inv.Groups) == 0 {
		return
	}
	t.changing.Lock()
	defer t.changing.Unlock()
	for _, target := range inv.Targets {
		for _, key := range slices.Compact([]string{target, t.searches.key(target)}) {
			t.marks.set(key)
			t.mark(key)
		}
	}
	if len(inv.Groups) == 0 {
		return
	}
	origin := originOf(inv.Targets)
	for _, group := range inv.Groups {
		t.marks.set(groupMark(origin, group))
	}
	for _, key := range slices.Collect(t.tagged(inv.Groups, t.storage)) {
		inGroup := func(e *Entry) bool { return sharesGroup(e, inv.Groups) }
		if originOf([]string{key}) == origin && slices.ContainsFunc(t.storage.Load(key), inGroup) {
			t.mark(key)
		}
	}
}

// Forget makes what is stored under aliases wait for a validation, and what is on its way from the origin; with below also what is
// below them. An outcome that is unknown may come about later: until then what is stored under them is not taken for current.
func (t *Transport) Forget(aliases []string, below bool, unknownUntil time.Time) {
	t.changing.Lock()
	defer t.changing.Unlock()
	for _, alias := range aliases {
		t.marks.set(alias)
		if below {
			t.marks.setTree(alias)
		}
		t.doubts.add(alias, below, unknownUntil, t.options.Now())
		for _, key := range t.index.keys(alias, below) {
			t.mark(key)
		}
	}
}

// Doubt has nothing that is stored, or stored from now on, be taken for current before until: a write of which nobody here knows may
// come about.
func (t *Transport) Doubt(until time.Time) {
	t.changing.Lock()
	defer t.changing.Unlock()
	t.doubts.all = latest(t.doubts.all, until)
}

// InDoubt reports whether a write of unknown outcome may yet come about: see [Transport.Forget].
func (t *Transport) InDoubt() bool {
	t.changing.Lock()
	defer t.changing.Unlock()
	now := t.options.Now()
	t.doubts.tidy(now)
	return t.doubts.all.After(now) || len(t.doubts.names)+len(t.doubts.trees) > 0
}

// mark makes all that is stored under key wait for a validation.
func (t *Transport) mark(key string) {
	entries := t.storage.Load(key)
	if len(entries) == 0 {
		return
	}
	marked := make([]*Entry, len(entries))
	for i, e := range entries {
		s := *e.Stored
		s.Invalid = true
		marked[i] = e.with(&s)
	}
	t.storage.Store(key, marked)
}

// keep puts an entry among those of its key, in place of those that the same requests select, unless something has been invalidated
// since turn. It reports whether it did.
func (t *Transport) keep(key, alias string, turn uint64, e *Entry) bool {
	t.changing.Lock()
	defer t.changing.Unlock()
	if t.invalidatedSince(turn, key, alias, e.Header) {
		return false
	}
	e = t.doubted(alias, e)
	entries := slices.DeleteFunc(slices.Clone(t.storage.Load(key)), func(old *Entry) bool { return sameSelection(old, e) })
	entries = append(entries, e)
	if len(entries) > maxVariants {
		entries = slices.Clone(entries[len(entries)-maxVariants:])
	}
	t.storage.Store(key, entries)
	t.enter(key, alias, e, t.storage) // after it is stored, as tidying drops what is not
	return true
}

// replace puts updated in the place of old, if that is still there: what has been invalidated since is another entry. With nil it
// removes it.
func (t *Transport) replace(key, alias string, old, updated *Entry) bool {
	t.changing.Lock()
	defer t.changing.Unlock()
	if updated != nil {
		updated = t.doubted(alias, updated)
	}
	entries := slices.Clone(t.storage.Load(key))
	i := slices.Index(entries, old)
	if i < 0 {
		return false
	}
	if updated == nil {
		entries = slices.Delete(entries, i, i+1)
	} else {
		entries[i] = updated
	}
	t.storage.Store(key, entries)
	return true
}

// doubted returns e, or a copy that waits for a validation while it is not known what a write may yet do.
func (t *Transport) doubted(alias string, e *Entry) *Entry {
	if !t.doubts.has(alias, t.options.Now()) {
		return e
	}
	s := *e.Stored
	s.Invalid = true
	return e.with(&s)
}

// sameSelection reports whether every request that selects a selects b as well, and the other way round.
func sameSelection(a, b *Entry) bool {
	mine, theirs := values(a.Header["Vary"]), values(b.Header["Vary"])
	slices.Sort(mine)
	slices.Sort(theirs)
	asked := a.Request.Method == b.Request.Method && a.Request.Content == b.Request.Content
	return asked && slices.Equal(mine, theirs) && a.Matches(b.Request)
}

func sharesGroup(e *Entry, groups []string) bool {
	return slices.ContainsFunc(Groups(e.Header), func(g string) bool { return slices.Contains(groups, g) })
}

// originOf is the origin of the first key that is a URI.
func originOf(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	u, err := url.Parse(keys[0])
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func groupMark(origin, group string) string { return "group " + origin + " " + group }

// tell adds to Cache-Status, and tells the observer.
func (t *Transport) tell(r *http.Request, resp *http.Response, s Status) {
	if t.options.Name != "" {
		if t.options.ShownKey != nil {
			s.Key = t.options.ShownKey(r)
		}
		resp.Header["Cache-Status"] = appendMember(resp.Header["Cache-Status"], s.Member(t.options.Name))
	}
	if t.options.Observe != nil {
		t.options.Observe(r, s)
	}
}

// detached is a request that outlives who asked, with the fields of header. cancel ends it.
func detached(r *http.Request, header http.Header) (sent *http.Request, cancel context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	sent = r.Clone(ctx)
	sent.Header = header
	return sent, cancel
}

// drain reads what is left of a body that nobody wants, so that its connection can be used again, unless it is long.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}

// Wait waits until what is on its way from the origin has come, and is stored if it may be.
func (t *Transport) Wait() { <-t.work.ended() }

// Storage returns what the transport stores responses in.
func (t *Transport) Storage() Storage { return t.storage }

// Stored returns what is stored that a request with this key may be served from.
func (t *Transport) Stored(key string) []*Entry {
	if t.options.NoVarySearch {
		key = t.searches.key(key)
	}
	return t.storage.Load(key)
}

// Policy returns what the transport decides by.
func (t *Transport) Policy() *Policy { return t.policy }
