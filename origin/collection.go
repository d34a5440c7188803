package origin

import (
	"github.com/fourtwelve/fourtwelve/store"
)

// indexName is the member of a collection that is sent for the collection itself.
const indexName = "index.html"

// getCollection answers GET and HEAD for a collection.
func (x *exchange) getCollection(info store.Info) (done bool, err error) {
	index, err := x.store.Stat(x.ctx, member(info.Name, indexName))
	if err != nil {
		return false, err
	}
	return x.getResource(x.resourceOf(index))
}

// member is the name of a member of a collection.
func member(collection, element string) string {
	if collection == "" {
		return element
	}
	return collection + "/" + element
}
