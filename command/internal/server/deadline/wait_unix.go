//go:build linux || darwin

package deadline

import (
	"errors"
	"syscall"
)

// Wait returns when something can be read, or the connection has ended, without a buffer to read
// into. The error is that of the deadline for reading, or of a connection that is closed here. It is
// [errors.ErrUnsupported], at once, if the connection is not one of the operating system's.
func (c *conn) Wait() error {
	beneath, ok := c.Conn.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := beneath.SyscallConn()
	if err != nil {
		return err
	}
	defer c.read.end()
	err = c.read.begin()
	for err == nil {
		err = raw.Read(isReadable)
		if !c.read.early(err) {
			break
		}
		err = c.read.again()
	}
	return err
}

// isReadable reports whether a read would not have to wait.
func isReadable(fd uintptr) bool {
	var b [1]byte
	for {
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}
