package dirstore

import (
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// clock gives out revision numbers and dates. It never goes back, whatever the
// clock of the system does while the process lives.
type clock struct {
	now    func() time.Time
	latest atomic.Int64  // nanoseconds: the latest time read
	floor  atomic.Uint64 // every revision given out is above
	given  atomic.Uint64 // the greatest revision given out
}

// read returns the time in nanoseconds since 1970.
func (c *clock) read() int64 {
	now := c.now().UnixNano()
	for {
		latest := c.latest.Load()
		if now <= latest {
			return latest
		}
		if c.latest.CompareAndSwap(latest, now) {
			return now
		}
	}
}

// revision returns a number for what comes after last, which is nil if nothing
// is known of the name. Being the time in microseconds, the number is greater
// than that of any revision that was forgotten.
func (c *clock) revision(last *entry) store.Revision {
	r := max(uint64(c.read()/1000), c.floor.Load()+1)
	if last != nil {
		r = max(r, uint64(last.info.Revision)+1)
	}
	for {
		given := c.given.Load()
		if r <= given || c.given.CompareAndSwap(given, r) {
			return store.Revision(r)
		}
	}
}

// seen is the date of content found under a name, in a file last modified at
// mtime. If something is known to have been there before, the date is after
// every second in which that was current; else it is the file's own, unless
// that lies in the future.
func (c *clock) seen(last *entry, mtime int64) time.Time {
	now := c.read()
	if last != nil {
		return after(last, now)
	}
	sec := floorDiv(mtime, 1e9)
	if limit := now / 1e9; sec > limit {
		sec = limit + 1
	}
	return time.Unix(sec, 0).UTC()
}

// committed is the date of content written now.
func (c *clock) committed(last *entry) time.Time {
	now := c.read()
	if last != nil {
		return after(last, now)
	}
	return time.Unix(now/1e9, 0).UTC()
}

// after is the date of what replaces last at the time now: the second after
// now. If last itself dates from later, clocks have been set back since, and
// only a yet later date is safe.
func after(last *entry, now int64) time.Time {
	sec := now/1e9 + 1
	if m := last.info.Modified.Unix(); m > sec {
		sec = m + 1
	}
	return time.Unix(sec, 0).UTC()
}

// stamp returns the modification time, in nanoseconds, for the file of revision
// r, written at now: in the second of modified, but far enough from now that
// no write made while the file is young can produce it, and hardly ever that of
// another revision.
func stamp(modified time.Time, now int64, r store.Revision) int64 {
	const half, spread = int64(5e8), int64(2e8)
	jitter := int64(uint64(r)*0x9E3779B97F4A7C15%uint64(2*spread)) - spread
	nanos := (now%1e9 + half + jitter + 1e9) % 1e9
	return modified.Unix()*1e9 + nanos | 1 // never a round number
}

// stamped reports whether the file was given its modification time by stamp, and
// is told from every later state of itself by it: no write produced that time
// when the file was young, and it has not been rounded. The change time stands
// for when that was.
func (id fileID) stamped() bool {
	distance := id.mtime - id.ctime
	return id.mtime%1e6 != 0 && (distance > 2e8 || distance < -2e8)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
