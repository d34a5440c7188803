// Package condhttp makes conditional requests (RFC 9110 §13) and ranges (§14)
// right in handlers of package net/http.
//
// A handler that reads sets the fields of its 200, and calls [Check] with what is
// current:
//
//	w.Header().Set("Content-Type", "application/json")
//	if !condhttp.Check(w, r, precondition.Current{Exists: true, Tag: note.Tag}) {
//		return // 304 or 412 has been written
//	}
//	w.Write(note.JSON)
//
// With [Serve] in place of the last four lines, it answers Range and If-Range, too. A
// handler that writes calls [Verify] in the transaction that writes, so that the
// condition and the write see the same state:
//
//	tx, err := db.BeginTx(ctx, nil)
//	// … SELECT etag FROM notes WHERE id = ? FOR UPDATE …
//	if err := condhttp.Verify(r, current); err != nil {
//		return err // rolls back; then condhttp.WriteError writes the 412
//	}
//	// … UPDATE notes …
//	return tx.Commit()
//
// A row that is not there cannot be locked: if many clients create it under
// If-None-Match: *, several would succeed. So a write that may create a row inserts with
// ON CONFLICT DO NOTHING, and begins again if nothing was inserted, as the example of
// [Verify] does. The module test/sql runs that against PostgreSQL and SQLite, and, with a
// version column in place of a tag ([etag.OfVersion]) and JSON in and out, through
// net/http, chi, echo and gin.
//
// For handlers that you do not want to change there are three middlewares:
//
//   - [ContentTag] gives any GET handler entity tags made of its content, and all
//     that follows from them;
//   - [Preconditions] asks a function for the current state, and lets through what
//     agrees with it;
//   - [Require] refuses writes that no precondition guards: 428 (RFC 6585).
//
// A [Checker] is all of this with options: accept tags without quotes, require
// preconditions, write refusals in your own way.
//
// # Which tag
//
// Tags made of content ([etag.Of]) need no version column and are the same
// everywhere. If going back to earlier content must count as a change, put the
// number of the revision before it ([etag.Tag.WithRevision]). If you keep a
// modification time as well, round it up to the next second: a date then covers
// one version alone, even for caches that go by the Date field of a response
// instead.
//
// # Refusals
//
// A refusal is a [Problem]: problem details by RFC 9457 that say which field
// decided, what was sent, what is current, and what to do now. What comes from
// the request is shortened and escaped in them; what comes from an error of the
// server is only logged. A client that speaks WebDAV ([AsksForXML]) understands
// [Problem.WriteXML] better.
//
// # Choices
//
// Evaluation is that of package precondition, and the choices made there apply. On
// top of that:
//
//   - Preconditions of a GET or HEAD of what does not exist are ignored, as it is a
//     404 without them (§13.2.1). A write of what does not exist is evaluated.
//   - Last-Modified, and dates in problem details, are kept back until the second
//     they name has passed, so that a date that was told never covers two versions.
//   - A 304 keeps all fields of the 200 but those that describe content, and has
//     Last-Modified only if it has no ETag (§15.4.5).
//   - A 206 has all fields of the 200 but the digests of its content, after
//     If-Range, too, where a sender should leave some out (§15.3.7): clients
//     that store a part apart, or that date a file by the last answer, need them.
//   - Refusals are sent with Cache-Control: no-store. A 412 and a 416 have the
//     current ETag, and the client decides what to do with it.
//   - Content that turns out to be shorter than its length breaks the connection
//     ([http.ErrAbortHandler]) rather than to look whole.
//   - Unknown methods are taken for writes.
package condhttp
