//go:build unix

package dirstore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// openFlags keep a FIFO or a device that took a file's place from blocking us.
const openFlags = os.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY

// A folder is an open directory.
type folder struct{ f *os.File }

func openFolder(root *os.Root, name string) (folder, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
	return folder{f}, err
}

func (d folder) Close() error { return d.f.Close() }

func (d folder) fd() int { return int(d.f.Fd()) }

// identify looks at what is under name in one system call. Symbolic links are
// followed wherever they lead: the answer is only good for recognising a file
// that was reached through [os.Root] before.
func (s *Store) identify(name string) (fileID, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Fstatat(s.top.fd(), name, &st, 0) })
	if err != nil {
		return fileID{}, err
	}
	return idOf(&st), nil
}

// identityOf tells which file fi describes, and no more.
func identityOf(fi fs.FileInfo) fileID {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}
	}
	return fileID{dev: uint64(st.Dev), ino: uint64(st.Ino)}
}

// readlinkAt returns where the symbolic link rel in the directory dir leads.
func readlinkAt(dir folder, rel string) (string, error) {
	buf := make([]byte, 4096)
	var n int
	err := ignoringEINTR(func() (err error) {
		n, err = unix.Readlinkat(dir.fd(), rel, buf)
		return err
	})
	if err == nil && n == len(buf) {
		err = unix.ENAMETOOLONG
	}
	return string(buf[:max(n, 0)]), err
}

// openPlain opens the file rel in the directory dir for reading, unless it is a symbolic
// link by now.
func openPlain(dir folder, rel string) (*os.File, error) {
	var fd int
	err := ignoringEINTR(func() (err error) {
		fd, err = unix.Openat(dir.fd(), rel, openFlags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	switch err {
	case nil:
		return os.NewFile(uintptr(fd), rel), nil
	case unix.ELOOP, unix.EMLINK:
		return nil, errMoved
	}
	return nil, err
}

// mkdirAt makes the directory rel in dir.
func mkdirAt(dir folder, rel string) error {
	return ignoringEINTR(func() error { return unix.Mkdirat(dir.fd(), rel, 0o777) })
}

// statAt looks at rel in the directory dir, without following a link.
func statAt(dir folder, rel string) (fileStat, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error {
		return unix.Fstatat(dir.fd(), rel, &st, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return fileStat{}, err
	}
	return statOf(&st), nil
}

// statFile looks at an open file.
func statFile(f *os.File) (fileStat, error) {
	var st unix.Stat_t
	if err := ignoringEINTR(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return fileStat{}, err
	}
	return statOf(&st), nil
}

func statOf(st *unix.Stat_t) fileStat {
	mode := fs.FileMode(st.Mode & 0o777)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	default:
		mode |= fs.ModeIrregular
	}
	return fileStat{id: idOf(st), mode: mode, uid: int(st.Uid), gid: int(st.Gid), links: uint64(st.Nlink)}
}

// seenAs, set by tests, gives files the device and inode numbers of another disk.
var seenAs func(fileID) fileID

func idOf(st *unix.Stat_t) fileID {
	id := fileID{
		dev: uint64(st.Dev), ino: uint64(st.Ino), size: st.Size,
		mtime: time.Unix(int64(st.Mtim.Sec), int64(st.Mtim.Nsec)).UnixNano(),
		ctime: time.Unix(int64(st.Ctim.Sec), int64(st.Ctim.Nsec)).UnixNano(),
	}
	if seenAs != nil {
		id = seenAs(id)
	}
	return id
}

// A newFile is a small file while it is written. It is less than an os.File:
// making one of those takes more system calls than the file itself.
type newFile int

// createNew makes the file rel in the directory dir, or fails.
func createNew(dir folder, rel string) (newFile, error) {
	var fd int
	err := ignoringEINTR(func() (err error) {
		fd, err = unix.Openat(dir.fd(), rel, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
		return err
	})
	return newFile(fd), err
}

func (f newFile) write(p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(int(f), p)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (f newFile) stat() (fileStat, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Fstat(int(f), &st) })
	return statOf(&st), err
}

func (f newFile) truncate(size int64) error {
	return ignoringEINTR(func() error { return unix.Ftruncate(int(f), size) })
}

// adopt gives f, which is mine, the permissions and the owner of old, as far as
// this process may.
func (f newFile) adopt(mine, old fileStat) error {
	if mine.uid != old.uid || mine.gid != old.gid {
		// Without the privilege the file stays ours, which is no failure.
		_ = unix.Fchown(int(f), old.uid, old.gid)
	}
	if mine.mode.Perm() != old.mode.Perm() {
		return unix.Fchmod(int(f), uint32(old.mode.Perm()))
	}
	return nil
}

func (f newFile) close() error { return unix.Close(int(f)) }

// asNew views an open file as a newFile. f is still to be closed as what it is.
func asNew(f *os.File) newFile { return newFile(f.Fd()) }

// setModifiedAt sets the modification time of rel in dir, in nanoseconds since 1970.
func setModifiedAt(dir folder, rel string, mtime int64) error {
	ts := []unix.Timespec{unix.NsecToTimespec(time.Now().UnixNano()), unix.NsecToTimespec(mtime)}
	return ignoringEINTR(func() error {
		return unix.UtimesNanoAt(dir.fd(), rel, ts, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// createFile makes a new file in the directory dir, or fails.
func createFile(dir folder, rel string) (*os.File, error) {
	var fd int
	err := ignoringEINTR(func() (err error) {
		fd, err = unix.Openat(dir.fd(), rel, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), rel), nil
}

// openFile opens a file of the state folder for reading.
func openFile(dir folder, rel string) (*os.File, error) {
	var fd int
	err := ignoringEINTR(func() (err error) {
		fd, err = unix.Openat(dir.fd(), rel, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), rel), nil
}

func unlinkAt(dir folder, rel string) error {
	return ignoringEINTR(func() error { return unix.Unlinkat(dir.fd(), rel, 0) })
}

func rmdirAt(dir folder, rel string) error {
	return ignoringEINTR(func() error { return unix.Unlinkat(dir.fd(), rel, unix.AT_REMOVEDIR) })
}

func renameAt(oldDir folder, old string, newDir folder, new string) error {
	return ignoringEINTR(func() error {
		return unix.Renameat(oldDir.fd(), old, newDir.fd(), new)
	})
}

func linkAt(oldDir folder, old string, newDir folder, new string) error {
	return ignoringEINTR(func() error {
		return unix.Linkat(oldDir.fd(), old, newDir.fd(), new, 0)
	})
}

func syncDir(dir folder) error {
	err := dir.f.Sync()
	if errors.Is(err, unix.EINVAL) { // some file systems have nothing to sync in a directory
		return nil
	}
	return bare(err)
}

// tryLock takes the lock for f's file, or says that another open file has it.
func tryLock(f *os.File) (locked bool, err error) {
	err = ignoringEINTR(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func unlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

func isNoSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

func isReadOnly(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}

func isOtherDevice(err error) bool { return errors.Is(err, unix.EXDEV) }

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}
