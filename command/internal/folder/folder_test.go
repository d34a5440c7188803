package folder_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/command/internal/folder"
)

func open(t *testing.T) (*folder.Dir, string) {
	t.Helper()
	at := t.TempDir()
	d, err := folder.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, at
}

func sum(s string) folder.Sum { return sha256.Sum256([]byte(s)) }

// put writes as programs do that know nothing of this package: by a new file that is renamed.
func put(t *testing.T, at, name, content string) {
	t.Helper()
	file := filepath.Join(at, name)
	err := os.WriteFile(file+"~", []byte(content), 0o640)
	if err == nil {
		err = os.Rename(file+"~", file)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func stage(t *testing.T, d *folder.Dir, content string) *folder.Draft {
	t.Helper()
	w, err := d.Stage(".")
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// all is what a directory has, "name=content" in order.
func all(t *testing.T, at string) string {
	t.Helper()
	entries, err := os.ReadDir(at)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(at, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, e.Name()+"="+string(content))
	}
	slices.Sort(have)
	return strings.Join(have, " ")
}

// TestChanges: what each change leaves, whatever another program does in the middle of it.
func TestChanges(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // an open file cannot be renamed there
	}
	replace := func(d *folder.Dir, w *folder.Draft) error { return w.Replace("a", sum("old")) }
	create := func(d *folder.Dir, w *folder.Draft) error { return w.Create("a") }
	remove := func(d *folder.Dir, w *folder.Draft) error {
		w.Discard()
		return d.Remove("a", sum("old"), ".")
	}
	for _, c := range []struct {
		name    string
		before  string // content of a, "" for none
		change  func(*folder.Dir, *folder.Draft) error
		at      string // the step in which somebody else writes "theirs"
		changed bool   // the error is ErrChanged
		want    string
	}{
		{"replace", "old", replace, "", false, "a=new"},
		{"replace, changed before", "other", replace, "", true, "a=other"},
		{"replace, gone", "", replace, "", true, ""},
		{"replace, changed in the middle", "old", replace, "before exchange", true, "a=theirs"},
		{"replace, changed after", "old", replace, "exchanged", false, "a=theirs"},
		{"create", "", create, "", false, "a=new"},
		{"create, there already", "old", create, "", true, "a=old"},
		{"create, made in the middle", "", create, "before create", true, "a=theirs"},
		{"remove", "old", remove, "", false, ""},
		{"remove, changed", "other", remove, "", true, "a=other"},
		{"remove, gone", "", remove, "", true, ""},
		{"remove, changed in the middle", "old", remove, "before aside", true, "a=theirs"},
		{"remove, made anew in the middle", "old", remove, "aside", false, "a=theirs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, at := open(t)
			if c.before != "" {
				put(t, at, "a", c.before)
			}
			d.Step = func(step string) {
				if step == c.at {
					put(t, at, "a", "theirs")
				}
			}
			err := c.change(d, stage(t, d, "new"))
			if errors.Is(err, folder.ErrChanged) != c.changed || err != nil && !c.changed {
				t.Errorf("error %v, want ErrChanged: %t", err, c.changed)
			}
			if got := all(t, at); got != c.want {
				t.Errorf("left %q, want %q", got, c.want)
			}
		})
	}
}

// TestKept: if two others come in between, one after the other, the content of both is there.
func TestKept(t *testing.T) {
	d, at := open(t)
	put(t, at, "a.txt", "old")
	d.Step = func(step string) {
		switch step {
		case "before exchange":
			put(t, at, "a.txt", "second")
		case "before put back":
			put(t, at, "a.txt", "third")
		}
	}
	err := stage(t, d, "new").Replace("a.txt", sum("old"))
	kept, ok := errors.AsType[*folder.Kept](err)
	if !ok || kept.As != "a (kept 1).txt" {
		t.Errorf("error %v", err)
	}
	if got := all(t, at); got != "a (kept 1).txt=second a.txt=third" {
		t.Errorf("left %q", got)
	}
}

// TestModeStays: a file that is replaced keeps its permissions.
func TestModeStays(t *testing.T) {
	d, at := open(t)
	put(t, at, "a", "old")
	if err := stage(t, d, "new").Replace("a", sum("old")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(at, "a"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestNames: nothing outside, and nothing that is no plain file.
func TestNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../a", "a/../b", "/a", "a/", "a//b", "./a", "a\x00b"} {
		if err := folder.Check(name); !errors.Is(err, folder.ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	d, at := open(t)
	if err := os.Symlink("elsewhere", filepath.Join(at, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(at, "dir"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "dir"} {
		if err := stage(t, d, "new").Replace(name, sum("")); !errors.Is(err, folder.ErrKind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTurns: of many who count up in a file, through several open directories, none loses what another
// has counted.
func TestTurns(t *testing.T) {
	const writers, each = 6, 20
	_, at := open(t)
	put(t, at, "n", "0")
	var running sync.WaitGroup
	for range writers {
		d, err := folder.Open(at)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		running.Go(func() {
			for done := 0; done < each; {
				content, err := d.Root().ReadFile("n")
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(content))
				w, err := d.Stage(".")
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(w, strconv.Itoa(n+1))
				switch err := w.Replace("n", sha256.Sum256(content)); {
				case err == nil:
					done++
				case !errors.Is(err, folder.ErrChanged):
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	if got := all(t, at); got != "n="+strconv.Itoa(writers*each) {
		t.Errorf("left %q, want %d", got, writers*each)
	}
}
