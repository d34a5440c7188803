package origin

import (
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/origin/internal/listing"
	"github.com/fourtwelve/fourtwelve/precondition"
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
		index, err := x.store.Stat(x.ctx, resource.Member(x.target.Name, indexName))
		if err == nil && index.Exists() {
			return x.getResource(x.catalog.Of(index))
		}
	}
	w, err := x.members(x.target.Name)
	if err != nil {
		return false, err
	}
	defer x.listings.leave(w)
	res := x.listingOf(x.target.Name, form, w)
	if form == listing.HTMLType {
		x.header["Content-Security-Policy"] = listingPolicy
	}
	return x.getResource(res)
}

var listingPolicy = []string{listing.ContentSecurityPolicy}

// stateOfCollection is what the preconditions of a write to a collection are
// evaluated against: the tags of its listings in every form and coding.
func (x *exchange) stateOfCollection(collection string) (precondition.Current, error) {
	w, err := x.members(collection)
	if err != nil {
		return precondition.Current{}, err
	}
	defer x.listings.leave(w)
	html := x.listingOf(collection, listing.HTMLType, w)
	json := x.listingOf(collection, listing.JSONType, w)
	selected, other := html, json
	if form, _ := listing.Negotiate(x.r.Header["Accept"]); form == listing.JSONType {
		selected, other = json, html
	}
	current := selected.Current(&selected.Identity, x.fields, x.now)
	current.Others = append(append(current.Others[:len(current.Others):len(current.Others)],
		other.Identity.Tag), other.Tags()...)
	return current, nil
}
