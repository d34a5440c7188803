package logs

import (
	"sync/atomic"
	"time"
)

// parts remembers who got a 206 for what, and when, in a limited number of places: another one with
// the same place takes it. A worker writes to its own, so that none waits for another; those who look
// at refusals read all.
type parts struct {
	places [1 << 12]atomic.Uint64 // 32 bits of the key, 32 of the time in seconds
}

// resumeWithin is how long after a 206 a request of the same client for the same target is taken to
// belong to the same download.
const resumeWithin = 10 * time.Minute

func (p *parts) note(key uint64, at int64) {
	p.places[key%uint64(len(p.places))].Store(key>>32<<32 | seconds(at))
}

// resumed reports whether there was a 206 for the key not long before. program, which is asked for only if there may have been, has what
// is missing in the upper half of the key.
func (p *parts) resumed(key uint64, at int64, program func() uint64) bool {
	v := p.places[key%uint64(len(p.places))].Load()
	if v == 0 {
		return false
	}
	since := int64(seconds(at)) - int64(v&(1<<32-1))
	return since >= 0 && since <= int64(resumeWithin/time.Second) && v>>32 == (key^program())>>32
}

func seconds(at int64) uint64 { return uint64(at/int64(time.Second)) & (1<<32 - 1) }
