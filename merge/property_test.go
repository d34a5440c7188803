package merge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyText is text of few different lines, so that there is much to confuse, with and without a last line feed.
func anyText() *rapid.Generator[string] {
	line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n", "}\n", "long line\n", "x\r\n"})
	return rapid.Custom(func(t *rapid.T) string {
		s := strings.Join(rapid.SliceOfN(line, 0, 12).Draw(t, "lines"), "")
		if rapid.Bool().Draw(t, "cut") {
			s = strings.TrimSuffix(s, "\n")
		}
		return s
	})
}

func mustText(t *rapid.T, base, mine, theirs string, o Options) Result {
	r, err := Text([]byte(base), []byte(mine), []byte(theirs), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTextLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, mine, theirs := anyText().Draw(t, "base"), anyText().Draw(t, "mine"), anyText().Draw(t, "theirs")
		style := rapid.SampledFrom([]Style{Diff3, Merge}).Draw(t, "style")
		for _, law := range []struct{ base, mine, theirs, want string }{
			{base, mine, base, mine}, {base, base, theirs, theirs}, {base, mine, mine, mine}, {base, base, base, base},
		} {
			if r := mustText(t, law.base, law.mine, law.theirs, Options{Style: style}); r.Conflicts != 0 || string(r.Content) != law.want {
				t.Fatalf("merge of %q, %q, %q: %d conflicts, %q, want %q", law.base, law.mine, law.theirs, r.Conflicts, r.Content, law.want)
			}
		}
		there := mustText(t, base, mine, theirs, Options{Style: style, Mine: "x", Theirs: "y"})
		back := mustText(t, base, theirs, mine, Options{Style: style, Mine: "y", Theirs: "x"})
		if there.Conflicts != back.Conflicts {
			t.Fatalf("%d conflicts one way, %d the other", there.Conflicts, back.Conflicts)
		}
		if there.Conflicts == 0 && !bytes.Equal(there.Content, back.Content) {
			t.Fatalf("one way %q, the other %q", there.Content, back.Content)
		}
	})
}

// A line that only one side has added is in the result, whatever else there is; and one that both have kept.
func TestNoLineIsDropped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		fresh := func() string { n++; return fmt.Sprintf("new %d\n", n) }
		base := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n"}), 0, 12).Draw(t, "base")
		change := func(name string) (text, added []string) {
			text = slices.Clone(base)
			for range rapid.IntRange(0, 4).Draw(t, name) {
				at := rapid.IntRange(0, len(text)).Draw(t, "at")
				cut := rapid.IntRange(0, min(2, len(text)-at)).Draw(t, "cut")
				line := fresh()
				text = slices.Concat(text[:at], []string{line}, text[at+cut:])
			}
			return text, slices.DeleteFunc(slices.Clone(text), func(l string) bool { return !strings.HasPrefix(l, "new") })
		}
		mine, added1 := change("mine")
		theirs, added2 := change("theirs")
		r := mustText(t, strings.Join(base, ""), strings.Join(mine, ""), strings.Join(theirs, ""), Options{})
		for _, line := range append(added1, added2...) {
			if strings.Count(string(r.Content), line) != 1 {
				t.Fatalf("%q is in the result %d times: %q", line, strings.Count(string(r.Content), line), r.Content)
			}
		}
	})
}

// anyObject is an object of few names.
func anyObject() *rapid.Generator[map[string]any] {
	value := rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 2), func(n int) any { return float64(n) }),
		rapid.Map(rapid.SampledFrom([]string{"x", "y"}), func(s string) any { return s }),
		rapid.Just(any(nil)), rapid.Just(any([]any{1.0})), rapid.Just(any([]any{})),
		rapid.Map(rapid.SliceOfNDistinct(rapid.IntRange(1, 4), 0, 3, rapid.ID[int]), func(ids []int) any {
			array := []any{}
			for _, id := range ids {
				array = append(array, map[string]any{"id": float64(id)})
			}
			return array
		}),
	)
	names := rapid.SampledFrom([]string{"a", "b", "c", "a/b"})
	return rapid.Custom(func(t *rapid.T) map[string]any {
		o := rapid.MapOfN(names, value, 0, 4).Draw(t, "members")
		if rapid.Bool().Draw(t, "deep") {
			o["deep"] = rapid.MapOfN(names, value, 0, 3).Draw(t, "inner")
		}
		return o
	})
}

func TestJSONLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text [3][]byte
		for i := range text {
			text[i], _ = json.Marshal(anyObject().Draw(t, "object"))
		}
		base, mine, theirs := text[0], text[1], text[2]
		merge := func(base, mine, theirs []byte) Result {
			r, err := JSON(base, mine, theirs)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		for _, law := range [][4][]byte{{base, mine, base, mine}, {base, base, theirs, theirs}, {base, mine, mine, mine}} {
			if r := merge(law[0], law[1], law[2]); r.Conflicts != 0 || !equalJSON(r.Content, law[3]) {
				t.Fatalf("merge of %s, %s, %s: %v, %s", law[0], law[1], law[2], r.Places, r.Content)
			}
		}
		there, back := merge(base, mine, theirs), merge(base, theirs, mine)
		if (there.Conflicts == 0) != (back.Conflicts == 0) {
			t.Fatalf("conflicts one way %q, the other %q", there.Places, back.Places)
		}
		// The order of elements that both have added in one place is that of the sides.
		ordered := !bytes.Contains(there.Content, []byte("id"))
		if there.Conflicts == 0 && ordered && !reflect.DeepEqual(decode(there.Content), decode(back.Content)) {
			t.Fatalf("one way %s, the other %s", there.Content, back.Content)
		}
	})
}

func FuzzOf(f *testing.F) {
	f.Add("text/plain", "a\nb\n", "a\nc\n", "x\nb")
	f.Add("application/json", `{"a":1}`, `{"a":2}`, `{"a":1,"b":[{"id":1}]}`)
	f.Add("application/json", `[{"id":1},{"id":2}]`, `[{"id":2},{"id":"1"}]`, `[{"id":3},{"id":1}]`)
	f.Fuzz(func(t *testing.T, mediaType, base, mine, theirs string) {
		r, err := Of(mediaType, []byte(base), []byte(mine), []byte(theirs), Options{})
		if err != nil {
			return
		}
		if r.Structure && !json.Valid(r.Content) {
			t.Errorf("no JSON: %q", r.Content)
		}
		if (mine == theirs || base == theirs) && string(r.Content) != mine {
			t.Errorf("mine alone was changed to %q", r.Content)
		}
	})
}
