package method_test

import (
	"os"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// columns are those of the table after the method.
var columns = []struct {
	name string
	is   func(string) bool
}{
	{"safe", method.IsSafe}, {"writes", method.Writes}, {"304", method.Reads}, {"Range", method.Ranges},
	{"selects", method.Selects}, {"annotates", method.Annotates}, {"needs content", method.NeedsContent},
}

func TestMethods(t *testing.T) {
	table, err := os.ReadFile("testdata/methods.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		rows++
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != len(columns)+1 {
			t.Fatalf("%q has %d cells, want %d", line, len(cells), len(columns)+1)
		}
		name := strings.TrimSpace(cells[0])
		if name == "(empty)" {
			name = ""
		}
		for i, c := range columns {
			if got, want := c.is(name), strings.TrimSpace(cells[i+1]); got != (want == "yes") {
				t.Errorf("%q %s: got %v, want %s", name, c.name, got, want)
			}
		}
	}
	if rows < 20 {
		t.Fatalf("the table has %d rows only", rows)
	}
}
