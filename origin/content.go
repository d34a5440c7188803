package origin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/store"
)

// content is representation data that is ready to be sent.
type content interface {
	// WriteRange is that of store.Content.
	WriteRange(w io.Writer, off, n int64) (int64, error)
	Close() error
}

// memory is content held in memory. It is not changed.
type memory struct{ data []byte }

func (m *memory) WriteRange(w io.Writer, off, n int64) (int64, error) {
	written, err := w.Write(m.data[off : off+n])
	return int64(written), err
}

func (m *memory) Close() error { return nil }

// errMoved says that the revision that was looked up is not there any more. The
// request is to be looked at again, against what is there now.
var errMoved = errors.New("the revision was replaced meanwhile")

// open returns the content of rep, and its length. The error is errMoved if the
// revision, or the file that holds it in a coding, has gone.
func (x *exchange) open(res *resource, rep *representation) (content, int64, error) {
	switch {
	case rep.file.Revision != 0:
		c, err := x.openRevision(rep.file)
		if err == errMoved {
			res.forgetNeighbours()
		}
		return c, rep.file.Size, err
	case rep.index != identityIndex:
		encoded, err := x.encoded(res, rep.index)
		return &memory{encoded}, int64(len(encoded)), err
	case res.content != nil:
		return res.content, res.info.Size, nil
	}
	c, err := x.openRevision(res.info)
	return c, res.info.Size, err
}

// openRevision opens a revision that is in the store.
func (x *exchange) openRevision(info store.Info) (store.Content, error) {
	c, err := x.store.Open(x.ctx, info.Name, info.Revision)
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrIsCollection):
		return nil, errMoved
	case err != nil:
		return nil, err
	}
	return c, nil
}

// readRevision reads all of a revision's content.
func (x *exchange) readRevision(info store.Info) ([]byte, error) {
	c, err := x.openRevision(info)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var b bytes.Buffer
	b.Grow(int(info.Size))
	n, err := c.WriteRange(&b, 0, info.Size)
	switch {
	case errors.Is(err, store.ErrChanged):
		return nil, errMoved
	case err == nil && n != info.Size:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", info.Name, err)
	}
	return b.Bytes(), nil
}

// What is known of a coding's use for a resource.
const (
	gainUnknown = iota
	gainYes
	gainNone
)

// encoded returns the content of res in the coding with this index. The error is
// coding.ErrNoGain if it is not worth it, which is then remembered.
func (x *exchange) encoded(res *resource, index int) ([]byte, error) {
	encoded, err := x.encodings.Get(res.info.Digest, codings[index], func() ([]byte, error) {
		if g, ok := res.content.(*generated); ok {
			return g.readAll(res.info.Size)
		}
		return x.readRevision(res.info)
	})
	switch {
	case errors.Is(err, coding.ErrNoGain):
		res.gains[index].Store(gainNone)
	case err == nil:
		res.gains[index].Store(gainYes)
	}
	return encoded, err
}

// clientGone reports whether err is there because nobody waits for the answer
// any more.
func (x *exchange) clientGone(err error) bool {
	return x.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
