//go:build !linux && !darwin

package dirstore

import (
	"errors"
)

func exchangeAt(folder, string, folder, string) error { return errors.ErrUnsupported }

func renameExclusiveAt(folder, string, folder, string) error { return errors.ErrUnsupported }
