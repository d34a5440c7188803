package origin

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/fourtwelve/fourtwelve/origin/internal/listing"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

// indexName is the member of a collection that is sent for the collection itself
// to clients that prefer HTML.
const indexName = "index.html"

// getCollection answers GET and HEAD for a path with a slash: with the collection's
// index, or a listing of its members in the form that the client prefers.
func (x *exchange) getCollection() (done bool, err error) {
	x.forCollection = true
	// No form being acceptable, HTML will do: "the origin server can disregard
	// the field" (RFC 9110 §12.4.1).
	form, _ := listing.Negotiate(x.r.Header["Accept"])
	if form == listing.HTMLType {
		// Looked for first: in the common case it saves the look at the collection.
		index, err := x.store.Stat(x.ctx, member(x.target.name, indexName))
		if err == nil && index.Exists() {
			return x.getResource(x.resourceOf(index))
		}
	}
	members, err := x.members(x.target.name)
	if err != nil {
		return false, err
	}
	res := x.listingOf(x.target.name, form, members)
	if form == listing.HTMLType {
		x.header["Content-Security-Policy"] = listingPolicy
	}
	return x.getResource(res)
}

var listingPolicy = []string{listing.ContentSecurityPolicy}

// members lists a collection. Dates that must not be given out yet are left out.
func (x *exchange) members(collection string) ([]store.Info, error) {
	var members []store.Info
	for info, err := range x.store.List(x.ctx, collection) {
		switch {
		case errors.Is(err, store.ErrNotCollection):
			return nil, notACollection(collection)
		case err != nil:
			return nil, err
		}
		if !published(info.Modified, x.now) {
			info.Modified = time.Time{}
		}
		members = append(members, info)
	}
	return members, nil
}

// listingOf is a listing as a resource, with a tag of its content. It has no
// date: a collection's is not that of its listing, which shows sizes and dates of the
// members.
func (x *exchange) listingOf(collection, form string, members []store.Info) *resource {
	content := listing.Render(form, collection, members)
	info := store.Info{
		Name: collection, Collection: true, Size: int64(len(content)), Digest: sha256.Sum256(content),
	}
	res := x.newResource(info, form)
	res.content = &memory{content}
	return res
}

// stateOfCollection is what the preconditions of a write to a collection are
// evaluated against: the tags of its listings in every form and coding.
func (x *exchange) stateOfCollection(collection string) (precondition.Current, error) {
	members, err := x.members(collection)
	if err != nil {
		return precondition.Current{}, err
	}
	html := x.listingOf(collection, listing.HTMLType, members)
	json := x.listingOf(collection, listing.JSONType, members)
	selected, other := html, json
	if form, _ := listing.Negotiate(x.r.Header["Accept"]); form == listing.JSONType {
		selected, other = json, html
	}
	current := x.currentOf(selected, &selected.identity)
	current.Others = append(append(current.Others[:len(current.Others):len(current.Others)],
		other.identity.tag), other.tags...)
	return current, nil
}

// member is the name of a member of a collection.
func member(collection, element string) string {
	if collection == "" {
		return element
	}
	return collection + "/" + element
}
