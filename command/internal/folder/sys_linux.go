package folder

import (
	"errors"

	"golang.org/x/sys/unix"
)

func (d *Dir) exchange(a, b string) error { return d.renameat2(a, b, unix.RENAME_EXCHANGE) }

func (d *Dir) renameExclusive(from, to string) error {
	err := d.renameat2(from, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, errors.ErrUnsupported) {
		return d.linkExclusive(from, to)
	}
	return err
}

func (d *Dir) renameat2(from, to string, flags uint) error {
	return d.atFolders(from, to, func(fromFD int, from string, toFD int, to string) error {
		err := unix.Renameat2(fromFD, from, toFD, to, flags)
		// EINVAL is how a file system says that it does not know the flag.
		if err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP {
			return errors.ErrUnsupported
		}
		return err
	})
}
