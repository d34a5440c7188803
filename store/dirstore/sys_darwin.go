package dirstore

import (
	"errors"

	"golang.org/x/sys/unix"
)

// exchangeAt swaps two files in one step.
func exchangeAt(oldDir folder, old string, newDir folder, new string) error {
	return renameatx(oldDir, old, newDir, new, unix.RENAME_SWAP)
}

// renameExclusiveAt renames unless new exists.
func renameExclusiveAt(oldDir folder, old string, newDir folder, new string) error {
	return renameatx(oldDir, old, newDir, new, unix.RENAME_EXCL)
}

func renameatx(oldDir folder, old string, newDir folder, new string, flags uint32) error {
	err := ignoringEINTR(func() error {
		return unix.RenameatxNp(oldDir.fd(), old, newDir.fd(), new, flags)
	})
	if err == unix.ENOTSUP || err == unix.EINVAL {
		return errors.ErrUnsupported
	}
	return err
}

// bornAt returns when the file rel in dir came to be, in nanoseconds since 1970, or 0 if the file
// system does not tell.
func bornAt(dir folder, rel string) int64 {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Fstatat(dir.fd(), rel, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return 0
	}
	return st.Btim.Nano()
}
