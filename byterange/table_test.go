package byterange_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// row is a line of a table under testdata, split at its columns.
type row struct {
	where string // file and line
	cells []string
}

// readTable reads testdata/name, whose lines have the given number of columns.
func readTable(t testing.TB, name string, columns int) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r := row{where: fmt.Sprintf("%s:%d", name, i+1), cells: strings.Split(line, " | ")}
		if len(r.cells) != columns {
			t.Fatalf("%s: got %d columns, want %d", r.where, len(r.cells), columns)
		}
		for i, cell := range r.cells {
			r.cells[i] = strings.Trim(cell, " ")
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		t.Fatalf("%s: no cases", name)
	}
	return rows
}

// readRangeTables reads every table of the form described in testdata/README.md.
func readRangeTables(t testing.TB) []row {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, name := range names {
		switch name := filepath.Base(name); name {
		case "14.2-methods.txt", "14.4-content-range.txt", "net-http.txt":
		default:
			rows = append(rows, readTable(t, name, 3)...)
		}
	}
	return rows
}

var escapes = regexp.MustCompile(`\\(s|t|x[0-9a-f]{2})`)

// fieldValue returns the field value that cell stands for.
func fieldValue(cell string) string {
	if cell == "(empty)" {
		return ""
	}
	return escapes.ReplaceAllStringFunc(cell, func(escape string) string {
		switch escape {
		case `\s`:
			return " "
		case `\t`:
			return "\t"
		}
		b, _ := strconv.ParseUint(escape[2:], 16, 8) // the expression matched
		return string([]byte{byte(b)})
	})
}

// fieldLines returns the field lines that cell stands for.
func fieldLines(cell string) []string {
	if cell == "(none)" {
		return nil
	}
	lines := strings.Split(cell, " // ")
	for i, line := range lines {
		lines[i] = fieldValue(line)
	}
	return lines
}

func parseSize(t testing.TB, where, cell string) int64 {
	t.Helper()
	if cell == "unknown" {
		return -1
	}
	size, err := strconv.ParseInt(cell, 10, 64)
	if err != nil {
		t.Fatalf("%s: size: %v", where, err)
	}
	return size
}

// answer writes p as the tables do.
func answer(p byterange.Plan) string {
	switch p.Kind {
	case byterange.Whole:
		return "200 " + p.Reason.String()
	case byterange.Single:
		return "206 " + answerRange(p.Range)
	case byterange.Unsatisfiable:
		return "416"
	}
	parts := make([]string, len(p.Parts))
	for i, r := range p.Parts {
		parts[i] = answerRange(r)
	}
	return "206 " + strings.Join(parts, ", ")
}

func answerRange(r byterange.Range) string {
	return fmt.Sprintf("%d-%d", r.Start, r.Start+r.Length-1)
}
