// Package syncdir brings a directory and a collection of a server to the same files, in both directions.
//
// Three states make a plan: what both sides had when they were last the same (the base), what is here, and what is there.
// [Decide] is that decision for one name, [Plan] for all; both are pure. A [Syncer] finds out the three states, acts on
// the plan, and remembers the new base.
//
// # What is promised
//
// Content that a side has is replaced or removed on that side only if it is the content that both had (or if it is on
// the other side, too), and each change says so to whom it concerns: writes and deletions carry the entity tag of the base
// (If-Match), creations are made where nothing is (If-None-Match: *), and files here are changed by package folder on
// the content whose digest is known. If both sides changed a name, both contents are kept.
//
// It may be killed at any moment. The state is a log of what was done; whatever was done and is not in it is found to be
// the same on both sides. Files that were taken out of their place are found by the next run.
package syncdir
