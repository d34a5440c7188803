//go:build !linux

package dirstore

import (
	"errors"
)

// syncFileSystem is not to be had; each file is synced by itself.
func syncFileSystem(folder) error { return errors.ErrUnsupported }
