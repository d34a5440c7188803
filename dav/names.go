package dav

import (
	"errors"
	"net/url"
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/store"
)

// respell makes the request one for the name that is meant, where the client decomposes characters.
//
// macOS sends "u\u0308" for "ü" (normalization form D), whoever made the name. What exists under the very name that
// was sent is what is meant; else the name is taken in form C, in which all other systems write, also if it is new.
func (x *exchange) respell() {
	name := x.spelled(x.name)
	if name == x.name {
		return
	}
	x.name = name
	r := *x.r
	u := *r.URL
	u.Path, u.RawPath = "/"+name, ""
	if x.slash && name != "" {
		u.Path += "/"
	}
	r.URL = &u
	x.r = &r
}

// spelled returns the name that is meant by name.
func (x *exchange) spelled(name string) string {
	if norm.NFC.IsNormalString(name) || store.CheckName(name) != nil || x.exists(name) {
		return name
	}
	meant := ""
	for element := range strings.SplitSeq(name, "/") {
		if exact := path.Join(meant, element); !norm.NFC.IsNormalString(element) && x.exists(exact) {
			meant = exact
		} else {
			meant = path.Join(meant, norm.NFC.String(element))
		}
	}
	return meant
}

// exists reports whether something is under name. Of what cannot be looked up it is said that it does.
func (x *exchange) exists(name string) bool {
	_, err := x.store.Stat(x.ctx, name)
	return !errors.Is(err, store.ErrNotFound)
}

// stat describes what is under name. Nothing is a zero Info and no error.
func (x *exchange) stat(name string) (store.Info, error) {
	info, err := x.store.Stat(x.ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return store.Info{}, nil
	}
	return info, err
}

// parentOf is the name of the collection that name is in.
func parentOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// nameOf returns the name in the store of what u is about, and whether its path ends in "/", so that it can be a
// collection alone.
func nameOf(u *url.URL) (name string, slash bool, err error) {
	t, err := resource.ParseTarget(u)
	return t.Name, t.Slash, err
}

// pathOf is the path, percent-encoded, of what info describes: that of a collection ends in "/" (§5.2).
func pathOf(info store.Info) string {
	if info.Collection {
		return resource.CollectionPathOf(info.Name)
	}
	return resource.PathOf(info.Name)
}
