//go:build unix

package folder

import (
	"errors"
	"os"
	"path"
	"syscall"
)

// atFolders calls rename with the open folders of two names, and the names in them, and again if a signal
// comes in between.
func (d *Dir) atFolders(from, to string, rename func(fromFD int, from string, toFD int, to string) error) error {
	a, err := d.root.Open(path.Dir(from))
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := d.root.Open(path.Dir(to))
	if err != nil {
		return err
	}
	defer b.Close()
	for {
		err := rename(int(a.Fd()), path.Base(from), int(b.Fd()), path.Base(to))
		if err == nil || errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		if err != syscall.EINTR {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
	}
}

// lock waits for the turn to change files.
func (d *Dir) lock() (unlock func(), err error) {
	d.turn.Lock()
	f, err := d.root.Open(".")
	if err != nil {
		d.turn.Unlock()
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	// A file system without locks has turns within this process only.
	return func() { f.Close(); d.turn.Unlock() }, nil
}

// syncFolder brings the names in a folder to the disk.
func (d *Dir) syncFolder(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// LockFile makes the file name, if it is not there, and locks it for this process. ok is false if another process has
// the lock.
func (d *Dir) LockFile(name string) (unlock func(), ok bool, err error) {
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == syscall.EWOULDBLOCK {
		f.Close()
		return nil, false, nil
	}
	return func() { f.Close() }, true, nil
}
