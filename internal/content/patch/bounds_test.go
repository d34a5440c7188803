package patch

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// nested is a value in n arrays.
func nested(n int, inner string) string {
	return strings.Repeat("[", n) + inner + strings.Repeat("]", n)
}

// repeated is a JSON array of n times s.
func repeated(n int, s string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(s+",", n), ",") + "]"
}

// TestJSONPatchBounds: patches whose effect is out of all proportion to their size.
func TestJSONPatchBounds(t *testing.T) {
	const (
		deep    = `/0`
		element = `{"op":"add","path":"/0","value":0}`
	)
	for _, c := range []struct {
		what       string
		doc, patch string
		want       string // part of the reason
	}{
		{"doubling", `{"a":"` + strings.Repeat("x", 1000) + `"}`,
			repeated(40, `{"op":"copy","from":"","path":"/b"},{"op":"copy","from":"/b","path":"/a"}`), "copies of more than"},
		{"copying what is long", `{"a":"` + strings.Repeat("x", 1<<20) + `","b":[]}`,
			repeated(9, `{"op":"copy","from":"/a","path":"/b/-"}`), "copies of more than"},
		{"inserting before many", repeated(1<<20, "0"), repeated(200, element), "long arrays"},
		{"removing before many", repeated(1<<20, "0"), repeated(200, `{"op":"remove","path":"/0"}`), "long arrays"},
		{"moving much around", `{"a":` + repeated(1<<20, "0") + `}`,
			repeated(20, `{"op":"move","from":"/a","path":"/b"},{"op":"move","from":"/b","path":"/a"}`), "too much around"},
		{"too many operations", `[]`, repeated(MaxOperations+1, element), "10001 operations"},
		{"nesting by adding", nested(400, "0"),
			`[{"op":"add","path":"` + strings.Repeat(deep, 400) + `","value":` + nested(200, "0") + `}]`, ""},
		{"nesting by moving", `{"a":` + nested(300, "0") + `,"b":` + nested(300, "0") + `}`,
			`[{"op":"move","from":"/a","path":"/b` + strings.Repeat(deep, 300) + `"}]`, "nest more than 512"},
		{"nesting by copying", `{"a":` + nested(300, "0") + `}`,
			`[{"op":"copy","from":"/a","path":"/a` + strings.Repeat(deep, 300) + `"}]`, "nest more than 512"},
		{"indentation", "{\n        \"a\": " + nested(500, "0") + "}",
			`[{"op":"replace","path":"/a` + strings.Repeat(deep, 400) + `","value":` + repeated(100_000, "[0]") + `}]`, "longer than"},
		{"a long patch", `{}`, `[{"op":"add","path":"/a","value":"` + strings.Repeat("x", MaxSize) + `"}]`, "the patch is longer than"},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := JSONPatch([]byte(c.doc), []byte(c.patch))
			if !errors.Is(err, ErrTooLarge) && c.want != "" || c.want != "" && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %d bytes, %v; want an error about %q", len(got), err, c.want)
			}
			if c.want == "" && err == nil {
				t.Errorf("got %d bytes", len(got))
			}
		})
	}
}

// TestBoundsAllow what is just inside of them.
func TestBoundsAllow(t *testing.T) {
	deepest := nested(MaxDepth, "0")
	long := `{"a":"` + strings.Repeat("x", MaxSize-20) + `"}`
	for what, c := range map[string]struct{ doc, patch string }{
		"the deepest document": {deepest, `[{"op":"test","path":"","value":` + deepest + `}]`},
		"the deepest addition": {`[]`, `[{"op":"add","path":"/0","value":` + nested(MaxDepth-1, "0") + `}]`},
		"the most operations":  {`{}`, repeated(MaxOperations, `{"op":"add","path":"/a","value":1}`)},
		"a long document":      {long, `[{"op":"add","path":"/b","value":1}]`},
	} {
		if _, err := JSONPatch([]byte(c.doc), []byte(c.patch)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestDepth: what nests too deep is refused before anything recurses into it.
func TestDepth(t *testing.T) {
	for _, n := range []int{MaxDepth + 1, 5_000, 1_000_000} {
		deep := []byte(nested(n, "0"))
		if _, err := MergePatch(deep, []byte(`1`)); !errors.Is(err, ErrDocument) {
			t.Errorf("a document %d deep: got %v", n, err)
		}
		if _, err := MergePatch([]byte(`1`), deep); !errors.Is(err, ErrMalformed) {
			t.Errorf("a merge patch %d deep: got %v", n, err)
		}
		operation := []byte(`[{"op":"add","path":"/a","value":` + string(deep) + `}]`)
		if _, err := JSONPatch([]byte(`{}`), operation); !errors.Is(err, ErrMalformed) {
			t.Errorf("a JSON Patch %d deep: got %v", n, err)
		}
	}
}

func TestSize(t *testing.T) {
	long := []byte(`"` + strings.Repeat("x", MaxSize) + `"`)
	if _, err := MergePatch(long, []byte(`{}`)); !errors.Is(err, ErrDocument) {
		t.Errorf("a long document: got %v", err)
	}
	if _, err := MergePatch([]byte(`{}`), long); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a long merge patch: got %v", err)
	}
}

func TestNotUTF8(t *testing.T) {
	for _, doc := range []string{"\"\xff\"", "{\"\xc3\":1}", "\xff\xfe{\x00}\x00"} {
		if _, err := MergePatch([]byte(doc), []byte(`{}`)); !errors.Is(err, ErrDocument) {
			t.Errorf("%q: got %v", doc, err)
		}
	}
	if _, err := MergePatch([]byte("\ufeff{}"), []byte(`{}`)); !errors.Is(err, ErrDocument) {
		t.Errorf("a byte order mark (RFC 8259 §8.1): got %v", err)
	}
	if _, err := MergePatch(nil, []byte(`{}`)); !errors.Is(err, ErrDocument) || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty document: got %v", err)
	}
}

// TestManyMembers: objects with an index behave as those without, through additions,
// removals and everything between.
func TestManyMembers(t *testing.T) {
	const n = 200
	var doc, patch, want []string
	for i := range n {
		doc = append(doc, fmt.Sprintf(`"m%d":%d`, i, i))
		switch i % 4 {
		case 0:
			patch = append(patch, fmt.Sprintf(`{"op":"remove","path":"/m%d"}`, i))
		case 1:
			patch = append(patch, fmt.Sprintf(`{"op":"replace","path":"/m%d","value":true}`, i))
			want = append(want, fmt.Sprintf(`"m%d":true`, i))
		case 2:
			patch = append(patch, fmt.Sprintf(`{"op":"remove","path":"/m%d"},{"op":"add","path":"/m%d","value":null}`, i, i))
		default:
			want = append(want, fmt.Sprintf(`"m%d":%d`, i, i))
		}
	}
	for i := 2; i < n; i += 4 {
		want = append(want, fmt.Sprintf(`"m%d":null`, i))
	}
	object := func(members []string) string { return "{" + strings.Join(members, ",") + "}" }
	got, err := JSONPatch([]byte(object(doc)), []byte("["+strings.Join(patch, ",")+"]"))
	if err != nil || string(got) != object(want) {
		t.Errorf("got %s, %v\nwant %s", got, err, object(want))
	}
}

// TestArgumentsAreNotChanged, and not kept: callers reuse their buffers.
func TestArgumentsAreNotChanged(t *testing.T) {
	doc, patch := []byte(`{"a":[1,2]}`), []byte(`{"b":{"c":"d"}}`)
	docBefore, patchBefore := bytes.Clone(doc), bytes.Clone(patch)
	got, err := MergePatch(doc, patch)
	if err != nil || !bytes.Equal(doc, docBefore) || !bytes.Equal(patch, patchBefore) {
		t.Fatalf("%v, or the arguments were changed", err)
	}
	clear(doc)
	clear(patch)
	if want := `{"a":[1,2],"b":{"c":"d"}}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
