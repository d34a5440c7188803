// Package listing renders a collection's members as a page for people and as JSON
// for programs, and chooses between the two by Accept (RFC 9110 §12.5.1).
//
//	mediaType, ok := listing.Negotiate(r.Header["Accept"])
//	if !ok {
//		// 406, or the page all the same (§12.4.1)
//	}
//	var members listing.Members
//	for info := range … {
//		members.Add(info)
//	}
//	err := members.Render(w, mediaType, "notes")
//
// A collection may have hundreds of thousands of members: they are kept in some forty bytes
// each, and a listing is written as it is made. Its Fingerprint says cheaply whether it
// would be the one that was made before.
//
// What is rendered depends on the name and the members alone, not on the time,
// the machine or the order the members are given in, so that its bytes make a strong
// entity tag.
//
// # The JSON form
//
// It is an interface, and stable:
//
//	{"name":"/notes/","members":[
//	{"name":"a.txt","href":"a.txt","size":12,"modified":"2026-11-01T10:00:00Z","type":"text/plain; charset=utf-8"},
//	{"name":"sub/","href":"sub/","collection":true,"modified":"2026-11-01T10:00:00Z"}
//	]}
//
// name is the path of the collection, decoded; a member's name is its last element,
// with a slash if it is a collection. href is a URI reference relative to the
// collection's URI, percent-encoded. size is in bytes. modified is RFC 3339 in
// UTC, absent if it is not known. Members are in the byte order of their names.
// Other fields may be added.
//
// # The page
//
// It is a single document without scripts and without anything to fetch; its one
// style sheet is named by hash in [ContentSecurityPolicy], which should be sent
// with it. Collections come first, then content, each in the order of their
// names, upper and lower case mixed.
package listing
