package dirstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/fourtwelve/fourtwelve/store"
)

// errMoved says that another program changed a file between two looks at it.
var errMoved = errors.New("changed by another program meanwhile")

// readError turns what the system said when name was looked up or read into an
// error of the contract. Paths of this machine do not appear in it.
func readError(name string, err error) error {
	switch {
	case errors.Is(err, store.ErrName):
		return err
	case isAbsent(err):
		return fmt.Errorf("%q: %w", name, store.ErrNotFound)
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%q: %w", name, store.ErrIsCollection)
	case isEscape(err), errors.Is(err, syscall.ELOOP):
		return badLink(name)
	}
	return fmt.Errorf("%q: %w", name, bare(err))
}

// writeError does the same for a step of a write.
func writeError(name string, err error) error {
	var kind error
	switch {
	case isNoSpace(err):
		kind = store.ErrNoSpace
	case isReadOnly(err):
		kind = store.ErrReadOnly
	case errors.Is(err, syscall.ENOTDIR):
		kind = store.ErrNotCollection
	case errors.Is(err, syscall.ENAMETOOLONG):
		return &store.NameError{Name: name, Reason: "is too long for this file system"}
	case isOtherDevice(err):
		kind = errOtherDevice
	case isEscape(err), errors.Is(err, syscall.ELOOP):
		return badLink(name)
	default:
		return fmt.Errorf("%q: %w", name, bare(err))
	}
	return fmt.Errorf("%q: %w (%w)", name, kind, bare(err))
}

func badLink(name string) error {
	return &store.NameError{Name: name, Reason: "leads out of the directory, or in a circle, through a symbolic link; only relative links that stay inside are followed"}
}

var errOtherDevice = fmt.Errorf("%w: it lies on another file system mounted inside the directory", store.ErrReadOnly)

// bare strips the paths off the errors of package os.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}

// isAbsent reports whether err means that there is nothing under a name. A
// name below a plain file is one of them.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// isEscape reports whether [os.Root] refused to follow a symbolic link. Package
// os does not export that error; it is the one kind without an error number.
func isEscape(err error) bool {
	pe, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return false
	}
	_, numbered := errors.AsType[syscall.Errno](pe.Err)
	return !numbered && !errors.Is(err, fs.ErrClosed)
}

// isNotDirectory reports whether err means that a name leads through a file.
func isNotDirectory(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
