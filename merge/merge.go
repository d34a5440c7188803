package merge

import (
	"bytes"
	"errors"
	"mime"
	"strings"
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
	// Structure reports that the content was merged as JSON and not by lines.
	Structure bool
	// Places are the JSON pointers (RFC 6901) of the conflicts that a merge by structure found.
	Places []string
}

// Of merges by the media type of the content, a Content-Type value: JSON by structure, all else by
// lines. JSON that cannot be read, or has conflicts by structure, is merged by lines, so that
// there is something to choose from. The error is ErrBinary or ErrTooLarge.
func Of(mediaType string, base, mine, theirs []byte, o Options) (Result, error) {
	if isJSON(mediaType) {
		s, err := JSON(base, mine, theirs)
		if err == nil && s.Conflicts == 0 {
			return s, nil
		}
		r, textErr := Text(base, mine, theirs, o)
		if textErr == nil && err == nil && r.Conflicts == 0 {
			r = whole(base, mine, theirs, o) // by lines it looks clean, yet it is not
		}
		r.Places = s.Places
		return r, textErr
	}
	return Text(base, mine, theirs, o)
}

// isJSON reports whether a media type is application/json or ends in +json (RFC 6839 §3.1).
func isJSON(mediaType string) bool {
	t, _, err := mime.ParseMediaType(mediaType)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
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
