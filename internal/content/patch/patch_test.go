package patch

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// sample is one case of a table under testdata.
type sample struct {
	where              string
	doc, patch         string
	result, means, err string
}

func samples(t testing.TB, file string) []sample {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	s := sample{}
	for n, line := range strings.Split(string(data)+"\n", "\n") {
		key, text, _ := strings.Cut(line, " ")
		text = strings.TrimLeft(text, " ")
		switch key {
		case "doc":
			s.where, s.doc = fmt.Sprintf("%s:%d", file, n+1), spaces(text)
		case "patch":
			s.patch = spaces(text)
		case "result":
			s.result = spaces(text)
		case "means":
			s.means = text
		case "error":
			s.err = text
		case "":
			if s != (sample{}) {
				all = append(all, s)
			}
			s = sample{}
		default:
			if line[0] != '#' {
				t.Fatalf("%s:%d: unknown line %q", file, n+1, line)
			}
		}
	}
	return all
}

// spaces puts in the space that \n, \r and \t outside of strings stand for.
func spaces(s string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			b.WriteByte(s[i])
			i++
		case s[i] == '\\':
			i++
			b.WriteByte(map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '0': 0, '\\': '\\'}[s[i]])
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

var causes = map[string]error{
	"malformed": ErrMalformed, "document": ErrDocument, "conflict": ErrConflict, "test": ErrTest, "too-large": ErrTooLarge,
}

func TestJSONPatch(t *testing.T) {
	for _, file := range []string{"rfc6902-a.txt", "jsonpatch.txt"} {
		testTable(t, file, JSONPatch)
	}
}

func TestMergePatch(t *testing.T) {
	for _, file := range []string{"rfc7396.txt", "mergepatch.txt"} {
		testTable(t, file, MergePatch)
	}
}

func testTable(t *testing.T, file string, apply func(doc, patch []byte) ([]byte, error)) {
	t.Helper()
	for _, s := range samples(t, file) {
		got, err := apply([]byte(s.doc), []byte(s.patch))
		switch {
		case s.err != "":
			testError(t, s, err)
		case err != nil:
			t.Errorf("%s: %v", s.where, err)
		case s.result != "" && string(got) != s.result:
			t.Errorf("%s: %s\n got %q\nwant %q", s.where, s.patch, got, s.result)
		case s.means != "" && !means(t, got, s.means):
			t.Errorf("%s: %s\n got %s\nwant %s", s.where, s.patch, got, s.means)
		}
	}
}

func testError(t *testing.T, s sample, err error) {
	t.Helper()
	cause, reason, _ := strings.Cut(s.err, " ")
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, causes[cause]) || !strings.Contains(e.Reason, reason) {
		t.Errorf("%s: %s\n got %v\nwant %s: %s", s.where, s.patch, err, cause, reason)
	}
}

// means reports whether got and want are the same JSON value.
func means(t *testing.T, got []byte, want string) bool {
	t.Helper()
	p := read(got, []byte(want), 0)
	if p.errSecond != nil {
		t.Fatalf("%q: %v", want, p.errSecond)
	}
	if p.errFirst != nil {
		t.Errorf("%q: %v", got, p.errFirst)
		return false
	}
	return p.equal(p.first, p.second)
}
