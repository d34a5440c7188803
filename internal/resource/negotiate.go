package resource

import (
	"context"
	"errors"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
)

// Wishes are what a representation is selected by.
type Wishes struct {
	// AcceptEncoding and IfRange are field lines of the request.
	AcceptEncoding, IfRange []string
	// Now is the time before the state was looked up.
	Now time.Time
}

// SelectWhole chooses the representation (RFC 9110 §12.5.3) of an answer that is
// not cut from ranges.
func (c *Catalog) SelectWhole(ctx context.Context, res *Resource, w Wishes) *Representation {
	if !res.negotiable || len(w.AcceptEncoding) == 0 {
		return &res.Identity
	}
	candidates := c.candidates(ctx, res, w.Now)
	var buf [len(codings)]string
	offered := buf[:0]
	for i, rep := range candidates {
		if rep != nil {
			offered = append(offered, codings[i])
		}
	}
	// If nothing that we have is acceptable the content as it is will do: "the
	// origin server can disregard the field" (§12.4.1), and most clients can.
	name, _ := coding.Negotiate(w.AcceptEncoding, offered...)
	for i, rep := range candidates {
		if rep != nil && codings[i] == name {
			return rep
		}
	}
	return &res.Identity
}

// Settle returns rep, which SelectWhole chose, or, if it turns out that its coding gains nothing,
// the one that is sent instead.
func (c *Catalog) Settle(ctx context.Context, res *Resource, rep *Representation, w Wishes) (*Representation, error) {
	for !rep.IsIdentity() && rep.file.Revision == 0 && res.gains[rep.index].Load() != gainYes {
		_, err := c.encoded(ctx, res, rep.index)
		switch {
		case errors.Is(err, ErrNoGain):
			rep = c.SelectWhole(ctx, res, w)
		case err != nil:
			return nil, err
		}
	}
	return rep, nil
}

// candidates returns the coded representation for each of codings that can be
// sent: a ready-made file, or our own if the content is not too large and the coding
// not known to gain nothing.
func (c *Catalog) candidates(ctx context.Context, res *Resource, now time.Time) [len(codings)]*Representation {
	candidates := c.neighboursOf(ctx, res, now).reps
	for i := range candidates {
		if candidates[i] == nil && res.ours(i) {
			candidates[i] = &res.coded[i]
		}
	}
	return candidates
}

// ours reports whether we encode res ourselves in the coding with this index.
func (res *Resource) ours(index int) bool {
	return res.Info.Size <= maxEncoded && res.gains[index].Load() != gainNone
}

// SelectRanged chooses the representation that ranges are cut from: identity,
// as that is what a client without a part resumes with, and whose offsets tools
// that fetch pieces side by side agree on; or that which If-Range names. whole is what
// SelectWhole chose.
func (c *Catalog) SelectRanged(ctx context.Context, res *Resource, w Wishes, whole *Representation) *Representation {
	if !res.negotiable {
		return &res.Identity
	}
	if len(w.IfRange) == 1 {
		if rep := c.namedBy(ctx, res, w.IfRange[0], w.Now); rep != nil && coding.Acceptable(w.AcceptEncoding, codings[rep.index]) {
			return rep
		}
	}
	if !coding.Acceptable(w.AcceptEncoding, coding.Identity) {
		return whole
	}
	return &res.Identity
}

// namedBy returns the coded representation whose tag value is, or nil.
func (c *Catalog) namedBy(ctx context.Context, res *Resource, value string, now time.Time) *Representation {
	tag, err := etag.Parse(value)
	if err != nil || tag == res.Identity.Tag {
		return nil
	}
	for _, rep := range c.neighboursOf(ctx, res, now).reps {
		if rep != nil && rep.Tag == tag {
			return rep
		}
	}
	for i := range res.coded {
		if res.coded[i].Tag == tag && res.ours(i) {
			return &res.coded[i]
		}
	}
	return nil
}
