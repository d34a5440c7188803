package store_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

func TestAdmits(t *testing.T) {
	nothing, collection, content := store.Info{}, store.Info{Name: "d", Collection: true}, store.Info{Name: "a", Revision: 7}
	for _, tc := range []struct {
		expect store.Expect
		want   [3]bool // of nothing, a collection, content
	}{
		{store.Any, [3]bool{true, true, true}},
		{store.Absent, [3]bool{true, false, false}},
		{store.At(7), [3]bool{false, false, true}},
		{store.At(6), [3]bool{false, false, false}},
	} {
		if got := [3]bool{tc.expect.Admits(nothing), tc.expect.Admits(collection), tc.expect.Admits(content)}; got != tc.want {
			t.Errorf("%v admits nothing, a collection, revision 7: %v, want %v", tc.expect, got, tc.want)
		}
	}
}

func TestInside(t *testing.T) {
	for _, tc := range []struct {
		name, collection string
		want             bool
	}{
		{"d/a", "d", true}, {"d/e/a", "d", true}, {"d/e/a", "d/e", true}, {"d", "", true}, {"d/a", "", true},
		{"d", "d", false},
		{"", "", false}, {"", "d", false}, {"dd", "d", false}, {"dd/a", "d", false}, {"d", "d/a", false}, {"d.txt", "d", false},
	} {
		if got := store.Inside(tc.name, tc.collection); got != tc.want {
			t.Errorf("Inside(%q, %q) is %v", tc.name, tc.collection, got)
		}
	}
}

func TestCheckMove(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		want     error
		message  string
	}{
		{"a", "b", nil, ""},
		{"d", "dd", nil, ""},
		{"d/a", "a", nil, ""},
		{"a:b", "b", nil, ""}, // can be there, though it could not be made
		{"a", "a", store.ErrInside, `"a" is both names`},
		{"a", "a/b", store.ErrInside, `"a/b" lies inside "a"`},
		{"d/e/a", "d", store.ErrInside, `"d/e/a" lies inside "d"`},
		{"", "a", store.ErrInside, `"a" lies inside ""`},
		{"a", "", store.ErrName, ""},
		{"a", "b:c", store.ErrName, ""},
		{"a/../b", "c", store.ErrName, ""},
	} {
		err := store.CheckMove(tc.from, tc.to)
		if !errors.Is(err, tc.want) || tc.message != "" && err.Error() != tc.message {
			t.Errorf("CheckMove(%q, %q) is %v, want %v %s", tc.from, tc.to, err, tc.want, tc.message)
		}
	}
}

func TestChangeProperties(t *testing.T) {
	v, empty, long := "v", "", strings.Repeat("x", store.MaxPropertyValue+1)
	set := map[string]string{"k1": "1", "k2": "2"}
	for _, tc := range []struct {
		changes map[string]*string
		want    string
		err     error
	}{
		{nil, "map[k1:1 k2:2]", nil},
		{map[string]*string{"k1": &v, "k3": &empty}, "map[k1:v k2:2 k3:]", nil},
		{map[string]*string{"k1": nil, "k9": nil}, "map[k2:2]", nil},
		{map[string]*string{"k1": nil, "k2": nil}, "map[]", nil},
		{map[string]*string{"k1": &long}, "map[]", store.ErrTooLarge},
		{map[string]*string{"": nil}, "map[]", store.ErrName},
		{map[string]*string{"\xff": &v}, "map[]", store.ErrName},
	} {
		got, err := store.ChangeProperties(set, tc.changes)
		if fmt.Sprint(got) != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%v gives %v, error %v; want %s, %v", tc.changes, got, err, tc.want, tc.err)
		}
		if !maps.Equal(set, map[string]string{"k1": "1", "k2": "2"}) {
			t.Fatalf("the properties before the change are %v now", set)
		}
	}
	if got, err := store.ChangeProperties(nil, map[string]*string{"k": &v}); got["k"] != "v" || err != nil {
		t.Errorf("the first property gives %v, error %v", got, err)
	}
}
