package dirstore

import (
	"path/filepath"
	"runtime"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// stateDir is the folder, at the top of the directory, for all that the store
// keeps beside the plain files.
const stateDir = ".fourtwelve"

// StatePath returns where the state folder of the directory dir is.
func StatePath(dir string) string { return filepath.Join(dir, stateDir) }

// checkName is store.CheckName plus what this store cannot offer: its own state
// folder, and on Windows the names that would reach a device or a stream.
func checkName(name string) error {
	if err := store.CheckName(name); err != nil {
		return err
	}
	if runtime.GOOS == "windows" && name != "" {
		if err := store.CheckNewName(name); err != nil {
			return err
		}
	}
	for element := range strings.SplitSeq(name, "/") {
		if reserved(element) {
			return &store.NameError{Name: name, Reason: "is reserved for the store itself"}
		}
	}
	return nil
}

// reserved reports whether some file system could take element for the state
// folder. It does not matter at which depth: a directory below may have been
// served by itself before.
func reserved(element string) bool {
	if len(element) < len(shortPrefix) {
		return false
	}
	if !isASCII(element) {
		element = strings.Map(dropIgnorable, element)
	}
	if len(element) > len(shortPrefix) && strings.EqualFold(element[:len(shortPrefix)], shortPrefix) {
		return true
	}
	return strings.EqualFold(strings.TrimRight(element, ". "), stateDir)
}

// shortPrefix begins the 8.3 name FAT and NTFS give to the state folder.
const shortPrefix = "FOURTW~"

// dropIgnorable removes the code points HFS+ ignores when it compares names.
func dropIgnorable(r rune) rune {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return -1
	}
	return r
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
