package origin

import (
	"encoding/base64"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/internal/field/mediatype"
	"github.com/fourtwelve/fourtwelve/store"
)

// codings are the content codings offered, the preferred one first.
var codings = [...]string{coding.Brotli, coding.Zstd, coding.Gzip}

// resource is what the answers about one revision of one name have in common,
// worked out once. What is known at first does not change; the rest is found
// when it is first needed.
type resource struct {
	info store.Info
	// content is the content of a resource that is not in the store, such as a listing.
	content content
	// path is the path of its own, for a Content-Location field.
	path []string
	// link is the Link field of an earlier revision; that of a current one is
	// found by predecessor.
	link        []string
	predecessor atomic.Pointer[[]string]

	mediaType    []string
	length       []string
	lastModified []string
	cacheControl []string

	identity representation
	// negotiable is set if the content has a type and size that is worth a
	// coding; otherwise identity is all there is.
	negotiable bool
	coded      [len(codings)]representation
	// tags are those of identity and coded.
	tags []etag.Tag
	// gains says what is known of the codings; see coded.
	gains [len(codings)]atomic.Int32
	// neighbourPrefix is how the tag of a precompressed neighbour begins.
	neighbourPrefix string
	neighbours      atomic.Pointer[neighbours]
}

// representation is the content of a resource in one form (RFC 9110 §3.2): as it
// is, or in a content coding.
type representation struct {
	// index is that of the coding in codings; it is -1 for identity.
	index    int
	tag      etag.Tag
	etag     []string
	encoding []string
	// file holds the representation data ready-made, if its Revision is not 0.
	file store.Info
}

const identityIndex = -1

// maxEncoded bounds the content, in bytes, that is encoded on the fly. More
// would make the client wait, and hold too much in memory.
const maxEncoded = 8 << 20

// resourceOf returns the resource that info describes.
func (h *Handler) resourceOf(info store.Info) *resource {
	if res, ok := h.resources.Get(info.Name); ok && res.info == info {
		return res
	}
	res := h.newResource(info, mediatype.Of(info.Name))
	h.resources.Put(info.Name, res, 1)
	return res
}

func (h *Handler) newResource(info store.Info, mediaType string) *resource {
	res := &resource{
		info:         info,
		path:         []string{pathOf(info.Name)},
		mediaType:    []string{mediaType},
		length:       length(info.Size),
		cacheControl: h.cacheControl(info.Name),
		identity:     makeRepresentation(identityIndex, h.tagOf(info)),
		negotiable:   coding.Compressible(mediaType, coding.MinSize) && info.Size >= coding.MinSize,
	}
	if !info.Modified.IsZero() {
		res.lastModified = []string{httpDate(info.Modified)}
	}
	if res.negotiable {
		res.addCodings()
	}
	return res
}

func (res *resource) addCodings() {
	base := res.identity.tag
	res.tags = []etag.Tag{base}
	res.neighbourPrefix = `"` + base.Opaque() + "."
	for i, c := range codings {
		res.coded[i] = makeRepresentation(i, base.WithCoding(coding.Suffix(c)))
		res.tags = append(res.tags, res.coded[i].tag)
	}
}

func makeRepresentation(index int, tag etag.Tag) representation {
	rep := representation{index: index, tag: tag, etag: []string{tag.String()}}
	if index != identityIndex {
		rep.encoding = []string{codings[index]}
	}
	return rep
}

// tagOf is the entity tag of the content itself.
func (h *Handler) tagOf(info store.Info) etag.Tag {
	tag := etag.FromDigest(info.Digest)
	if h.options.RevisionTags && info.Revision != 0 {
		tag = tag.WithRevision(uint64(info.Revision))
	}
	return tag
}

// noCache is shared by all answers, to be read only.
var noCache = []string{DefaultCacheControl}

func (h *Handler) cacheControl(name string) []string {
	if h.options.CacheControl == nil {
		return noCache
	}
	if value := h.options.CacheControl(name); value != "" {
		return []string{value}
	}
	return nil
}

// neighbourTag is the tag of the representation that a ready-made file holds:
// the base, then eight characters of the file's own digest, as its
// bytes are not those our encoder makes and may change while the source does not.
func neighbourTag(base etag.Tag, file store.Digest, coding string) etag.Tag {
	opaque := base.Opaque() + "." + base64.RawURLEncoding.EncodeToString(file[:6])
	tag, err := etag.Strong(opaque)
	if err != nil {
		panic(err) // base64url and a dot are fit for a tag
	}
	return tag.WithCoding(coding)
}

// isNeighbourTag reports whether tag has the form neighbourTag makes of res.
func (res *resource) isNeighbourTag(tag etag.Tag) bool {
	rest, ok := strings.CutPrefix(tag.String(), res.neighbourPrefix)
	if !ok || len(rest) < 8 {
		return false
	}
	if _, err := base64.RawURLEncoding.DecodeString(rest[:8]); err != nil {
		return false
	}
	name, ok := strings.CutPrefix(strings.TrimSuffix(rest[8:], `"`), "-")
	return ok && slices.Contains(codings[:], name)
}

// hasTag reports whether tag is that of a representation of res; weak or not does
// not matter.
func (res *resource) hasTag(tag etag.Tag) bool {
	if tag.WeakEqual(res.identity.tag) {
		return true
	}
	if !res.negotiable {
		return false
	}
	return slices.ContainsFunc(res.tags, tag.WeakEqual) || res.isNeighbourTag(tag)
}

// others returns the tags of all representations of res, for a request that
// lists the tags in lines. Those of ready-made files are told by their form: a
// file that was replaced meanwhile was still one of this revision.
func (res *resource) others(lists ...[]string) []etag.Tag {
	tags := res.tags
	if !res.negotiable {
		return nil
	}
	for _, lines := range lists {
		for _, line := range lines {
			if !strings.Contains(line, res.neighbourPrefix) {
				continue
			}
			for m := range etag.Members([]string{line}) {
				if res.isNeighbourTag(m.Tag) {
					tags = append(tags[:len(tags):len(tags)], m.Tag)
				}
			}
		}
	}
	return tags
}
