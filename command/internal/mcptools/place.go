package mcptools

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"
)

// What the errors of a place mean, for errors.Is.
var (
	errNone     = errors.New("there is nothing of that name")
	errTooLarge = errors.New("it is too large")
	errUnknown  = errors.New("it is not known whether that was written")
)

// A place is where resources are. It may be used from any number of goroutines. Names are relative paths with
// slashes, and were checked.
type place interface {
	// read returns what is there; errNone if that is nothing, errTooLarge if it is longer than max.
	read(ctx context.Context, name string, max int64) (state, error)
	// write writes if what is there has the version, and creates if that is ""; else the error is a *moved.
	// It returns the new version, or "" if the place does not say.
	write(ctx context.Context, name, content, version string) (string, error)
	// delete deletes if what is there has the version; else the error is a *moved.
	delete(ctx context.Context, name, version string) error
	// list returns the members of a folder, "." being the root.
	list(ctx context.Context, name string) ([]Member, error)
}

// state is what a place has under a name.
type state struct {
	content   []byte
	version   string // "" if nothing by which a write could be guarded
	unguarded string // why, then
	mediaType string
}

// isText reports whether a model can read it.
func (s state) isText() bool {
	return utf8.Valid(s.content) && !hasZero(s.content)
}

func hasZero(b []byte) bool {
	for _, c := range b {
		if c == 0 {
			return true
		}
	}
	return false
}

// moved says that something else is there than the version that was named.
type moved struct {
	exists bool
	now    state
	err    error // why now could not be read
}

func (e *moved) Error() string { return "somebody else was first" }

// Member is what is in a folder.
type Member struct {
	Name   string `json:"name" jsonschema:"ends in a slash for a folder"`
	Size   int64  `json:"size,omitempty" jsonschema:"in bytes"`
	Folder bool   `json:"folder,omitempty"`
	Note   string `json:"note,omitempty"`
}

// badVersion is the error for a version that no read has returned.
func badVersion(version string) error {
	return fmt.Errorf("%.80q is not a version that read returns: call read, and copy its version as it is", version)
}
