//go:build unix && !linux

package dirstore

import "errors"

// openSole cannot tell whether another process has a file open.
func openSole(folder, string) (newFile, fileStat, error) {
	return 0, fileStat{}, errors.ErrUnsupported
}
