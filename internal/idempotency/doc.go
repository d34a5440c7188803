// Package idempotency remembers what was answered to a write that carries an Idempotency-Key
// (draft-ietf-httpapi-idempotency-key), so that a client whose answer was lost can send the write
// again and is given the first answer instead of a second execution.
//
// A [Table] decides and remembers; it sends nothing and writes nothing. Whoever performs the write
// asks [Table.Claim], keeps what [Claim.Record] returns where it survives a restart, in the same
// step as the write if it can, and gives it to [Table.Load] when it starts again.
package idempotency
