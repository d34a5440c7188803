package etag

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNormaliseIsIdempotent normalises texts made of what is found around tags: what comes out has
// nothing left around it, unless there was so much that the text is kept as it was.
func TestNormaliseIsIdempotent(t *testing.T) {
	pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
		`"`, `'`, `\"`, "&quot;", "%22", "%25", `\x22`, "W/", "w/", " ", "a", "6ae9a5ee-bc55",
		"-gzip", "--gzip", "-br2", ";;;", ";gz", "-ssl-df", "-",
	}), 0, 9)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(pieces.Draw(t, "pieces"), "")
		n := normalise(text)
		again := normalise(n.core)
		if again.core != n.core {
			t.Fatalf("%q becomes %q, which becomes %q", text, n.core, again.core)
		}
		if n.core != text && (again.weak || again.mark != "" || again.before+again.after+again.single+again.escaped > 0) {
			t.Fatalf("%q becomes %q, which still has %+v around it", text, n.core, again)
		}
	})
}
