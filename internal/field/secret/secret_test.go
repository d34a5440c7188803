package secret

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// cases reads a file of testdata: a line with what is given, and one with what may be shown; "=" if
// that is the same.
func cases(t testing.TB, name string, each func(t testing.TB, given, want string)) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	given, n := "", 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		switch want, ok := strings.CutPrefix(line, "=> "); {
		case line == "" || strings.HasPrefix(line, "# "):
		case line == "=":
			each(t, given, given)
			n++
		case ok:
			each(t, given, want)
			n++
		default:
			given = line
		}
	}
	if n < 10 {
		t.Errorf("%s has only %d cases", name, n)
	}
}

func TestText(t *testing.T) {
	cases(t, "text.txt", func(t testing.TB, given, want string) {
		if got := Text(given); got != want {
			t.Errorf("Text(%q)\n got %q\nwant %q", given, got, want)
		}
		if got := Text(want); got != want {
			t.Errorf("Text(%q) = %q: not stable", want, got)
		}
	})
}

func TestValue(t *testing.T) {
	cases(t, "values.txt", func(t testing.TB, given, want string) {
		name, value, _ := strings.Cut(given, ": ")
		if got := name + ": " + Value(name, value); got != want {
			t.Errorf("%s\n got %q\nwant %q", given, got, want)
		}
	})
}

func TestLine(t *testing.T) {
	cases(t, "lines.txt", func(t testing.TB, given, want string) {
		if got := Line(given); got != want {
			t.Errorf("Line(%q)\n got %q\nwant %q", given, got, want)
		}
		if got := Line(want); got != want {
			t.Errorf("Line(%q) = %q: not stable", want, got)
		}
	})
}

// TestNothingToHide: what needs no change costs no memory.
func TestNothingToHide(t *testing.T) {
	for _, s := range []string{"/a/b/c.html", "/a?page=2&sort=name", "https://www.example.org/a;v=1/b?x=%20y#top",
		"Mozilla/5.0 (X11; Linux x86_64)"} {
		if n := testing.AllocsPerRun(100, func() {
			if Text(s) != s {
				t.Errorf("%q is changed", s)
			}
		}); n > 0 && !strings.Contains(s, "%") {
			t.Errorf("Text(%q) allocates %v times", s, n)
		}
	}
}

// FuzzText: a second time changes nothing, and a credential in a known place is never left.
func FuzzText(f *testing.F) {
	cases(f, "text.txt", func(_ testing.TB, given, _ string) { f.Add(given) })
	f.Fuzz(func(t *testing.T, s string) {
		once := Text(s)
		if twice := Text(once); twice != once {
			t.Errorf("Text(%q) = %q, and of that %q", s, once, twice)
		}
		if strings.Contains(s, "Sesame") {
			return
		}
		for _, form := range []string{"https://ana:Sesame@h/", "/a?sig=Sesame", "/a;jsessionid=Sesame/b", "/a?next=%2Fb%3Ftoken%3DSesame&c=d"} {
			if got := Text(form + s); strings.Contains(got, "Sesame") {
				t.Errorf("Text(%q) = %q", form+s, got)
			}
		}
	})
}

// TestFieldHints: every name of a field in the list has one of the hints without which Line looks
// for none.
func TestFieldHints(t *testing.T) {
	for name := range fields {
		if !hasHint(name, fieldHints) {
			t.Errorf("Line would not look for %s", name)
		}
	}
}

// lookForAll is Line without its hints.
func lookForAll(s string) string {
	s = afterScheme.ReplaceAllString(Text(s), "${1}"+Mark)
	s = pair.ReplaceAllStringFunc(s, hidePair)
	s = escaped.ReplaceAllStringFunc(s, hideMember)
	return member.ReplaceAllStringFunc(s, hideMember)
}

// FuzzLine is FuzzText for lines. Nor do the hints change what is found.
func FuzzLine(f *testing.F) {
	cases(f, "lines.txt", func(_ testing.TB, given, _ string) { f.Add(given) })
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "Sesame") {
			return
		}
		for _, form := range []string{s + ` "GET /a?sig=Sesame HTTP/1.1"`, s + ` Authorization: Basic Sesame`} {
			if got := Line(form); strings.Contains(got, "Sesame") {
				t.Errorf("Line(%q) = %q", form, got)
			}
			if got, want := Line(form), lookForAll(form); got != want {
				t.Errorf("Line(%q) = %q, and without its hints %q", form, got, want)
			}
		}
	})
}

// BenchmarkLine is of a line with nothing to hide, as most are.
func BenchmarkLine(b *testing.B) {
	const line = `{"level":"info","ts":1793870122.5,"request":{"remote_ip":"192.0.2.7","proto":"HTTP/2.0","method":"PUT","host":"files.example.org",` +
		`"uri":"/notes/today.md","headers":{"User-Agent":["Mozilla/5.0 (X11; Linux x86_64)"],"If-Match":["\\"a1b2\\""]}},"status":412,"size":310}`
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		Line(line)
	}
}

func BenchmarkText(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Text("/images/logo/2026/header.svg?version=12&width=640")
	}
}
