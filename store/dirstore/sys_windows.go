package dirstore

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

const openFlags = os.O_RDONLY

// A folder is a directory below root. Package os opens every file so that it
// can be renamed over and deleted while it is open, as on other systems.
type folder struct {
	root *os.Root
	name string
}

func openFolder(root *os.Root, name string) (folder, error) {
	fi, err := root.Stat(name)
	if err != nil {
		return folder{}, err
	}
	if !fi.IsDir() {
		return folder{}, syscall.ENOTDIR
	}
	return folder{root, name}, nil
}

func (d folder) Close() error { return nil }

func (d folder) path(rel string) string { return path.Join(d.name, rel) }

// identify looks at what is under name. There is no way to do so without
// opening it.
func (s *Store) identify(name string) (fileID, error) {
	f, err := s.root.Open(name)
	if err != nil {
		return fileID{}, err
	}
	defer f.Close()
	st, err := statFile(f)
	return st.id, err
}

// identityOf cannot tell which file fi describes.
func identityOf(fs.FileInfo) fileID { return fileID{} }

// readlinkAt returns where the symbolic link rel in the directory dir leads.
func readlinkAt(dir folder, rel string) (string, error) {
	target, err := dir.root.Readlink(dir.path(rel))
	return filepath.ToSlash(target), bare(err)
}

// openPlain opens the file rel in the directory dir for reading.
func openPlain(dir folder, rel string) (*os.File, error) { return dir.root.Open(dir.path(rel)) }

// mkdirAt makes the directory rel in dir.
func mkdirAt(dir folder, rel string) error { return dir.root.Mkdir(dir.path(rel), 0o777) }

// statAt looks at rel in the directory dir, without following a link.
func statAt(dir folder, rel string) (fileStat, error) {
	fi, err := dir.root.Lstat(dir.path(rel))
	if err != nil {
		return fileStat{}, bare(err)
	}
	if kind := fi.Mode().Type(); kind != 0 {
		return fileStat{id: fileID{size: fi.Size(), mtime: fi.ModTime().UnixNano()}, mode: kind}, nil
	}
	f, err := dir.root.Open(dir.path(rel))
	if err != nil {
		return fileStat{}, bare(err)
	}
	defer f.Close()
	return statFile(f)
}

// statFile looks at an open file.
func statFile(f *os.File) (fileStat, error) {
	var (
		h     = windows.Handle(f.Fd())
		info  windows.ByHandleFileInformation
		basic struct {
			creation, access, write, change int64
			attributes                      uint32
			_                               uint32
		}
	)
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return fileStat{}, err
	}
	err := windows.GetFileInformationByHandleEx(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&basic)), uint32(unsafe.Sizeof(basic)))
	if err != nil {
		return fileStat{}, err
	}
	var mode fs.FileMode
	if info.FileAttributes&(windows.FILE_ATTRIBUTE_DIRECTORY|windows.FILE_ATTRIBUTE_REPARSE_POINT|windows.FILE_ATTRIBUTE_DEVICE) != 0 {
		mode = fs.ModeIrregular
	}
	id := fileID{
		dev:   uint64(info.VolumeSerialNumber),
		ino:   uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow),
		size:  int64(info.FileSizeHigh)<<32 | int64(info.FileSizeLow),
		mtime: nanoseconds(basic.write),
		ctime: nanoseconds(basic.change),
	}
	return fileStat{id: id, mode: mode}, nil
}

// nanoseconds converts 100 ns steps since 1601 to nanoseconds since 1970.
func nanoseconds(filetime int64) int64 { return (filetime - 116444736000000000) * 100 }

// A newFile is a small file while it is written.
type newFile struct{ f *os.File }

// createNew makes the file rel in the directory dir, or fails.
func createNew(dir folder, rel string) (newFile, error) {
	f, err := createFile(dir, rel)
	return newFile{f}, err
}

func (f newFile) write(p []byte) error {
	_, err := f.f.Write(p)
	return err
}

func (f newFile) stat() (fileStat, error) { return statFile(f.f) }

func (f newFile) truncate(size int64) error { return f.f.Truncate(size) }

// adopt does nothing: a file inherits its permissions from its directory.
func (f newFile) adopt(mine, old fileStat) error { return nil }

func (f newFile) close() error { return f.f.Close() }

// asNew views an open file as a newFile.
func asNew(f *os.File) newFile { return newFile{f} }

// setModifiedAt sets the modification time of rel in dir, in nanoseconds since 1970.
func setModifiedAt(dir folder, rel string, mtime int64) error {
	return dir.root.Chtimes(dir.path(rel), time.Now(), time.Unix(0, mtime))
}

// createFile makes a new file in the directory dir, or fails.
func createFile(dir folder, rel string) (*os.File, error) {
	return dir.root.OpenFile(dir.path(rel), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// openFile opens a file of the state folder for reading.
func openFile(dir folder, rel string) (*os.File, error) { return dir.root.Open(dir.path(rel)) }

func unlinkAt(dir folder, rel string) error { return dir.root.Remove(dir.path(rel)) }

func rmdirAt(dir folder, rel string) error { return dir.root.Remove(dir.path(rel)) }

func renameAt(oldDir folder, old string, newDir folder, new string) error {
	return oldDir.root.Rename(oldDir.path(old), newDir.path(new))
}

func linkAt(oldDir folder, old string, newDir folder, new string) error {
	return oldDir.root.Link(oldDir.path(old), newDir.path(new))
}

// syncDir has nothing to do: NTFS journals directories itself.
func syncDir(folder) error { return nil }

// tryLock takes the lock for f's file, or says that another open file has it.
// The locked byte lies far behind the content, which stays readable.
func tryLock(f *os.File) (locked bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, lockedByte())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func unlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, lockedByte())
}

func lockedByte() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }

func isNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

func isReadOnly(err error) bool {
	return errors.Is(err, windows.ERROR_WRITE_PROTECT) || errors.Is(err, fs.ErrPermission)
}

func isOtherDevice(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

// openSole cannot tell whether another process has a file open.
func openSole(folder, string) (newFile, fileStat, error) {
	return newFile{}, fileStat{}, errors.ErrUnsupported
}
