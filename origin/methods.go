package origin

import (
	"errors"
	"net/http"

	"github.com/fourtwelve/fourtwelve/store"
)

// kind is what sort of thing a target is, by which it has methods.
type kind uint8

const (
	kindResource kind = iota
	kindCollection
	kindRevision
)

func (k kind) String() string {
	switch k {
	case kindCollection:
		return "a collection"
	case kindRevision:
		return "an earlier revision"
	}
	return "this resource"
}

const readMethods = "GET, HEAD, OPTIONS"

// methods is the Allow field for a target (RFC 9110 §10.2.1).
func (h *Handler) methods(k kind) string {
	switch {
	case h.options.ReadOnly || k == kindRevision && h.options.MayPurge == nil:
		return readMethods
	case k == kindRevision:
		return readMethods + ", DELETE"
	case k == kindCollection:
		return readMethods + ", POST"
	}
	return readMethods + ", PUT, PATCH, DELETE"
}

// kindOf tells what the target is. What does not exist is what could be created
// there.
func (x *exchange) kindOf() (kind, error) {
	if x.target.versioned {
		return kindRevision, nil
	}
	if x.target.slash {
		return kindCollection, nil
	}
	info, err := x.store.Stat(x.ctx, x.target.name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return kindResource, nil
	case info.Collection:
		return kindCollection, nil
	}
	return kindResource, err
}

// optionsOf answers OPTIONS for a target (RFC 9110 §9.3.7). Preconditions have
// no meaning there.
func (x *exchange) optionsOf() {
	k, err := x.kindOf()
	if err != nil {
		x.fail(err)
		return
	}
	x.header["Allow"] = []string{x.methods(k)}
	x.header["Accept-Ranges"] = bytesUnit
	switch {
	case x.options.ReadOnly:
	case k == kindResource:
		x.header["Accept-Patch"] = acceptPatch
	case k == kindCollection:
		x.header["Accept-Post"] = anyType
	}
	x.noContent(http.StatusNoContent)
}

// optionsOfServer answers "OPTIONS *", which is about the server as a whole.
func (x *exchange) optionsOfServer() {
	methods := readMethods
	if !x.options.ReadOnly {
		methods += ", POST, PUT, PATCH, DELETE"
	}
	x.header["Allow"] = []string{methods}
	x.noContent(http.StatusNoContent)
}
