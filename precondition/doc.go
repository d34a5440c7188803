// Package precondition decides conditional requests: RFC 9110 §13 as a pure
// function of the request's fields and the current state of the resource.
//
//	fields := precondition.FieldsOf(r.Header)
//	d := precondition.Evaluate(precondition.Origin, r.Method, fields, precondition.Current{
//		Exists: true, Tag: tag, LastModified: modified, Now: time.Now(),
//	})
//	switch d.Outcome {
//	case precondition.NotModified:        // 304
//	case precondition.PreconditionFailed: // 412
//	case precondition.BadRequest:         // 400: a write whose precondition cannot be read
//	case precondition.Perform:            // go on; d.Range says whether Range applies
//	}
//
// It reads no clock, touches no network and writes no response. A decision made
// here is about the state it was given: a write must make sure, in the same
// transaction, that this is still the state it replaces.
//
// Call it when the request without its preconditions would succeed or be
// answered 412, which [Applies] tells; otherwise they are to be ignored
// (§13.2.1): a 401, 404 or 405 stays what it is.
//
// Where the RFC leaves a choice, writes fail closed and reads stay harmless:
//
//   - a malformed If-Match, or "*" beside other members, makes a write a
//     [BadRequest]; on a read such an If-Match is false;
//   - a malformed member of If-None-Match matches nothing, and "*" beside
//     other members counts as one on a read;
//   - an empty list is a list: If-Match is false, If-None-Match is true;
//   - methods other than GET, HEAD and QUERY count as writes, save OPTIONS, TRACE and
//     CONNECT, which ignore preconditions;
//   - a field for one date that is sent in several lines is no date (§13.1.3,
//     §13.1.4) and is ignored;
//   - dates are read to the letter of §5.6.7, by a cache, too;
//   - a date in the future is a date.
//
// Functions and values of this package keep no state and may be used from any
// number of goroutines.
package precondition
