// Package dav serves a store over WebDAV (RFC 4918, classes 1, 2 and 3), with the promises that package origin
// makes for plain HTTP: no update is lost that a client could have guarded, and refusals say why.
//
//	h, err := dav.New(dav.Options{Origin: origin.Options{Store: memstore.New(memstore.Options{})}})
//	if err != nil {
//		return err
//	}
//	http.ListenAndServe("127.0.0.1:8412", h)
//
// The handler stands before one of package origin, over the same store. It answers the
// methods of RFC 4918, and DELETE of a collection. Origin answers GET, HEAD, POST, PATCH,
// PUT, and DELETE of a resource. Both see the same names, tags, dates and locks.
//
// # Writes
//
// MOVE, COPY and PROPPATCH carry what was evaluated into the store, as writes of content do: the
// preconditions of RFC 9110 §13 about the source, the field If about whatever it names, and "Overwrite: F" about the
// destination. If another write comes between, they are evaluated again.
//
// # Properties
//
// Live properties are those of RFC 4918 §15 that have a true value here: see [Handler]. All others are dead: kept
// as the client wrote them, with the resource. Setting one changes neither entity tag nor Last-Modified.
package dav
