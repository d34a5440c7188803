package merge

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	for _, tt := range []struct {
		name, base, mine, theirs, want string
		places                         []string
	}{
		{name: "members apart", base: `{"a":1,"b":2}`, mine: `{"a":9,"b":2}`, theirs: `{"a":1,"b":8}`, want: `{"a":9,"b":8}`},
		{name: "added by both", base: `{}`, mine: `{"a":1}`, theirs: `{"b":2}`, want: `{"a":1,"b":2}`},
		{name: "removed by them", base: `{"a":1,"b":2}`, mine: `{"a":9,"b":2}`, theirs: `{"a":1}`, want: `{"a":9}`},
		{name: "deep", base: `{"o":{"a":1,"b":2}}`, mine: `{"o":{"a":9,"b":2}}`, theirs: `{"o":{"a":1,"b":8}}`, want: `{"o":{"a":9,"b":8}}`},
		{name: "objects added by both", base: `{}`, mine: `{"o":{"a":1}}`, theirs: `{"o":{"b":2}}`, want: `{"o":{"a":1,"b":2}}`},
		{name: "the same value", base: `{"a":1}`, mine: `{"a":2}`, theirs: `{"a":3}`, places: []string{"/a"}},
		{name: "removed and changed", base: `{"a":1,"b":1}`, mine: `{"b":1}`, theirs: `{"a":2,"b":1}`, places: []string{"/a"}},
		{name: "names with signs", base: `{"a/b":{"~":1}}`, mine: `{"a/b":{"~":2}}`, theirs: `{"a/b":{"~":3}}`, places: []string{"/a~1b/~0"}},
		{name: "spelling and order stay", base: `{"n":1.50,"a":1,"z":{"x":1e3}}`,
			mine:   "{\n  \"z\": {\"x\": 1e3},\n  \"n\": 1.50,\n  \"a\": 2\n}\n",
			theirs: `{"n":1.50,"a":1,"z":{"x":1e3,"y":0.10}}`, want: "{\n  \"z\": {\n    \"x\": 1e3,\n    \"y\": 0.10\n  },\n  \"n\": 1.50,\n  \"a\": 2\n}\n"},
		{name: "elements with an identity", base: `[{"id":1,"n":"a"},{"id":2,"n":"b"},{"id":3,"n":"c"}]`,
			mine: `[{"id":1,"n":"A"},{"id":2,"n":"b"},{"id":3,"n":"c"}]`, theirs: `[{"id":1,"n":"a"},{"id":4,"n":"d"},{"id":3,"n":"C"}]`,
			want: `[{"id":1,"n":"A"},{"id":4,"n":"d"},{"id":3,"n":"C"}]`},
		{name: "elements added by both", base: `[{"name":"a"}]`, mine: `[{"name":"a"},{"name":"b"}]`,
			theirs: `[{"name":"c"},{"name":"a"},{"name":"d"}]`,
			want:   `[{"name":"c"},{"name":"a"},{"name":"d"},{"name":"b"}]`},
		{name: "element removed and changed", base: `[{"id":1,"n":1},{"id":2}]`, mine: `[{"id":1,"n":2},{"id":2}]`, theirs: `[{"id":2}]`,
			places: []string{"/0"}},
		{name: "element changed and removed", base: `[{"id":1,"n":1},{"id":2}]`, mine: `[{"id":2}]`, theirs: `[{"id":1,"n":2},{"id":2}]`,
			places: []string{""}},
		{name: "an identity that is none", base: `[{"id":1},{"id":1}]`, mine: `[{"id":1}]`, theirs: `[]`, places: []string{""}},
		{name: "arrays without identity", base: `{"a":[1,2]}`, mine: `{"a":[1,2,3]}`, theirs: `{"a":[0,1,2]}`, places: []string{"/a"}},
		{name: "array changed by one", base: `{"a":[1,2],"b":1}`, mine: `{"a":[1,2],"b":2}`, theirs: `{"a":[0],"b":1}`,
			want: `{"a":[0],"b":2}`},
		{name: "order changed by them", base: `[{"id":1},{"id":2}]`, mine: `[{"id":1},{"id":2},{"id":3}]`, theirs: `[{"id":2},{"id":1}]`,
			places: []string{""}},
		{name: "null is a value", base: `{"a":1}`, mine: `{"a":null}`, theirs: `{"a":1,"b":null}`, want: `{"a":null,"b":null}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := JSON([]byte(tt.base), []byte(tt.mine), []byte(tt.theirs))
			if err != nil || string(r.Content) != tt.want || !slices.Equal(r.Places, tt.places) || !r.Structure {
				t.Errorf("got %s, conflicts at %q, %v\nwant %s, %q", r.Content, r.Places, err, tt.want, tt.places)
			}
		})
	}
}

func TestJSONErrors(t *testing.T) {
	good := []byte(`{}`)
	for name, bad := range map[string]string{
		"no JSON": `{"a"`, "a name twice": `{"a":1,"a":2}`, "empty": ``,
		"too deep": strings.Repeat("[", 20000) + strings.Repeat("]", 20000),
	} {
		if _, err := JSON(good, []byte(bad), good); !errors.Is(err, ErrJSON) {
			t.Errorf("%s: %v, want ErrJSON", name, err)
		}
	}
}

func TestOf(t *testing.T) {
	base, mine, theirs := []byte(`{"a":1,"b":2}`), []byte(`{"a":9,"b":2}`), []byte(`{"a":1,"b":8}`)
	r, err := Of("application/json; charset=utf-8", base, mine, theirs, Options{})
	if err != nil || !r.Structure || string(r.Content) != `{"a":9,"b":8}` {
		t.Errorf("JSON in one line: %+v, %v", r, err)
	}
	if r, err := Of("text/plain", base, mine, theirs, Options{}); err != nil || r.Structure || r.Conflicts != 1 {
		t.Errorf("the same as text: %+v, %v", r, err)
	}
	theirs = []byte(`{"a":8,"b":2}`)
	r, err = Of("application/x+json", base, mine, theirs, Options{})
	marked := strings.Contains(string(r.Content), "<<<<<<<")
	if err != nil || r.Structure || r.Conflicts != 1 || !slices.Equal(r.Places, []string{"/a"}) || !marked {
		t.Errorf("a conflict: %+v, %v", r, err)
	}
	if r, err := Of("application/json", []byte("{"), []byte("{"), []byte("{}"), Options{}); err != nil || string(r.Content) != "{}" {
		t.Errorf("no JSON yet: %+v, %v", r, err)
	}
}

// By lines two values in one object can look apart. The structure knows better.
func TestOfDoesNotTrustLines(t *testing.T) {
	base := []byte("{\n\"a\": [\n1,\n2,\n3,\n4,\n5\n]\n}\n")
	mine := []byte("{\n\"a\": [\n0,\n2,\n3,\n4,\n5\n]\n}\n")
	theirs := []byte("{\n\"a\": [\n1,\n2,\n3,\n4,\n6\n]\n}\n")
	if r, err := Text(base, mine, theirs, Options{}); err != nil || r.Conflicts != 0 || !json.Valid(r.Content) {
		t.Fatalf("by lines: %+v, %v", r, err)
	}
	r, err := Of("application/json", base, mine, theirs, Options{})
	if err != nil || r.Conflicts != 1 || !slices.Equal(r.Places, []string{"/a"}) {
		t.Errorf("got %+v, %v", r, err)
	}
}
