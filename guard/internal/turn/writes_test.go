package turn

import "testing"

// TestWrites: what overtakes a read, and what remembers it.
func TestWrites(t *testing.T) {
	var w Writes
	early := w.Look("/a")
	before, release := w.Watch("/a")
	answered, ended := w.Begin([]string{"/a", "/b"})
	during, releaseDuring := w.Watch("/a")
	other, releaseOther := w.Watch("/c")
	answered()
	afterAnswer, releaseAfter := w.Watch("/b")
	ended()
	after, releaseLast := w.Watch("/a")
	for name, c := range map[string]struct{ got, want bool }{
		"before": {before.Overtaken(), true}, "during": {during.Overtaken(), true}, "until it is read back": {afterAnswer.Overtaken(), true},
		"of another": {other.Overtaken(), false}, "after": {after.Overtaken(), false}, "remembered": {early.Overtaken(), true},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v", name, c.got)
		}
	}
	for _, f := range []func(){release, releaseDuring, releaseOther, releaseAfter, releaseLast} {
		f()
	}
	for i := range w.stripes {
		if n := len(w.stripes[i].progress); n > 0 {
			t.Errorf("%d targets are left", n)
		}
	}
}
