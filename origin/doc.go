// Package origin is an HTTP origin server (RFC 9110 §3.6) over a
// [store.Store]: reads that are never stale or spliced, writes that land on the
// very state their precondition names, and refusals that say why.
//
//	h, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{})})
//	if err != nil {
//		return err
//	}
//	http.ListenAndServe("127.0.0.1:8412", h)
//
// # Resources
//
// The path of the target URI is the name of a resource in the store; a path that
// ends in "/" is a collection. A path that cannot be a name (dot segments,
// encoded or not, empty elements, an encoded slash, a backslash, control
// characters) is 400 and never cleaned up: two spellings of one name would have
// two cache entries and two opinions of what is current. The handler wants the whole
// path space: the Location and Link fields it sends begin at the root.
//
// A query "revision=N" names an earlier revision that is still kept. It can be read, and
// not written. Other queries are ignored.
//
// # Writes
//
// The handler evaluates a write against the state that the store has (RFC 9110 §13.2),
// stages its content, and commits it on the revision it was evaluated against. If another
// write came first, the handler evaluates the write again, without reading its content
// again, until it is committed or refused. Checks that need no precondition come before
// (method, name, size by Content-Length, codings, digest fields), so that a refusal by
// precondition means that the write would otherwise have been tried (§13.2.1). All of
// them come before the first byte of the content is asked for, so that a client that
// sends "Expect: 100-continue" uploads nothing in vain.
//
// # Locks
//
// A protocol that locks resources, such as WebDAV, admits or refuses writes by
// [Options.Locks]. The handler asks it together with the preconditions, before it reads
// content, and again around the commit, so that no lock can come between the question and
// the write.
//
// A handler around this one may answer methods that this one does not know.
// [Options.Methods] adds them to the Allow field, and [Handler.Allow] gives the same
// field for answers of the outer handler.
//
// # Dates
//
// The Date field of an answer is the time before the handler looked up the state, and not
// the time at which it writes the header, as net/http would have it. A client may send
// that date in If-Modified-Since or If-Unmodified-Since, and it must not cover a version
// that came in between. The handler withholds Last-Modified until the second it names has
// passed.
package origin
