package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing/iotest"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// Names that CheckName refuses, and names that only CheckNewName refuses.
var (
	badNames = []string{
		"/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a/.", "a/./b",
		"a\x00b", "a\nb", "\x7f", "a\\b", "..\\a", "\xff", "a/\xc3",
		strings.Repeat("n", store.MaxElementLen+1),
		strings.Repeat("n/", store.MaxNameLen/2) + "n",
	}
	badNewNames = []string{
		"", "NUL", "a/nul", "con.txt", "Aux.tar.gz", "COM1", "lpt9.txt", "CONIN$", "COM¹",
		"a.", "a ", "a./b", "a /b", "a:b", "a*", "what?", "a|b", "<a", "a>b", `"a"`,
	}
	goodNames = []string{
		"a", "A file with spaces", "x.tar.gz", ".hidden", "..a", "a..b", "-rf", "~", "$HOME", "#", "&",
		"%2e%2e", "a%2Fb", "a'b", "[x]", "{x}", "@", "+", ",", ";", "=", "!", "nul0", "com", "COM10",
		"ä", "日本語.txt", "🗒",
		strings.Repeat("n", store.MaxElementLen),
		strings.Repeat("語", store.MaxElementLen/3),
		strings.Repeat("deep/", 60) + "file",
		strings.Repeat(strings.Repeat("d", store.MaxElementLen)+"/", 15) + "file",
	}
)

var nameCases = []testCase{
	{
		"Names/refused",
		"every method returns a *NameError for names that CheckName refuses",
		func(t *env) {
			for _, name := range badNames {
				_, err := t.store.Stat(t.Context(), name)
				t.wantNameError(fmt.Sprintf("Stat(%q)", name), err)
				_, err = t.store.Open(t.Context(), name, 0)
				t.wantNameError(fmt.Sprintf("Open(%q)", name), err)
				_, err = t.store.Stage(t.Context(), name, strings.NewReader("content"))
				t.wantNameError(fmt.Sprintf("Stage(%q)", name), err)
				_, err = t.store.Delete(t.Context(), name, store.Any)
				t.wantNameError(fmt.Sprintf("Delete(%q)", name), err)
				_, err = t.list(name)
				t.wantNameError(fmt.Sprintf("List(%q)", name), err)
				if h, ok := t.store.(store.History); ok {
					_, err = t.collect(h.Revisions(t.Context(), name))
					t.wantNameError(fmt.Sprintf("Revisions(%q)", name), err)
				}
			}
			t.wantMembers("")
		},
	},
	{
		"Names/unwritable",
		"names that could not be written anywhere are refused by Stage (CheckNewName)",
		func(t *env) {
			for _, name := range badNewNames {
				_, err := t.store.Stage(t.Context(), name, strings.NewReader("content"))
				t.wantNameError(fmt.Sprintf("Stage(%q)", name), err)
			}
			t.wantMembers("")
		},
	},
	{
		"Names/kept",
		"names that CheckNewName accepts can be written and come back byte for byte",
		func(t *env) {
			for _, name := range goodNames {
				if got := t.put(name, "content of "+name).Name; got != name {
					t.Errorf("Commit returned the name %q, want %q", got, name)
				}
				t.wantContent(name, "content of "+name)
				t.wantMembers(parent(name), name)
				t.remove(name)
			}
		},
	},
}

var statCases = []testCase{
	{
		"Stat/nothing",
		"Stat returns an error that is ErrNotFound if there is nothing",
		func(t *env) {
			t.put("a", "content")
			t.put("gone", "content")
			t.remove("gone")
			for _, name := range []string{"b", "A.txt", "a/b", "b/c/d", "gone", "NUL", "com1.txt", "C:", "a:b", "a "} {
				t.wantNothing(name)
			}
		},
	},
	{
		"Stat/content",
		"Stat describes what is current: full name, size, SHA-256, a non-zero revision",
		func(t *env) {
			t.put("a", "first")
			t.put("d/e/a", "second")
			t.put("d/e/b", "")
			t.wantContent("a", "first")
			t.wantContent("d/e/a", "second")
			t.wantContent("d/e/b", "")
		},
	},
	{
		"Stat/collection",
		"a collection is described, not refused; the root is one, also when it is empty",
		func(t *env) {
			check := func(names ...string) {
				for _, name := range names {
					if info := t.stat(name); !info.Collection || info.Name != name {
						t.Errorf("Stat(%q) is %+v, want a collection of that name", name, info)
					}
				}
			}
			check("")
			t.put("d/e/a", "content")
			check("", "d", "d/e")
			t.remove("d/e/a")
			check("")
		},
	},
}

var openCases = []testCase{
	{
		"Open/current",
		"Open returns the current content if rev is 0, and its Info describes that revision",
		func(t *env) {
			t.put("a", "first")
			second := t.put("a", "second")
			c := t.open("a", 0)
			defer t.close(c)
			t.wantInfo("Info()", c.Info(), second)
			if got, err := readAll(c); got != "second" || err != nil {
				t.Errorf("content is %q, error %v; want %q", got, err, "second")
			}
		},
	},
	{
		"Open/revision",
		"Open returns the content of the revision asked for, and ErrGone rather than another one's",
		func(t *env) {
			var infos []store.Info
			for i := range 20 {
				infos = append(infos, t.put("a", fmt.Sprintf("content %d", i)))
			}
			for i, info := range infos {
				c, err := t.store.Open(t.Context(), "a", info.Revision)
				if errors.Is(err, store.ErrGone) && i < len(infos)-1 {
					continue
				}
				if err != nil {
					t.Errorf("Open(a, %v): %v", info.Revision, err)
					continue
				}
				t.wantInfo("Info()", c.Info(), info)
				if got, err := readAll(c); got != fmt.Sprintf("content %d", i) || err != nil {
					t.Errorf("revision %d has content %q, error %v; want %q", info.Revision, got, err, fmt.Sprintf("content %d", i))
				}
				t.close(c)
			}
		},
	},
	{
		"Open/nothing",
		"Open returns ErrNotFound if nothing exists under the name",
		func(t *env) {
			t.put("a", "content")
			t.put("gone", "content")
			t.remove("gone")
			for _, name := range []string{"b", "a/b", "gone"} {
				_, err := t.store.Open(t.Context(), name, 0)
				t.wantErr(fmt.Sprintf("Open(%q, 0)", name), err, store.ErrNotFound)
			}
		},
	},
	{
		"Open/gone",
		"Open returns ErrGone if the revision was never available",
		func(t *env) {
			info := t.put("a", "content")
			_, err := t.store.Open(t.Context(), "a", info.Revision+1000)
			t.wantErr("Open of a revision to come", err, store.ErrGone)
		},
	},
	{
		"Open/collection",
		"Open of a collection is ErrIsCollection",
		func(t *env) {
			t.put("d/e/a", "content")
			for _, name := range []string{"", "d", "d/e"} {
				_, err := t.store.Open(t.Context(), name, 0)
				t.wantErr(fmt.Sprintf("Open(%q, 0)", name), err, store.ErrIsCollection)
			}
		},
	},
}

var contentCases = []testCase{
	{
		"Content/ReadAt",
		"a Content is an io.ReaderAt over the whole content",
		func(t *env) {
			for _, content := range []string{"", "x", pattern("ReadAt", 100_000)} {
				t.put("a", content)
				c := t.open("a", 0)
				if err := iotest.TestReader(io.NewSectionReader(c, 0, int64(len(content))), []byte(content)); err != nil {
					t.Error(err)
				}
				for _, off := range []int64{int64(len(content)), int64(len(content)) + 1} {
					if n, err := c.ReadAt(make([]byte, 1), off); n != 0 || err != io.EOF {
						t.Errorf("ReadAt offset %d of %d bytes: %d bytes, error %v; want 0, io.EOF", off, len(content), n, err)
					}
				}
				t.close(c)
			}
		},
	},
	{
		"Content/ReadAt-concurrently",
		"ReadAt may be called concurrently",
		func(t *env) {
			content := pattern("concurrently", 1<<20)
			t.put("a", content)
			c := t.open("a", 0)
			defer t.close(c)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					p := make([]byte, 4096)
					for off := i * 1000; off+len(p) <= len(content); off += 16 * len(p) {
						n, err := c.ReadAt(p, int64(off))
						if n != len(p) || string(p) != content[off:off+n] {
							t.Errorf("ReadAt offset %d: %d bytes, error %v; want the %d there", off, n, err, len(p))
						}
					}
				})
			}
			wg.Wait()
		},
	},
	{
		"Content/WriteRange",
		"WriteRange writes the n bytes from offset off, any range within the content, in any order",
		func(t *env) {
			content := pattern("WriteRange", 100_000)
			t.put("a", content)
			c := t.open("a", 0)
			defer t.close(c)
			for _, r := range [][2]int64{{0, 100_000}, {99_999, 1}, {0, 1}, {0, 0}, {100_000, 0}, {5, 70_000}, {40_000, 0}, {32_768, 32_768}} {
				var b bytes.Buffer
				n, err := c.WriteRange(&b, r[0], r[1])
				if n != r[1] || err != nil {
					t.Errorf("WriteRange(%d, %d): %d, error %v", r[0], r[1], n, err)
				}
				if want := content[r[0] : r[0]+r[1]]; b.String() != want {
					t.Errorf("WriteRange(%d, %d) wrote %s, want %s", r[0], r[1], brief(b.String()), brief(want))
				}
			}
		},
	},
	{
		"Content/WriteRange-failing",
		"WriteRange fails when the writer does, and returns how many bytes were written",
		func(t *env) {
			t.put("a", pattern("failing", 100_000))
			c := t.open("a", 0)
			defer t.close(c)
			for _, room := range []int{0, 1, 50_000} {
				w := &fullWriter{room: room}
				n, err := c.WriteRange(w, 0, 100_000)
				t.wantErr(fmt.Sprintf("WriteRange to a writer with room for %d bytes", room), err, errFull)
				if n != int64(room) {
					t.Errorf("WriteRange to a writer with room for %d bytes returned %d", room, n)
				}
			}
		},
	},
	{
		"Content/pinned",
		"content stays that of its revision however often the name is rewritten or deleted meanwhile",
		func(t *env) {
			first := pattern("first", 200_000)
			info := t.put("a", first)
			c := t.open("a", 0)
			defer t.close(c)
			check := func(when string) {
				if got, err := readAll(c); got != first || err != nil {
					t.Errorf("%s the content is %s, error %v; want %s", when, brief(got), err, brief(first))
				}
				t.wantInfo(when+" Info()", c.Info(), info)
			}
			head := make([]byte, 100_000)
			if _, err := c.ReadAt(head, 0); err != nil {
				t.Errorf("ReadAt: %v", err)
			}
			for i := range 20 {
				t.put("a", pattern(fmt.Sprint("rewrite ", i), 200_000))
			}
			tail := make([]byte, 100_000)
			if _, err := c.ReadAt(tail, 100_000); err != nil && err != io.EOF {
				t.Errorf("ReadAt after rewrites: %v", err)
			}
			if string(head)+string(tail) != first {
				t.Error("the halves read before and after rewrites are not of one revision")
			}
			check("after rewrites")
			t.remove("a")
			check("after the deletion")
			t.put("a/b", "now a is a collection")
			check("after the name became a collection")
		},
	},
	{
		"Content/large",
		"content of 8 MiB comes back as it was",
		func(t *env) {
			content := pattern("large", 8<<20)
			t.put("a", content)
			t.wantContent("a", content)
		},
	},
}

var modifiedCases = []testCase{
	{
		"Modified/form",
		"Modified is in UTC and whole seconds",
		func(t *env) {
			check := func(what string, m time.Time) {
				if m.Location() != time.UTC || m.Nanosecond() != 0 || m.IsZero() {
					t.Errorf("%s has Modified %v", what, m)
				}
			}
			check("Commit", t.put("d/a", "content").Modified)
			check("Stat of content", t.stat("d/a").Modified)
			check("Stat of a collection", t.stat("d").Modified)
			members, err := t.list("d")
			if err != nil || len(members) != 1 {
				t.Fatalf("List(d) yields %v, error %v", members, err)
			}
			check("List", members[0].Modified)
			check("Delete", t.remove("d/a").Modified)
		},
	},
	{
		"Modified/rewritten",
		"a revision that replaced another has a Modified later than every second in which that one was current, by at most a second",
		func(t *env) {
			t.put("a", "0")
			for i := range 100 {
				d := t.stage("a", fmt.Sprint(i%10))
				t.wantModified("the new revision", store.Any, d)
			}
		},
	},
	{
		"Modified/recreated",
		"a revision that followed a deletion has a Modified later than every second in which the deleted one was current",
		func(t *env) {
			for i := range 20 {
				t.put("a", fmt.Sprint(i))
				t.remove("a")
				d := t.stage("a", fmt.Sprint(i+1))
				t.wantModified("the created revision", store.Absent, d)
				t.remove("a")
			}
		},
	},
}

// wantModified commits d and checks that the revision's Modified lies after the
// second in which Commit was called, when another revision was current, and not
// more than a second after that in which Commit returned.
func (t *env) wantModified(what string, expect store.Expect, d store.Draft) {
	t.Helper()
	called := time.Now().Truncate(time.Second)
	m := t.commit(d, expect).Modified
	returned := time.Now().Truncate(time.Second)
	if !m.After(called) || m.After(returned.Add(time.Second)) {
		t.Errorf("%s has Modified %v; it was committed between %v and %v", what, m, called.UTC(), returned.UTC())
	}
}

// parent returns the collection name is directly in.
func parent(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}

// fullWriter accepts room bytes.
type fullWriter struct{ room int }

var errFull = errors.New("no room")

func (w *fullWriter) Write(p []byte) (int, error) {
	if n := w.room; n < len(p) {
		w.room = 0
		return n, errFull
	}
	w.room -= len(p)
	return len(p), nil
}
