package dav

import (
	"net/http"

	requested "github.com/fourtwelve/fourtwelve/internal/target"
	"github.com/fourtwelve/fourtwelve/origin"
)

// methods adds those of RFC 4918 to the Allow field of a target.
func methods(k origin.Kind, exists bool, own []string) []string {
	switch {
	case k == origin.KindRevision:
		return own
	case k == origin.KindServer:
		return append(own, "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK")
	case !exists:
		return append(own, "MKCOL", "LOCK")
	case k == origin.KindCollection:
		own = append(own, http.MethodDelete)
	}
	return append(own, "PROPFIND", "PROPPATCH", "COPY", "MOVE", "LOCK", "UNLOCK")
}

// readMethods adds the one that changes nothing.
func readMethods(k origin.Kind, exists bool, own []string) []string {
	if k == origin.KindRevision || !exists {
		return own
	}
	return append(own, "PROPFIND")
}

// capabilities answers OPTIONS (§10.1, §18). Windows asks "/" for them before it logs in, whatever it is to mount, and
// writes only where MS-Author-Via says DAV. Zotero needs Allow, and takes nothing but a 200. Who was not let in is told
// what the server can do, and not what there is.
func (x *exchange) capabilities() {
	kind, exists, err := origin.KindServer, true, error(nil)
	if !requested.IsServer(x.r) && x.isKnown() {
		kind, exists, err = x.kindOf()
	}
	if err != nil {
		x.fail(err)
		return
	}
	x.header["DAV"] = []string{"1, 2, 3"}
	switch {
	case x.options.Origin.ReadOnly:
		x.header["DAV"] = []string{"1, 3"}
	case kind == origin.KindResource:
		x.header["Accept-Patch"] = []string{"application/merge-patch+json, application/json-patch+json"}
	case kind == origin.KindCollection:
		x.header["Accept-Post"] = []string{"*/*"}
	}
	x.header["MS-Author-Via"] = []string{"DAV"}
	x.header["Allow"] = []string{x.origin.Allow(kind, exists)}
	x.header["Accept-Ranges"] = []string{"bytes"}
	x.noContent(http.StatusOK)
}

func (x *exchange) kindOf() (k origin.Kind, exists bool, err error) {
	info, err := x.stat(x.name)
	if info.Collection || x.slash {
		return origin.KindCollection, info.Collection, err
	}
	return origin.KindResource, info.Exists(), err
}

// isKnown reports whether who asks was let in.
func (x *exchange) isKnown() bool { return x.options.Known == nil || x.options.Known(x.r) }
