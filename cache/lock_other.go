//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package cache

import "os"

// lockFile does nothing here: that a directory serves one process is for its user to see to.
func lockFile(*os.File) error { return nil }
