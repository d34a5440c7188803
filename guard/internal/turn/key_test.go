package turn

import (
	"strings"
	"testing"
)

// TestKey: spellings of what may be one resource have one key.
func TestKey(t *testing.T) {
	for _, group := range [][]string{
		{"/a/b", "/a/b/", "//a//b", "/a/./b", "/a/x/../b", "/A/B", `/a\b`, "/a/b;version=1", "/a;x/b", "/a/b.", "/a/b ", "a/b"},
		{"/", "", "/..", "/.", "//", "/;x"},
		{"/\u00e9", "/e\u0301", "/\u00c9", "/E\u0301", "/e\u200c\u0301/"}, // composed or not, and with what is not shown
		{"/stra\u00dfe", "/STRASSE", "/\u017ftra\u1e9ee"},
		{"/\uff4eotes", "/notes", "/notes::$DATA", "/notes:$I30:$INDEX_ALLOCATION"},
		{"/notes:list"},
		{"/a%2Fb"}, // as it is after decoding: not decoded twice
	} {
		want := Key("Backend:80", group[0])
		for _, path := range group {
			if got := Key("Backend:80", path); got != want {
				t.Errorf("%q: got %q, want %q as of %q", path, got, want, group[0])
			}
		}
	}
	if Key("Backend:80", "/a") == Key("Backend:80", "/b") {
		t.Error("two resources have one key")
	}
}

// FuzzKey: what a key stands for has that key, however it is spelled.
func FuzzKey(f *testing.F) {
	f.Add("/a/../b;x/C. ")
	f.Add(`\..\a`)
	f.Add("/a/b-1_x.txt")
	f.Add("/a./.b")
	f.Add("/\u00c9\u017f::$DATA")
	f.Fuzz(func(t *testing.T, path string) {
		key := canonicalPath(path)
		for _, same := range []string{key, path + "/", "/" + path, path + "/.", strings.ReplaceAll(path, "/", "//")} {
			if got := canonicalPath(same); got != key {
				t.Errorf("%q has the key %q, and %q has %q", path, key, same, got)
			}
		}
		if !strings.HasPrefix(key, "/") {
			t.Errorf("key %q", key)
		}
		if isCanonical(path) && path != canonicalPath("/"+path) {
			t.Errorf("%q is taken to be canonical, and has the key %q", path, canonicalPath("/"+path))
		}
	})
}
