package bytesize

import (
	"math"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "7B": 7, "65536": 65536, "512k": 512 << 10, "512K": 512 << 10, "1kB": 1 << 10, "1KiB": 1 << 10,
		"10M": 10 << 20, "10MiB": 10 << 20, "1G": 1 << 30, "2TB": 2 << 40, "10m": 10 << 20, "9223372036854775807": math.MaxInt64,
	} {
		if got, err := Parse(text); got != want || err != nil {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"": ErrSyntax, "k": ErrSyntax, "ten": ErrSyntax, "-1": ErrSyntax, "+1": ErrSyntax, "1.5M": ErrSyntax, "1 M": ErrSyntax,
		"1X": ErrSyntax, "1Mk": ErrSyntax, "0x10": ErrSyntax, "none": ErrSyntax,
		"9223372036854775808": ErrRange, "8388608T": ErrRange, "99999999999999999999": ErrRange,
	} {
		if got, err := Parse(text); err != want {
			t.Errorf("%q: got %d, %v, want %v", text, got, err, want)
		}
	}
}

func TestFormat(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1: "1", 1000: "1000", 1024: "1k", 1536: "1536", 3 << 20: "3M", 1 << 30: "1G",
		5 << 40: "5T"} {
		if got := Format(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

// FuzzParse checks that what is read can be written and read again, and that case
// does not matter.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"0", "512k", "10MiB", "1G", "8388607T", "99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(Format(n)); again != n || err != nil || n < 0 {
			t.Errorf("%q is %d, and %q is %d, %v", text, n, Format(n), again, err)
		}
		if upper, err := Parse(strings.ToUpper(text)); upper != n || err != nil {
			t.Errorf("%q in upper case: got %d, %v, want %d", text, upper, err, n)
		}
	})
}
