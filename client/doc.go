// Package client reads and changes resources over HTTP so that no update is lost: optimistic
// concurrency by RFC 9110 §13.
//
//	c := &client.Client{}
//	_, err := c.Update(ctx, "https://example.org/notes/7", func(old client.Representation) (client.Content, error) {
//		return client.Text(string(old.Content) + "one more line\n"), nil
//	})
//
// Update reads, calls the function, and writes with the condition that what it read is still there. If
// another writer was first, it reads again and calls the function again, within bounds. Put, Create, Patch
// and Delete write once under a condition, and return a [*Conflict] with base, mine and theirs if it is
// false.
//
// # A lost answer
//
// If a connection ends before the answer to a write, the write may have been made or not. Sending it
// again under the same condition changes nothing twice; but the answer 412 to that no longer tells
// whose write was first. The client finds out:
//
//   - The state is still the one that the condition names: the write was not made, and is sent again.
//   - A server that keeps the answers of requests by their Idempotency-Key
//     (draft-ietf-httpapi-idempotency-key) is asked again with the same key and gives the first answer again. One
//     that says Idempotent-Replayed: false in a refusal, as ours do, has made no write with the key.
//   - The state has exactly the content that was sent, which by [Content.Unique] nobody else sends.
//   - The caller recognises its change in the state: [Client.Recognise].
//
// That the content is equal proves nothing otherwise: two clients that both count 5 up to 6 send the
// same bytes. What cannot be decided is an [*UnknownOutcome], and never a guess.
//
// Requests that write are sent so that net/http and other transports cannot send them again by
// themselves: the content cannot be read twice.
//
// # Validators
//
// Reads ask for the identity coding, since the tag of a compressed representation often fails in
// If-Match. A weak tag is never sent in If-Match, which compares strongly: the client waits for a server
// that will make it strong when the file is a second old, and else takes If-Unmodified-Since with a date
// that is a strong validator by §8.8.2.2. If there is none, the error is a [*ValidatorError], and
// nothing is written.
//
// # Servers that ignore conditions
//
// Before the first write under a condition, each server is asked once, by a request that a correct
// server refuses and that an incorrect one can perform without harm: a PUT with an If-Match that no
// resource has, of a few bytes, to a name beside the target that does not exist, as it has 128
// random bits. If the server performs it, the resource is deleted again, and the write is not made:
// [ErrConditionsIgnored]. Content that exists is never used for the question: to put back what was just
// read would undo a write made in between, on the very servers that it is meant to find. [Trust] has
// other choices.
//
// # Redirects and credentials
//
// A redirect of a read is followed. One of a write is followed only if the method and the content stay the
// same (307, 308) and the origin does, and its conditions go with it. Fields of [Client.Header] and the
// work of [Client.Authorize] go to the origin of the URL that was asked for, and to no other.
package client
