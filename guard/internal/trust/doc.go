// Package trust is what was learned of a backend that somebody else wrote: whether its entity tags are sound ([Backend]), whether
// it evaluates preconditions before it writes ([Passing]), sends parts when asked ([Parts]) and stores what it is sent
// ([Stored]).
//
// Nothing in it answers a request. It only says what of an answer can be believed.
package trust
