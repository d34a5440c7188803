package origin

import (
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/content/recent"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/origin/internal/listing"
	"github.com/fourtwelve/fourtwelve/store"
)

// listings goes through collections, and remembers the tags of what it saw.
type listings struct {
	// known are the digest and length of a listing, by what it is made of.
	known *recent.Cache[listed, rendered]
	// slots has an element for each collection that is being gone through.
	slots chan struct{}

	mu    sync.Mutex
	walks map[string]*walks
}

// listed is what the bytes of a listing depend on.
type listed struct {
	collection, form string
	fingerprint      [sha256.Size]byte
}

// rendered is what is remembered of a listing's bytes.
type rendered struct {
	digest store.Digest
	size   int64
}

// maxListed bounds how many listings are remembered.
const maxListed = 1 << 12

func newListings() *listings {
	return &listings{
		known: recent.New[listed, rendered](maxListed),
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		walks: make(map[string]*walks),
	}
}

// walks are those through one collection: the one that goes on, and the one that will begin
// after it, for all requests that have come meanwhile. What they see is not older than they
// are, and a thousand requests cost no more than two.
type walks struct{ running, next *walk }

// walk is once through a collection.
type walk struct {
	done chan struct{} // closed at the end
	// members and fingerprint, or err, are what came of it.
	members     *listing.Members
	fingerprint [sha256.Size]byte
	err         error
	// users are the requests that have not finished with members, held the memory for
	// them.
	users int
	held  held
}

// join returns a walk that begins now or later. The one for whom first is set goes, and
// waits for the one before.
func (l *listings) join(collection string) (w, before *walk, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ws := l.walks[collection]
	if ws == nil {
		ws = new(walks)
		l.walks[collection] = ws
	}
	if ws.next == nil {
		ws.next, first = &walk{done: make(chan struct{})}, true
	}
	ws.next.users++
	return ws.next, ws.running, first
}

// begin says that nobody can join w any more.
func (l *listings) begin(collection string, w *walk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ws := l.walks[collection]
	ws.running, ws.next = w, nil
}

func (l *listings) end(collection string, w *walk) {
	close(w.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	ws := l.walks[collection]
	if ws.running == w {
		ws.running = nil
	}
	if ws.running == nil && ws.next == nil {
		delete(l.walks, collection)
	}
}

// leave is for a request that does not need w any more.
func (l *listings) leave(w *walk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.users--; w.users == 0 {
		w.held.release()
	}
}

// members goes through a collection, or waits for another request that does. The caller
// must call x.listings.leave, if there is no error.
func (x *exchange) members(collection string) (*walk, error) {
	w, before, first := x.listings.join(collection)
	if first {
		if before != nil {
			<-before.done
		}
		x.goThrough(collection, w)
	} else {
		<-w.done
	}
	if w.err != nil {
		x.listings.leave(w)
		return nil, w.err
	}
	return w, nil
}

// goThrough makes the walk w.
func (x *exchange) goThrough(collection string, w *walk) {
	x.listings.slots <- struct{}{}
	defer func() { <-x.listings.slots }()
	x.listings.begin(collection, w)
	w.err = errors.New("the walk has panicked") // until it is known better
	defer x.listings.end(collection, w)
	x.tick()
	members := new(listing.Members)
	w.held.budget = x.memory.working
	w.err = x.list(collection, func(info store.Info) bool {
		members.Add(info)
		return w.held.grow(listing.Cost + int64(len(info.Name)))
	})
	w.held.settle()
	if w.err == nil {
		w.members, w.fingerprint = members, members.Fingerprint()
	}
}

// list calls add for each member until that returns false, for want of memory. Dates that
// must not be given out yet are left out.
func (x *exchange) list(collection string, add func(store.Info) bool) error {
	for info, err := range x.store.List(x.ctx, collection) {
		switch {
		case errors.Is(err, store.ErrNotCollection):
			return notACollection(collection)
		case err != nil:
			return err
		}
		if !condhttp.Published(info.Modified, x.now) {
			info.Modified = time.Time{}
		}
		if !add(info) {
			return errNoMemory
		}
	}
	return nil
}

// listingOf is a listing as a resource, with a tag of its content. It has no
// date: a collection's is not that of its listing, which shows sizes and dates of the
// members.
func (x *exchange) listingOf(collection, form string, w *walk) *resource.Resource {
	content := &generated{func(to io.Writer) error { return w.members.Render(to, form, collection) }}
	key := listed{collection, form, w.fingerprint}
	r, ok := x.listings.known.Get(key)
	if !ok {
		r = content.measure()
		x.listings.known.Put(key, r, 1)
	}
	return x.catalog.OfGenerated(store.Info{Name: collection, Collection: true, Size: r.size, Digest: r.digest}, form, content)
}

// generated is content that is made while it is sent: the same each time.
type generated struct {
	render func(w io.Writer) error
}

// measure makes the content and keeps nothing of it but its digest and length.
func (g *generated) measure() (r rendered) {
	h := sha256.New()
	n := &counting{w: h}
	_ = g.render(n) // a hash takes everything
	h.Sum(r.digest[:0])
	r.size = n.n
	return r
}

// WriteRange makes the content from its beginning and sends the part of it.
func (g *generated) WriteRange(w io.Writer, off, n int64) (int64, error) {
	s := &section{w: w, skip: off, left: n}
	err := g.render(s)
	if err == errSectionFull {
		err = nil
	}
	return n - s.left, err
}

func (g *generated) Close() error { return nil }

// section passes a part of what is written to it on to w.
type section struct {
	w          io.Writer
	skip, left int64
}

// errSectionFull ends the making of content of which no more is wanted.
var errSectionFull = errors.New("the part is complete")

func (s *section) Write(p []byte) (int, error) {
	if s.left == 0 {
		return 0, errSectionFull
	}
	skipped := min(s.skip, int64(len(p)))
	s.skip -= skipped
	part := p[skipped:]
	part = part[:min(int64(len(part)), s.left)]
	n, err := s.w.Write(part)
	s.left -= int64(n)
	if err != nil {
		return int(skipped) + n, err
	}
	return len(p), nil
}

type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}
