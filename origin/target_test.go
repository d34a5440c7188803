package origin

import (
	"net/url"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// FuzzTarget: a path that names something is the only spelling, but for percent
// encoding, that names it, and the paths we send lead back to the name and to this server.
func FuzzTarget(f *testing.F) {
	for _, path := range []string{
		"/", "/a", "/a/", "/a/b.txt", "//a", "//evil.example/%2e%2e", "/a%2Fb", "/%2e%2e/a", "/a/../b", "/%00",
		"/two%20words/%23?revision=2", "/a?revision=18446744073709551615", "/a?revision=-1", "/%252f", "/r%C3%A9sum%C3%A9", "*", "",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		tgt, err := parseTarget(u)
		if err != nil || store.CheckName(tgt.name) != nil {
			return
		}
		if strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") {
			t.Errorf("%q has an encoded slash and yet names %q", path, tgt.name)
		}
		back := pathOf(tgt.name)
		if tgt.slash {
			back = collectionPathOf(tgt.name)
		}
		if len(back) > 1 && back[1] == '/' {
			t.Errorf("%q: the path %q leads to another server", path, back)
		}
		again, err := url.ParseRequestURI(back)
		if err != nil {
			t.Fatalf("%q: the path %q cannot be parsed: %v", path, back, err)
		}
		got, err := parseTarget(again)
		if err != nil || got.name != tgt.name || got.slash != tgt.slash {
			t.Errorf("%q names %q; the path sent, %q, names %q (%v)", path, tgt.name, back, got.name, err)
		}
		if again.Path != u.Path && u.Host == "" {
			t.Errorf("%q: %q and %q are two paths to one name", path, u.Path, again.Path)
		}
	})
}

func TestPreferredReturn(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  returns
	}{
		{nil, returnsAny},
		{[]string{""}, returnsAny},
		{[]string{"return=minimal"}, returnsMinimal},
		{[]string{"return=representation"}, returnsRepresentation},
		{[]string{"RETURN = representation"}, returnsRepresentation},
		{[]string{`return="representation"`}, returnsRepresentation},
		{[]string{"wait=10, return=representation; x=y"}, returnsRepresentation},
		{[]string{"wait=10", "return=representation"}, returnsRepresentation},
		{[]string{"return=minimal, return=representation"}, returnsMinimal},
		{[]string{"return=everything, return=minimal"}, returnsAny},
		{[]string{"return"}, returnsAny},
		{[]string{"return=Minimal"}, returnsAny},
		{[]string{"returned=minimal"}, returnsAny},
	} {
		if got := preferredReturn(c.lines); got != c.want {
			t.Errorf("Prefer %q: %d, want %d", c.lines, got, c.want)
		}
	}
}
