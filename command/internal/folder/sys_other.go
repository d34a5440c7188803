//go:build !linux && !darwin

package folder

import "errors"

func (d *Dir) exchange(string, string) error { return errors.ErrUnsupported }

func (d *Dir) renameExclusive(from, to string) error { return d.linkExclusive(from, to) }
