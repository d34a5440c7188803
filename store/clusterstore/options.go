package clusterstore

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// The defaults of [Options].
const (
	DefaultKeep         = 8
	DefaultInline       = 4 << 10
	DefaultHeadMemory   = 32 << 20
	DefaultMemory       = 64 << 20
	DefaultTree         = 4096
	DefaultPatience     = 2 * time.Second
	DefaultGarbageAge   = time.Hour
	DefaultGarbageGrace = 10 * time.Minute
)

// Options are the choices for a Store. The zero Options is ready for use. Stores on one engine may
// have different Options: what is kept is decided by whoever writes.
type Options struct {
	// Keep is how many revisions of each name stay readable after they were replaced or deleted, and
	// how many beside them that store.Sparing spares. 0 means DefaultKeep, a negative number none.
	Keep int
	// KeepBytes bounds the content of those revisions, in bytes for each name; 0 means that it does not.
	KeepBytes int64
	// KeepAge bounds how long ago they were replaced; 0 means that it does not. They go with the next
	// change of their name.
	KeepAge time.Duration
	// Inline is the length in bytes up to which content rides in the head, so that a write is one swap.
	// 0 means DefaultInline, a negative number that none does.
	Inline int
	// ReadStaleness is how long a head is read from memory before the engine is asked again whether it
	// is still current. With 0 the engine is asked each time. Reads that precede a write of this Store
	// ask in any case: no write is ever decided on what memory says.
	ReadStaleness time.Duration
	// HeadMemory bounds the heads kept in memory, Memory the contents, both in bytes. 0 means the
	// defaults, a negative number none.
	HeadMemory, Memory int64
	// Tree bounds how many names one Move, Copy or DeleteCollection may touch. 0 means DefaultTree.
	Tree int
	// Patience is how long a writer waits for another one, who changes several heads in one step, before
	// it refuses that one. 0 means DefaultPatience.
	Patience time.Duration
	// GarbageAge is how old content must be that nothing names before Sweep looks at it; it is courtesy,
	// not safety. 0 means DefaultGarbageAge, a negative number no age at all. GarbageGrace is how long it
	// then still waits for readers. 0 means DefaultGarbageGrace, a negative number not at all.
	GarbageAge, GarbageGrace time.Duration
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Nonce returns a string that it never returns again, in no process: 11 to 32 characters, letters and digits.
	// nil means 64 random bits.
	Nonce func() string
}

// withDefaults returns o with its zero values replaced.
func (o Options) withDefaults() Options {
	o.Keep = orDefault(o.Keep, DefaultKeep)
	o.Inline = orDefault(o.Inline, DefaultInline)
	o.HeadMemory = orDefault(o.HeadMemory, DefaultHeadMemory)
	o.Memory = orDefault(o.Memory, DefaultMemory)
	o.Tree = orDefault(o.Tree, DefaultTree)
	o.Patience = orDefault(o.Patience, DefaultPatience)
	o.GarbageAge = orDefault(o.GarbageAge, DefaultGarbageAge)
	o.GarbageGrace = orDefault(o.GarbageGrace, DefaultGarbageGrace)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Nonce == nil {
		o.Nonce = randomNonce
	}
	return o
}

// orDefault returns value, the default for 0, and 0 for less.
func orDefault[T int | int64 | time.Duration](value, standard T) T {
	if value == 0 {
		return standard
	}
	return max(value, 0)
}

// randomNonce returns 64 random bits, in 16 hexadecimal digits.
func randomNonce() string {
	var random [8]byte
	rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}
