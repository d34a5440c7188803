package resource

import "context"

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

func (c *Catalog) findLink(ctx context.Context, res *Resource) []string {
	links := res.link
	for info, err := range c.history.Revisions(ctx, res.Info.Name) {
		if err != nil {
			c.log.WarnContext(ctx, "the earlier revisions could not be read", "name", res.Info.Name, "error", err)
			break
		}
		if info.Revision < res.Info.Revision {
			target := "<" + RevisionPathOf(info.Name, info.Revision) + ">; " + relPredecessor
			return append(links[:len(links):len(links)], target)
		}
	}
	return links
}
