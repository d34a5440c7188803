package server

import (
	"math"
	"os"
	"runtime/debug"
	"sync"
)

// room is how much memory roomForGarbage returns, in bytes. The heap may grow by twice as much before it is collected.
const room = 16 << 20

// roomForGarbage returns memory that is never touched, so that no page of it is ever taken from the system, and that is
// there until the process ends.
//
// The garbage collector runs when the heap has doubled since it last ran. A server that holds 2 MiB, and takes 3 KiB
// for each request, would have it run dozens of times a second, for a fifth of its CPU time. With room on the heap, too, it
// runs when some 32 MiB are used up.
var roomForGarbage = sync.OnceValue(func() []byte {
	return newRoom(os.Getenv("GOGC"), debug.SetMemoryLimit(-1))
})

// newRoom returns nil if somebody has decided by GOGC or GOMEMLIMIT how often the collector runs.
func newRoom(gogc string, memoryLimit int64) []byte {
	if gogc != "" || memoryLimit != math.MaxInt64 {
		return nil
	}
	return make([]byte, room)
}

const (
	// roomBesideStored is the room of a server that keeps content in memory, and storedPercent by how much its heap may grow until it is
	// collected: some 16 MiB, as without content, and a tenth of what is kept.
	roomBesideStored = 128 << 20
	storedPercent    = 10
)

// KeepInMemory is called by a server that keeps content in memory. With the usual rule, that the heap may double, what is kept
// would take twice its size; looking through it costs next to nothing, as it has no pointers.
func KeepInMemory() { _ = besideStored() }

// besideStored returns memory that is never touched, as roomForGarbage does.
var besideStored = sync.OnceValue(func() []byte {
	if roomForGarbage() == nil {
		return nil
	}
	debug.SetGCPercent(storedPercent)
	return make([]byte, roomBesideStored)
})
