package turn

import (
	"hash/maphash"
	"testing"
)

// TestWrites: what overtakes a read, and what remembers it.
func TestWrites(t *testing.T) {
	var w Writes
	early := w.Look("/a")
	before, _, release := w.Watch("/a")
	answered, ended := w.Begin([]string{"/a", "/b"}, false)
	during, _, releaseDuring := w.Watch("/a")
	other, _, releaseOther := w.Watch("/c")
	answered()
	afterAnswer, _, releaseAfter := w.Watch("/b")
	ended()
	after, _, releaseLast := w.Watch("/a")
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

// TestTrees: a write that may change all below its target overtakes reads there, and nowhere else.
func TestTrees(t *testing.T) {
	var w Writes
	keys := []string{"host/", "host/a", "host/a/b", "host/a/b/c", "host/ab", "host/a-b/c", "other/a/b"}
	for i := 0; i < len(keys); i++ { // what shares a hash is taken for one
		for j := range i {
			if w.of(keys[i]) == w.of(keys[j]) || treeOf(keys[i]) == treeOf(keys[j]) {
				stripeSeed = maphash.MakeSeed()
				i = 0
				break
			}
		}
	}
	early, glances := map[string]Moment{}, map[string]Glance{}
	for _, key := range keys {
		early[key] = w.Look(key)
		g, _, release := w.Watch(key)
		defer release()
		glances[key] = g
	}
	answered, ended := w.Begin([]string{"host/a/b"}, true)
	during := w.Look("host/a/b/c")
	answered()
	ended()
	later := w.Look("host/a/b/c")
	for _, key := range keys {
		want := key == "host/a/b" || key == "host/a/b/c"
		if got := early[key].Overtaken(); got != want {
			t.Errorf("what was seen of %s: got %v", key, got)
		}
		if got := glances[key].Overtaken(); got != want {
			t.Errorf("a read of %s: got %v", key, got)
		}
	}
	if !during.Overtaken() || later.Overtaken() || early["host/a/b/c"].KeptUntil(later) || !later.KeptUntil(w.Look("host/a/b/c")) {
		t.Error("what was seen while it was under way counts, or what was seen after it does not")
	}
	answered, ended = w.Begin([]string{"host/"}, true)
	answered()
	ended()
	for _, key := range keys[:6] {
		if !early[key].Overtaken() {
			t.Errorf("a write to the root has not overtaken %s", key)
		}
	}
	if early["other/a/b"].Overtaken() {
		t.Error("it has overtaken another host")
	}
}
