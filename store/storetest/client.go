package storetest

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// StoreClients returns n clients that perform operations on s directly. Each
// value is stored as content made by [Expand], size bytes and a few; the
// condition on a value is that on the revision in which a client saw it last,
// so a workload has to write each value once. Reads are by Stat and by Open, in
// turn. What the model does not cover is checked on the way, and fails t: the
// content is that of its digest, a revision has one digest, a commit gives a
// greater revision than it replaces, and no operation sees an older revision
// than one that had ended before saw.
func StoreClients(t testing.TB, s store.Store, n, size int) []Client {
	shared := &book{
		values:    make(map[store.Digest]string),
		digests:   make(map[revisionOf]store.Digest),
		revisions: make(map[valueOf]store.Revision),
		latest:    make(map[string]store.Revision),
	}
	clients := make([]Client, n)
	for i := range clients {
		clients[i] = &storeClient{t: t, store: s, size: size, book: shared}
	}
	return clients
}

// book is what the clients of one store know together.
type book struct {
	mu        sync.Mutex
	values    map[store.Digest]string
	digests   map[revisionOf]store.Digest
	revisions map[valueOf]store.Revision // the last seen with this value
	latest    map[string]store.Revision  // the greatest seen by an operation that has ended
}

type revisionOf struct {
	name string
	rev  store.Revision
}

type valueOf struct{ name, value string }

// written notes the content that stands for value.
func (b *book) written(value, content string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.values[digest(content)] = value
}

func (b *book) floor(name string) store.Revision {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.latest[name]
}

func (b *book) revision(name, value string) store.Revision {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.revisions[valueOf{name, value}]
}

// storeClient is a Client of a store.Store.
type storeClient struct {
	*book
	t     testing.TB
	store store.Store
	size  int
	reads int
}

func (c *storeClient) Do(ctx context.Context, op Op) Result {
	floor := c.floor(op.Name)
	switch op.Kind {
	case Write:
		return c.write(ctx, op, floor)
	case Delete:
		return c.delete(ctx, op, floor)
	case Read:
		return c.read(ctx, op, floor)
	}
	return c.doTree(ctx, op, floor)
}

func (c *storeClient) read(ctx context.Context, op Op, floor store.Revision) Result {
	info, err := c.look(ctx, op.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Result{Outcome: Done}
	case info.Collection || errors.Is(err, store.ErrIsCollection):
		return Result{Outcome: Done, Value: collectionValue}
	}
	if err != nil {
		c.t.Errorf("%v: %v", op, err)
		return Result{Outcome: Failed}
	}
	return Result{Outcome: Done, Value: c.seen(op, info, floor)}
}

// look returns the current revision of name, having read its content every
// other time.
func (c *storeClient) look(ctx context.Context, name string) (store.Info, error) {
	if c.reads++; c.reads%2 == 0 {
		return c.store.Stat(ctx, name)
	}
	content, err := c.store.Open(ctx, name, 0)
	if err != nil {
		return store.Info{}, err
	}
	defer content.Close()
	all, err := readAll(content)
	if err != nil {
		return store.Info{}, err
	}
	if info := content.Info(); digest(all) != info.Digest {
		c.t.Errorf("revision %d of %q was read as %s, want SHA-256 %v", info.Revision, name, brief(all), info.Digest)
	}
	return content.Info(), nil
}

func (c *storeClient) write(ctx context.Context, op Op, floor store.Revision) Result {
	content := Expand(op.Value, c.size)
	c.written(op.Value, content)
	d, err := c.store.Stage(ctx, op.Name, strings.NewReader(content))
	if err != nil {
		if !otherKind(err) {
			c.t.Errorf("%v: Stage: %v", op, err)
		}
		return Result{Outcome: Failed}
	}
	defer d.Abort(ctx)
	expect := c.expect(op.Name, op.If)
	info, err := d.Commit(ctx, expect)
	if err != nil {
		return c.failed(op, err, floor)
	}
	if expect != store.Any && info.Revision <= store.Revision(expect) {
		c.t.Errorf("%v: expecting %v, the commit gave revision %d", op, expect, info.Revision)
	}
	if got := c.seen(op, info, floor); got != op.Value {
		c.t.Errorf("%v: the commit returned %s", op, got)
	}
	return Result{Outcome: Done}
}

func (c *storeClient) delete(ctx context.Context, op Op, floor store.Revision) Result {
	info, err := c.store.Delete(ctx, op.Name, c.expect(op.Name, op.If))
	if errors.Is(err, store.ErrNotFound) {
		return Result{Outcome: NotFound}
	}
	if err != nil {
		return c.failed(op, err, floor)
	}
	return Result{Outcome: Done, Seen: true, Value: c.seen(op, info, floor)}
}

// expect turns the condition on a value into one on a revision.
func (c *storeClient) expect(name string, condition Condition) store.Expect {
	if condition.IsAnything() {
		return store.Any
	}
	return store.At(c.revision(name, condition.Value())) // 0 for Nothing
}

// otherKind reports whether err says that a collection is where a resource should
// be, or the other way round: that is part of no register.
func otherKind(err error) bool {
	return errors.Is(err, store.ErrIsCollection) || errors.Is(err, store.ErrNotCollection)
}

// failed says what an error of a write means.
func (c *storeClient) failed(op Op, err error, floor store.Revision) Result {
	conflict, ok := errors.AsType[*store.ConflictError](err)
	switch {
	case errors.Is(err, store.ErrUnknown):
		return Result{Outcome: Unknown}
	case !ok:
		if !otherKind(err) {
			c.t.Errorf("%v: %v", op, err)
		}
		return Result{Outcome: Failed}
	}
	condition, r := op.If, Result{Outcome: Conflict, Seen: true}
	if conflict.Name == op.To && op.To != "" {
		condition, r.AtTo, floor = op.IfTo, true, 0
	}
	switch {
	case conflict.Current.Collection:
		r.Value = collectionValue
	case conflict.Current.Exists():
		r.Value = c.seenAt(conflict.Name, op, conflict.Current, floor)
	}
	if r.Value != "" && r.Value == condition.Value() {
		// The same content as a revision of its own: a conflict of revisions
		// that says nothing about values.
		return Result{Outcome: Failed}
	}
	return r
}

// doTree performs operations of the optional interfaces.
func (c *storeClient) doTree(ctx context.Context, op Op, floor store.Revision) Result {
	var info store.Info
	var err error
	switch op.Kind {
	case Move, Copy:
		floorTo := c.floor(op.To)
		do := c.store.(store.Mover).Move
		if op.Kind == Copy {
			do = c.store.(store.Mover).Copy
		}
		info, err = do(ctx, op.Name, c.expect(op.Name, op.If), op.To, c.expect(op.To, op.IfTo))
		if err == nil && info.Collection {
			return Result{Outcome: Done, Seen: true, Value: collectionValue}
		}
		if err == nil {
			return Result{Outcome: Done, Seen: true, Value: c.seenAt(op.To, op, info, floorTo)}
		}
	case MakeCollection:
		_, err = c.store.(store.Collections).MakeCollection(ctx, op.Name)
	case DeleteCollection:
		err = c.store.(store.Collections).DeleteCollection(ctx, op.Name)
	case Mark:
		err = c.store.(store.Properties).SetProperties(ctx, op.Name, c.expect(op.Name, op.If), map[string]*string{"mark": &op.Value})
	case ReadMark:
		set, err := c.store.(store.Properties).Properties(ctx, op.Name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			c.t.Errorf("%v: %v", op, err)
			return Result{Outcome: Failed}
		}
		return Result{Outcome: Done, Value: set["mark"]}
	}
	switch {
	case err == nil:
		return Result{Outcome: Done}
	case errors.Is(err, store.ErrNotFound):
		return Result{Outcome: NotFound}
	}
	return c.failed(op, err, floor)
}

// seen is seenAt for the name of op.
func (c *storeClient) seen(op Op, info store.Info, floor store.Revision) string {
	return c.seenAt(op.Name, op, info, floor)
}

// seenAt notes a revision of name that op saw and returns its value. floor is the
// greatest revision that had been seen of the name when op began.
func (c *storeClient) seenAt(name string, op Op, info store.Info, floor store.Revision) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if info.Revision < floor {
		c.t.Errorf("%v: saw revision %d after revision %d had been seen", op, info.Revision, floor)
	}
	at := revisionOf{name, info.Revision}
	if d, ok := c.digests[at]; ok && d != info.Digest {
		c.t.Errorf("%v: revision %d has digest %v, and had %v before", op, info.Revision, info.Digest, d)
	}
	value, ok := c.values[info.Digest]
	if !ok {
		c.t.Errorf("%v: saw content that nobody wrote: %+v", op, info)
	}
	c.digests[at] = info.Digest
	c.latest[name] = max(c.latest[name], info.Revision)
	v := valueOf{name, value}
	c.revisions[v] = max(c.revisions[v], info.Revision)
	return value
}

// Outside is how another program gets at what is in a store, past the store: for
// files in a directory, by reading, renaming into place and removing them. An
// error that is fs.ErrNotExist means that there is nothing.
type Outside struct {
	Read   func(name string) (content string, err error)
	Write  func(name, content string) error // whatever is there, at one moment
	Remove func(name string) error
}

// Client returns a client that does to the resources of clients, made by
// [StoreClients], what another program would. It cannot perform operations with
// a condition: its workload has a Mix of Read, Overwrite and Discard.
func (o Outside) Client(clients []Client) Client {
	return &outsider{Outside: o, storeClient: clients[0].(*storeClient)}
}

type outsider struct {
	Outside
	*storeClient // for what it knows
}

func (c *outsider) Do(_ context.Context, op Op) Result {
	var content string
	var err error
	switch {
	case op.Kind == Read:
		content, err = c.Read(op.Name)
	case !op.If.IsAnything():
		err = errors.New("another program does not know of conditions")
	case op.Kind == Write:
		content = Expand(op.Value, c.size)
		c.written(op.Value, content)
		err = c.Write(op.Name, content)
	case op.Kind == Delete:
		err = c.Remove(op.Name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && op.Kind == Read:
		return Result{Outcome: Done}
	case errors.Is(err, fs.ErrNotExist) && op.Kind == Delete:
		return Result{Outcome: NotFound}
	case err == nil && op.Kind == Read:
		return c.folded(op, content)
	case err != nil:
		c.t.Errorf("%v, by another program: %v", op, err)
		return Result{Outcome: Failed}
	}
	return Result{Outcome: Done}
}

// folded is the result of reading content.
func (c *outsider) folded(op Op, content string) Result {
	value, err := Fold(content)
	if err != nil {
		c.t.Errorf("%v, by another program: %v", op, err)
		return Result{Outcome: Failed}
	}
	return Result{Outcome: Done, Value: value}
}
