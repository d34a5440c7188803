package origin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/store"
)

// Kind is what sort of thing a target is, by which it has methods.
type Kind uint8

const (
	// KindResource is a name that has content, or could have.
	KindResource Kind = iota
	// KindCollection is a collection, or a path that ends in a slash.
	KindCollection
	// KindRevision is an earlier revision, or all of them.
	KindRevision
	// KindServer is the server as a whole: the target of "OPTIONS *".
	KindServer
)

func (k Kind) String() string {
	return [...]string{"this resource", "a collection", "an earlier revision", "the server"}[k]
}

// Allow returns the Allow field (RFC 9110 §10.2.1) of a target, as it is in answers to OPTIONS and in a
// 405, with the methods that [Options.Methods] adds. A handler around this one that
// answers 405 itself sends the same.
func (h *Handler) Allow(k Kind, exists bool) string {
	methods := h.methods(k)
	if h.options.Methods != nil {
		methods = h.options.Methods(k, exists, methods)
	}
	return strings.Join(methods, ", ")
}

// methods are those of this handler.
func (h *Handler) methods(k Kind) []string {
	methods := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	switch {
	case h.options.ReadOnly || k == KindRevision && h.options.MayPurge == nil:
		return methods
	case k == KindRevision:
		return append(methods, http.MethodDelete)
	case k == KindCollection:
		return append(methods, http.MethodPost)
	case k == KindServer:
		methods = append(methods, http.MethodPost)
	}
	return append(methods, http.MethodPut, http.MethodPatch, http.MethodDelete)
}

// kindOf tells what the target is, and whether it is there. What does not exist is what
// could be created there.
func (x *exchange) kindOf() (k Kind, exists bool, err error) {
	if x.target.Versioned {
		return KindRevision, true, nil
	}
	if x.target.Slash && x.options.Methods == nil {
		return KindCollection, true, nil // nobody asks whether it is
	}
	info, err := x.store.Stat(x.ctx, x.target.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = nil
	case info.Collection:
		return KindCollection, true, err
	}
	if x.target.Slash {
		return KindCollection, false, err
	}
	return KindResource, info.Exists(), err
}

// optionsOf answers OPTIONS for a target (RFC 9110 §9.3.7). Preconditions have
// no meaning there.
func (x *exchange) optionsOf() {
	k, exists, err := x.kindOf()
	if err != nil {
		x.fail(err)
		return
	}
	x.header["Allow"] = []string{x.Allow(k, exists)}
	x.header["Accept-Ranges"] = bytesUnit
	switch {
	case x.options.ReadOnly:
	case k == KindResource:
		x.header["Accept-Patch"] = acceptPatch
	case k == KindCollection:
		x.header["Accept-Post"] = anyType
	}
	x.noContent(http.StatusNoContent)
}

// optionsOfServer answers "OPTIONS *", which is about the server as a whole.
func (x *exchange) optionsOfServer() {
	x.header["Allow"] = []string{x.Allow(KindServer, true)}
	x.noContent(http.StatusNoContent)
}

// methodNotAllowed answers 405 (RFC 9110 §15.5.6).
func (x *exchange) methodNotAllowed(k Kind) {
	exists := true
	if x.options.Methods != nil { // otherwise it makes no difference
		_, exists, _ = x.kindOf()
	}
	methods := x.Allow(k, exists)
	p := condhttp.NewProblem(http.StatusMethodNotAllowed, "method-not-allowed",
		fmt.Sprintf("%s cannot be applied to %s", x.r.Method, k), "it has the methods "+methods)
	x.refuse(p, field{"Allow", []string{methods}})
}

// notImplemented answers a method we do not know (RFC 9110 §9.1, §15.6.2).
func (x *exchange) notImplemented() {
	x.refuse(condhttp.NewProblem(http.StatusNotImplemented, "method-not-implemented",
		fmt.Sprintf("the method %.32q is not known here", x.r.Method), ""))
}
