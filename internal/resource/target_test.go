package resource

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
		tgt, err := ParseTarget(u)
		if err != nil || store.CheckName(tgt.Name) != nil {
			return
		}
		if strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") {
			t.Errorf("%q has an encoded slash and yet names %q", path, tgt.Name)
		}
		back := PathOf(tgt.Name)
		if tgt.Slash {
			back = CollectionPathOf(tgt.Name)
		}
		if len(back) > 1 && back[1] == '/' {
			t.Errorf("%q: the path %q leads to another server", path, back)
		}
		again, err := url.ParseRequestURI(back)
		if err != nil {
			t.Fatalf("%q: the path %q cannot be parsed: %v", path, back, err)
		}
		got, err := ParseTarget(again)
		if err != nil || got.Name != tgt.Name || got.Slash != tgt.Slash {
			t.Errorf("%q names %q; the path sent, %q, names %q (%v)", path, tgt.Name, back, got.Name, err)
		}
		if again.Path != u.Path && u.Host == "" {
			t.Errorf("%q: %q and %q are two paths to one name", path, u.Path, again.Path)
		}
	})
}
