//go:build !linux && !darwin

package dirstore

import (
	"errors"
)

func exchangeAt(folder, string, folder, string) error { return errors.ErrUnsupported }

func renameExclusiveAt(folder, string, folder, string) error { return errors.ErrUnsupported }

// bornAt cannot be told.
func bornAt(folder, string) int64 { return 0 }
