package folder

import (
	"errors"

	"golang.org/x/sys/unix"
)

func (d *Dir) exchange(a, b string) error { return d.renameatx(a, b, unix.RENAME_SWAP) }

func (d *Dir) renameExclusive(from, to string) error {
	err := d.renameatx(from, to, unix.RENAME_EXCL)
	if errors.Is(err, errors.ErrUnsupported) {
		return d.linkExclusive(from, to)
	}
	return err
}

func (d *Dir) renameatx(from, to string, flags uint32) error {
	return d.atFolders(from, to, func(fromFD int, from string, toFD int, to string) error {
		err := unix.RenameatxNp(fromFD, from, toFD, to, flags)
		if err == unix.ENOTSUP || err == unix.EINVAL {
			return errors.ErrUnsupported
		}
		return err
	})
}
