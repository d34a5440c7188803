// Package diagnose names the cause of a 412, of a wrong 304 or 200 and of a broken
// resume, from captured exchanges. It never sends a request.
//
//	xs, err := capture.Read(os.Stdin, "-", capture.Options{})
//	…
//	for _, f := range diagnose.Exchanges(xs).Findings {
//		fmt.Println(f.Confidence, f.Rule.ID, f.Says)
//	}
//
// # Order of questions
//
// Each exchange is asked the same questions, cheapest and surest first:
//
//   - Did the request carry a precondition at all? Those of HTTP (RFC 9110 §13.1) count, and so do
//     WebDAV's (RFC 4918 §10.4, §10.6) and those of vendors. Without one a 412 is something
//     else that borrowed the status code.
//   - What should the answer have been? Package precondition evaluates the request against every state of
//     the resource that fits what the exchange tells. If all of them ask for another answer, the
//     answer is wrong; if all allow it, it is right; otherwise the Verdict says what is missing.
//   - How do the tags that were sent differ from the current one? See [etag.Relate].
//   - Who handled the exchange in between?
//   - What happened before, with the same target URI?
//
// An answer that is as it should be gets a finding too, of level Good: that it is
// right, why, and how a client should react to it.
//
// # Confidence
//
// Certain is said only of what follows from the bytes of the exchange by the standard or
// by arithmetic. What is known from an earlier exchange was true then; somebody else may have
// changed it since. So what rests on that is never Certain, save where the order does not matter.
//
// # Order in time
//
// Exchanges are taken to be in the order given, unless the captures tell when each of them
// began: then they are put in that order.
//
// # Bounds
//
// The time taken grows in proportion to the number of exchanges, whatever is in them. Of
// the earlier exchanges with the same target URI the last 64 are looked at; of the members of
// a list of tags the first 16 are compared with the current one, and none that is longer than
// 4 KiB; of content the first 64 KiB are searched, and all of it is digested once. A rule gives
// at most 4 findings for an exchange; a value in a finding is cut after 300 bytes.
//
// # Credentials
//
// Package exchange removes credentials when it reads. Findings hold no content of messages,
// save short extracts that a rule looked for by their wording.
//
// # Concurrency
//
// The functions may be called from any number of goroutines. A Report is the
// caller's; it shares the exchanges it was made of.
package diagnose
