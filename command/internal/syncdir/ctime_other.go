//go:build !linux

package syncdir

import "io/fs"

// changeTime is not known here: a file whose time of modification was set back after a change of the same length
// is not seen.
func changeTime(fs.FileInfo) int64 { return 0 }
