//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package client

import "os"

// lockFile does nothing: there is no lock that all these systems have.
func lockFile(*os.File) error { return nil }

func isUnsupported(error) bool { return true }

// rename puts the part in its place. An open file could not be renamed.
func (p *part) rename() error {
	if err := p.file.Close(); err != nil {
		return err
	}
	return os.Rename(p.target+".part", p.target)
}
