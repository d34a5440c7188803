package resource

import (
	"context"

	"github.com/fourtwelve/fourtwelve/store"
)

// The link relations of RFC 5829 that lead from one revision to another.
const (
	relPredecessor = `rel="predecessor-version"`
	relLatest      = `rel="latest-version"`
)

// Link returns the Link field of an answer with res: to the revision before
// it, if one is kept, and from an earlier revision to the current one. It is worked out once.
// There is none in a store that keeps no earlier revisions.
func (c *Catalog) Link(ctx context.Context, res *Resource) []string {
	if c.history == nil || res.generated != nil {
		return nil
	}
	if known := res.predecessor.Load(); known != nil {
		return *known
	}
	link := c.findLink(ctx, res)
	res.predecessor.Store(&link)
	return link
}

// LinkToLast returns the Link field of an answer that says that nothing, or a collection, is under name: to
// the last revision that is kept of what was. Nil is none.
func (c *Catalog) LinkToLast(ctx context.Context, name string) []string {
	if c.history == nil {
		return nil
	}
	for info, err := range c.history.Revisions(ctx, name) {
		if err != nil {
			c.log.WarnContext(ctx, "the earlier revisions could not be read", "name", name, "error", err)
			break
		}
		return []string{linkTo(info)}
	}
	return nil
}

// linkTo leads to an earlier revision.
func linkTo(info store.Info) string {
	return "<" + RevisionPathOf(info.Name, info.Revision) + ">; " + relPredecessor
}

func (c *Catalog) findLink(ctx context.Context, res *Resource) []string {
	links := res.link
	for info, err := range c.history.Revisions(ctx, res.Info.Name) {
		if err != nil {
			c.log.WarnContext(ctx, "the earlier revisions could not be read", "name", res.Info.Name, "error", err)
			break
		}
		if info.Revision < res.Info.Revision {
			return append(links[:len(links):len(links)], linkTo(info))
		}
	}
	return links
}
