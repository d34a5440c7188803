package dirstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fileClock is the clock the kernel takes the times of local files from, in
// nanoseconds. It stands still between two ticks. A change made later than a
// reading has a time that is not before it.
func fileClock() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		return time.Now().Add(-time.Second).UnixNano()
	}
	return ts.Nano()
}

// localGranularity is how much older than a reading of fileClock a file's times
// must be to be told from those of a later change. Whatever the tick, fileClock
// takes part in it; this is for file systems that round to milliseconds.
const localGranularity = int64(10 * time.Millisecond)

// granularity returns how far the times of files in the open directory may be
// behind fileClock.
func granularity(dir folder) int64 {
	var st unix.Statfs_t
	if err := unix.Fstatfs(dir.fd(), &st); err != nil {
		return coarseGranularity
	}
	switch int64(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC,
		unix.MSDOS_SUPER_MAGIC:
		return coarseGranularity // times are another machine's, or rounded
	}
	return localGranularity
}

// freeSpace looks at the file system dir is on.
func freeSpace(dir folder) (space, error) {
	var st unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Fstatfs(dir.fd(), &st) }); err != nil {
		return space{}, err
	}
	block := uint64(st.Bsize)
	return space{bytes: st.Blocks * block, freeBytes: st.Bavail * block, files: st.Files, freeFiles: st.Ffree}, nil
}

// exchangeAt swaps two files in one step.
func exchangeAt(oldDir folder, old string, newDir folder, new string) error {
	return renameat2(oldDir, old, newDir, new, unix.RENAME_EXCHANGE)
}

// renameExclusiveAt renames unless new exists.
func renameExclusiveAt(oldDir folder, old string, newDir folder, new string) error {
	return renameat2(oldDir, old, newDir, new, unix.RENAME_NOREPLACE)
}

func renameat2(oldDir folder, old string, newDir folder, new string, flags uint) error {
	err := ignoringEINTR(func() error {
		return unix.Renameat2(oldDir.fd(), old, newDir.fd(), new, flags)
	})
	// EINVAL is how a file system says that it does not know the flag.
	if err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP {
		return errors.ErrUnsupported
	}
	return err
}

// syncFileSystem makes everything durable that was done in the file system dir
// is on.
func syncFileSystem(dir folder) error {
	return ignoringEINTR(func() error { return unix.Syncfs(dir.fd()) })
}

// syncData makes the content of f durable, and of its metadata what is needed to
// read it.
func syncData(f *os.File) error {
	return ignoringEINTR(func() error { return unix.Fdatasync(int(f.Fd())) })
}

// session names the time for which nothing that was written to the open
// directory dir can get lost other than by being overwritten: since the machine
// was started and the file system was mounted. It ends with what tells the open
// folder state from a copy of it. It is empty if that cannot be told.
func session(dir, state folder) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	var st unix.Statx_t
	mask := unix.STATX_MNT_ID | unix.STATX_MNT_ID_UNIQUE
	err = ignoringEINTR(func() error { return unix.Statx(dir.fd(), "", unix.AT_EMPTY_PATH, mask, &st) })
	if err != nil || st.Mask&uint32(mask) == 0 {
		return ""
	}
	mount := st.Mnt_id
	mask = unix.STATX_INO | unix.STATX_BTIME
	err = ignoringEINTR(func() error { return unix.Statx(state.fd(), "", unix.AT_EMPTY_PATH, mask, &st) })
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %x%s%x %d.%09d", bytes.TrimSpace(boot), mount, sessionPlace, st.Ino, st.Btime.Sec, st.Btime.Nsec)
}

// openSole opens the file rel in dir for writing, and fails unless nobody can
// have it in sight: it has no other name, and is not open. The system grants a
// write lease on no other file. Nobody can open it either until it is closed.
func openSole(dir folder, rel string) (newFile, fileStat, error) {
	var fd int
	err := ignoringEINTR(func() (err error) {
		fd, err = unix.Openat(dir.fd(), rel, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		return err
	})
	if err != nil {
		return 0, fileStat{}, err
	}
	f := newFile(fd)
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		return 0, fileStat{}, errors.Join(err, f.close())
	}
	st, err := f.stat()
	if err == nil && (st.links != 1 || !st.mode.IsRegular()) {
		err = errors.ErrUnsupported
	}
	if err != nil {
		return 0, fileStat{}, errors.Join(err, f.close())
	}
	return f, st, nil
}

// finish gives f, which is rel in dir, the modification time, in nanoseconds since 1970, unless that is 0, and
// closes it. It returns what f looks like then.
func (f newFile) finish(_ folder, _ string, modified int64) (st fileStat, err error) {
	if modified != 0 {
		err = f.setModified(modified)
	}
	if err == nil {
		st, err = f.stat()
	}
	return st, errors.Join(err, f.close())
}

// setModified is setModifiedAt for an open file.
func (f newFile) setModified(mtime int64) error {
	times := [2]unix.Timespec{unix.NsecToTimespec(time.Now().UnixNano()), unix.NsecToTimespec(mtime)}
	return ignoringEINTR(func() error {
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(f), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// showChanges makes sure that whatever changes the content of f from now on moves the
// file's times. A program that has mapped the file into its memory moves them with the
// first change to a page, and then not again until that page is written to the disk. So if
// anybody may have the file open for writing, its pages are written first. That nobody
// has is what the system grants a read lease on; whoever is not the owner of the file
// cannot ask.
func showChanges(f *os.File) error {
	fd := f.Fd()
	if _, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK); err == nil {
		_, err = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
		return err
	}
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	err := ignoringEINTR(func() error { return unix.SyncFileRange(int(fd), 0, 0, all) })
	switch err {
	case unix.ESPIPE, unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP: // no plain file, or one without pages of its own
		return nil
	}
	return err
}

// cloneFile makes the empty file to equal to from: by sharing its blocks, or by a copy that
// does not leave the system. The error is errors.ErrUnsupported if it can do neither.
func cloneFile(to, from *os.File) error {
	err := ignoringEINTR(func() error { return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) })
	if err == nil {
		return nil
	}
	st, err := statFile(from)
	if err != nil {
		return err
	}
	for off := int64(0); off < st.id.size; {
		at := off
		n, err := unix.CopyFileRange(int(from.Fd()), &at, int(to.Fd()), nil, int(min(st.id.size-off, 1<<30)), 0)
		switch {
		case err == unix.EINTR:
			continue
		case isNoSpace(err):
			return err
		case err != nil || n == 0:
			return errors.Join(errors.ErrUnsupported, to.Truncate(0), rewind(to))
		}
		off += int64(n)
	}
	return nil
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// bornAt returns when the file rel in dir came to be, in nanoseconds since 1970, or 0 if the file
// system does not tell.
func bornAt(dir folder, rel string) int64 {
	var st unix.Statx_t
	err := ignoringEINTR(func() error {
		return unix.Statx(dir.fd(), rel, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BTIME|unix.STATX_INO, &st)
	})
	if err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	born := st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	if seenBorn != nil {
		born = seenBorn(st.Ino, born)
	}
	return born
}

// seenBorn, set by tests, gives files the birth of those of another disk.
var seenBorn func(ino uint64, born int64) int64
