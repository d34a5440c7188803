package dav_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestBlindOverwritesAreSpared: what a client overwrites without saying which version it has seen stays when many saves follow; what it
// overwrites otherwise goes with the others.
func TestBlindOverwritesAreSpared(t *testing.T) {
	for _, c := range []struct {
		name, method, target, content string
		fields                        []string
		spared                        bool
	}{
		{"PUT", "PUT", "/a.txt", "blind", []string{"Translate", "f"}, true},
		{"PUT with If-Match: *", "PUT", "/a.txt", "seen", []string{"If-Match", "*", "Translate", "f"}, false},
		{"MOVE over it", "MOVE", "/b.txt", "", []string{"Destination", "/a.txt"}, true},
		{"COPY over it", "COPY", "/b.txt", "", []string{"Destination", "/a.txt"}, true},
		{"MOVE that has seen its source alone", "MOVE", "/b.txt", "", []string{"Destination", "/a.txt", "If-Match", "*"}, true},
		{
			"COPY that denies a tag of the destination", "COPY", "/b.txt", "",
			[]string{"Destination", "/a.txt", "If", `</a.txt> (Not ["x"])`}, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memstore.New(memstore.Options{Keep: 2})
			h := newHandler(t, s, func(o *dav.Options) { o.Require = origin.RequireNever })
			put(t, s, "a.txt", "precious")
			put(t, s, "b.txt", "other")
			seen, err := s.Stat(t.Context(), "a.txt")
			if err != nil {
				t.Fatal(err)
			}
			if w := ask(h, c.method, c.target, c.content, c.fields...); w.Code/100 != 2 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			for i := range 3 {
				put(t, s, "a.txt", strconv.Itoa(i))
			}
			w := ask(h, http.MethodGet, "/a.txt?revision="+seen.Revision.String(), "")
			if kept := w.Code == http.StatusOK && w.Body.String() == "precious"; kept != c.spared {
				t.Errorf("it is kept: %v, want %v: %d %s", kept, c.spared, w.Code, w.Body)
			}
		})
	}
}

// TestUnsparedIsNotOverwritten: what is too large to be kept is not overwritten blindly, whatever it is overwritten with.
func TestUnsparedIsNotOverwritten(t *testing.T) {
	s := memstore.New(memstore.Options{KeepBytes: 100})
	h := newHandler(t, s, func(o *dav.Options) { o.Require = origin.RequireNever })
	put(t, s, "large.txt", strings.Repeat("x", 101))
	put(t, s, "small.txt", strings.Repeat("x", 100))
	for _, c := range []struct {
		method, target string
		status         int
		fields         []string
	}{
		{"PUT", "/large.txt", 428, nil},
		{"COPY", "/small.txt", 428, []string{"Destination", "/large.txt"}},
		{"MOVE", "/small.txt", 428, []string{"Destination", "/large.txt"}},
		{"COPY", "/large.txt", 204, []string{"Destination", "/small.txt"}},
		{"PUT", "/large.txt", 204, []string{"If-Match", "*"}},
		{"DELETE", "/large.txt", 204, nil},
	} {
		before := contents(t, s)
		content := ""
		if c.method == http.MethodPut {
			content = "new"
		}
		w := ask(h, c.method, c.target, content, append(c.fields, "Translate", "f")...)
		if w.Code != c.status {
			t.Errorf("%s %s %q: %d, want %d\n%s", c.method, c.target, c.fields, w.Code, c.status, w.Body)
		}
		if c.status == 428 && (contents(t, s) != before || !strings.Contains(w.Body.String(), "more than is kept of earlier revisions")) {
			t.Errorf("%s %s: something has changed, or it is not said why: %s", c.method, c.target, w.Body)
		}
	}
}

// TestBlindlyReplacedTreesAreSpared: so is all that is in a collection that is replaced without a word about it, and the links lead to it;
// one that the request names the lock of is kept as deleted things are.
func TestBlindlyReplacedTreesAreSpared(t *testing.T) {
	for _, c := range []struct {
		name, method, source string
		fields               []string
		gone                 bool // name is not in what arrives
	}{
		{name: "MOVE of a collection", method: "MOVE", source: "/new"},
		{name: "COPY of a collection", method: "COPY", source: "/new"},
		{name: "COPY of a collection alone", method: "COPY", source: "/new", fields: []string{"Depth", "0"}, gone: true},
		{name: "MOVE of a resource", method: "MOVE", source: "/new/a.txt", gone: true},
		{name: "COPY that has seen its source alone", method: "COPY", source: "/new/a.txt", fields: []string{"If-Match", "*"}, gone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memstore.New(memstore.Options{Keep: 2})
			h := newHandler(t, s, func(o *dav.Options) { o.Require = origin.RequireNever })
			put(t, s, "old/a.txt", "precious")
			put(t, s, "new/a.txt", "other")
			if w := ask(h, c.method, c.source, "", append(c.fields, "Destination", "/old")...); w.Code != http.StatusNoContent {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			w := ask(h, http.MethodHead, "/old/a.txt", "")
			link := w.Header().Get("Link")
			if gone := w.Code == http.StatusNotFound; gone != c.gone || link == "" {
				t.Errorf("%d, Link: %s; want the link, and that it is gone: %v", w.Code, link, c.gone)
			}
			if ask(h, http.MethodDelete, "/old", "").Code != http.StatusNoContent {
				t.Fatal("it is not deleted")
			}
			for i := range 3 {
				put(t, s, "old/a.txt", strconv.Itoa(i))
			}
			target, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
			if w := ask(h, http.MethodGet, target, ""); w.Body.String() != "precious" {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		})
	}
}

// TestUnsparedTreesAreNotReplaced: a tree of which something could not be kept is not replaced blindly. Its lock, and a DELETE before,
// say that it is meant.
func TestUnsparedTreesAreNotReplaced(t *testing.T) {
	dir, err := dirstore.Open(t.TempDir(), dirstore.Options{KeepBytes: 100, Sync: dirstore.SyncNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	for name, s := range map[string]store.Store{"memstore": memstore.New(memstore.Options{KeepBytes: 100}), "dirstore": dir} {
		t.Run(name, func(t *testing.T) {
			h := newHandler(t, s, func(o *dav.Options) { o.Require = origin.RequireNever })
			put(t, s, "old/b/large.txt", strings.Repeat("x", 101))
			put(t, s, "new/a.txt", "new")
			put(t, s, "c.txt", "new")
			for _, source := range []string{"/new", "/c.txt"} {
				for _, method := range []string{"COPY", "MOVE"} {
					w := ask(h, method, source, "", "Destination", "/old/")
					says := w.Body.String()
					if w.Code != http.StatusPreconditionRequired || !strings.Contains(says, "/old/b/large.txt has 101 bytes") ||
						!strings.Contains(says, "lock the destination") {
						t.Errorf("%s %s: %d %s", method, source, w.Code, says)
					}
					if w := ask(h, http.MethodGet, "/old/b/large.txt", ""); w.Code != http.StatusOK {
						t.Errorf("after %s %s it is gone: %d", method, source, w.Code)
					}
				}
			}
			token := lockToken(h, "/old/")
			if w := ask(h, "COPY", "/new", "", "Destination", "/old/", "If", "</old/> ("+token+")"); w.Code != http.StatusNoContent {
				t.Errorf("with its lock: %d %s", w.Code, w.Body)
			}
			if w := ask(h, "MOVE", "/new", "", "Destination", "/old/", "If", "</old/> ("+token+")"); w.Code/100 != 2 {
				t.Errorf("what is small is replaced: %d %s", w.Code, w.Body)
			}
		})
	}
}

// contents are the names and revisions of what is in the root collection.
func contents(t *testing.T, s store.Store) string {
	t.Helper()
	var b strings.Builder
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(info.Name + " " + strconv.FormatUint(uint64(info.Revision), 10) + "\n")
	}
	return b.String()
}
