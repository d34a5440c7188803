package resource

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/store"
)

// neighbours are the ready-made files beside a resource that hold its content in
// a coding, such as "x.css.br". They were looked for at the time checked.
type neighbours struct {
	checked time.Time
	reps    [len(codings)]*Representation
}

const (
	// neighbourInterval is how long what was found beside a resource is taken for
	// granted. A file that came or changed later goes unnoticed for that long;
	// nothing wrong is sent meanwhile, since the revision that was found is opened.
	neighbourInterval = time.Second
	// maxVerified bounds the content, in bytes, that is decoded to see whether a
	// neighbour is true. Larger resources are sent as they are.
	maxVerified = 64 << 20
	// maxVerdicts is of how many pairs of source and neighbour it is remembered.
	maxVerdicts = 1 << 14
)

// pair is a source and what might be its content in a coding.
type pair struct {
	source, encoded store.Digest
	index           int
}

// neighboursOf returns the ready-made representations of res. It asks the store
// at most once in neighbourInterval.
func (c *Catalog) neighboursOf(ctx context.Context, res *Resource, now time.Time) *neighbours {
	known := res.neighbours.Load()
	if known != nil && now.Sub(known.checked).Abs() < neighbourInterval {
		return known
	}
	if known != nil && !res.neighbours.CompareAndSwap(known, &neighbours{now, known.reps}) {
		return known // someone else has begun to look
	}
	found := &neighbours{checked: now}
	if res.generated == nil && res.Info.Size <= maxVerified {
		for i := range codings {
			found.reps[i] = c.findNeighbour(ctx, res, i, known)
		}
	}
	res.neighbours.Store(found)
	return found
}

// forgetNeighbours makes the next request look for them again.
func (res *Resource) forgetNeighbours() { res.neighbours.Store(nil) }

// findNeighbour looks for a file with the content of res in one coding. A file
// is used only if it decodes to that content exactly, whatever its date: an old
// one with a new date would be a stale read.
func (c *Catalog) findNeighbour(ctx context.Context, res *Resource, index int, known *neighbours) *Representation {
	file, err := c.store.Stat(ctx, res.Info.Name+coding.Extension(codings[index]))
	if err != nil || !file.Exists() || file.Size >= res.Info.Size {
		return nil
	}
	if known != nil && known.reps[index] != nil && known.reps[index].file == file {
		return known.reps[index]
	}
	if !c.verified(ctx, res, file, index) {
		return nil
	}
	rep := res.inCoding(index, neighbourTag(res.Identity.Tag, file.Digest, codings[index]))
	rep.file = file
	return &rep
}

// verified reports whether file decodes to the content of res. Each pair of
// contents is decoded once.
func (c *Catalog) verified(ctx context.Context, res *Resource, file store.Info, index int) bool {
	p := pair{res.Info.Digest, file.Digest, index}
	if verdict, ok := c.verdicts.Get(p); ok {
		return verdict
	}
	err := c.verify(ctx, res, file, index)
	if err != nil && !errors.Is(err, coding.ErrMismatch) {
		return false // it could not be read now
	}
	if err != nil {
		c.log.WarnContext(ctx, "precompressed file is not used: it does not decode to the file beside it",
			"name", file.Name, "error", err)
	}
	c.verdicts.Put(p, err == nil, 1)
	return err == nil
}

func (c *Catalog) verify(ctx context.Context, res *Resource, file store.Info, index int) error {
	content, err := c.store.Open(ctx, file.Name, file.Revision)
	if err != nil {
		return err
	}
	defer content.Close()
	return coding.Verify(codings[index], io.NewSectionReader(content, 0, file.Size), res.Info.Digest, res.Info.Size)
}
