package resource

import (
	"context"
	"errors"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
)

// SelectWhole chooses the representation (RFC 9110 §12.5.3) of an answer that is
// not cut from ranges. accept are the lines of Accept-Encoding.
func (c *Catalog) SelectWhole(ctx context.Context, res *Resource, accept []string, now time.Time) *Representation {
	if !res.negotiable || len(accept) == 0 {
		return &res.Identity
	}
	candidates := c.candidates(ctx, res, now)
	var buf [len(codings)]string
	offered := buf[:0]
	for i, rep := range candidates {
		if rep != nil {
			offered = append(offered, codings[i])
		}
	}
	// If nothing that we have is acceptable the content as it is will do: "the
	// origin server can disregard the field" (§12.4.1), and most clients can.
	name, _ := coding.Negotiate(accept, offered...)
	for i, rep := range candidates {
		if rep != nil && codings[i] == name {
			return rep
		}
	}
	return &res.Identity
}

// Settle returns rep, which SelectWhole chose, or, if it turns out that its coding gains nothing, the one
// that is sent instead.
func (c *Catalog) Settle(ctx context.Context, res *Resource, rep *Representation, accept []string, now time.Time) (*Representation, error) {
	for rep.index != identityIndex && rep.file.Revision == 0 && res.gains[rep.index].Load() != gainYes {
		_, err := c.encoded(ctx, res, rep.index)
		switch {
		case errors.Is(err, ErrNoGain):
			rep = c.SelectWhole(ctx, res, accept, now)
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
// that fetch pieces side by side agree on; or that which ifRange, the lines of If-Range, names. whole is what
// SelectWhole chose.
func (c *Catalog) SelectRanged(ctx context.Context, res *Resource, accept, ifRange []string, whole *Representation, now time.Time) *Representation {
	if !res.negotiable {
		return &res.Identity
	}
	if len(ifRange) == 1 {
		if rep := c.namedBy(ctx, res, ifRange[0], now); rep != nil && coding.Acceptable(accept, codings[rep.index]) {
			return rep
		}
	}
	if !coding.Acceptable(accept, coding.Identity) {
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
