package coding

import (
	"os"
	"strings"
	"testing"
)

// order is a server's: smaller results first.
var order = []string{Brotli, Zstd, Gzip}

// row is one case of a table under testdata.
type row struct {
	line    int
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
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "|")
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		rows = append(rows, row{n + 1, columns})
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
	return strings.Split(s, " // ")
}

func TestNegotiate(t *testing.T) {
	const file = "12.5.3-accept-encoding.txt"
	for _, r := range table(t, file) {
		got, ok := Negotiate(fieldLines(r.columns[0]), order...)
		switch {
		case !ok:
			got = "refused"
		case got == "":
			got = Identity
		}
		if want := r.columns[1]; got != want {
			t.Errorf("%s:%d: Accept-Encoding: %s\n got %s\nwant %s", file, r.line, r.columns[0], got, want)
		}
	}
}

// TestNegotiateOffered: with nothing to offer only identity is left, and the
// order of the offer decides between equals.
func TestNegotiateOffered(t *testing.T) {
	browser := []string{"gzip, deflate, br, zstd"}
	for _, c := range []struct {
		offered []string
		want    string
	}{
		{nil, ""},
		{[]string{Gzip}, Gzip},
		{[]string{Gzip, Brotli}, Gzip},
		{[]string{Zstd, Gzip, Brotli}, Zstd},
		{[]string{"compress"}, ""},
	} {
		if got, ok := Negotiate(browser, c.offered...); got != c.want || !ok {
			t.Errorf("Negotiate(%q, %q) = %q, %v; want %q, true", browser, c.offered, got, ok, c.want)
		}
	}
	if _, ok := Negotiate([]string{"identity;q=0"}); ok {
		t.Error("identity refused and nothing offered, but ok")
	}
}

func TestAcceptable(t *testing.T) {
	const file = "12.5.3-acceptable.txt"
	for _, r := range table(t, file) {
		for _, coding := range strings.Fields(r.columns[1]) {
			want := coding[0] == '+'
			if got := Acceptable(fieldLines(r.columns[0]), coding[1:]); got != want {
				t.Errorf("%s:%d: Accept-Encoding: %s: %s acceptable: got %v, want %v",
					file, r.line, r.columns[0], coding[1:], got, want)
			}
		}
	}
	if !Acceptable([]string{"gzip"}, "") || Acceptable([]string{"identity;q=0"}, "") {
		t.Error(`"" is not taken for identity`)
	}
}

func TestNegotiateDoesNotAllocate(t *testing.T) {
	for _, field := range []string{"gzip, deflate, br, zstd", "gzip;q=1.0, identity; q=0.5, *;q=0", "identity", ""} {
		lines := []string{field}
		if n := testing.AllocsPerRun(100, func() { Negotiate(lines, Brotli, Zstd, Gzip) }); n != 0 {
			t.Errorf("Negotiate(%q): %v allocations, want 0", field, n)
		}
	}
}

// FuzzNegotiate: what is chosen is acceptable, nothing acceptable has been
// overlooked, and refusing the choice changes it.
func FuzzNegotiate(f *testing.F) {
	for _, r := range table(f, "12.5.3-accept-encoding.txt") {
		f.Add(r.columns[0])
	}
	f.Fuzz(func(t *testing.T, field string) {
		lines := []string{field}
		got, ok := Negotiate(lines, order...)
		if ok != Acceptable(lines, got) {
			t.Errorf("%q: chose %q, %v, but acceptable is %v", field, got, ok, Acceptable(lines, got))
		}
		if ok || strings.Contains(field, `"`) {
			if again, _ := Negotiate([]string{field, got + ";q=0"}, order...); ok && got != "" && again == got {
				t.Errorf("%q: %q was chosen although it was refused", field, got)
			}
			return
		}
		for _, c := range order {
			if Acceptable(lines, c) {
				t.Errorf("%q: refused, but %q is acceptable", field, c)
			}
		}
	})
}

func BenchmarkNegotiate(b *testing.B) {
	lines := []string{"gzip, deflate, br, zstd"}
	b.ReportAllocs()
	for b.Loop() {
		Negotiate(lines, Brotli, Zstd, Gzip)
	}
}
