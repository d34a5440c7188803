package patch

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// allocated is how many bytes f takes from the heap altogether, which is no less than it
// holds at any time.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// bomb is how long documents are that are dense with values. Longer ones take more in
// proportion.
const bomb = MaxSize / 8

// full is an array of so many s that it is as long as a bomb.
func full(s string) string { return repeated(bomb/(len(s)+1), s) }

// manyNames is an object of as many members as fit.
func manyNames(value string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; b.Len() < bomb; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%x":%s`, i, value)
	}
	b.WriteByte('}')
	return b.String()
}

// TestMemory: what a patch takes has to do with the length of its arguments, not with
// the number of values in them.
func TestMemory(t *testing.T) {
	empty, chains := full("[]"), full(nested(500, ""))
	var steps []string
	for i := range bomb / 1024 {
		steps = append(steps, fmt.Sprintf(`{"op":"test","path":"/%d%s","value":%s}`, i, strings.Repeat("/0", 480), nested(20, "")))
	}
	for _, c := range []struct{ what, doc, patch string }{
		{"empty arrays", empty, `[{"op":"add","path":"/0","value":1}]`},
		{"numbers", full("1"), `[{"op":"remove","path":"/0"}]`},
		{"objects", full(`{"":1}`), `[{"op":"replace","path":"/0","value":1}]`},
		{"nested arrays", full(nested(500, "")), `[{"op":"add","path":"/0/0","value":1}]`},
		{"names", manyNames("1"), `[{"op":"add","path":"/new","value":1}]`},
		{"a long addition", `{"a":1}`, `[{"op":"add","path":"/b","value":` + empty + `}]`},
		{"a copy", empty, `[{"op":"copy","from":"","path":"/0"}]`},
		{"copies of what was opened", `[` + empty + `]`,
			`[{"op":"add","path":"/0/0","value":0},{"op":"copy","from":"/0","path":"/1"},{"op":"copy","from":"/0","path":"/1"}]`},
		{"a test of all", empty, `[{"op":"test","path":"","value":` + empty + `}]`},
		{"many paths into the depths", chains, repeatedText(steps)},
		{"no place so deep", `[]`, `[{"op":"remove","path":"` + strings.Repeat("/0", bomb/2) + `"}]`},
	} {
		t.Run(c.what, func(t *testing.T) { testMemory(t, JSONPatch, c.doc, c.patch) })
	}
	for _, c := range []struct{ what, doc, patch string }{
		{"empty arrays", `{"a":` + empty + `}`, `{"a":1}`},
		{"names", manyNames("{}"), `{"new":1}`},
		{"as many names", manyNames("{}"), manyNames("{}")},
		{"a change of each", manyNames("{}"), manyNames(`{"a":1}`)},
		{"removals", manyNames("1"), manyNames("null")},
		{"a long addition", `{}`, manyNames("{}")},
	} {
		t.Run("merging "+c.what, func(t *testing.T) { testMemory(t, MergePatch, c.doc, c.patch) })
	}
}

func repeatedText(all []string) string { return "[" + strings.Join(all, ",") + "]" }

func testMemory(t *testing.T, apply func(doc, patch []byte) ([]byte, error), doc, patch string) {
	t.Helper()
	d, p := []byte(doc), []byte(patch)
	var err error
	got, bound := allocated(func() { _, err = apply(d, p) }), Memory(int64(len(d)), int64(len(p)))
	if errors.Is(err, ErrMalformed) || errors.Is(err, ErrDocument) {
		t.Fatalf("nothing was tried: %v", err)
	}
	t.Logf("%d kB for a document of %d kB and a patch of %d kB (%v)", got/1e3, len(d)/1e3, len(p)/1e3, err)
	if got > bound {
		t.Errorf("took %d bytes for %d and %d; at most %d are allowed", got, len(d), len(p), bound)
	}
}

// TestScanBound: a patch cannot make the depths of a long document be gone through for
// ever.
func TestScanBound(t *testing.T) {
	deep := nested(500, `"`+strings.Repeat("x", MaxSize-2000)+`",0`)
	patch := `[{"op":"test","path":"` + strings.Repeat("/0", 499) + `/1","value":0}]`
	if _, err := JSONPatch([]byte(deep), []byte(patch)); !errors.Is(err, ErrTooLarge) ||
		!strings.Contains(err.Error(), "looks into too much") {
		t.Errorf("got %v", err)
	}
	if _, err := JSONPatch([]byte(nested(500, `"`+strings.Repeat("x", MaxSize/32)+`",0`)), []byte(patch)); err != nil {
		t.Errorf("a shorter one: %v", err)
	}
}

// TestCompareMemory: neither does what is said about two versions.
func TestCompareMemory(t *testing.T) {
	lines := func(line string, n int) string { return strings.Repeat(line+"\n", n) }
	for _, c := range []struct{ what, mediaType, before, after string }{
		{"empty arrays", "application/json", repeated(MaxCompared/3-1, "[]"), repeated(MaxCompared/6, "[]")},
		{"all lines", "text/plain", lines("a", maxLines/2), lines("b", maxLines/2)},
		{"all of many lines", "text/plain", lines("a", MaxCompared/2), lines("b", MaxCompared/2)},
		{"all long lines", "text/plain", lines(strings.Repeat("a", 99), MaxCompared/100), lines(strings.Repeat("b", 99), MaxCompared/100)},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := allocated(func() { Changes(c.mediaType, []byte(c.before), []byte(c.after)) })
			if t.Logf("%d kB", got/1e3); got > MaxCompareWork {
				t.Errorf("took %d bytes; at most %d are allowed", got, MaxCompareWork)
			}
		})
	}
}
