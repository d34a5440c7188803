package clusterstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/store"
)

// maxWhole is the length up to which content is fetched as a whole and kept in memory.
const maxWhole = 256 << 10

// content implements store.Content.
type content struct {
	s      *Store
	info   store.Info
	id     ContentID
	closed atomic.Bool

	data  []byte
	whole bool // data is all of it
}

// newContent opens content that is in data or, if the ID of id is not empty, with the engine. What is
// not long is fetched at once: whoever opens it will read it, and it cannot change any more then.
func (s *Store) newContent(ctx context.Context, info store.Info, id ContentID, data []byte) (*content, error) {
	c := &content{s: s, info: info, id: id, data: data, whole: id.ID == ""}
	if c.whole {
		return c, nil
	}
	if s.cached != nil {
		if data, ok := s.cached.Get(id); ok {
			c.data, c.whole = data, true
			return c, nil
		}
	}
	if info.Size > maxWhole {
		return c, nil
	}
	data, err := c.fetch(ctx, 0, info.Size)
	if err != nil {
		return nil, named(info.Name, err)
	}
	if sha256.Sum256(data) != info.Digest {
		return nil, fmt.Errorf("%q: content %s of revision %d is damaged: it does not have the digest that its head says", info.Name, id.ID, info.Revision)
	}
	c.data, c.whole = data, true
	if s.cached != nil {
		s.cached.Put(id, data, info.Size+128)
	}
	return c, nil
}

// fetch returns a part of the content.
func (c *content) fetch(ctx context.Context, off, n int64) ([]byte, error) {
	r, err := c.s.contents.Open(ctx, c.id, off, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	return data, nil
}

// Info implements store.Content.
func (c *content) Info() store.Info { return c.info }

// ReadAt implements store.Content.
func (c *content) ReadAt(p []byte, off int64) (int, error) {
	if c.closed.Load() {
		return 0, named(c.info.Name, fs.ErrClosed)
	}
	if off < 0 {
		return 0, fmt.Errorf("%q: read at offset %d: negative", c.info.Name, off)
	}
	n := int(min(int64(len(p)), max(c.info.Size-off, 0)))
	if c.whole {
		copy(p, c.data[min(off, c.info.Size):])
	} else if n > 0 {
		part, err := c.fetch(c.s.closing, off, int64(n))
		if err != nil {
			return 0, c.changed(err)
		}
		copy(p, part)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteRange implements store.Content.
func (c *content) WriteRange(w io.Writer, off, n int64) (int64, error) {
	if c.closed.Load() {
		return 0, named(c.info.Name, fs.ErrClosed)
	}
	if off < 0 || n < 0 || off > c.info.Size-n {
		return 0, fmt.Errorf("%q: %d bytes from offset %d are not within its %d bytes", c.info.Name, n, off, c.info.Size)
	}
	if c.whole {
		written, err := w.Write(c.data[off : off+n])
		return int64(written), err
	}
	ctx, cancel := context.WithCancel(c.s.closing)
	defer cancel()
	r, err := c.s.contents.Open(ctx, c.id, off, n)
	if err != nil {
		return 0, c.changed(err)
	}
	defer r.Close()
	written, err := io.CopyN(w, r, n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return written, c.changed(err)
}

// changed says what it means to a reader that content went away: it was forgotten while he read.
func (c *content) changed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrGone):
		return named(c.info.Name, fmt.Errorf("%w: it is no longer kept", store.ErrChanged))
	}
	return named(c.info.Name, err)
}

// Close implements store.Content.
func (c *content) Close() error {
	c.closed.Store(true)
	return nil
}
