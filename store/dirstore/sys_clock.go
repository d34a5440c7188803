//go:build !linux

package dirstore

import (
	"time"
)

// fileClock is the clock the times of local files are taken from, in
// nanoseconds.
func fileClock() int64 { return time.Now().UnixNano() }

// localGranularity is how much older than a reading of fileClock a file's times
// must be to be told from those of a later change: more than a tick of the
// system, which is up to 16 ms.
const localGranularity = int64(50 * time.Millisecond)

func granularity(folder) int64 { return localGranularity }
