package resource

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// codings are the content codings offered, the preferred one first.
var codings = [...]string{coding.Brotli, coding.Zstd, coding.Gzip}

// Resource is what the answers about one revision of one name have in common,
// worked out once. What is known at first does not change; the rest is found
// when it is first needed. Its slices are field lines that responses share: nobody changes them.
type Resource struct {
	Info store.Info
	// Path is the path of its own, for a Content-Location field.
	Path []string
	// MediaType, Length and CacheControl are fields of its answers; CacheControl may be nil.
	MediaType, Length, CacheControl []string
	// Identity is the content as it is.
	Identity Representation

	// generated is the content of a resource that is not in the store, such as a listing.
	generated Content
	// link is the Link field of an earlier revision; that of a current one is
	// found by Catalog.Link.
	link        []string
	predecessor atomic.Pointer[[]string]

	// negotiable is set if the content has a type and size that is worth a
	// coding; otherwise identity is all there is.
	negotiable bool
	coded      [len(codings)]Representation
	// tags are those of Identity and coded.
	tags []etag.Tag
	// gains says what is known of the codings; see coded.
	gains [len(codings)]atomic.Int32
	// neighbourPrefix is how the tag of a precompressed neighbour begins.
	neighbourPrefix string
	neighbours      atomic.Pointer[neighbours]
}

// Representation is the content of a resource in one form (RFC 9110 §3.2): as it
// is, or in a content coding.
type Representation struct {
	Tag        etag.Tag
	Validators condhttp.Validators
	// Encoding is the field Content-Encoding; nil for identity.
	Encoding []string

	// index is that of the coding in codings; it is -1 for identity.
	index int
	// file holds the representation data ready-made, if its Revision is not 0.
	file store.Info
}

const identityIndex = -1

// IsIdentity reports whether the representation is the content as it is.
func (rep *Representation) IsIdentity() bool { return rep.index == identityIndex }

// IsGenerated reports whether the resource is not in the store.
func (res *Resource) IsGenerated() bool { return res.generated != nil }

// IsNegotiable reports whether Accept-Encoding has a say in which representation is sent.
func (res *Resource) IsNegotiable() bool { return res.negotiable }

// maxEncoded bounds the content, in bytes, that is encoded on the fly. More
// would make the client wait, and hold too much in memory.
const maxEncoded = 8 << 20

func (c *Catalog) describe(info store.Info, mediaType string) *Resource {
	res := &Resource{
		Info:         info,
		Path:         []string{PathOf(info.Name)},
		MediaType:    []string{mediaType},
		Length:       []string{strconv.FormatInt(info.Size, 10)},
		CacheControl: c.cacheControl(info.Name),
		negotiable:   coding.Compressible(mediaType, coding.MinSize) && info.Size >= coding.MinSize,
	}
	tag := c.Tag(info)
	res.Identity = Representation{index: identityIndex, Tag: tag, Validators: condhttp.NewValidators(tag, info.Modified)}
	if res.negotiable {
		res.addCodings()
	}
	return res
}

func (res *Resource) addCodings() {
	base := res.Identity.Tag
	res.tags = []etag.Tag{base}
	res.neighbourPrefix = `"` + base.Opaque() + "."
	for i, c := range codings {
		res.coded[i] = res.inCoding(i, base.WithCoding(coding.Suffix(c)))
		res.tags = append(res.tags, res.coded[i].Tag)
	}
}

// inCoding is the representation in the coding with this index.
func (res *Resource) inCoding(index int, tag etag.Tag) Representation {
	return Representation{
		index: index, Tag: tag, Validators: res.Identity.Validators.WithTag(tag), Encoding: []string{codings[index]},
	}
}

// Tag is the entity tag of the content itself.
func (c *Catalog) Tag(info store.Info) etag.Tag {
	tag := etag.FromDigest(info.Digest)
	if c.options.RevisionTags && info.Revision != 0 {
		tag = tag.WithRevision(uint64(info.Revision))
	}
	return tag
}

// noCache is shared by all answers, to be read only.
var noCache = []string{DefaultCacheControl}

func (c *Catalog) cacheControl(name string) []string {
	if c.options.CacheControl == nil {
		return noCache
	}
	if value := c.options.CacheControl(name); value != "" {
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
func (res *Resource) isNeighbourTag(tag etag.Tag) bool {
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

// HasTag reports whether tag is that of a representation of res; weak or not does
// not matter.
func (res *Resource) HasTag(tag etag.Tag) bool {
	if tag.WeakEqual(res.Identity.Tag) {
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
func (res *Resource) others(lists ...[]string) []etag.Tag {
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

// Current is what preconditions are evaluated against if rep is the selected representation. now is
// the time before the state was looked up.
func (res *Resource) Current(rep *Representation, f precondition.Fields, now time.Time) precondition.Current {
	return precondition.Current{
		Exists:       true,
		Tag:          rep.Tag,
		Others:       res.others(f.IfMatch, f.IfNoneMatch),
		LastModified: res.Info.Modified,
		Now:          now,
	}
}

// Tags are those of the representations in every coding but those that are ready-made; nil if there
// is but one.
func (res *Resource) Tags() []etag.Tag { return res.tags }
