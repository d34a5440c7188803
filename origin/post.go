package origin

import (
	"crypto/rand"
	"mime"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/digest"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// post answers POST to a collection (RFC 9110 §9.3.3): it creates a member under
// a name that nobody can guess and nobody has.
//
// Its preconditions are about the collection, whose representation is the
// listing. They are evaluated once, before the content is read, and not again
// with the creation: what a collection lists is not one state that a store could compare. A
// POST that must not happen twice is better a PUT with If-None-Match: *.
func (x *exchange) post() {
	collection, err := x.store.Stat(x.ctx, x.target.Name)
	switch {
	case err != nil:
		x.fail(err)
		return
	case !collection.Collection && x.target.Slash:
		x.fail(notACollection(collection.Name))
		return
	case !collection.Collection:
		x.methodNotAllowed(KindResource)
		return
	case !x.target.Slash:
		x.redirectToCollection()
		return
	}
	verifier, err := x.checkContent(x.options.MaxBody)
	if err != nil {
		x.refuseContent(err)
		return
	}
	name := resource.Member(collection.Name, newElement(x.r.Header.Get("Content-Type")))
	if x.mayEnter(name, store.Info{}) && x.admitsMember(collection) {
		x.createMember(name, verifier)
	}
}

// admitsMember evaluates the preconditions of a POST against the listings of the
// collection, of whatever form. If it is not to be performed it answers, and
// returns false.
func (x *exchange) admitsMember(collection store.Info) bool {
	if !x.fields.Conditional() && x.requirement() != RequireAlways {
		return true
	}
	current, err := x.stateOfCollection(collection.Name)
	if err != nil {
		x.fail(err)
		return false
	}
	x.rec.Evaluated, x.rec.Current = true, current.Tag
	x.rec.Decision = x.policy.Evaluate(precondition.Origin, x.r.Method, x.fields, current)
	switch {
	case x.rec.Decision.Outcome != precondition.Perform:
		x.refuse(x.explained(current))
	case x.requirement() == RequireAlways && !x.guarded():
		x.refuse(x.required(store.Info{}, current))
	default:
		return true
	}
	return false
}

// createMember stores the content of the request under name, where nothing is.
func (x *exchange) createMember(name string, v *digest.Verifier) {
	draft := x.stage(name, v)
	if draft == nil {
		return
	}
	defer x.abandon(draft)
	release, ok := x.claimKey(draft.Digest())
	if !ok {
		return
	}
	defer release()
	x.tick()
	location := resource.PathOf(name)
	info, err := x.commit(name, store.Info{}, func() (store.Info, error) {
		return x.commitDraft(draft, store.Info{}, store.Absent, location)
	})
	if err != nil {
		x.fail(err)
		return
	}
	x.header["Location"] = []string{location}
	x.succeeded(http.StatusCreated, info)
}

// newElement makes up the last element of a new name: 26 characters of 130 random
// bits, and the extension of the content's type.
func newElement(contentType string) string {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		mediaType = ""
	}
	return strings.ToLower(rand.Text()) + extensions[mediaType]
}

// extensions give a new name the type that the client sent, as types are told by
// names. Content of other types gets none, and is served as bytes.
var extensions = map[string]string{
	"application/json":    ".json",
	"application/ld+json": ".jsonld",
	"application/pdf":     ".pdf",
	"application/xml":     ".xml",
	"application/yaml":    ".yaml",
	"application/zip":     ".zip",
	"audio/mpeg":          ".mp3",
	"image/avif":          ".avif",
	"image/gif":           ".gif",
	"image/jpeg":          ".jpg",
	"image/png":           ".png",
	"image/svg+xml":       ".svg",
	"image/webp":          ".webp",
	"text/calendar":       ".ics",
	"text/css":            ".css",
	"text/csv":            ".csv",
	"text/html":           ".html",
	"text/javascript":     ".js",
	"text/markdown":       ".md",
	"text/plain":          ".txt",
	"text/vcard":          ".vcf",
	"video/mp4":           ".mp4",
}
