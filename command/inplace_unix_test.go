//go:build unix

package command

import (
	"os"

	"golang.org/x/sys/unix"
)

func init() {
	inPlaceWriters["mmap"] = writeMapped
}

// writeMapped writes content through memory that the file is mapped to, in more than one
// go, as an editor of databases or images does.
func writeMapped(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(int64(len(content))); err != nil {
		return err
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, len(content), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	half := len(content) / 2
	copy(mapped[half:], content[half:])
	copy(mapped[:half], content[:half])
	return unix.Munmap(mapped)
}
