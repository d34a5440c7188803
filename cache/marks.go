package cache

import (
	"hash/maphash"
	"sync/atomic"
)

// marks remember when what was invalidated, in bounded room: a mark stands for all names with its hash, so that now and then
// something is not stored that might have been.
type marks struct {
	clock atomic.Uint64
	// all is the last time that everything was.
	all   uint64
	slots [4096]uint64 // of the clock, under the lock of the transport
}

var seed = maphash.MakeSeed()

// turn is the time now, for since.
func (m *marks) turn() uint64 { return m.clock.Load() }

func (m *marks) set(name string) { m.slots[m.slot(name)] = m.clock.Add(1) }

func (m *marks) setAll() { m.all = m.clock.Add(1) }

// since reports whether name may have been set after turn.
func (m *marks) since(turn uint64, name string) bool {
	return m.all > turn || m.slots[m.slot(name)] > turn
}

func (m *marks) slot(name string) uint64 { return maphash.String(seed, name) % uint64(len(m.slots)) }
