package digest

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// row is one case of a table under testdata.
type row struct {
	where   string
	columns []string
}

func table(t testing.TB, file string) []row {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for n, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, " | ")
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		rows = append(rows, row{fmt.Sprintf("%s:%d", file, n+1), columns})
	}
	return rows
}

// fieldLines reads a field value as the tables write it.
func fieldLines(s string) []string {
	switch s {
	case "(none)":
		return nil
	case "(empty)":
		return []string{""}
	}
	return strings.Split(strings.ReplaceAll(s, `\t`, "\t"), " // ")
}

func text(s string) string {
	if s == "(nothing)" {
		return ""
	}
	return strings.ReplaceAll(s, `\n`, "\n")
}

func TestParse(t *testing.T) {
	for _, r := range table(t, "2-3-digests.txt") {
		f, err := Parse(fieldLines(r.columns[0]))
		if got, want := outcome(f, err), r.columns[1]; got != want {
			t.Errorf("%s: %s\n got %s\nwant %s", r.where, r.columns[0], got, want)
		}
	}
}

// outcome is what Parse returned, as the tables write it.
func outcome(f Fields, err error) string {
	var syntax *SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("malformed at %d: %s", syntax.Offset, syntax.Reason)
	case err != nil:
		return err.Error()
	case f.Empty():
		return "nothing"
	}
	var names []string
	if f.Has256 {
		names = append(names, SHA256)
	}
	if f.Has512 {
		names = append(names, SHA512)
	}
	return strings.Join(names, " ")
}

// TestVerifier holds each digest of the table against the content it is of, and
// against other content, as either field.
func TestVerifier(t *testing.T) {
	for _, r := range table(t, "2-3-digests.txt") {
		if len(r.columns) < 3 {
			continue
		}
		lines, content := fieldLines(r.columns[0]), text(r.columns[2])
		if err := verify(t, lines, nil, content); err != nil {
			t.Errorf("%s: Content-Digest: %v", r.where, err)
		}
		if err := verify(t, nil, lines, content); err != nil {
			t.Errorf("%s: Repr-Digest: %v", r.where, err)
		}
		for field, err := range map[string]error{
			"Content-Digest": verify(t, lines, nil, content+"x"),
			"Repr-Digest":    verify(t, nil, lines, content+"x"),
		} {
			var mismatch *MismatchError
			if !errors.As(err, &mismatch) || !errors.Is(err, ErrMismatch) || mismatch.Field != field {
				t.Errorf("%s: other content: got %v, want a mismatch of %s", r.where, err, field)
				continue
			}
			if !strings.Contains(r.columns[1], mismatch.Algorithm) || !slices.Equal(mismatch.Actual, sum(mismatch.Algorithm, content+"x")) {
				t.Errorf("%s: the mismatch is not about what was sent: %v", r.where, err)
			}
		}
	}
}

func verify(t *testing.T, content, repr []string, body string) error {
	t.Helper()
	v, err := NewVerifier(content, repr)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, v.Reader(strings.NewReader(body))); err != nil {
		t.Fatal(err)
	}
	return v.Check([32]byte(h.Sum(nil)))
}

func sum(algorithm, content string) []byte {
	if algorithm == SHA512 {
		s := sha512.Sum512([]byte(content))
		return s[:]
	}
	s := sha256.Sum256([]byte(content))
	return s[:]
}

// TestVerifierChecksEveryDigest: one right digest does not cover for a wrong one.
func TestVerifierChecksEveryDigest(t *testing.T) {
	const content = "hello\n"
	right256, right512 := Format(SHA256, sum(SHA256, content)), Format(SHA512, sum(SHA512, content))
	wrong256, wrong512 := Format(SHA256, sum(SHA256, "x")), Format(SHA512, sum(SHA512, "x"))
	for _, c := range []struct {
		content, repr string
		want          string // field and algorithm that differ
	}{
		{right256 + ", " + right512, right512, ""},
		{right256 + ", " + wrong512, right256, "Content-Digest sha-512"},
		{wrong256 + ", " + right512, right256, "Content-Digest sha-256"},
		{right256, wrong256, "Repr-Digest sha-256"},
		{right512, right256 + ", " + wrong512, "Repr-Digest sha-512"},
		{"md5=:AAAA:", wrong256, "Repr-Digest sha-256"},
		{"md5=:AAAA:", "", ""},
	} {
		got := ""
		var mismatch *MismatchError
		if errors.As(verify(t, []string{c.content}, []string{c.repr}, content), &mismatch) {
			got = mismatch.Field + " " + mismatch.Algorithm
		}
		if got != c.want {
			t.Errorf("Content-Digest: %s\nRepr-Digest: %s\n got %q, want %q", c.content, c.repr, got, c.want)
		}
	}
}

// TestVerifierHashesOnlyWhatItMust: SHA-256 is known from elsewhere.
func TestVerifierHashesOnlyWhatItMust(t *testing.T) {
	body := strings.NewReader("hello\n")
	for _, field := range []string{"", "md5=:AAAA:", Format(SHA256, sum(SHA256, "hello\n"))} {
		v, err := NewVerifier([]string{field}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v.Reader(body) != io.Reader(body) {
			t.Errorf("%q: the content is read through the verifier, though no SHA-512 is needed", field)
		}
		if want := strings.HasPrefix(field, SHA256); v.Needed() != want {
			t.Errorf("%q: needed: got %v, want %v", field, v.Needed(), want)
		}
	}
}

func TestNewVerifierNamesTheField(t *testing.T) {
	for field, lines := range map[string][2][]string{
		"Content-Digest: ": {{"sha-256=1"}, nil},
		"Repr-Digest: ":    {nil, {"sha-256=1"}},
	} {
		_, err := NewVerifier(lines[0], lines[1])
		if !errors.Is(err, ErrSyntax) || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("got %v, want a syntax error that begins with %q", err, field)
		}
	}
}

func TestWanted(t *testing.T) {
	for _, r := range table(t, "4-preferences.txt") {
		got, ok := Wanted(fieldLines(r.columns[0]))
		if !ok {
			got = "none"
		}
		if want := r.columns[1]; got != want {
			t.Errorf("%s: %s: got %s, want %s", r.where, r.columns[0], got, want)
		}
	}
}

func TestWantedOfAvailable(t *testing.T) {
	lines := []string{"sha-512=10, sha-256=1, md5=9"}
	if got, ok := Wanted(lines, SHA256); got != SHA256 || !ok {
		t.Errorf("only sha-256 available: got %q, %v", got, ok)
	}
	if got, ok := Wanted([]string{"sha-512=10"}, SHA256); ok {
		t.Errorf("only sha-256 available and sha-512 wanted: got %q", got)
	}
	if got, _ := Wanted([]string{"sha-512=1, sha-256=1"}, SHA512, SHA256); got != SHA512 {
		t.Errorf("the server prefers sha-512: got %q", got)
	}
}

// FuzzParse: what was read, formatted, is read the same; errors point into the
// field.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"2-3-digests.txt", "4-preferences.txt"} {
		for _, r := range table(f, file) {
			f.Add(r.columns[0])
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		fields, err := Parse([]string{value})
		var syntax *SyntaxError
		if err != nil {
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(value) || fields != (Fields{}) {
				t.Fatalf("%q: %+v, %v", value, fields, err)
			}
			return
		}
		again, err := Parse(format(fields))
		if err != nil || again != fields {
			t.Errorf("%q: read again: %+v, %v; want %+v", value, again, err, fields)
		}
		// A dictionary stays one with another member before or after it.
		if value = strings.TrimLeft(value, " "); value != "" {
			around, err := Parse([]string{"a=1", value, "b;c"})
			if err != nil || around != fields {
				t.Errorf("%q: between other members: %+v, %v; want %+v", value, around, err, fields)
			}
		}
	})
}

func format(f Fields) (lines []string) {
	if f.Has256 {
		lines = append(lines, Format(SHA256, f.SHA256[:]))
	}
	if f.Has512 {
		lines = append(lines, Format(SHA512, f.SHA512[:]))
	}
	return lines
}

func BenchmarkParse(b *testing.B) {
	lines := []string{"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(lines); err != nil {
			b.Fatal(err)
		}
	}
}
