package cache

import (
	"context"
	"errors"
	"io"
	"sync"
)

// A transfer brings content from the origin into a draft while any number of readers follow it. It goes on at the speed of the
// origin, whoever reads slowly; when nobody reads any more, it ends.
type transfer struct {
	draft  Draft
	cancel context.CancelFunc

	mu      sync.Mutex
	more    sync.Cond
	written int64
	// over says that no more will be written, and why: nil if all is there.
	over    bool
	err     error
	readers int
	// ended says that the draft has been finished or discarded, and closed that nobody read it any more then.
	ended, closed bool
	// rest is what the draft did not take. The reader that comes to it first gets it, in order; others fail.
	rest  *restOf
	owner *transferReader
}

func newTransfer(d Draft, cancel context.CancelFunc) *transfer {
	t := &transfer{draft: d, cancel: cancel}
	t.more.L = &t.mu
	return t
}

// transferBuffer is how much is moved at a time.
const transferBuffer = 32 << 10

var transferBuffers = sync.Pool{New: func() any { return new([transferBuffer]byte) }}

// run copies body into the draft, and returns how much that was and why it ended: nil at the end of body, [ErrNoRoom] or
// another error of the draft if the rest has been left for the reader.
func (t *transfer) run(body io.ReadCloser) (int64, error) {
	lent := transferBuffers.Get().(*[transferBuffer]byte)
	defer transferBuffers.Put(lent)
	buffer := lent[:]
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			taken, werr := t.draft.Write(buffer[:n])
			if werr != nil {
				t.leave(int64(taken), buffer[taken:n], err, body, werr)
				return t.written, werr
			}
			t.advance(int64(n))
		}
		switch err {
		case nil:
		case io.EOF:
			body.Close()
			t.finish(nil)
			return t.written, nil
		default:
			body.Close()
			t.finish(err)
			return t.written, err
		}
	}
}

func (t *transfer) advance(n int64) {
	t.mu.Lock()
	t.written += n
	t.mu.Unlock()
	t.more.Broadcast()
}

func (t *transfer) finish(err error) {
	t.mu.Lock()
	t.over, t.err = true, err
	t.mu.Unlock()
	t.more.Broadcast()
}

// leave hands what the draft did not take to the reader: the rest of a buffer, how the reading of that ended, and the body.
func (t *transfer) leave(taken int64, kept []byte, ended error, body io.ReadCloser, why error) {
	rest := &restOf{buffered: append([]byte(nil), kept...), ended: ended, body: body, cancel: t.cancel}
	t.mu.Lock()
	t.written += taken
	rest.off = t.written
	t.over, t.err, t.rest = true, why, rest
	unread := t.readers == 0
	t.mu.Unlock()
	if unread {
		rest.Close()
	}
	t.more.Broadcast()
}

// restOf is what is left of a body, from off on.
type restOf struct {
	buffered []byte
	ended    error
	body     io.ReadCloser
	cancel   context.CancelFunc
	off      int64
}

func (r *restOf) Read(p []byte) (int, error) {
	if len(r.buffered) > 0 {
		n := copy(p, r.buffered)
		r.buffered = r.buffered[n:]
		return n, nil
	}
	if r.ended != nil {
		return 0, r.ended
	}
	return r.body.Read(p)
}

func (r *restOf) Close() error {
	err := r.body.Close()
	r.cancel()
	return err
}

// end is called when the draft has been finished or discarded. Those who read it go on.
func (t *transfer) end() {
	t.mu.Lock()
	t.ended, t.closed = true, t.readers == 0
	closing := t.closed
	t.mu.Unlock()
	if closing {
		t.draft.Close()
	}
}

// open returns a reader of the content. The error says that it has come, and is to be had elsewhere.
func (t *transfer) open() (*transferReader, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errors.New("the transfer is over")
	}
	t.readers++
	return &transferReader{t: t}, nil
}

// transferReader reads what a transfer brings. Read and Close are used by one goroutine; Read begins at the beginning.
type transferReader struct {
	t      *transfer
	off    int64
	closed bool
}

func (r *transferReader) Read(p []byte) (int, error) {
	n, err := r.readSome(p, r.off)
	r.off += int64(n)
	return n, err
}

// readSome waits until something is there at off. What the draft did not take can be read once, in order.
func (r *transferReader) readSome(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	available, err := r.t.wait(r, off)
	switch {
	case available > 0:
		n, err := r.t.draft.ReadAt(p[:min(int64(len(p)), available)], off)
		if n > 0 {
			err = nil
		}
		return n, err
	case err == errRest:
		n, err := r.t.rest.Read(p)
		r.t.rest.off += int64(n)
		return n, err
	case err != nil:
		return 0, err
	}
	return 0, io.EOF
}

func (r *transferReader) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := r.readSome(p[n:], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// live is content that is still on its way, of a length that is known.
type live struct {
	t    *transfer
	size int64
}

func (l live) Size() int64 { return l.size }

func (l live) Open() (OpenContent, error) { return l.t.open() }

// errRest says that what comes next is in the rest, and that the reader owns it.
var errRest = errors.New("in the rest")

// wait returns how much r can read at off once that is known, or why there is no more.
func (t *transfer) wait(r *transferReader, off int64) (available int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.written <= off && !t.over {
		t.more.Wait()
	}
	if t.written > off {
		return t.written - off, nil
	}
	if t.rest != nil && (t.owner == nil || t.owner == r) && off == t.rest.off {
		t.owner = r
		return 0, errRest
	}
	return 0, t.err
}

// Close ends the transfer if nobody else reads it.
func (r *transferReader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	t := r.t
	t.mu.Lock()
	t.readers--
	last, over, ended, rest := t.readers == 0, t.over, t.ended, t.rest
	t.closed = last && ended
	t.mu.Unlock()
	if !last {
		return nil
	}
	if !over {
		t.cancel()
	}
	if ended {
		t.draft.Close()
	}
	if rest != nil {
		return rest.Close()
	}
	return nil
}
