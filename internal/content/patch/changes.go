package patch

import (
	"bytes"
	"encoding/json"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
)

// The bounds of [Changes], in bytes: of each content it compares, of what it
// says about them, and of the memory it takes meanwhile.
const (
	MaxCompared    = 256 << 10
	MaxChange      = 16 << 10
	MaxCompareWork = 32 << 20
)

// maxLines bounds the lines of two texts together: each costs far more memory than it
// has characters.
const maxLines = 1 << 16

// Media types of a [Change].
const (
	JSONPatchType   = "application/json-patch+json"
	UnifiedDiffType = "text/x-diff"
)

// Change is what happened between two contents, in a form a program can apply and
// a person can read.
type Change struct {
	// MediaType says which of the two it is: JSONPatchType or UnifiedDiffType.
	MediaType string
	// JSON is a JSON Patch (RFC 6902) that makes the old content the new one.
	JSON json.RawMessage
	// Text is a unified diff from the old content to the new one.
	Text string
	// Truncated is set when Text ends before the difference does. A JSON Patch
	// is never truncated.
	Truncated bool
}

// Changes says what changed from before to after, contents of the given media type
// (a Content-Type value). For JSON it is a JSON Patch, empty if only the spelling
// changed; for other text, and for JSON that cannot be read or changed too much
// for a patch of MaxChange, a unified diff. ok is false for what is no
// text, for contents longer than MaxCompared, and for texts of more than 65,536 lines
// together. The time it takes is bounded, and
// the result depends on the arguments only.
func Changes(mediaType string, before, after []byte) (c Change, ok bool) {
	if len(before) > MaxCompared || len(after) > MaxCompared {
		return Change{}, false
	}
	if isJSON(mediaType) {
		if c, ok = jsonChange(before, after); ok {
			return c, true
		}
	}
	if !isText(before) || !isText(after) || linesOf(before)+linesOf(after) > maxLines {
		return Change{}, false
	}
	return textChange(string(before), string(after))
}

// isJSON reports whether a media type is application/json or ends in +json
// (RFC 6839 §3.1).
func isJSON(mediaType string) bool {
	t, _, err := mime.ParseMediaType(mediaType)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}

func linesOf(content []byte) int { return bytes.Count(content, []byte("\n")) }

func isText(content []byte) bool {
	return utf8.Valid(content) && bytes.IndexByte(content, 0) < 0
}

func jsonChange(before, after []byte) (Change, bool) {
	p := read(before, after, 0)
	if p.errFirst != nil || p.errSecond != nil {
		return Change{}, false
	}
	patch, ok := p.difference(MaxChange - len("[]"))
	return Change{MediaType: JSONPatchType, JSON: patch}, ok
}

func textChange(before, after string) (Change, bool) {
	diff := udiff.Unified("before", "after", before, after)
	c := Change{MediaType: UnifiedDiffType, Text: diff}
	if len(diff) > MaxChange {
		c.Text, c.Truncated = cutLines(diff, MaxChange), true
	}
	return c, strings.Count(c.Text, "\n") > 3 || !c.Truncated
}

// cutLines returns as many whole lines of s as fit into n bytes.
func cutLines(s string, n int) string {
	return s[:strings.LastIndexByte(s[:n], '\n')+1]
}
