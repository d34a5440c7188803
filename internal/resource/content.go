package resource

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/store"
)

// Content is representation data that is ready to be sent.
type Content interface {
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

// ErrMoved says that the revision that was looked up is not there any more. The
// request is to be looked at again, against what is there now.
var ErrMoved = errors.New("the revision was replaced meanwhile")

// ErrNoGain says that a coding turned out to gain nothing for a resource. The representation in it
// is not selected again.
var ErrNoGain = coding.ErrNoGain

// Open returns the content of rep, and its length. The error is ErrMoved if the
// revision, or the file that holds it in a coding, has gone; it is ErrNoGain if
// another representation is to be selected.
func (c *Catalog) Open(ctx context.Context, res *Resource, rep *Representation) (Content, int64, error) {
	switch {
	case rep.file.Revision != 0:
		content, err := c.openRevision(ctx, rep.file)
		if err == ErrMoved {
			res.forgetNeighbours()
		}
		return content, rep.file.Size, err
	case !rep.IsIdentity():
		encoded, err := c.encoded(ctx, res, rep.index)
		return &memory{encoded}, int64(len(encoded)), err
	case res.generated != nil:
		return res.generated, res.Info.Size, nil
	}
	content, err := c.openRevision(ctx, res.Info)
	return content, res.Info.Size, err
}

// openRevision opens a revision that is in the store.
func (c *Catalog) openRevision(ctx context.Context, info store.Info) (store.Content, error) {
	content, err := c.store.Open(ctx, info.Name, info.Revision)
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrIsCollection):
		return nil, ErrMoved
	case err != nil:
		return nil, err
	}
	return content, nil
}

// ReadRevision reads all of a revision's content. The error is ErrMoved if it is gone or has changed.
func (c *Catalog) ReadRevision(ctx context.Context, info store.Info) ([]byte, error) {
	content, err := c.openRevision(ctx, info)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return readAll(content, info)
}

func readAll(content Content, info store.Info) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(info.Size))
	n, err := content.WriteRange(&b, 0, info.Size)
	switch {
	case errors.Is(err, store.ErrChanged):
		return nil, ErrMoved
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
// ErrNoGain if it is not worth it, which is then remembered.
func (c *Catalog) encoded(ctx context.Context, res *Resource, index int) ([]byte, error) {
	encoded, err := c.encodings.Get(res.Info.Digest, codings[index], func() ([]byte, error) {
		if res.generated != nil {
			return readAll(res.generated, res.Info)
		}
		return c.ReadRevision(ctx, res.Info)
	})
	switch {
	case errors.Is(err, ErrNoGain):
		res.gains[index].Store(gainNone)
	case err == nil:
		res.gains[index].Store(gainYes)
	}
	return encoded, err
}

// Digest is that of the representation data of rep (RFC 9530 §3).
func (c *Catalog) Digest(ctx context.Context, res *Resource, rep *Representation) (store.Digest, error) {
	switch {
	case rep.IsIdentity():
		return res.Info.Digest, nil
	case rep.file.Revision != 0:
		return rep.file.Digest, nil
	}
	encoded, err := c.encoded(ctx, res, rep.index)
	return sha256.Sum256(encoded), err
}
