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
// A query "revision=N" names an earlier revision that is still kept, which can be
// read and not written. Other queries are ignored.
//
// # Writes
//
// A write is evaluated against the state the store has (RFC 9110 §13.2), its
// content is staged, and then it is committed on the revision it was evaluated
// against. If another write came first it is evaluated again, without its content being
// read again, until it is committed or refused. Checks that need no precondition come before
// (method, name, size by Content-Length, codings, digest fields), so that a
// refusal by precondition means that the write would otherwise have been tried (§13.2.1).
// All of them come before the first byte of the content is asked for, so that a client that sends
// "Expect: 100-continue" uploads nothing in vain.
//
// # Locks
//
// A protocol that locks resources, such as WebDAV, lets or refuses writes by [Options.Locks]. It
// is asked with the preconditions, before content is read, and around the commit, so that no
// lock can come between the question and the write.
//
// A handler around this one may answer methods that are not known here; [Options.Methods]
// makes the Allow field tell of them, and [Handler.Allow] is the same for its own answers.
//
// # Dates
//
// The Date field of an answer is the time before the state was looked up, not the
// time at which the header is written as net/http would have it: a client may
// use it in If-Modified-Since or If-Unmodified-Since, and a version that came in
// between must not be covered by it. Last-Modified is withheld until the second
// it names has passed.
package origin
