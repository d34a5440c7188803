package merge

import (
	"bytes"
	"errors"
)

// ErrBinary says that content is no text: it has a NUL byte. Lines of it mean nothing.
var ErrBinary = errors.New("content with a NUL byte is no text, and cannot be merged by lines")

// ErrTooLarge says that the contents are too much to be merged: see MaxSize and MaxLines.
var ErrTooLarge = errors.New("too much to be merged")

// The bounds of a merge, for each of the three contents.
const (
	// MaxSize is in bytes.
	MaxSize = 16 << 20
	// MaxLines is in lines.
	MaxLines = 1 << 20
)

// Style says what is written where both sides changed the same lines.
type Style uint8

const (
	// Diff3 writes mine, base and theirs between the markers: with the base, a reader sees who
	// changed what. It is the default.
	Diff3 Style = iota
	// Merge writes mine and theirs, without the lines at both ends on which they agree.
	Merge
)

// Options are the choices of a merge. The zero Options are fine.
type Options struct {
	Style Style
	// Mine, Base and Theirs stand behind the markers. "" is "mine", "base" and "theirs". A line
	// break in a label becomes a space.
	Mine, Base, Theirs string
	// MarkerSize is the number of characters of a marker. 0, and what is less than 7, is 7, and
	// more if a line of the contents could be taken for a marker.
	MarkerSize int
}

// Result is what became of a merge.
type Result struct {
	// Content is the merged content. With conflicts it has markers, and is no valid content yet.
	Content []byte
	// Conflicts is the number of places where a person must choose.
	Conflicts int
}

// check is the error for contents that cannot be merged by lines.
func check(contents ...[]byte) error {
	for _, c := range contents {
		if len(c) > MaxSize || bytes.Count(c, []byte{'\n'}) >= MaxLines {
			return ErrTooLarge
		}
		if bytes.IndexByte(c, 0) >= 0 {
			return ErrBinary
		}
	}
	return nil
}
