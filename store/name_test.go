package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/store"
)

// nameLine is a line of testdata/names.txt: a quoted name, how often it is
// repeated, and one verdict or two.
var nameLine = regexp.MustCompile(`^("(?:[^"\\]|\\.)*")(?: \*(\d+))? {2,}(.+?)(?: {2}/ {2}(.+))?$`)

type nameCase struct {
	name             string
	existing, create string // "ok", or a part of the reason
}

func readNames(tb testing.TB) []nameCase {
	tb.Helper()
	text, err := os.ReadFile("testdata/names.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var cases []nameCase
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		m := nameLine.FindStringSubmatch(line)
		if m == nil {
			tb.Fatalf("testdata/names.txt: cannot read the line %q", line)
		}
		name, err := strconv.Unquote(m[1])
		if err != nil {
			tb.Fatalf("testdata/names.txt: %q: %v", line, err)
		}
		if m[2] != "" {
			n, _ := strconv.Atoi(m[2])
			name = strings.Repeat(name, n)
		}
		c := nameCase{name: name, existing: m[3], create: m[4]}
		if c.create == "" {
			c.create = c.existing
		}
		cases = append(cases, c)
	}
	if len(cases) < 70 {
		tb.Fatalf("testdata/names.txt has %d names", len(cases))
	}
	return cases
}

func TestNames(t *testing.T) {
	for _, c := range readNames(t) {
		checkVerdict(t, "CheckName", c.name, store.CheckName(c.name), c.existing)
		checkVerdict(t, "CheckNewName", c.name, store.CheckNewName(c.name), c.create)
	}
}

func checkVerdict(t *testing.T, function, name string, err error, want string) {
	t.Helper()
	if want == "ok" {
		if err != nil {
			t.Errorf("%s: %v; want it accepted", function, err)
		}
		return
	}
	nameError, ok := errors.AsType[*store.NameError](err)
	if !ok || !errors.Is(err, store.ErrName) {
		t.Errorf("%s(%.40q): error %v, want a *NameError that is ErrName", function, name, err)
		return
	}
	if nameError.Name != name || !strings.Contains(nameError.Reason, want) {
		t.Errorf("%s(%.40q): %q is refused because it %q; want a reason with %q",
			function, name, nameError.Name, nameError.Reason, want)
	}
}

func TestNameErrorIsBounded(t *testing.T) {
	for _, name := range []string{strings.Repeat("n", 10_000), strings.Repeat("語", 5000), strings.Repeat("\x00", 5000)} {
		err := store.CheckName(name)
		if err == nil {
			t.Fatalf("a name of %d bytes is accepted", len(name))
		}
		if got := err.Error(); len(got) > 1000 || !utf8.ValidString(got) {
			t.Errorf("the message has %d bytes: %s", len(got), got)
		}
	}
}

// A name that passes stays beneath the directory it is joined to, with either
// separator, and is the only name of its file.
func FuzzCheckName(f *testing.F) {
	for _, c := range readNames(f) {
		f.Add(c.name)
	}
	root := filepath.Join(f.TempDir(), "root")
	f.Fuzz(func(t *testing.T, name string) {
		err := store.CheckName(name)
		if newErr := store.CheckNewName(name); newErr == nil && (err != nil || name == "") {
			t.Errorf("%q can be created, but: %v", name, err)
		}
		if err != nil {
			if !errors.Is(err, store.ErrName) {
				t.Errorf("CheckName(%q): error %v is not ErrName", name, err)
			}
			return
		}
		joined := filepath.Join(root, filepath.FromSlash(name))
		rel, err := filepath.Rel(root, joined)
		if want := filepath.FromSlash(name); err != nil || rel != want && !(name == "" && rel == ".") {
			t.Errorf("%q joined to a directory is %q, relative to it %q, error %v", name, joined, rel, err)
		}
		if depth := lowest(name, "/"); depth < 0 {
			t.Errorf("%q climbs out where the separator is a slash", name)
		}
		if depth := lowest(name, `/\`); depth < 0 || strings.Contains(name, `\`) {
			t.Errorf("%q climbs out, or divides, where a backslash is a separator too", name)
		}
		if len(name) > store.MaxNameLen || strings.ContainsRune(name, 0) || !utf8.ValidString(name) {
			t.Errorf("%q is accepted", name)
		}
	})
}

// lowest returns the lowest depth below its starting point that a walk along
// name comes to: negative if it leaves. An absolute name leaves at once.
func lowest(name, separators string) int {
	if strings.IndexAny(name, separators) == 0 {
		return -1
	}
	depth, low := 0, 0
	for element := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		switch element {
		case ".":
		case "..":
			depth--
		default:
			depth++
		}
		low = min(low, depth)
	}
	return low
}
