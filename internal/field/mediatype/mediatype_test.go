package mediatype

import (
	"maps"
	"mime"
	"os"
	"strconv"
	"strings"
	"testing"
)

// row is one case of a table under testdata.
type row struct {
	line        int
	input, want string
}

func table(t testing.TB, file string) []row {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for n, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' && !strings.HasPrefix(line, "#!") {
			continue
		}
		i := strings.LastIndex(line, "|")
		rows = append(rows, row{n + 1, strings.TrimRight(line[:i], " "), strings.TrimSpace(line[i+1:])})
	}
	return rows
}

// content reads a row's input, in which \n and \xHH stand for bytes.
func content(t testing.TB, r row) []byte {
	t.Helper()
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(r.input, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("content.txt:%d: %v", r.line, err)
	}
	return []byte(s)
}

func TestOf(t *testing.T) {
	for _, r := range table(t, "names.txt") {
		if got := Of(r.input); got != r.want {
			t.Errorf("names.txt:%d: %q: got %s, want %s", r.line, r.input, got, r.want)
		}
		if got := Detect(r.input, nil); got != r.want {
			t.Errorf("names.txt:%d: %q without content: got %s, want %s", r.line, r.input, got, r.want)
		}
	}
}

func TestDetect(t *testing.T) {
	for _, r := range table(t, "content.txt") {
		if got := Detect("nameless", content(t, r)); got != r.want {
			t.Errorf("content.txt:%d: %q: got %s, want %s", r.line, r.input, got, r.want)
		}
	}
}

// TestNameDecides: content never overrules a name that tells something.
func TestNameDecides(t *testing.T) {
	page := []byte("<!DOCTYPE html><script>alert(1)</script>")
	for name, want := range map[string]string{
		"picture.png": "image/png", "notes.txt": plainText, "README": plainText, "page.html": "text/html; charset=utf-8",
	} {
		if got := Detect(name, page); got != want {
			t.Errorf("Detect(%q, a page) = %s, want %s", name, got, want)
		}
	}
}

// TestTable: every entry is reachable, is a media type, and says its charset
// exactly if it is text.
func TestTable(t *testing.T) {
	all := maps.Clone(byExtension)
	maps.Copy(all, byElement)
	for key, value := range all {
		if key != strings.ToLower(key) {
			t.Errorf("%q is not in lower case", key)
		}
		mediaType, parameters, err := mime.ParseMediaType(value)
		if err != nil {
			t.Errorf("%q: %q: %v", key, value, err)
		}
		if got, want := parameters["charset"] == "utf-8", strings.HasPrefix(mediaType, "text/"); got != want {
			t.Errorf("%q: %q: charset given is %v, want %v", key, value, got, want)
		}
	}
	for element := range byElement {
		if ending := element[strings.LastIndexByte(element, '.')+1:]; ending != element && byExtension[ending] != "" {
			t.Errorf("%q is hidden by the ending %q", element, ending)
		}
	}
}

func TestOfDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"deep/er/index.html", "README.md", "noending"} {
		if n := testing.AllocsPerRun(100, func() { Of(name) }); n != 0 {
			t.Errorf("Of(%q): %v allocations, want 0", name, n)
		}
	}
}

// FuzzDetect: whatever the content, without a telling name it is nothing that a
// browser runs, and more content after the first bytes changes nothing.
func FuzzDetect(f *testing.F) {
	for _, r := range table(f, "content.txt") {
		f.Add(content(f, r))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		got := Detect("nameless", head)
		mediaType, _, err := mime.ParseMediaType(got)
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		top, sub, _ := strings.Cut(mediaType, "/")
		if top == "text" && sub != "plain" || strings.Contains(sub, "xml") || strings.Contains(sub, "html") || strings.Contains(sub, "script") {
			t.Errorf("%q: %s", head, got)
		}
		if len(head) >= SniffLen && got != Detect("nameless", head[:SniffLen]) {
			t.Errorf("the bytes after the first %d matter", SniffLen)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Of("deep/er/index.html")
	}
}
