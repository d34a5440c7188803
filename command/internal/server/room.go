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
