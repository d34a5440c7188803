package origin

import (
	"errors"

	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/store"
)

// maxTries bounds how often a read is looked at again because the revision it
// was about to send had been replaced and not kept, or changed in place.
const maxTries = 16

// get answers GET and HEAD (RFC 9110 §9.3.1, §9.3.2).
func (x *exchange) get() {
	for range maxTries {
		done, err := x.tryGet()
		switch {
		case errors.Is(err, resource.ErrMoved):
			x.tick()
			continue
		case err != nil:
			x.fail(err)
		case !done:
			continue
		}
		return
	}
	x.busy()
}

// tryGet answers from the state that is found now. It answers nothing, and says so, if
// that is gone before the answer begins.
func (x *exchange) tryGet() (done bool, err error) {
	switch {
	case x.target.Versioned:
		return x.getRevision()
	case x.target.Slash:
		return x.getCollection()
	}
	info, err := x.store.Stat(x.ctx, x.target.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, x.absent()
	case err != nil:
		return false, err
	case info.Collection:
		x.linkToLast()
		x.redirectToCollection()
		return true, nil
	}
	return x.getResource(x.catalog.Of(info))
}
