package dav

import (
	"github.com/fourtwelve/fourtwelve/dav/internal/davxml"
	"github.com/fourtwelve/fourtwelve/internal/field/mediatype"
	"github.com/fourtwelve/fourtwelve/store"
)

// live is a property whose value is computed (§15).
type live struct {
	// has reports whether what info describes has the property now.
	has func(x *exchange, info store.Info) bool
	// write writes what is in the property's element.
	write func(x *exchange, w *davxml.Writer, info store.Info)
	// needsTag is set if info has to have a digest.
	needsTag bool
}

// liveNames are the live properties, in the order in which they are sent for allprop. Left out are
//
//   - creationdate: nobody knows it, as each write makes a new file. A client may set it, as a dead property.
//   - displayname: without it clients show the name in the path, which is right. It can be set as well.
//   - getcontentlanguage: what no client has set is not known.
//   - quota-available-bytes and quota-used-bytes (RFC 4331): since macOS 15.4 they make a mount stall.
var liveNames = []string{
	"resourcetype", "getcontentlength", "getlastmodified", "getetag", "getcontenttype", "supportedlock", "lockdiscovery",
}

var liveProperties = map[string]live{
	"resourcetype": {has: always, write: func(_ *exchange, w *davxml.Writer, info store.Info) {
		if info.Collection {
			w.Empty("collection")
		}
	}},
	"getcontentlength": {has: isResource, write: func(_ *exchange, w *davxml.Writer, info store.Info) {
		w.Int(info.Size)
	}},
	// The date is that of Last-Modified, and there at once, though GET withholds it until its second has passed: cadaver
	// takes a resource without a date for an error. No later revision has it, as store.Info promises.
	"getlastmodified": {
		has: func(_ *exchange, info store.Info) bool { return !info.Modified.IsZero() },
		write: func(_ *exchange, w *davxml.Writer, info store.Info) {
			w.Date(info.Modified)
		},
	},
	"getetag": {has: isResource, needsTag: true, write: func(x *exchange, w *davxml.Writer, info store.Info) {
		w.Text(x.catalog.Tag(info).String())
	}},
	"getcontenttype": {has: isResource, write: func(_ *exchange, w *davxml.Writer, info store.Info) {
		w.Text(mediatype.Of(info.Name))
	}},
	"supportedlock": {has: always, write: func(_ *exchange, w *davxml.Writer, _ store.Info) {
		w.Fragment(supportedLock)
	}},
	// Who holds a lock is for those to know who may write: "the server is free to withhold" it (§15.8).
	"lockdiscovery": {has: always, write: func(x *exchange, w *davxml.Writer, info store.Info) {
		if x.isKnown() {
			x.locks.discover(w, info.Name)
		}
	}},
}

// supportedLock is the value of supportedlock (§15.10). LibreOffice opens what has none for reading only.
const supportedLock = `<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>` +
	`<D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>`

func always(*exchange, store.Info) bool { return true }

func isResource(_ *exchange, info store.Info) bool { return !info.Collection }

// protected are the properties of RFC 4918 and RFC 4331 that no client can set.
var protected = map[davxml.Name]bool{
	davxml.In("resourcetype"): true, davxml.In("getcontentlength"): true, davxml.In("getlastmodified"): true,
	davxml.In("getetag"): true, davxml.In("getcontenttype"): true, davxml.In("supportedlock"): true, davxml.In("lockdiscovery"): true,
	davxml.In("quota-available-bytes"): true, davxml.In("quota-used-bytes"): true,
}

// liveOf returns the live property of that name.
func liveOf(n davxml.Name) (live, bool) {
	if n.Space != davxml.DAV {
		return live{}, false
	}
	l, ok := liveProperties[n.Local]
	return l, ok
}
