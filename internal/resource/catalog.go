package resource

import (
	"log/slog"

	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/internal/content/recent"
	"github.com/fourtwelve/fourtwelve/internal/field/mediatype"
	"github.com/fourtwelve/fourtwelve/store"
)

// Options are the choices of [New]. Only Store is needed.
type Options struct {
	Store store.Store
	// RevisionTags puts the revision's number before the digest in entity tags.
	RevisionTags bool
	// CacheControl returns the Cache-Control value (RFC 9111 §5.2) for a name, or ""
	// for none. Nil is DefaultCacheControl for all.
	CacheControl func(name string) string
	// Logger gets what went wrong inside. Nil discards it.
	Logger *slog.Logger
}

// DefaultCacheControl is the Cache-Control of resources if Options has none.
const DefaultCacheControl = "no-cache"

// maxResources bounds of how many names the fields of their answers are kept.
const maxResources = 1 << 16

// Catalog knows the representations of what a store has. It may be used from any number
// of goroutines.
type Catalog struct {
	options   Options
	store     store.Store
	history   store.History // nil if the store keeps no earlier revisions
	log       *slog.Logger
	resources *recent.Cache[string, *Resource]
	verdicts  *recent.Cache[pair, bool]
	encodings coding.Cache
}

// New returns the catalog of o.Store.
func New(o Options) *Catalog {
	c := &Catalog{
		options:   o,
		store:     o.Store,
		log:       o.Logger,
		resources: recent.New[string, *Resource](maxResources),
		verdicts:  recent.New[pair, bool](maxVerdicts),
	}
	c.history, _ = o.Store.(store.History)
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Of returns the resource that info, of what is current, describes.
func (c *Catalog) Of(info store.Info) *Resource {
	if res, ok := c.resources.Get(info.Name); ok && res.Info == info {
		return res
	}
	res := c.describe(info, mediatype.Of(info.Name))
	c.resources.Put(info.Name, res, 1)
	return res
}

// OfRevision is Of for a revision that may be an earlier one, which links to the current one.
func (c *Catalog) OfRevision(info store.Info) *Resource {
	res := c.describe(info, mediatype.Of(info.Name))
	res.link = []string{"<" + PathOf(info.Name) + ">; " + relLatest}
	return res
}

// OfGenerated returns a resource that is not in the store, such as a listing. info has its size
// and digest.
func (c *Catalog) OfGenerated(info store.Info, mediaType string, content Content) *Resource {
	res := c.describe(info, mediaType)
	res.generated = content
	return res
}
