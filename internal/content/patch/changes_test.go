package patch

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// changed is one case of changes.txt.
type changed struct {
	where               string
	mediaType           string
	before, after       string
	patch, diff         string
	isPatch, isDiff, no bool
}

func changes(t testing.TB) []changed {
	t.Helper()
	data, err := os.ReadFile("testdata/changes.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []changed
	c := changed{}
	for n, line := range strings.Split(string(data)+"\n", "\n") {
		key, text, _ := strings.Cut(line, " ")
		text = strings.TrimLeft(text, " ")
		switch key {
		case "type":
			c.where, c.mediaType = fmt.Sprintf("changes.txt:%d", n+1), text
		case "before":
			c.before = spaces(strings.TrimPrefix(text, "(nothing)"))
		case "after":
			c.after = spaces(text)
		case "patch":
			c.patch, c.isPatch = text, true
		case "diff":
			c.diff, c.isDiff = spaces(text), true
		case "none":
			c.no = true
		case "":
			if c != (changed{}) {
				all = append(all, c)
			}
			c = changed{}
		default:
			if line[0] != '#' {
				t.Fatalf("changes.txt:%d: unknown line %q", n+1, line)
			}
		}
	}
	return all
}

func TestChanges(t *testing.T) {
	for _, c := range changes(t) {
		got, ok := Changes(c.mediaType, []byte(c.before), []byte(c.after))
		want := Change{MediaType: UnifiedDiffType, Text: "--- before\n+++ after\n" + c.diff}
		if c.isPatch {
			want = Change{MediaType: JSONPatchType, JSON: []byte(c.patch)}
		}
		if c.no {
			want = Change{}
		}
		if ok == c.no || got.MediaType != want.MediaType || !bytes.Equal(got.JSON, want.JSON) || got.Text != want.Text || got.Truncated {
			t.Errorf("%s:\n got %v %+v\n JSON %s\nwant %v %+v\n JSON %s", c.where, ok, got, got.JSON, !c.no, want, want.JSON)
		}
	}
}

// TestDiffApplies: a unified diff makes the first text the second.
func TestDiffApplies(t *testing.T) {
	line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n", "é\r\n", " - d\n", "+\n"})
	text := rapid.Map(rapid.SliceOfN(line, 0, 30), func(lines []string) string { return strings.Join(lines, "") })
	end := rapid.SampledFrom([]string{"", "end"})
	rapid.Check(t, func(t *rapid.T) {
		before, after := text.Draw(t, "before")+end.Draw(t, "end"), text.Draw(t, "after")+end.Draw(t, "end")
		c, ok := Changes("text/plain", []byte(before), []byte(after))
		if !ok || c.Truncated || c.MediaType != UnifiedDiffType {
			t.Fatalf("got %+v, %v", c, ok)
		}
		if got, err := applyDiff(before, c.Text); err != nil || got != after {
			t.Fatalf("before %q\nafter %q\ndiff %s\ngives %q, %v", before, after, c.Text, got, err)
		}
	})
}

// applyDiff applies a unified diff as patch(1) would, and checks its context.
func applyDiff(before, diff string) (after string, err error) {
	old := strings.SplitAfter(before, "\n")
	next := 0 // the place in old that has been reached
	for _, line := range diffLines(diff)[min(2, strings.Count(diff, "\n")):] {
		kind, text := line[0], line[1:]
		switch kind {
		case '@':
			start := 0
			if _, err := fmt.Sscanf(text, "@ -%d", &start); err != nil {
				return "", err
			}
			if strings.Contains(text, ",0 +") { // nothing is removed: start is the line before
				start++
			}
			for ; next < start-1; next++ {
				after += old[next]
			}
		case '+':
			after += text
		default:
			if next >= len(old) || old[next] != text {
				return "", fmt.Errorf("line %d is not %q", next+1, text)
			}
			next++
			if kind == ' ' {
				after += text
			}
		}
	}
	return after + strings.Join(old[next:], ""), nil
}

// diffLines returns the lines of a diff, each with its line feed, unless the diff
// says that it has none.
func diffLines(diff string) []string {
	var lines []string
	for line := range strings.Lines(diff) {
		if strings.HasPrefix(line, `\ No newline`) {
			last := &lines[len(lines)-1]
			*last = strings.TrimSuffix(*last, "\n")
			continue
		}
		lines = append(lines, line)
	}
	return lines
}

// TestChangesBounds: what is too much is cut at a line, or left out.
func TestChangesBounds(t *testing.T) {
	long := strings.Repeat("a line of text\n", MaxCompared/15)
	other := strings.ReplaceAll(long, "text", "words")[:MaxCompared]
	c, ok := Changes("text/plain", []byte(long), []byte(other))
	if !ok || !c.Truncated || len(c.Text) > MaxChange || len(c.Text) < MaxChange-100 || !strings.HasSuffix(c.Text, "\n") {
		t.Errorf("long texts: got %v, truncated %v, %d bytes", ok, c.Truncated, len(c.Text))
	}
	if c, ok := Changes("text/plain", []byte(long+strings.Repeat("x", 20)), []byte("short")); ok {
		t.Errorf("a text over the bound: got %d bytes", len(c.Text))
	}
	oneLine := strings.Repeat("x", 100_000)
	if c, ok := Changes("text/plain", []byte(oneLine), []byte(oneLine+"y")); ok {
		t.Errorf("a line over the bound: got %q", c.Text)
	}
	object := `{"a":"` + oneLine + `","b":1}`
	if c, ok := Changes("application/json", []byte(object), []byte(strings.Replace(object, "1", "2", 1))); !ok ||
		string(c.JSON) != `[{"op":"replace","path":"/b","value":2}]` {
		t.Errorf("a small change of a large object: got %s, %v", c.JSON, ok)
	}
	if c, ok := Changes("application/json", []byte(object), []byte(strings.ReplaceAll(object, "x", "y"))); ok {
		t.Errorf("a large change: got %d bytes of %s", len(c.JSON)+len(c.Text), c.MediaType)
	}
}

// TestLargeArrays: where finding what two arrays have in common would take too long,
// the patch is less clever, but right.
func TestLargeArrays(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{10, 300, 700, 5000} {
		before, after := make([]string, n), make([]string, 0, n+1)
		for i := range before {
			before[i] = fmt.Sprint(random.IntN(50))
			if random.IntN(n) > 2 {
				after = append(after, before[i])
			}
		}
		after = append(after, "99")
		checkChange(t, "["+strings.Join(before, ",")+"]", "["+strings.Join(after, ",")+"]")
	}
}

// FuzzChanges: the patch for two JSON texts applies, and both kinds stay in bounds.
func FuzzChanges(f *testing.F) {
	for _, c := range changes(f) {
		f.Add(c.before, c.after)
	}
	for _, file := range []string{"jsonpatch.txt", "mergepatch.txt", "rfc6902-a.txt"} {
		for _, s := range samples(f, file) {
			f.Add(s.doc, s.patch)
		}
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		c, ok := Changes("application/json", []byte(before), []byte(after))
		if len(c.JSON) > MaxChange || len(c.Text) > MaxChange {
			t.Fatalf("%d and %d bytes, more than %d", len(c.JSON), len(c.Text), MaxChange)
		}
		if !ok || c.MediaType != JSONPatchType {
			return
		}
		got, err := JSONPatch([]byte(before), c.JSON)
		if err != nil || !sameValue(string(got), after) {
			t.Errorf("before %q\n after %q\n patch %s\n gives %q, %v", before, after, c.JSON, got, err)
		}
	})
}

// FuzzJSONPatch: what comes out is JSON in bounds, an error has a cause, and patching
// with nothing changes nothing.
func FuzzJSONPatch(f *testing.F) {
	for _, file := range []string{"jsonpatch.txt", "rfc6902-a.txt"} {
		for _, s := range samples(f, file) {
			f.Add([]byte(s.doc), []byte(s.patch))
		}
	}
	f.Fuzz(func(t *testing.T, doc, patch []byte) {
		got, err := JSONPatch(doc, patch)
		checkResult(t, got, err)
		if err != nil {
			return
		}
		if again, err := JSONPatch(got, []byte(`[]`)); err != nil || !bytes.Equal(again, got) {
			t.Errorf("%q: an empty patch makes it %q, %v", got, again, err)
		}
	})
}

// FuzzMergePatch: applying a merge patch twice is applying it once, byte for byte,
// so that a repeated request keeps the entity tag.
func FuzzMergePatch(f *testing.F) {
	for _, file := range []string{"mergepatch.txt", "rfc7396.txt"} {
		for _, s := range samples(f, file) {
			f.Add([]byte(s.doc), []byte(s.patch))
		}
	}
	f.Fuzz(func(t *testing.T, doc, patch []byte) {
		got, err := MergePatch(doc, patch)
		checkResult(t, got, err)
		if err != nil {
			return
		}
		if again, err := MergePatch(got, patch); err != nil || !bytes.Equal(again, got) {
			t.Errorf("doc %q, patch %q: once %q, twice %q, %v", doc, patch, got, again, err)
		}
	})
}

func checkResult(t *testing.T, got []byte, err error) {
	t.Helper()
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Reason == "" || got != nil) {
		t.Fatalf("got %q, %#v", got, err)
	}
	if err == nil {
		if p := read(got, nil, 0); p.errFirst != nil {
			t.Fatalf("%q: %v", got, p.errFirst)
		}
	}
}
