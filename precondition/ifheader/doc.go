// Package ifheader decides the field If of WebDAV: RFC 4918 §10.4 as a pure function of the field and of
// the states of the resources that it names.
//
//	header, err := ifheader.Parse(r.Header["If"])
//	if err != nil {
//		// 400: errors.As a *SyntaxError, which says what, where, and what to write instead
//	}
//	d := ifheader.Evaluate(header, r.URL.Path, func(uri string) ifheader.State {
//		return ifheader.State{Name: uri, Exists: true, Tags: tags, Locks: tokens}
//	})
//	if !d.Holds {
//		// 412; d.Reason and d.Text() say why
//	}
//
// It reads no clock, touches no network and writes no response. A decision made here is about the
// states it was given: a write must make sure that they still are what they were when it commits.
//
// The field has two purposes (§10.4.1). It is a condition, which [Evaluate] decides. And it submits
// the tokens in it, whether or not the lists they stand in hold: [Header.Tokens]. Whether a lock
// lets a write through is the second, and no business of this package.
//
// If is evaluated before the preconditions of RFC 9110 §13, and both must hold: a request whose If
// is false is a 412 whatever If-Match says, and one whose If is true proceeds "as if the header
// wasn't present" (§10.4.3), to its If-Match.
//
// Where the RFC leaves a choice:
//
//   - entity tags are compared strongly (§10.4.4 allows either), as in If-Match; see [Policy];
//   - of a resource on another server nothing is known, so that no list about it holds, not even one of
//     negations;
//   - the field in several lines is malformed (§10.4.2 "does not allow multiple instances");
//   - a token without its angle brackets, but inside a list, is read as if it had them, since
//     Portable-WebDAV-Library before March 2017 sends it so. Nothing else is repaired: a condition that was
//     not understood must not let a write through.
//
// A ResourceTag of Microsoft's extensions, as in "(Not <rt:GUID@00000000003>)", is a state token
// like any other ([MS-WDVME] §3.1.5.5). No resource of a server that hands out none has it.
//
// Functions and values of this package keep no state and may be used from any number of goroutines.
package ifheader
