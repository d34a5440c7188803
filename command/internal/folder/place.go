package folder

import (
	"io/fs"
	"path/filepath"
	"time"
)

// isLocal reports whether a name is one on this system, too: CON and a:b are none on Windows.
func isLocal(name string) bool {
	local, err := filepath.Localize(name)
	return err == nil && filepath.IsLocal(local)
}

// linkExclusive renames unless there is something, by a second name for the file.
func (d *Dir) linkExclusive(from, to string) error {
	if err := d.root.Link(from, to); err != nil {
		return err
	}
	return d.root.Remove(from)
}

// grain is how old the time of a change must be to be told from that of a later one.
const grain = 2 * time.Second

func isOld(info fs.FileInfo) bool { return time.Since(info.ModTime()) > grain }
