package dav

import (
	"context"
	"errors"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
)

// mkcol answers MKCOL (§9.3).
func (x *exchange) mkcol() {
	if x.hasContent() {
		x.refuse(condhttp.NewProblem(http.StatusUnsupportedMediaType, "unexpected-content",
			"MKCOL makes an empty collection, and its content would mean more than that (RFC 4918 §9.3)", "send the request without content"))
		return
	}
	_, err := x.attempt(write{
		lookUp: func() (store.Info, store.Info, error) {
			info, err := x.stat(x.name)
			if err == nil && (info.Exists() || info.Collection) {
				err = x.exists405(info)
			}
			return info, store.Info{}, err
		},
		touched: []touch{{name: x.name, member: true}},
		try: func(ctx context.Context, _ passage, _, _ store.Info) (store.Info, error) {
			return x.store.MakeCollection(ctx, x.name)
		},
	})
	if err != nil {
		x.fail(parentError(err))
		return
	}
	x.header["Location"] = []string{resource.CollectionPathOf(x.name)}
	x.noContent(http.StatusCreated)
}

// exists405 refuses to make a collection where something is: "MKCOL can only be executed on an unmapped URL" (§9.3.1).
func (x *exchange) exists405(info store.Info) error {
	kind := origin.KindResource
	if info.Collection {
		kind = origin.KindCollection
	}
	x.header["Allow"] = []string{x.origin.Allow(kind, true)}
	return condhttp.NewProblem(http.StatusMethodNotAllowed, "method-not-allowed",
		"MKCOL makes a collection where nothing is, and here is something", "choose another name")
}

// parentError is err, or 409 if it says that there is no collection to hold a name.
func parentError(err error) error {
	if _, ok := errors.AsType[*condhttp.Problem](err); ok {
		return err
	}
	if errors.Is(err, store.ErrNotFound) {
		return errNoParent
	}
	return err
}

// hasContent reports whether the request has content, of whatever length.
func (x *exchange) hasContent() bool {
	if x.r.ContentLength != 0 || len(x.r.TransferEncoding) > 0 {
		n, _ := x.r.Body.Read(make([]byte, 1))
		return n > 0
	}
	return false
}
