// Package clusterstore keeps the contract of package store over an engine that many processes share,
// such as an object store or a database, and needs of that engine only one small thing that it does
// atomically: replacing one short record if nobody else has.
//
// A store has two parts, which may be of different engines. [Heads] are short records, one for each
// name that was ever used, changed only by compare-and-swap. [Contents] are immutable, and nobody
// sees them until a head names them:
//
//	s, err := clusterstore.New(heads, contents, clusterstore.Options{})
//
// Any number of Stores, in any number of processes, may be open on one engine at the same time. They
// do not know of each other, and hold no leases.
//
// # A write
//
// [Store.Stage] reads the content; if it is not small, it becomes a content of its own under a new
// identifier. Commit reads the head, checks the expectation against it, and swaps it for one that
// names the new content. That swap is the moment at which the write takes effect. If the answer to
// it is lost, the head is read again: each change leaves a random number in it, and the last of
// these stay there, so that whoever does not know whether a change took place finds out.
//
// A deletion is a head that says so. Heads never go away, so revisions grow for ever, and a write
// that was delayed on its way finds that its turn has passed.
//
// # Several heads at once
//
// What changes several heads in one step (a collection is deleted, something moves, a write leaves a
// record) puts into each of them what it will be, and the name of one more head, the decision.
// Swapping the decision from pending to done is the moment at which all of them change. Whoever
// meets such a head before it is tidied up asks the decision. A decision that stays pending, because
// the process died, is turned into a refusal by the first who wants to write.
//
// # Garbage
//
// A content that no head names is garbage. [Store.Sweep] removes it without a lease and without
// trusting a clock: it lists the contents of a name, and then swaps the head of that name for one
// that has a higher count of sweeps. A draft remembers the count that it saw before its content was
// put, and a commit refuses if the count is another one by now. So what was listed before the swap
// can never be named after it, however slow its writer is, and what was put later is not in the list.
package clusterstore
